"""Filter 106 where costs come in pairs."""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import WaveLayout

__all__ = ["PipelinedFilter"]


class PipelinedFilter(wiring.Component):
    """Extracts the change C~ = C - C0 from the two costs of a timestep ([0042], [0044]).

    With two copies both come at once, that of the first copy is C0; with one, C0 comes first.
    Latency: one cycle (`pmgd.gateware.latency.FILTER_CYCLES`) from C.

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    wave, costs
        An evaluation that is part of training, and the cost of each copy.
    arrived
        For one cycle: the others are a timestep's.
    change, perturbed_cost, baseline
        C~, C and C0.
    """

    def __init__(self, plan: Plan) -> None:
        self._copies = plan.spec.fabric.copies
        cost = unsigned(plan.cost_bits)
        super().__init__(
            {
                "wave": In(WaveLayout),
                "costs": In(data.ArrayLayout(cost, self._copies)),
                "arrived": Out(1),
                "change": Out(signed(plan.change_bits)),
                "perturbed_cost": Out(cost),
                "baseline": Out(cost),
            }
        )

    def elaborate(self, platform):
        m = Module()
        costs = self.costs
        if self._copies == 2:
            arrives = self.wave.valid
            m.d.sync += [self.baseline.eq(costs[0]), self.change.eq(costs[1] - costs[0])]
        else:
            arrives = self.wave.valid & ~self.wave.baseline
            with m.If(self.wave.valid & self.wave.baseline):
                m.d.sync += self.baseline.eq(costs[0])
            m.d.sync += self.change.eq(costs[0] - self.baseline)
        m.d.sync += [self.arrived.eq(arrives), self.perturbed_cost.eq(costs[self._copies - 1])]
        return m
