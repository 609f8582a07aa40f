"""Filter 106 with a running mean for its baseline."""

from operator import index

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from pmgd.gateware.filter import FilterSignature

__all__ = ["MeanFilter"]


class MeanFilter(wiring.Component):
    """Keeps the running mean of the cost and extracts the change from it ([0042], [0044]).

    The mean, which is the baseline C0, has `fraction_bits` more fraction bits than a cost, so that
    it can follow changes of less than a cost's last bit. A change is ``C - floor(mean)``; the mean
    then moves towards C by ``floor((C - mean) / 2**mean_shift)``. The first cost after the mean was
    forgotten becomes the mean.

    As a high-pass filter it moves the mean first: ``C - floor(mean)`` with the mean that has moved
    is line 8 of Table 2, for a time constant of ``2**mean_shift - 1`` timesteps.

    Latency: one cycle to the change (`pmgd.gateware.latency.FILTER_CYCLES`) and two to the mean;
    costs must be two cycles or more apart. As a high-pass filter, three to the change
    (`pmgd.gateware.latency.HIGHPASS_CYCLES`), and costs three or more apart.

    Parameters
    ----------
    cost_bits
        Width of a cost.
    fraction_bits
        Of the mean, beyond those of a cost.
    shift_bits
        Width of `mean_shift`.
    highpass
        Whether the mean moves first.

    Members
    -------
    mean_shift
        Log2 of the mean's time constant; constant while running.

    The others are those of `FilterSignature`, of which `wave.baseline` does nothing.
    """

    def __init__(
        self, *, cost_bits: int, fraction_bits: int, shift_bits: int, highpass: bool = False
    ) -> None:
        self._highpass = bool(highpass)
        self._fraction_bits = index(fraction_bits)
        common = FilterSignature(cost_bits=cost_bits, baseline_bits=cost_bits + fraction_bits)
        super().__init__({**common.members, "mean_shift": In(unsigned(shift_bits))})

    def elaborate(self, platform):
        m = Module()
        fraction = Const(0, self._fraction_bits)
        arrives = self.wave.valid & self.enable
        whole = self.baseline[self._fraction_bits :]
        moves = Signal()
        m.d.sync += moves.eq(arrives)
        with m.If(arrives):
            m.d.sync += [self.perturbed_cost.eq(self.cost), self.baseline_valid.eq(1)]
            with m.If(~self.baseline_valid):
                m.d.sync += self.baseline.eq(Cat(fraction, self.cost))
        # In the next cycle, since the difference, its shift and the sum would be one long path.
        difference = Signal(signed(len(self.baseline) + 1))
        m.d.comb += difference.eq(Cat(fraction, self.perturbed_cost) - self.baseline)
        with m.If(moves):
            m.d.sync += self.baseline.eq(self.baseline + (difference >> self.mean_shift))
        if self._highpass:
            moved = Signal()
            m.d.sync += [moved.eq(moves), self.arrived.eq(moved)]
            with m.If(moved):
                m.d.sync += self.change.eq(self.perturbed_cost - whole)
        else:
            m.d.comb += self.arrived.eq(moves)
            with m.If(arrives):
                m.d.sync += self.change.eq(Mux(self.baseline_valid, self.cost - whole, 0))
        with m.If(self.invalidate):
            m.d.sync += self.baseline_valid.eq(0)
        with m.If(self.load_baseline):
            m.d.sync += self.baseline.eq(self.loaded)
        with m.If(self.load_valid):
            m.d.sync += self.baseline_valid.eq(self.loaded[0])
        return m
