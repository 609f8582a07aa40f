"""Plans of networks that classify, and the specification's classes."""

from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training

__all__ = ["hit", "plan_of"]


def plan_of(
    outputs: int, activation: str, output: str, target: str, samples: int = 5, cost: str = "l1"
) -> Plan:
    """Return a plan of a network with one input."""
    return Plan(
        Spec(
            name="evaluated",
            network=Network(layers=(1, outputs), activation=activation, segments=2, cost=cost),
            formats=Formats(activation=Format.parse(output), target=Format.parse(target)),
            fabric=Fabric(samples=samples),
            training=Training(eta=0),
        )
    )


def hit(plan: Plan, y: tuple, t: tuple) -> bool:
    """Return whether outputs and targets, of their formats, mean the same class."""
    target = plan.spec.formats.target
    if plan.outputs > 1:
        return y.index(max(y)) == t.index(max(t))
    threshold = 0.0 if target.signed and plan.output_format.signed else 0.5
    classes = [
        value / (1 << fmt.fraction_bits) >= threshold
        for (value,), fmt in ((y, plan.output_format), (t, target))
    ]
    return classes[0] == classes[1]
