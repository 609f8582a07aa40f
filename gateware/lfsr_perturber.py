"""Perturber 110a with a generator of its own."""

from functools import reduce
from operator import index, xor

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from pmgd.gateware.perturber_signature import PerturberSignature
from pmgd.gateware.seeds import lfsr_taps

__all__ = ["LfsrPerturber"]


class LfsrPerturber(wiring.Component):
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

    Its members are those of `PerturberSignature`, without a code.
    """

    def __init__(self, lfsr_bits: int) -> None:
        self._lfsr_bits = index(lfsr_bits)
        super().__init__(PerturberSignature())

    def elaborate(self, platform):
        m = Module()
        state = Signal(self._lfsr_bits, init=1)
        feedback = reduce(xor, (state[self._lfsr_bits - tap] for tap in lfsr_taps(self._lfsr_bits)))
        with m.If(self.advance | self.scan.shift):
            entering = Mux(self.scan.shift, self.scan.input, feedback)
            m.d.sync += state.eq(Cat(state[1:], entering))
        m.d.comb += [
            self.own.eq(state[0]),
            self.positive.eq(state[0]),
            self.active.eq(1),
            self.scan.output.eq(state[0]),
        ]
        return m
