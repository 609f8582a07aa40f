"""Transmitter 108: the one scale factor, applied before the change is broadcast."""

from operator import index

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import StepLayout
from pmgd.gateware.wave import delay
from pmgd.gateware.latency import TRANSMITTER_CYCLES

__all__ = ["Transmitter"]


class Transmitter(wiring.Component):
    """Scales the cost change to the step u that is broadcast to every synapse ([0045], eq. 4).

    ``u = floor((C~ * mantissa + q) / 2**shift)``, clipped so that its magnitude fits. Stochastic
    rounding takes q from the low `shift` bits of a random word, nearest takes half. Scaling once,
    here, leaves no multiplier, shifter or rounding in a synapse.

    Latency: three cycles (`pmgd.gateware.latency.TRANSMITTER_CYCLES`): multiply, shift, clip; a
    new change may enter every cycle.

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
        A random word for this timestep, held until its step has arrived.
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
                "arrived": Out(1),
                "step": Out(StepLayout(self._step_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = Signal(signed(len(self.change) + len(self.mantissa)))
        m.d.sync += product.eq(self.change * self.mantissa)

        unit = Signal(1 << len(self.shift))
        m.d.comb += unit.eq(1 << self.shift)
        addend = self.word & (unit - 1) if self._stochastic else unit >> 1
        rounded = Signal(signed(max(len(product), len(unit)) + 2))
        m.d.sync += rounded.eq((product + addend) >> self.shift)

        magnitude = Signal(len(rounded))
        m.d.comb += magnitude.eq(Mux(rounded[-1], -rounded, rounded))
        largest = (1 << self._step_bits) - 1
        m.d.sync += [
            self.step.negative.eq(rounded[-1]),
            self.step.magnitude.eq(Mux(magnitude > largest, largest, magnitude)),
        ]
        m.d.comb += self.arrived.eq(delay(m, self.valid, TRANSMITTER_CYCLES, "valid"))
        return m
