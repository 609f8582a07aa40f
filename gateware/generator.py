"""A generator of random words."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WordGenerator"]


class WordGenerator(wiring.Component):
    """Draws 32-bit words by xorshift32 (Marsaglia 2003), of period ``2**32 - 1``.

    A whole new word every timestep, unlike a shift register, whose words share all but one bit.
    Latency: one cycle from `advance` to `word`.

    Members
    -------
    advance
        Draw the next word.
    load, loaded
        Set the state instead; it must not be 0.
    word
        The word drawn last, which is the state.
    """

    advance: In(1)
    load: In(1)
    loaded: In(32)
    word: Out(32, init=1)

    def elaborate(self, platform):
        m = Module()
        first, second, third = Signal(32), Signal(32), Signal(32)
        m.d.comb += [
            first.eq(self.word ^ (self.word << 13)),
            second.eq(first ^ (first >> 17)),
            third.eq(second ^ (second << 5)),
        ]
        with m.If(self.load):
            m.d.sync += self.word.eq(self.loaded)
        with m.Elif(self.advance):
            m.d.sync += self.word.eq(third)
        return m
