"""One adder that adds or subtracts."""

from operator import index

from amaranth.hdl import Cat, Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.primitives import carry_ccu2c, carry_sb, family

__all__ = ["AddSub"]

_CCU2C_SUM = 0x96AA
"""With D = 1, P = A ^ B ^ C; and G = A."""
_SB_SUM = 0x6996
"""I0 ^ I1 ^ I2 ^ carry."""


class AddSub(wiring.Component):
    """``a + b`` or ``a - b`` with a single carry chain, exactly. Combinational.

    Written as ``Mux(subtract, a - b, a + b)``, synthesis makes two adders and a multiplexer of it.
    Here b is inverted, and the 1 that completes its negation enters as the carry, through one more
    place below the last bit. On an ECP5 the carry chain inverts b, too, and there is nothing else.

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
        bits = list(zip(self.a, self.b, strict=True))
        match family(platform):
            case "ecp5":
                # Of twice the same, P is 0: the first place hands on G, which is `subtract`.
                places = [(self.subtract, self.subtract, 0, 1)]
                places += [(a, b, self.subtract, 1) for a, b in bits]
                total = carry_ccu2c(m, [(pins, _CCU2C_SUM) for pins in places])
            case "ice40":
                # The carry is made of the table's inputs, so that b is inverted before them, but
                # for the last bit, which has none to make.
                places = [(0, self.subtract, self.subtract)]
                places += [(0, a, b ^ self.subtract) for a, b in bits[:-1]]
                places += [(self.subtract, a, b) for a, b in bits[-1:]]
                total = carry_sb(m, [(pins, _SB_SUM) for pins in places])
            case _:
                inverted = self.b ^ self.subtract.replicate(self._bits)
                total = Cat(self.subtract, self.a) + Cat(self.subtract, inverted)
        m.d.comb += self.result.eq(total[1:])
        return m
