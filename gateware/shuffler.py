"""Shuffled sample order without a list: a bijection of a counter."""

from operator import index

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.latency import SHUFFLE_CYCLES

__all__ = ["Shuffler"]

_ROUNDS = ((1, 7), (4, 1), (3, 6), (3, 2))
"""Distances of each round's shifts, to the right and to the left."""
_ROTATION = 8
"""By how much further the key is rotated to the right in each round."""


class Shuffler(wiring.Component):
    """Draws every sample once, then all of them in another order, and so on.

    A position counts up; four rounds of additions and exclusive ORs, keyed by a random word that
    stays until the position starts again, map positions one to one to indices below a power of
    two. Those that are no sample's, fewer than half, are passed over.

    Latency: `pmgd.gateware.latency.SHUFFLE_CYCLES` for each position tried.

    Parameters
    ----------
    index_bits, count_bits
        Widths of a sample's index and of the number of samples.

    Members
    -------
    run
        Draw; held until `done`.
    done
        For one cycle: `index` is drawn.
    index
        Of the sample.
    sample_count
        Number of samples, at least 1; constant while running.
    advance, word
        The order generator: draw a word, and the word drawn last.
    load, loaded
        The host's way to set the position; not while running.
    position
        The position tried last.
    """

    def __init__(self, *, index_bits: int, count_bits: int) -> None:
        drawn = unsigned(index(index_bits))
        super().__init__(
            {
                "run": In(1),
                "done": Out(1),
                "index": Out(drawn),
                "sample_count": In(unsigned(index(count_bits))),
                "advance": Out(1),
                "word": In(32),
                "load": In(1),
                "loaded": In(drawn),
                "position": Out(drawn),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = len(self.position)
        last = Signal(bits)
        mask = Signal(bits)
        m.d.comb += last.eq(self.sample_count - 1)
        m.d.comb += [mask[k].eq(last[k:].any()) for k in range(bits)]

        cycle = Signal(range(SHUFFLE_CYCLES))
        value = self.index
        with m.If(self.run):
            m.d.sync += cycle.eq(cycle + 1)
            with m.Switch(cycle):
                with m.Case(0):
                    following = Signal(bits)
                    m.d.comb += self.advance.eq(self.position >= mask)
                    with m.If(~self.advance):
                        m.d.comb += following.eq(self.position + 1)
                    m.d.sync += [self.position.eq(following), value.eq(following)]
                for j, (right, left) in enumerate(_ROUNDS):
                    with m.Case(1 + j):
                        keyed = Signal(bits, name=f"keyed_{j}")
                        folded = Signal(bits, name=f"folded_{j}")
                        key = self.word.rotate_right(_ROTATION * j)
                        m.d.comb += [
                            keyed.eq((value + key) & mask),
                            folded.eq(keyed ^ (keyed >> right)),
                        ]
                        m.d.sync += value.eq((folded + (folded << left)) & mask)
                with m.Default():
                    m.d.comb += self.done.eq(value < self.sample_count)
                    m.d.sync += cycle.eq(0)
        with m.If(self.load):
            m.d.sync += self.position.eq(self.loaded)
        return m
