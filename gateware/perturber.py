"""Perturber 110a: a sign for one parameter."""

from functools import reduce
from operator import index, xor

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.seeds import lfsr_taps

__all__ = ["Perturber"]


class Perturber(wiring.Component):
    """Draws the sign of a parameter's perturbation from a linear feedback shift register.

    Random signs that differ from parameter to parameter are statistically orthogonal and can be
    made locally, without a connection between synapses ([0079]). They are so only if the
    registers start from good seeds; see `pmgd.gateware.seeds`.

    The register shifts right, the XOR of its taps enters at the top, and bit 0 is the sign. When
    scanned, the scan input enters at the top instead. Latency: one cycle from `advance` to
    `positive`.

    Parameters
    ----------
    lfsr_bits
        Width of the register, 8 to 32; its period is ``2**lfsr_bits - 1``.

    Members
    -------
    advance
        Change to the next perturbation.
    positive
        The sign: 1 for +dtheta, 0 for -dtheta.
    scan
        Access to the register; not while `advance` is high.
    """

    def __init__(self, lfsr_bits: int) -> None:
        self._lfsr_bits = index(lfsr_bits)
        super().__init__({"advance": In(1), "positive": Out(1), "scan": In(ScanSignature())})

    def elaborate(self, platform):
        m = Module()
        state = Signal(self._lfsr_bits, init=1)
        feedback = reduce(xor, (state[self._lfsr_bits - tap] for tap in lfsr_taps(self._lfsr_bits)))
        with m.If(self.advance | self.scan.shift):
            entering = Mux(self.scan.shift, self.scan.input, feedback)
            m.d.sync += state.eq(Cat(state[1:], entering))
        m.d.comb += [self.positive.eq(state[0]), self.scan.output.eq(state[0])]
        return m
