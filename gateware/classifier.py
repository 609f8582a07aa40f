"""Whether outputs and targets mean the same class."""

from math import ceil

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.plan import Plan

__all__ = ["Classifier", "same_side"]


class Classifier(wiring.Component):
    """Compares the class of the outputs with that of the targets.

    With one output a class is whether it reaches `plan.class_threshold`; with several it is the
    index of the largest, the first among equals, found by a tournament of pairs.

    Latency: `latency` cycles, one for each round; others may enter every cycle.

    Parameters
    ----------
    plan
        The fabric's plan.

    Members
    -------
    y, target
        Outputs and targets.
    hit
        Whether their classes are the same.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        output, target = plan.output_format, plan.spec.formats.target
        super().__init__(
            {
                "y": In(data.ArrayLayout(Shape(output.bits, output.signed), plan.outputs)),
                "target": In(data.ArrayLayout(Shape(target.bits, target.signed), plan.outputs)),
                "hit": Out(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from `y` and `target` to `hit`."""
        return max(1, (self._plan.outputs - 1).bit_length())

    def elaborate(self, platform):
        m = Module()
        if self._plan.outputs == 1:
            m.d.sync += self.hit.eq(same_side(self._plan, self.y[0], self.target[0]))
        else:
            y, target = (self._largest(m, name) for name in ("y", "target"))
            m.d.comb += self.hit.eq(y == target)
        return m

    def _largest(self, m: Module, name: str):
        """Return the index of the largest of some values, some cycles later."""
        values = getattr(self, name)
        level = [(values[k], k) for k in range(self._plan.outputs)]
        for depth in range(self.latency):
            following = []
            for k in range(0, len(level), 2):
                value = Signal.like(values[0], name=f"{name}_{depth}_{k}")
                number = Signal(range(self._plan.outputs), name=f"{name}_index_{depth}_{k}")
                first = level[k]
                # One that has no partner wins its round.
                second = level[k + 1] if k + 1 < len(level) else first
                later = second[0] > first[0]
                m.d.sync += [
                    value.eq(Mux(later, second[0], first[0])),
                    number.eq(Mux(later, second[1], first[1])),
                ]
                following.append((value, number))
            level = following
        return level[0][1]


def same_side(plan: Plan, y: Value, target: Value) -> Value:
    """Return whether a single output and its target both reach the threshold, or neither does."""
    reaches = [
        value >= ceil(plan.class_threshold * (1 << fmt.fraction_bits))
        for value, fmt in ((y, plan.output_format), (target, plan.spec.formats.target))
    ]
    return reaches[0] == reaches[1]
