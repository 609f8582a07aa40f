"""Cost estimator 104."""

from amaranth.hdl import Module, Shape, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.formats import signed_bits, unsigned_bits
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import WaveLayout, delay

__all__ = ["Cost"]


class Cost(wiring.Component):
    """Compares the outputs with the targets: the sum of squared or absolute errors ([0040]).

    The sum is exact, then loses `plan.cost_shift` fraction bits by floor. Dividing by the number of
    outputs is left to the one scale factor in the transmitter.

    Latency: ``plan.latency.cost`` cycles; new outputs may enter every cycle.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    wave, y, target
        An evaluation, its outputs, and the sample's targets, packed in order.
    arrived, cost
        An evaluation whose cost is `cost`.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        output, target = plan.output_format, plan.spec.formats.target
        super().__init__(
            {
                "wave": In(WaveLayout),
                "y": In(data.ArrayLayout(Shape(output.bits, output.signed), plan.outputs)),
                "target": In(data.ArrayLayout(Shape(target.bits, target.signed), plan.outputs)),
                "arrived": Out(WaveLayout),
                "cost": Out(unsigned(plan.cost_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self._plan
        output, target = plan.output_format, plan.spec.formats.target
        largest = max(abs(bound) for bound in plan.error_range)
        if plan.squared:
            largest *= largest
        m.submodules.tree = tree = AdderTree(
            leaves=plan.outputs,
            leaf_bits=signed_bits(0, largest),
            sum_bits=signed_bits(0, plan.full_cost_maximum),
            levels_per_stage=plan.latency.cost_levels_per_stage,
        )
        for k in range(plan.outputs):
            y = self.y[k] << (plan.error_fraction - output.fraction_bits)
            t = self.target[k] << (plan.error_fraction - target.fraction_bits)
            shape = signed(signed_bits(*plan.error_range))
            if plan.squared:
                m.submodules[f"square_{k}"] = square = Multiplier(shape, shape)
                m.d.comb += [square.a.eq(y - t), square.b.eq(y - t)]
                summand = square.product
            else:
                error = Signal(shape, name=f"error_{k}")
                summand = Signal(unsigned_bits(largest), name=f"summand_{k}")
                m.d.sync += [error.eq(y - t), summand.eq(abs(error))]
            m.d.comb += tree.numbers[k].eq(summand)
        m.d.comb += [
            self.cost.eq(tree.sum >> plan.cost_shift),
            self.arrived.eq(delay(m, self.wave, plan.latency.cost, "wave")),
        ]
        return m
