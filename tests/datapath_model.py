"""The datapath's arithmetic: docs/specification.md in Python integers, written from it alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.pwl import PiecewiseLinear
from pmgd.gateware.seeds import lfsr_taps
from pmgd.gateware.spec import Spec

PERTURBATIONS = ("lfsr", "chain", "walsh", "sequential")

# -- The network f(x; theta) ------------------------------------------------------------------


def operand(theta: int, perturbation: int, operand_shift: int) -> int:
    """What a synapse multiplies; `perturbation` is sigma * s * dtheta."""
    return (theta + perturbation) >> operand_shift


def rescaled(value: int, shift: int) -> int:
    """With `shift` fraction bits fewer, by floor, or with zeros appended."""
    return value >> shift if shift >= 0 else value * 2**-shift


def clipped(value: int, fmt: Format) -> int:
    return max(fmt.minimum, min(fmt.maximum, value))


def preactivation(total: int, sum_shift: int, fmt: Format) -> int:
    return clipped(rescaled(total, sum_shift), fmt)


def interpolated(z: int, table: PiecewiseLinear) -> int:
    """Sigmoid or tanh."""
    k, r = divmod(z - table.preactivation.minimum, 2**table.remainder_bits)
    exact = table.knots[k] * 2**table.remainder_bits + table.slopes[k] * r
    return clipped((exact + 2 ** (table.shift - 1)) >> table.shift, table.activation)


def linear(z: int, argument: Format, result: Format) -> int:
    """Relu or identity."""
    return clipped(rescaled(z, argument.fraction_bits - result.fraction_bits), result)


def neuron(spec: Spec, layer: LayerPlan, operands: Sequence[int], x: Sequence[int]) -> int:
    """A neuron's output; `layer` says the formats, and the table if there is one."""
    formats, fraction = spec.formats, layer.input_format.fraction_bits
    values = (*x, 2**fraction) if spec.network.bias else x
    total = sum(value * a for value, a in zip(operands, values, strict=True))
    sum_shift = formats.operand_fraction + fraction - formats.preactivation.fraction_bits
    z = preactivation(total, sum_shift, formats.preactivation)
    if layer.activation in ("sigmoid", "tanh"):
        return interpolated(z, layer.table)
    return linear(z, formats.preactivation, layer.output_format)


def outputs(plan: Plan, operands: Sequence[int], x: Sequence[int]) -> tuple[int, ...]:
    """f(x; theta), given every parameter's operand."""
    network = plan.spec.network
    remaining = iter(operands)
    values = tuple(x)
    for (inputs, neurons), layer in zip(pairwise(network.layers), plan.layers, strict=True):
        assert len(values) == inputs
        rows = [[next(remaining) for _ in range(inputs + network.bias)] for _ in range(neurons)]
        values = tuple(neuron(plan.spec, layer, row, values) for row in rows)
    assert not list(remaining)
    return values


# -- Perturbers -------------------------------------------------------------------------------


def next_lfsr(state: int, bits: int) -> int:
    feedback = 0
    for tap in lfsr_taps(bits):
        feedback ^= state >> (bits - tap) & 1
    return state >> 1 | feedback << (bits - 1)


class Perturbers:
    """All perturbers of a fabric, in some state; those of the first two parameters differ."""

    def __init__(self, kind: str, parameters: int, lfsr_bits: int, rng: random.Random) -> None:
        self.kind = kind
        self.lfsr_bits = lfsr_bits
        self.own_bits = {"lfsr": lfsr_bits, "walsh": 0}.get(kind, 1)
        self.code_bits = parameters.bit_length() if kind == "walsh" else 0
        self.shared = rng.randrange(1, 2**lfsr_bits) if kind == "chain" else 0
        self.own = [0] * parameters
        if kind == "sequential":
            self.own[0] = 1
        elif kind == "walsh":
            # Rows 1 and 2 differ in columns 1 and 2, modulo 4.
            self.shared = 1 if parameters == 1 else rng.choice([1, 2])
        else:
            self.own = [rng.randrange(1, 2**self.own_bits) for _ in self.own]
            self.own[0] |= 1
            if parameters > 1:
                self.own[1] &= ~1

    @property
    def signs(self) -> list[int]:
        """Every s."""
        if self.kind == "sequential":
            return list(self.own)
        if self.kind == "walsh":
            ones = [(self.shared & (i + 1)).bit_count() for i in range(len(self.own))]
            return [1 if count % 2 == 0 else -1 for count in ones]
        return [1 if own & 1 else -1 for own in self.own]

    def advance(self) -> None:
        if self.kind == "lfsr":
            self.own = [next_lfsr(own, self.lfsr_bits) for own in self.own]
        elif self.kind == "chain":
            self.shared = next_lfsr(self.shared, self.lfsr_bits)
            self.own = [self.shared & 1, *self.own[:-1]]
        elif self.kind == "walsh":
            self.shared = (self.shared + 1) % 2**self.code_bits
        else:
            self.own = [self.own[-1], *self.own[:-1]]


# -- Correlation and update -------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """Steps 6 and 7 of a timestep."""

    theta_bits: int
    overflow: str
    correlator: str = "full"
    decay_shift: int = 0

    @staticmethod
    def of(plan: Plan) -> "Rule":
        fabric = plan.spec.fabric
        return Rule(
            plan.theta.bits, plan.spec.formats.overflow, fabric.correlator, fabric.decay_shift
        )

    def apply(
        self, theta: int, gradient: int, s: int, direction: int, magnitude: int, ends: bool
    ) -> tuple[int, int]:
        """Return theta and G after a timestep.

        `direction` is the sign of the step, and 0 if there is none; the magnitude is |u|, or what
        an update by the sign moves a parameter by.
        """
        counts = self.correlator == "sign"
        g = gradient + s * direction * (2**self.decay_shift if counts else magnitude)
        if not ends:
            return theta, g
        sign = (g > 0) - (g < 0)
        lowest, highest = -(2 ** (self.theta_bits - 1)), 2 ** (self.theta_bits - 1) - 1
        moved = theta - (sign * magnitude if counts else g)
        if not lowest <= moved <= highest:
            nearest = highest if moved > highest else lowest
            moved = nearest if self.overflow == "clip" else theta
        k = self.decay_shift
        return moved, g - ((g + 2**k - 1) >> k if g > 0 else g >> k)
