"""The fabric as Verilog that stands alone, for simulators and tools that do not know Amaranth."""

from amaranth.back import verilog as backend
from amaranth.hdl import Value
from amaranth.lib import wiring

from pmgd.gateware.errors import ToolError
from pmgd.gateware.fabric import Fabric
from pmgd.gateware.plan import INTERFACE_VERSION, Plan

__all__ = ["TOP", "convert", "verilog"]

TOP = "pmgd_fabric"
"""Name of the Verilog's top module."""


def verilog(plan: Plan) -> str:
    """Return the fabric of a plan as Verilog; the same plan and tools give the same text.

    The ports are ``clk``, ``rst`` (synchronous, active high) and the members of `Fabric` with
    their paths joined by underscores, such as ``rx_payload`` and ``trace_valid``.

    Raises
    ------
    ToolError
        If Yosys, which writes the Verilog, is not installed.
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
    return header + convert(Fabric(plan), TOP)


def convert(component: wiring.Component, name: str) -> str:
    """Return a component as Verilog with flat port names and no trace of the machine it is made on.

    Raises
    ------
    ToolError
        If Yosys is not installed.
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
        raise ToolError(
            f"writing Verilog needs Yosys 0.40 or later, but {error}; run "
            f"pip install 'amaranth[builtin-yosys]==0.5.10'"
        ) from error
    return text
