"""Which sample comes next, one a clock."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.product import product
from pmgd.gateware.wave import delay

__all__ = ["SampleIndex"]


class SampleIndex(wiring.Component):
    """Draws samples in random or sequential order, each in three cycles: `SampleOrder`, pipelined.

    Latency: three cycles from `begin` to `sample_index`; a timestep may begin every cycle.

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    order, sample_count
        Register values; constant while running.
    begin
        A sample is to be drawn.
    advance, word
        The order generator: draw a word, and the word drawn last.
    load, loaded
        The host's way to set the index.
    sample_index
        Index of the current sample.
    """

    def __init__(self, plan: Plan) -> None:
        sample = plan.sample
        super().__init__(
            {
                "order": In(1),
                "sample_count": In(unsigned(sample.count_bits)),
                "begin": In(1),
                "advance": Out(1),
                "word": In(WORD_BITS),
                "load": In(1),
                "loaded": In(32),
                "sample_index": Out(unsigned(sample.index_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.advance.eq(self.begin & ~self.order)
        # word * sample_count, in two parts that multipliers take.
        half = WORD_BITS // 2
        # A copy nearby of a setting that comes from afar.
        count = Signal.like(self.sample_count)
        low, high = (Signal(half + len(self.sample_count), name=name) for name in ("low", "high"))
        m.d.sync += [
            count.eq(self.sample_count),
            low.eq(product(platform, self.word[:half], count)),
            high.eq(product(platform, self.word[half:], count)),
        ]
        following = self.sample_index + 1
        wrapped = Mux(following >= self.sample_count, 0, following)
        drawn = (high + (low >> half)) >> half
        with m.If(delay(m, self.begin, 2, "begin")):
            m.d.sync += self.sample_index.eq(Mux(self.order, wrapped, drawn))
        with m.If(self.load):
            m.d.sync += self.sample_index.eq(self.loaded)
        return m
