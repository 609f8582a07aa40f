"""What parts of the analog algorithm and imperfections take: python benchmarks/additions.py.

Every row is 2-2-1, the preset `xor` with the settings that it names, synthesized and packed for an
ULX3S-85F by the tools of the build extra; the numbers are those of the whole fabric less those of
the one that it is compared with. There are 9 parameters and 3 neurons. Synthesis decides a percent
of the some 3,800 LUT, so a difference below 40 tells little.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from pmgd.boards.family import Resources
from pmgd.boards.packed import pack
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor

Settings = dict[str, Any]

MEAN = {"fabric.baseline": "mean"}
ONE = {"fabric.tau_theta_bits": 1}
MOMENTUM = {**ONE, "fabric.decay_shift": 4}
NEAREST = {"formats.rounding": "nearest"}
LEAK = {**MOMENTUM, "fabric.decay_every": "timestep"}
FINE = {"formats.parameter": "S4.16", "formats.operand_fraction": 8}
SINE = {"fabric.perturbation": "sine"}
ANALOG = {**FINE, **LEAK, **SINE, "fabric.baseline": "highpass"}

ROWS: tuple[tuple[str, Settings, Settings], ...] = (
    ("square waves instead of LFSRs", {"fabric.perturbation": "square"}, {}),
    ("sines instead of LFSRs", SINE, {}),
    ("a running mean instead of the sample's cost", MEAN, {}),
    ("a high-pass filter instead of the mean", {"fabric.baseline": "highpass"}, MEAN),
    ("momentum instead of plain updates", MOMENTUM, ONE),
    ("a leak instead of momentum", {**LEAK, **NEAREST}, {**MOMENTUM, **NEAREST}),
    ("the same, dithered", LEAK, MOMENTUM),
    ("parameters of 20 bits instead of 12, with G", {**FINE, **LEAK}, LEAK),
    ("noise of costs", {"fabric.cost_noise": True}, {}),
    ("noise of updates, each, with G", {"fabric.update_noise": "each"}, {}),
    ("noise of updates, shared, with G", {"fabric.update_noise": "shared"}, {}),
    ("noise of updates, each, without G", {**ONE, "fabric.update_noise": "each"}, ONE),
    ("defects of sigmoids", {"fabric.defects": True}, {}),
    ("sines, filter and leak in 20 bits, instead of the preset", ANALOG, {}),
)
"""A name, the settings, and those of what it is compared with."""


def counted(settings: Settings, known: dict[str, Resources]) -> Resources:
    """Return what a fabric takes, and keep it in `known`."""
    key = str(sorted(settings.items()))
    if key not in known:
        with tempfile.TemporaryDirectory() as folder:
            known[key] = pack(xor().with_settings(settings), ULX3S_85F, Path(folder))
    return known[key]


def clocks(settings: Settings) -> int:
    """Return the clock cycles of a timestep with a new sample and an update."""
    return Plan(xor().with_settings(settings)).clocks_per_timestep()


def main() -> None:
    """Synthesize, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    known: dict[str, Resources] = {}
    print("| addition | LUT | FF | DSP | clocks |\n|---|---|---|---|---|")
    for name, settings, others in ROWS:
        new, old = counted(settings, known), counted(others, known)
        row = [new.lut - old.lut, new.ff - old.ff, new.dsp - old.dsp]
        row.append(clocks(settings) - clocks(others))
        print(f"| {name} |", " | ".join(f"{each:+,}" for each in row), "|", flush=True)


if __name__ == "__main__":
    main()
