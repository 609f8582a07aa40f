"""Noise that is nearly Gaussian, for a chip that is to stand for a worse one."""

from functools import reduce
from operator import add, index

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.gaussian import COUNTED_BITS, NOISE_BITS, NOISE_OFFSET, NOISE_SHIFT
from pmgd.gateware.generator import WordGenerator
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.wave import delay

__all__ = ["NoiseSource"]


class NoiseSource(wiring.Component):
    """Draws noise of a level: from the ones in a random word, and its remaining bits.

    With o the ones in the low 24 bits and b the high byte, ``n = 512 o + 2 b + 1 - 6400``, and the
    noise is n times the level, shifted right by 13 and rounded to nearest by magnitude, so that its
    mean is exactly 0; see `pmgd.gateware.gaussian`.

    Latency: five cycles from `advance` to the noise (`pmgd.gateware.latency.NOISE_CYCLES`): word,
    ones, factors, product, rounding. A new one may be drawn every cycle.

    Parameters
    ----------
    level_bits
        Width of the level.

    Members
    -------
    advance
        Draw noise.
    level
        Its level, the greatest magnitude, in last bits; constant while noise is under way.
    load, loaded, word
        Access to the state of the generator of words.
    magnitude, negative
        The noise.
    """

    def __init__(self, level_bits: int) -> None:
        self._level = unsigned(index(level_bits))
        super().__init__(
            {
                "advance": In(1),
                "level": In(self._level),
                "load": In(1),
                "loaded": In(32),
                "word": Out(32),
                "magnitude": Out(self._level),
                "negative": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = WordGenerator()
        m.d.comb += [
            words.advance.eq(self.advance),
            words.load.eq(self.load),
            words.loaded.eq(self.loaded),
            self.word.eq(words.word),
        ]
        ones = Signal(range(COUNTED_BITS + 1))
        rest = Signal(32 - COUNTED_BITS)
        m.d.sync += [
            ones.eq(_count(words.word[:COUNTED_BITS])),
            rest.eq(words.word[COUNTED_BITS:]),
        ]
        # n = 2 v + 1, so that -n = 2 ~v + 1: a magnitude takes no carry.
        v = Cat(rest, ones) - NOISE_OFFSET // 2
        folded = Signal(NOISE_BITS - 2)
        m.d.comb += folded.eq(Mux(v[-1], ~v, v))
        m.submodules.scaler = scaler = Multiplier(unsigned(NOISE_BITS - 1), self._level)
        m.d.comb += [scaler.a.eq(Cat(1, folded)), scaler.b.eq(self.level)]
        negative = delay(m, v[-1], 2, "negative")
        m.d.sync += [
            self.magnitude.eq((scaler.product + (1 << (NOISE_SHIFT - 1))) >> NOISE_SHIFT),
            self.negative.eq(negative),
        ]
        return m


def _count(bits):
    """Return the number of ones, added up in a tree of sums of three and of two."""
    numbers = list(bits)
    while len(numbers) > 1:
        groups = (numbers[first : first + 3] for first in range(0, len(numbers), 3))
        numbers = [reduce(add, group) for group in groups]
    return numbers[0]
