"""Evaluates the samples of the memory, one a clock: how many are right, at what cost."""

from amaranth.hdl import Module, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.classifier import Classifier
from pmgd.gateware.plan import Plan
from pmgd.gateware.wave import delay

__all__ = ["PipelinedEvaluator"]


class PipelinedEvaluator(wiring.Component):
    """Counts through the samples of a sweep, and adds up what comes of them.

    Outputs and costs arrive in the order of the samples, each in its own time.

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    load, loaded
        Evaluate samples 0 to ``loaded - 1``; not while `wanted`.
    evaluate
        What was loaded last.
    wanted
        A sweep is under way.
    offered, index, start
        Sample `index` waits to be evaluated; its evaluation starts.
    outputs_arrived, y, target
        For one cycle: a sample's outputs and targets.
    cost_arrived, cost
        For one cycle: a sample's cost.
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
                "offered": Out(1),
                "index": Out(count),
                "start": In(1),
                "outputs_arrived": In(1),
                "y": In(data.ArrayLayout(Shape(output.bits, output.signed), plan.outputs)),
                "target": In(data.ArrayLayout(Shape(target.bits, target.signed), plan.outputs)),
                "cost_arrived": In(1),
                "cost": In(unsigned(plan.cost_bits)),
                "hits": Out(count),
                "cost_sum": Out(unsigned(plan.cost_sum_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.classifier = classifier = Classifier(self._plan)
        unclassified = Signal(self._plan.sample.count_bits)
        uncounted = Signal.like(unclassified)
        classified = delay(m, self.outputs_arrived, classifier.latency, "classified")
        m.d.comb += [
            classifier.y.eq(self.y),
            classifier.target.eq(self.target),
            self.offered.eq(self.index != self.evaluate),
            self.wanted.eq(unclassified.any() | uncounted.any()),
        ]
        with m.If(self.start):
            m.d.sync += self.index.eq(self.index + 1)
        with m.If(classified):
            m.d.sync += [
                self.hits.eq(self.hits + classifier.hit),
                unclassified.eq(unclassified - 1),
            ]
        with m.If(self.cost_arrived):
            m.d.sync += [
                self.cost_sum.eq(self.cost_sum + self.cost),
                uncounted.eq(uncounted - 1),
            ]
        with m.If(self.load):
            m.d.sync += [
                self.evaluate.eq(self.loaded),
                unclassified.eq(self.loaded),
                uncounted.eq(self.loaded),
                self.index.eq(0),
                self.hits.eq(0),
                self.cost_sum.eq(0),
            ]
        return m
