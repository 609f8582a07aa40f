"""Transmitter 108 for sign-only correlators: the sign of the change alone."""

from operator import index

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import StepLayout
from pmgd.gateware.latency import SIGN_TRANSMITTER_CYCLES
from pmgd.gateware.wave import delay

__all__ = ["SignTransmitter"]


class SignTransmitter(wiring.Component):
    """Broadcasts the sign of the cost change, and what an update moves a parameter by ([0045]).

    ``u = sgn(C~) * sign_step``. Synapses count the signs and need the magnitude only where they
    update, so that it is there at all times, whether there is a step or not.

    Latency: one cycle (`pmgd.gateware.latency.SIGN_TRANSMITTER_CYCLES`); a new change may enter
    every cycle.

    Parameters
    ----------
    change_bits
        Width of C~, signed.
    step_bits
        Width of the step's magnitude.

    Members
    -------
    valid, change
        A cost change.
    masked
        Make no step of it, whatever it is; held until the step has arrived.
    sign_step
        The magnitude; constant while running.
    arrived, step
        A step; see `StepLayout`.
    """

    def __init__(self, *, change_bits: int, step_bits: int) -> None:
        bits = index(step_bits)
        super().__init__(
            {
                "valid": In(1),
                "change": In(signed(change_bits)),
                "masked": In(1),
                "sign_step": In(unsigned(bits)),
                "arrived": Out(1),
                "step": Out(StepLayout(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [
            self.step.negative.eq(self.change[-1]),
            self.step.nonzero.eq(self.change.any() & ~self.masked),
        ]
        m.d.comb += [
            self.step.magnitude.eq(self.sign_step),
            self.arrived.eq(delay(m, self.valid, SIGN_TRANSMITTER_CYCLES, "valid")),
        ]
        return m
