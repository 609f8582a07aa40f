"""Which sample comes next, one a clock."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.latency import INDEXING_CYCLES
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.plan import Plan
from pmgd.gateware.primitives import family
from pmgd.gateware.product import product
from pmgd.gateware.wave import delay

__all__ = ["SampleIndex"]


class SampleIndex(wiring.Component):
    """Draws samples in random or sequential order, each in four cycles: `SampleOrder`, pipelined.

    Latency: four cycles from `begin` to `sample_index`
    (`pmgd.gateware.latency.INDEXING_CYCLES`); a timestep may begin every cycle.

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
        following = self.sample_index + 1
        wrapped = Mux(following >= self.sample_count, 0, following)
        drawn = self._drawn(m, platform)
        with m.If(delay(m, self.begin, INDEXING_CYCLES - 1, "begin")):
            m.d.sync += self.sample_index.eq(Mux(self.order, wrapped, drawn))
        with m.If(self.load):
            m.d.sync += self.sample_index.eq(self.loaded)
        return m

    def _drawn(self, m: Module, platform):
        """Return the index that a word draws, two cycles after it.

        It is the upper half of the word times the count, of two products that multipliers take.
        """
        half = WORD_BITS // 2
        if family(platform) == "ecp5":
            low = self._multiplied(m, "low", self.word[:half])
            high = self._multiplied(m, "high", self.word[half:])
            return (high + (low >> half)) >> half
        # Factors have no registers here, where each would take a cell; the sum has one instead,
        # and the setting, which comes from afar, a copy nearby.
        low, high = (Signal(half + len(self.sample_count), name=name) for name in ("low", "high"))
        count, drawn = Signal.like(self.sample_count), Signal.like(self.sample_index)
        m.d.sync += [
            count.eq(self.sample_count),
            low.eq(product(platform, self.word[:half], count)),
            high.eq(product(platform, self.word[half:], count)),
            drawn.eq((high + (low >> half)) >> half),
        ]
        return drawn

    def _multiplied(self, m: Module, name: str, part):
        m.submodules[name] = multiplier = Multiplier(part.shape(), self.sample_count.shape())
        m.d.comb += [multiplier.a.eq(part), multiplier.b.eq(self.sample_count)]
        return multiplier.product
