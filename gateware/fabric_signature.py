"""The ports of a fabric, and of whatever stands in for one."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.plan import Plan
from pmgd.gateware.trace import TraceSignature

__all__ = ["FabricSignature"]


class FabricSignature(wiring.Signature):
    """What a simulation drives, seen from the fabric.

    Members
    -------
    rx, tx
        The link: bytes of the frames of `pmgd.gateware.frames`.
    busy
        Running or evaluating.
    trace
        A record of each timestep, for simulations.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            {
                "rx": In(stream.Signature(8)),
                "tx": Out(stream.Signature(8)),
                "busy": Out(1),
                "trace": Out(TraceSignature(plan)),
            }
        )
