"""Transmitter 108: the one scale factor, applied before the change is broadcast."""

from operator import index

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import StepLayout
from pmgd.gateware.latency import TRANSMITTER_CYCLES
from pmgd.gateware.wave import delay

__all__ = ["Transmitter"]


class Transmitter(wiring.Component):
    """Scales the cost change to the step u that is broadcast to every synapse ([0045], eq. 4).

    ``u = floor((C~ * mantissa + q) / 2**shift)``, clipped so that its magnitude fits. Stochastic
    rounding takes q from the low `shift` bits of a random word, nearest takes half. Scaling once,
    here, leaves no multiplier, shifter or rounding in a synapse.

    Latency: four cycles (`pmgd.gateware.latency.TRANSMITTER_CYCLES`): multiply, round, shift,
    clip; a new change may enter every cycle.

    Parameters
    ----------
    change_bits
        Width of C~, signed.
    mantissa_bits, shift_bits
        Widths of the scale.
    step_bits
        Width of the step's magnitude.
    stochastic
        Round with `word`; otherwise to nearest, halves up.

    Members
    -------
    valid, change
        A cost change.
    mantissa, shift
        The scale; constant while running.
    word
        A random word for this timestep, one cycle after its `valid`.
    masked
        Make the step 0, whatever the change; held until the step has arrived.
    arrived, step
        A step; see `StepLayout`.
    """

    def __init__(
        self,
        *,
        change_bits: int,
        mantissa_bits: int,
        shift_bits: int,
        step_bits: int,
        stochastic: bool,
    ) -> None:
        self._step_bits = index(step_bits)
        self._stochastic = bool(stochastic)
        super().__init__(
            {
                "valid": In(1),
                "change": In(signed(change_bits)),
                "mantissa": In(unsigned(mantissa_bits)),
                "shift": In(unsigned(shift_bits)),
                "word": In(unsigned(32)),
                "masked": In(1),
                "arrived": Out(1),
                "step": Out(StepLayout(self._step_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Settings come from afar: they do not change while running.
        mantissa, shift = Signal.like(self.mantissa), Signal.like(self.shift)
        m.d.sync += [mantissa.eq(self.mantissa), shift.eq(self.shift)]
        product = Signal(signed(len(self.change) + len(mantissa)))
        m.d.sync += product.eq(self.change * mantissa)

        kept = Signal(signed(1 << len(shift)))  # ones where the shift drops no bits
        m.d.comb += kept.eq(-1 << shift)
        addend = self.word & ~kept if self._stochastic else (1 << shift) >> 1
        total = Signal(signed(max(len(product), len(kept)) + 2))
        m.d.sync += total.eq(product + addend)
        # Only as many bits are shifted as a step has, by the largest distance first: each stage
        # then needs few bits of the one before. All bits above them must equal the sign.
        shifted = total
        for k in reversed(range(len(shift))):
            shifted = Mux(shift[k], shifted >> (1 << k), shifted)
        folded = Mux(total[-1], ~total, total)
        rounded = Signal(signed(self._step_bits + 1))
        negative = Signal()
        beyond = Signal()
        m.d.sync += [
            rounded.eq(shifted),
            negative.eq(total[-1]),
            beyond.eq(((folded >> self._step_bits) & kept).any()),
        ]

        magnitude = Signal(len(rounded))
        m.d.comb += magnitude.eq(Mux(negative, -rounded, rounded))
        clips = beyond | magnitude[-1]
        largest = (1 << self._step_bits) - 1
        m.d.sync += [
            self.step.negative.eq(negative),
            self.step.magnitude.eq(Mux(clips, largest, magnitude)),
        ]
        with m.If(self.masked):
            m.d.sync += [self.step.negative.eq(0), self.step.magnitude.eq(0)]
        m.d.comb += [
            self.step.nonzero.eq(self.step.magnitude.any()),
            self.arrived.eq(delay(m, self.valid, TRANSMITTER_CYCLES, "valid")),
        ]
        return m
