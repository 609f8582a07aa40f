"""A product between two registers, which may be a multiplier's own."""

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.primitives import MULT18_BITS, family, mult18x18d
from pmgd.gateware.product import product

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """Multiplies two numbers, with registers for the factors and for the product.

    On an ECP5 they are the multiplier's: its inputs and its output take half of a fast clock's
    period each, those of its registers next to nothing. Latency: 2 cycles; new factors may come
    every cycle. Exact. A reset leaves what is on its way, like any data.

    Parameters
    ----------
    a, b
        The factors' shapes.
    spares
        Rather add up than take a multiplier where there are few, see `product`; b is not negative.

    Members
    -------
    a, b
        The factors.
    product
        What they gave.
    """

    def __init__(self, a: Shape, b: Shape, *, spares: bool = False) -> None:
        self._spares = bool(spares)
        a, b = Shape.cast(a), Shape.cast(b)
        bits = a.width + b.width
        super().__init__(
            {"a": In(a), "b": In(b), "product": Out(Shape(bits, a.signed or b.signed))}
        )

    def elaborate(self, platform):
        m = Module()
        a, b = Value.cast(self.a), Value.cast(self.b)
        if family(platform) == "ecp5" and max(len(a), len(b)) <= MULT18_BITS:
            m.d.comb += self.product.eq(mult18x18d(m, a, b))
            return m
        factors = [Signal.like(a, reset_less=True), Signal.like(b, reset_less=True)]
        # Where this product is added to another one, Yosys 0.70 would take this register for both
        # multipliers of an iCE40, and lose it.
        apart = {"keep": 1} if family(platform) == "ice40" else {}
        result = Signal.like(self.product, reset_less=True, attrs=apart)
        m.d.sync += [
            factors[0].eq(a),
            factors[1].eq(b),
            result.eq(product(platform, *factors) if self._spares else factors[0] * factors[1]),
        ]
        m.d.comb += self.product.eq(result)
        return m
