"""Filter 106: the change of the cost."""

from operator import index

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.wave import WaveLayout

__all__ = ["Filter", "FilterSignature"]


class FilterSignature(wiring.Signature):
    """What all filters have in common, seen from the filter.

    Parameters
    ----------
    cost_bits, baseline_bits
        Widths of a cost and of the baseline that is kept.

    Members
    -------
    wave, cost
        An evaluation and its cost.
    enable
        Take part; low while an evaluation is not part of training.
    invalidate
        Forget the baseline: its sample or its parameters have changed. Not while an evaluation is
        under way.
    load_baseline, load_valid, loaded
        The host's way to set the baseline and its validity; not while an evaluation is under way.
    baseline, baseline_valid
        C0, and whether it may be used.
    arrived
        For one cycle: `change` is new.
    change
        C~ of the last evaluation that was no baseline, signed.
    perturbed_cost
        C of that evaluation.
    """

    def __init__(self, *, cost_bits: int, baseline_bits: int) -> None:
        cost, baseline = unsigned(index(cost_bits)), unsigned(index(baseline_bits))
        super().__init__(
            {
                "wave": In(WaveLayout),
                "cost": In(cost),
                "enable": In(1),
                "invalidate": In(1),
                "load_baseline": In(1),
                "load_valid": In(1),
                "loaded": In(baseline),
                "baseline": Out(baseline),
                "baseline_valid": Out(1),
                "arrived": Out(1),
                "change": Out(signed(cost.width + 1)),
                "perturbed_cost": Out(cost),
            }
        )


class Filter(wiring.Component):
    """Keeps the baseline cost C0 and extracts the change C~ = C - C0 ([0042], [0044]).

    An evaluation that is to be a baseline sets C0; any other gives a change, one cycle later
    (`pmgd.gateware.latency.FILTER_CYCLES`). Either may come every cycle.

    Parameters
    ----------
    cost_bits
        Width of a cost.

    Its members are those of `FilterSignature`.
    """

    def __init__(self, *, cost_bits: int) -> None:
        super().__init__(FilterSignature(cost_bits=cost_bits, baseline_bits=cost_bits))

    def elaborate(self, platform):
        m = Module()
        arrives = self.wave.valid & self.enable
        with m.If(arrives & self.wave.baseline):
            m.d.sync += [self.baseline.eq(self.cost), self.baseline_valid.eq(1)]
        with m.If(self.invalidate):
            m.d.sync += self.baseline_valid.eq(0)
        with m.If(self.load_baseline):
            m.d.sync += self.baseline.eq(self.loaded)
        with m.If(self.load_valid):
            m.d.sync += self.baseline_valid.eq(self.loaded[0])
        m.d.sync += self.arrived.eq(arrives & ~self.wave.baseline)
        with m.If(arrives & ~self.wave.baseline):
            m.d.sync += [
                self.change.eq(self.cost - self.baseline),
                self.perturbed_cost.eq(self.cost),
            ]
        return m
