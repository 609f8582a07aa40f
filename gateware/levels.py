"""The magnitudes of a sine, one after the other: so that no parameter needs a multiplier."""

from operator import index

from amaranth.hdl import Array, Const, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.latency import LEVELS_CYCLES
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.oscillators import LEVEL_BITS, LEVEL_FRACTION, LEVELS
from pmgd.gateware.wave import delay

__all__ = ["Levels"]

_FIRST_CYCLES = LEVELS_CYCLES - len(LEVELS) + 1


class Levels(wiring.Component):
    """Scales a number by every level of a sine, in turn.

    A sine of 32 points has 8 magnitudes. What is scaled by them, the amplitude and the step, is the
    same for every parameter. So it is done here, once for each magnitude, and broadcast; a synapse
    takes the turn of its own level.

    The results, ``(value * LEVELS[k] + 64) >> 7``, are rounded to nearest, halves up. Latency:
    three cycles from `start` to the first; the others follow in a cycle each.

    Parameters
    ----------
    value_bits
        Width of the number.

    Members
    -------
    start
        Begin; not while results are still to come.
    value
        The number, from `start` on for as many cycles as there are levels.
    valid, level, scaled
        A result and which it is. The last one stays while `value` does.
    """

    def __init__(self, value_bits: int) -> None:
        self._value_bits = index(value_bits)
        super().__init__(
            {
                "start": In(1),
                "value": In(unsigned(self._value_bits)),
                "valid": Out(1),
                "level": Out(unsigned(LEVEL_BITS)),
                "scaled": Out(unsigned(self._value_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        last = len(LEVELS) - 1
        follows = Signal()  # another level than the first is due
        due = Signal(LEVEL_BITS, init=last)
        with m.If(self.start):
            m.d.sync += follows.eq(1)
        with m.Elif(due == last - 1):
            m.d.sync += follows.eq(0)
        now = Mux(self.start, 0, (due + follows)[:LEVEL_BITS])
        m.d.sync += due.eq(now)

        bits = LEVEL_FRACTION
        m.submodules.scaler = scaler = Multiplier(unsigned(self._value_bits), unsigned(bits))
        level = Signal(LEVEL_BITS)
        m.d.comb += [
            level.eq(now),
            scaler.a.eq(self.value),
            scaler.b.eq(Array(Const(magnitude, bits) for magnitude in LEVELS)[level]),
            self.valid.eq(delay(m, self.start | follows, _FIRST_CYCLES, "valid")),
            self.level.eq(delay(m, level, _FIRST_CYCLES, "level")),
        ]
        half = 1 << (LEVEL_FRACTION - 1)
        m.d.sync += self.scaled.eq((scaler.product + half) >> LEVEL_FRACTION)
        return m
