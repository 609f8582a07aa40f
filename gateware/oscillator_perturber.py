"""Perturber 110a of frequency multiplexing: an oscillator of its own."""

from operator import index

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from pmgd.gateware.oscillators import LEVEL_BITS, PHASE_STEPS
from pmgd.gateware.perturber_signature import PerturberSignature

__all__ = ["OscillatorPerturber"]

_STEP_BITS = PHASE_STEPS.bit_length() - 1


class OscillatorPerturber(wiring.Component):
    """Draws the sign, and the level, of a parameter's perturbation from a phase accumulator.

    Oscillations of different frequencies are orthogonal over a time that suffices to tell them
    apart ([0042], [0079]). The top bits of the phase are the point of the cycle: the first half is
    positive, and a level counts up through the first quarter of a half and down through the other.

    When scanned, the phase shifts right. Latency: one cycle from `advance` to `positive` and
    `level`.

    Parameters
    ----------
    increment
        What the phase grows by; its frequency is ``increment / 2**phase_bits`` cycles per advance.
    phase_bits
        Width of the phase.
    has_level
        Whether the level matters: for a sine; otherwise the sign is all.

    Its members are those of `PerturberSignature`, without a code.
    """

    def __init__(self, increment: int, phase_bits: int, *, has_level: bool) -> None:
        self._increment = index(increment)
        self._phase_bits = index(phase_bits)
        self._has_level = bool(has_level)
        super().__init__(PerturberSignature(level_bits=LEVEL_BITS if has_level else 0))

    def elaborate(self, platform):
        m = Module()
        phase = Signal(self._phase_bits)
        following = Mux(
            self.scan.shift,
            Cat(phase[1:], self.scan.input),
            (phase + self._increment)[: self._phase_bits],
        )
        with m.If(self.advance | self.scan.shift):
            m.d.sync += phase.eq(following)
        point = phase[self._phase_bits - _STEP_BITS :]
        m.d.comb += [
            self.own.eq(0),
            self.positive.eq(~point[-1]),
            self.active.eq(1),
            self.scan.output.eq(phase[0]),
        ]
        if self._has_level:
            rising = point[:LEVEL_BITS]
            m.d.comb += self.level.eq(Mux(point[LEVEL_BITS], ~rising, rising))
        return m
