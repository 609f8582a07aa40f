"""One sample of the host's, to be evaluated without training, and what came of it."""

from amaranth.hdl import Cat, Module, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan

__all__ = ["Probe"]


class Probe(wiring.Component):
    """Keeps the probe sample, asks for its evaluation, and keeps its cost and outputs.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    sample_target, outputs_target
        The host's accesses to the two windows, each done within its cycle.
    sample
        The packed sample.
    start
        For one cycle: its last word has been written; evaluate it.
    outputs_arrived, y
        The evaluation's outputs.
    cost_arrived, cost
        Its cost.
    """

    def __init__(self, plan: Plan) -> None:
        self._words = plan.sample.words
        output = plan.output_format
        super().__init__(
            {
                "sample_target": In(TargetSignature()),
                "outputs_target": In(TargetSignature()),
                "sample": Out(unsigned(plan.sample.bits)),
                "start": Out(1),
                "outputs_arrived": In(1),
                "y": In(data.ArrayLayout(Shape(output.bits, output.signed), plan.outputs)),
                "cost_arrived": In(1),
                "cost": In(unsigned(plan.cost_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = [Signal(WORD_BITS, name=f"word_{k}") for k in range(self._words)]
        m.d.comb += self.sample.eq(Cat(*words))
        target = self.sample_target
        m.d.comb += [target.done.eq(target.strobe), target.status.eq(Status.OK)]
        with m.If(target.strobe), m.Switch(target.offset):
            for k, word in enumerate(words):
                with m.Case(k):
                    m.d.sync += word.eq(target.data)
                    m.d.comb += self.start.eq(k == self._words - 1)

        y, cost = Signal.like(self.y), Signal.like(self.cost)
        with m.If(self.outputs_arrived):
            m.d.sync += y.eq(self.y)
        with m.If(self.cost_arrived):
            m.d.sync += cost.eq(self.cost)
        target = self.outputs_target
        m.d.comb += [target.done.eq(target.strobe), target.status.eq(Status.OK)]
        with m.Switch(target.offset):
            for offset, value in enumerate([cost, *(y[k] for k in range(len(y)))]):
                with m.Case(offset):
                    m.d.comb += target.value.eq(value)  # whose sign, if it has one, fills the word
        return m
