"""Perturber 110a that waits for its turn."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from pmgd.gateware.perturber_signature import PerturberSignature

__all__ = ["SequentialPerturber"]


class SequentialPerturber(wiring.Component):
    """Perturbs its parameter, by +dtheta, when the turn comes to it: finite differences ([0079]).

    The turn is a 1 that moves from parameter to parameter, and from the last to parameter 0; the
    host puts it there. Latency: one cycle from `advance` to `active`.

    Its members are those of `PerturberSignature`, without a code.
    """

    def __init__(self) -> None:
        super().__init__(PerturberSignature())

    def elaborate(self, platform):
        m = Module()
        turn = Signal()
        with m.If(self.advance | self.scan.shift):
            m.d.sync += turn.eq(Mux(self.scan.shift, self.scan.input, self.neighbour))
        m.d.comb += [
            self.own.eq(turn),
            self.positive.eq(1),
            self.active.eq(turn),
            self.scan.output.eq(turn),
        ]
        return m
