"""The activation function of one neuron."""

from operator import index

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.pwl import PiecewiseLinear

__all__ = ["Activation"]


class Activation(wiring.Component):
    """Turns a weighted sum into a neuron's output.

    The sum loses `sum_shift` fraction bits by floor, is clipped to the range of the table, and is
    interpolated in it, rounded to nearest with halves up; see `PiecewiseLinear` for the formula.

    Latency: three cycles (`pmgd.gateware.latency.ACTIVATION_CYCLES`): clip, look up, interpolate. A
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
        self._sum_shift = index(sum_shift)
        super().__init__({"sum": In(signed(sum_bits)), "y": Out(unsigned(table.activation.bits))})

    def elaborate(self, platform):
        m = Module()
        table = self._table
        argument = table.preactivation

        shift = self._sum_shift
        floored = self.sum >> shift if shift >= 0 else self.sum << -shift
        clipped = Signal(signed(argument.bits))
        with m.If(floored > argument.maximum):
            m.d.sync += clipped.eq(argument.maximum)
        with m.Elif(floored < argument.minimum):
            m.d.sync += clipped.eq(argument.minimum)
        with m.Else():
            m.d.sync += clipped.eq(floored)

        # Offset binary: inverting the sign bit subtracts the minimum.
        offset = Cat(clipped[:-1], ~clipped[-1])
        knot = Signal(table.knot_bits)
        slope = Signal(table.slope_bits)
        remainder = Signal(table.remainder_bits)
        m.d.sync += remainder.eq(offset[: table.remainder_bits])
        with m.Switch(offset[table.remainder_bits :]):
            for k in range(table.segments):
                with m.Case(k):
                    m.d.sync += [knot.eq(table.knots[k]), slope.eq(table.slopes[k])]

        half = 1 << (table.shift - 1)
        rounded = Signal(table.activation.bits + 1)
        m.d.comb += rounded.eq(
            ((knot << table.remainder_bits) + slope * remainder + half) >> table.shift
        )
        m.d.sync += self.y.eq(Mux(rounded[-1], table.activation.maximum, rounded))
        return m
