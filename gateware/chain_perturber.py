"""Perturber 110a as one link of a chain."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from pmgd.gateware.perturber_signature import PerturberSignature

__all__ = ["ChainPerturber"]


class ChainPerturber(wiring.Component):
    """Takes the sign of the previous parameter: one generator's signs shift through all of them.

    A parameter's signs are those of parameter 0, later. They are statistically orthogonal for as
    many parameters as the generator allows; see `pmgd.gateware.seeds.chain_is_independent`. It is
    the smallest perturber: one flip-flop. Latency: one cycle from `advance` to `positive`.

    Its members are those of `PerturberSignature`, without a code.
    """

    def __init__(self) -> None:
        super().__init__(PerturberSignature())

    def elaborate(self, platform):
        m = Module()
        sign = Signal()
        with m.If(self.advance | self.scan.shift):
            m.d.sync += sign.eq(Mux(self.scan.shift, self.scan.input, self.neighbour))
        m.d.comb += [
            self.own.eq(sign),
            self.positive.eq(sign),
            self.active.eq(1),
            self.scan.output.eq(sign),
        ]
        return m
