"""One adder that adds or subtracts."""

from operator import index

from amaranth.hdl import Cat, Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AddSub"]


class AddSub(wiring.Component):
    """``a + b`` or ``a - b`` with a single carry chain, exactly. Combinational.

    Written as ``Mux(subtract, a - b, a + b)``, synthesis makes two adders and a multiplexer of it.
    Here b is inverted, and the 1 that completes its negation enters as the carry, through one more
    place below the last bit.

    Parameters
    ----------
    bits
        Width of a, b and the result, signed; it must hold the result.

    Members
    -------
    a, b
        The operands.
    subtract
        Subtract b.
    result
        ``a - b`` if `subtract`, else ``a + b``.
    """

    def __init__(self, bits: int) -> None:
        self._bits = index(bits)
        shape = signed(self._bits)
        super().__init__({"a": In(shape), "b": In(shape), "subtract": In(1), "result": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        inverted = self.b ^ self.subtract.replicate(self._bits)
        total = Cat(self.subtract, self.a) + Cat(self.subtract, inverted)
        m.d.comb += self.result.eq(total[1:])
        return m
