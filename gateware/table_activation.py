"""The activation function of a neuron that is a table."""

from amaranth.hdl import Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation_clip import ActivationClip
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.offset_binary import to_offset_binary
from pmgd.gateware.pwl import PiecewiseLinear

__all__ = ["TableActivation"]


class TableActivation(wiring.Component):
    """Turns a weighted sum into the output of a sigmoid or tanh.

    The sum loses `sum_shift` fraction bits by floor, is clipped to the range of the table, and is
    interpolated in it, rounded to nearest with halves up; see `PiecewiseLinear` for the formula.

    Latency: four cycles (`pmgd.gateware.latency.TABLE_CYCLES`): clip, look up, multiply, round. A
    new sum may enter every cycle.

    Parameters
    ----------
    table
        The function.
    sum_bits
        Width of the weighted sum, signed.
    sum_shift
        Fraction bits of the sum beyond those of the table's argument; may be negative.

    Members
    -------
    sum
        The weighted sum.
    y
        The output, in the format of the table's result.
    """

    def __init__(self, table: PiecewiseLinear, *, sum_bits: int, sum_shift: int) -> None:
        self._table = table
        self._clip = ActivationClip(number_bits=sum_bits, shift=sum_shift, fmt=table.preactivation)
        result = table.activation
        super().__init__({"sum": In(signed(sum_bits)), "y": Out(Shape(result.bits, result.signed))})

    def elaborate(self, platform):
        m = Module()
        table, result = self._table, self._table.activation
        m.submodules.clip = clip = self._clip
        m.d.comb += clip.number.eq(self.sum)

        offset = to_offset_binary(clip.clipped)
        m.submodules.rise = rise = Multiplier(
            unsigned(table.slope_bits), unsigned(table.remainder_bits)
        )
        m.d.comb += rise.b.eq(offset[: table.remainder_bits])
        knot = Signal(Shape(table.knot_bits, result.signed))
        base = Signal.like(knot)
        m.d.sync += base.eq(knot)
        with m.Switch(offset[table.remainder_bits :]):
            for k in range(table.segments):
                with m.Case(k):
                    m.d.comb += rise.a.eq(table.slopes[k])
                    m.d.sync += knot.eq(table.knots[k])

        # A rising function between -1 and 1 can only round to one more than the largest result.
        half = 1 << (table.shift - 1)
        rounded = Signal(Shape(result.bits + 1, result.signed))
        m.d.comb += rounded.eq(
            ((base << table.remainder_bits) + rise.product + half) >> table.shift
        )
        above = ~rounded[-1] & rounded[-2] if result.signed else rounded[-1]
        m.d.sync += self.y.eq(Mux(above, result.maximum, rounded))
        return m
