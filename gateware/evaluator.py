"""Evaluates the samples of the memory one after the other: how many are right, at what cost."""

from amaranth.hdl import Module, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.classifier import same_side
from pmgd.gateware.plan import Plan

__all__ = ["Evaluator"]


class Evaluator(wiring.Component):
    """Counts through the samples of a sweep, classifies their outputs, and sums their costs.

    With one output a class is whether it reaches `plan.class_threshold`; with several it is the
    index of the largest, the first among equals. One output is looked at in each cycle, and no
    index is kept: the two agree if the output that leads and the target that leads last changed
    together.

    Latency: from `arrived`, `plan.outputs` cycles, the one of `arrived` among them.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    load, loaded
        Evaluate samples 0 to ``loaded - 1``; not while `wanted`.
    evaluate
        What was loaded last.
    wanted
        Sample `index` is to be evaluated, unperturbed.
    index
        Of the sample.
    arrived, cost
        For one cycle: the evaluation's cost.
    y, target
        Its outputs and targets; they stay from `arrived` to `done`.
    done
        For one cycle: all that comes of it is counted from the next cycle on.
    hits
        Samples so far that are classified as their targets.
    cost_sum
        Sum of their costs.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        output, target = plan.output_format, plan.spec.formats.target
        count = unsigned(plan.sample.count_bits)
        super().__init__(
            {
                "load": In(1),
                "loaded": In(count),
                "evaluate": Out(count),
                "wanted": Out(1),
                "index": Out(count),
                "arrived": In(1),
                "cost": In(unsigned(plan.cost_bits)),
                "y": In(data.ArrayLayout(Shape(output.bits, output.signed), plan.outputs)),
                "target": In(data.ArrayLayout(Shape(target.bits, target.signed), plan.outputs)),
                "done": Out(1),
                "hits": Out(count),
                "cost_sum": Out(unsigned(plan.cost_sum_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        hit = self._threshold(m) if self._plan.outputs == 1 else self._largest(m)
        m.d.comb += self.wanted.eq(self.index != self.evaluate)
        with m.If(self.arrived):
            m.d.sync += self.cost_sum.eq(self.cost_sum + self.cost)
        with m.If(self.done):
            m.d.sync += [self.index.eq(self.index + 1), self.hits.eq(self.hits + hit)]
        with m.If(self.load):
            m.d.sync += [
                self.evaluate.eq(self.loaded),
                self.index.eq(0),
                self.hits.eq(0),
                self.cost_sum.eq(0),
            ]
        return m

    def _threshold(self, m: Module):
        """Of a single output."""
        m.d.comb += self.done.eq(self.arrived)
        return same_side(self._plan, self.y[0], self.target[0])

    def _largest(self, m: Module):
        """Of several outputs: from the first on, whichever exceeds all before it leads."""
        last = self._plan.outputs - 1
        number = Signal(range(self._plan.outputs))  # 0 unless an evaluation is looked at
        agreed, agrees = Signal(), Signal()
        leads = []
        for name, values in (("y", self.y), ("target", self.target)):
            value = Signal(values.shape().elem_shape, name=f"{name}_value")
            leader = Signal.like(value, name=f"{name}_leader")
            lead = Signal(name=f"{name}_leads")
            m.d.comb += [value.eq(values[number]), lead.eq((number == 0) | (value > leader))]
            with m.If(lead):
                m.d.sync += leader.eq(value)
            leads.append(lead)
        m.d.comb += agrees.eq((leads[0] & leads[1]) | (agreed & ~leads[0] & ~leads[1]))
        m.d.sync += agreed.eq(agrees)
        with m.If(self.arrived | (number != 0)):
            m.d.sync += number.eq(number + 1)
            with m.If(number == last):
                m.d.comb += self.done.eq(1)
                m.d.sync += number.eq(0)
        return agrees
