"""The sum of two numbers, each times one bit."""

from operator import index

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.cell_limits import LUT_MASKED_BITS
from pmgd.gateware.offset_binary import from_offset_binary
from pmgd.gateware.primitives import carry_ccu2c, family

__all__ = ["MaskedAdd"]

_MASKED_SUM = 0x7888
"""P = A & B ^ C & D, and G = A & B."""
_INVERTED_SUM = sum(((~p & p >> 1 ^ ~p >> 2 & p >> 3) & 1) << p for p in range(16))
"""P = ~A & B ^ ~C & D, and G = ~A & B."""


class MaskedAdd(wiring.Component):
    """``a * x_a + b * x_b`` with x_a and x_b of one bit, exactly. Combinational.

    This is two synapses of inputs that are 0 or 1, and the first level of the tree that adds what
    they give. On an ECP5 the carry chain masks what it adds: ``bits + 2`` places of it are all.

    Parameters
    ----------
    bits
        Width of a and b, signed.
    offset_binary
        Their most significant bits come inverted.

    Members
    -------
    a, b
        The numbers.
    x_a, x_b
        Whether each is added.
    sum
        The sum, one bit wider.
    """

    def __init__(self, bits: int, *, offset_binary: bool = False) -> None:
        self._bits = index(bits)
        self._offset_binary = bool(offset_binary)
        shape = signed(self._bits)
        super().__init__(
            {
                "a": In(shape),
                "b": In(shape),
                "x_a": In(1),
                "x_b": In(1),
                "sum": Out(signed(self._bits + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if family(platform) == "ecp5" and self._bits > LUT_MASKED_BITS:
            # The first place makes a carry of 0, and the last one extends the signs.
            numbers = zip([*self.a, self.a[-1]], [*self.b, self.b[-1]], strict=True)
            tables = [_MASKED_SUM] * (self._bits + 2)
            if self._offset_binary:
                tables[-2:] = [_INVERTED_SUM] * 2
            pins = [(0, 0, 0, 0), *((a, self.x_a, b, self.x_b) for a, b in numbers)]
            chain = carry_ccu2c(m, list(zip(pins, tables, strict=True)))
            m.d.comb += self.sum.eq(chain[1:])
        else:
            a, b = self.a, self.b
            if self._offset_binary:
                a, b = from_offset_binary(a), from_offset_binary(b)
            m.d.comb += self.sum.eq(Mux(self.x_a, a, 0) + Mux(self.x_b, b, 0))
        return m
