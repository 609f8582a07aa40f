"""Which sample comes next."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.shuffler import Shuffler

__all__ = ["SampleOrder"]


class SampleOrder(wiring.Component):
    """Draws samples in random, sequential or shuffled order.

    Latency, from the cycle after `begin` to the new index: one cycle for each bit of the number of
    samples and `pmgd.gateware.latency.INDEX_CYCLES`; or, in shuffled order, that of `Shuffler`.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    order, sample_count
        Register values; constant while running.
    begin
        For one cycle: a sample is to be drawn from the next cycle on.
    run
        Draw; held until `done`.
    done
        For one cycle, the last of `run`; `sample_index` changes at its end.
    advance, word
        The order generator: draw a word, and the word drawn last.
    load_index, load_position, loaded
        The host's way to set the state kept here.
    sample_index
        Index of the current sample.
    order_position
        Position in the shuffle, 0 in a fabric that cannot shuffle.
    """

    def __init__(self, plan: Plan) -> None:
        self._shuffles = plan.spec.fabric.shuffle
        sample = plan.sample
        index, count = unsigned(sample.index_bits), unsigned(sample.count_bits)
        super().__init__(
            {
                "order": In(2),
                "sample_count": In(count),
                "begin": In(1),
                "run": In(1),
                "done": Out(1),
                "advance": Out(1),
                "word": In(32),
                "load_index": In(1),
                "load_position": In(1),
                "loaded": In(32),
                "sample_index": Out(index),
                "order_position": Out(index),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.sample_count
        # The index is the high part of word * sample_count, formed a bit of the count at a time
        # from the lowest up, the bits of the product that are ready dropped: a multiplier of this
        # width would take as much of a small device as several neurons.
        product = Signal(WORD_BITS)
        step = Signal(range(len(count) + 1))
        last = step == len(count)
        following = self.sample_index + 1
        drawn = Signal.like(self.sample_index)
        m.d.comb += drawn.eq(product >> (WORD_BITS - len(count)))
        with m.If(self.order[0]):
            m.d.comb += drawn.eq(Mux(following >= count, 0, following))
        m.d.comb += [
            self.advance.eq(self.begin & (self.order == 0)),
            self.done.eq(self.run & last),
        ]
        with m.If(self.begin):
            m.d.sync += [product.eq(0), step.eq(0)]
        with m.Elif(self.run):
            m.d.sync += step.eq(step + 1)
            with m.If(count.bit_select(step, 1)):
                m.d.sync += product.eq((product + self.word) >> 1)
            with m.Else():
                m.d.sync += product.eq(product >> 1)
        if self._shuffles:
            self._shuffle(m, drawn)
        with m.If(self.done):
            m.d.sync += self.sample_index.eq(drawn)
        with m.If(self.load_index):
            m.d.sync += self.sample_index.eq(self.loaded)
        return m

    def _shuffle(self, m: Module, drawn: Signal) -> None:
        m.submodules.shuffler = shuffler = Shuffler(
            index_bits=len(self.sample_index), count_bits=len(self.sample_count)
        )
        shuffles = self.order[1]
        m.d.comb += [
            shuffler.run.eq(self.run & shuffles),
            shuffler.sample_count.eq(self.sample_count),
            shuffler.word.eq(self.word),
            shuffler.load.eq(self.load_position),
            shuffler.loaded.eq(self.loaded),
            self.order_position.eq(shuffler.position),
        ]
        with m.If(shuffles):
            m.d.comb += [
                self.advance.eq(shuffler.advance),
                self.done.eq(shuffler.done),
                drawn.eq(shuffler.index),
            ]
