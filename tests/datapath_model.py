"""The datapath's arithmetic: docs/specification.md in Python integers, written from it alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import floor

from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.pwl import PiecewiseLinear
from pmgd.gateware.seeds import lfsr_taps
from pmgd.gateware.spec import Spec

PERTURBATIONS = ("lfsr", "chain", "walsh", "sequential", "square", "sine")

MAGNITUDES = (13, 37, 60, 81, 99, 113, 122, 127)
"""Of a sine's levels, in 128ths."""

# -- The network f(x; theta) ------------------------------------------------------------------


def operand(theta: int, perturbation: int, operand_shift: int) -> int:
    """What a synapse multiplies; `perturbation` is sigma * s * dtheta."""
    return (theta + perturbation) >> operand_shift


def scaled(value: int, level: int) -> int:
    """An amplitude, or a mantissa, times a level of a sine, rounded to nearest."""
    return (value * MAGNITUDES[level] + 64) >> 7


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


def defective(z: int, defects: Sequence[int], layer: LayerPlan, argument: Format) -> int:
    """Sigmoid with defects: beta, c, alpha and b."""
    beta, c, alpha, b = defects
    moved = clipped(((beta * z + 128) >> 8) + c, argument)
    result = interpolated(moved, layer.table)
    return clipped(((alpha * result + 128) >> 8) + b, layer.output_format)


def linear(z: int, argument: Format, result: Format) -> int:
    """Relu or identity."""
    return clipped(rescaled(z, argument.fraction_bits - result.fraction_bits), result)


def neuron(
    spec: Spec,
    layer: LayerPlan,
    operands: Sequence[int],
    x: Sequence[int],
    defects: Sequence[int] = (),
) -> int:
    """A neuron's output; `layer` says the formats, and the table if there is one."""
    formats, fraction = spec.formats, layer.input_format.fraction_bits
    values = (*x, 2**fraction) if spec.network.bias else x
    total = sum(value * a for value, a in zip(operands, values, strict=True))
    sum_shift = formats.operand_fraction + fraction - formats.preactivation.fraction_bits
    z = preactivation(total, sum_shift, formats.preactivation)
    if spec.fabric.defects:
        return defective(z, defects, layer, formats.preactivation)
    if layer.activation in ("sigmoid", "tanh"):
        return interpolated(z, layer.table)
    return linear(z, formats.preactivation, layer.output_format)


def outputs(
    plan: Plan,
    operands: Sequence[int],
    x: Sequence[int],
    defects: Sequence[Sequence[int]] = (),
) -> tuple[int, ...]:
    """f(x; theta), given every parameter's operand, and every neuron's defects if it has any."""
    network = plan.spec.network
    remaining, wrong = iter(operands), iter(defects)
    values = tuple(x)
    for (inputs, neurons), layer in zip(pairwise(network.layers), plan.layers, strict=True):
        assert len(values) == inputs
        rows = [[next(remaining) for _ in range(inputs + network.bias)] for _ in range(neurons)]
        values = tuple(neuron(plan.spec, layer, row, values, next(wrong, ())) for row in rows)
    assert not list(remaining)
    assert not list(wrong)
    return values


# -- Perturbers -------------------------------------------------------------------------------


def next_lfsr(state: int, bits: int) -> int:
    feedback = 0
    for tap in lfsr_taps(bits):
        feedback ^= state >> (bits - tap) & 1
    return state >> 1 | feedback << (bits - 1)


def oscillation(phase: int, bits: int) -> tuple[int, int]:
    """s and k of a phase."""
    q = phase >> (bits - 5)
    k = q % 8
    return (-1 if q >= 16 else 1), 7 - k if q & 8 else k


def oscillators(parameters: int, band: tuple[float, float]) -> tuple[int, list[int]]:
    """B, and every increment."""
    low, high = map(Fraction, band)
    bits = 6
    while (high - low) * 2 ** (bits - 4) < parameters:
        bits += 1
    frequencies = [low + (high - low) * (2 * i + 1) / (2 * parameters) for i in range(parameters)]
    return bits, [16 * floor(2 ** (bits - 4) * f) + 1 for f in frequencies]


class Perturbers:
    """All perturbers of a fabric, in some state; those of the first two parameters differ."""

    def __init__(self, plan: Plan, rng: random.Random) -> None:
        fabric, parameters = plan.spec.fabric, plan.parameters
        kind, lfsr_bits = fabric.perturbation, fabric.lfsr_bits
        self.kind = kind
        self.lfsr_bits = lfsr_bits
        self.increments = []
        self.own_bits = {"lfsr": lfsr_bits, "walsh": 0}.get(kind, 1)
        if kind in ("square", "sine"):
            self.own_bits, self.increments = oscillators(parameters, fabric.band)
        self.code_bits = parameters.bit_length() if kind == "walsh" else 0
        self.shared = rng.randrange(1, 2**lfsr_bits) if kind == "chain" else 0
        self.own = [0] * parameters
        if kind == "sequential":
            self.own[0] = 1
        elif kind == "walsh":
            # Rows 1 and 2 differ in columns 1 and 2, modulo 4.
            self.shared = 1 if parameters == 1 else rng.choice([1, 2])
        elif self.increments:
            self.own = [rng.randrange(2**self.own_bits) for _ in self.own]
            self.own[0] &= ~(1 << (self.own_bits - 1))
            if parameters > 1:
                self.own[1] |= 1 << (self.own_bits - 1)
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
        if self.increments:
            return [oscillation(own, self.own_bits)[0] for own in self.own]
        if self.kind == "walsh":
            ones = [(self.shared & (i + 1)).bit_count() for i in range(len(self.own))]
            return [1 if count % 2 == 0 else -1 for count in ones]
        return [1 if own & 1 else -1 for own in self.own]

    @property
    def levels(self) -> list[int]:
        """Every k of a sine."""
        return [oscillation(own, self.own_bits)[1] for own in self.own]

    def operands(
        self,
        thetas: Sequence[int],
        sigma: int,
        dtheta: int,
        shift: int,
        part: slice = slice(None),
    ) -> list[int]:
        """What the multipliers see of the parameters, of all of them or of a part."""
        signs = self.signs[part]
        if self.kind == "sine":
            moves = zip(thetas, signs, self.levels[part], strict=True)
            return [(t >> shift) + sigma * s * scaled(dtheta >> shift, k) for t, s, k in moves]
        moved = zip(thetas, signs, strict=True)
        return [operand(theta, sigma * s * dtheta, shift) for theta, s in moved]

    def advance(self) -> None:
        if self.increments:
            moved = zip(self.own, self.increments, strict=True)
            self.own = [(own + increment) % 2**self.own_bits for own, increment in moved]
        elif self.kind == "lfsr":
            self.own = [next_lfsr(own, self.lfsr_bits) for own in self.own]
        elif self.kind == "chain":
            self.shared = next_lfsr(self.shared, self.lfsr_bits)
            self.own = [self.shared & 1, *self.own[:-1]]
        elif self.kind == "walsh":
            self.shared = (self.shared + 1) % 2**self.code_bits
        else:
            self.own = [self.own[-1], *self.own[:-1]]


# -- Noise ------------------------------------------------------------------------------------


def next_word(x: int) -> int:
    """xorshift32."""
    x ^= x << 13 & 0xFFFFFFFF
    x ^= x >> 17
    return x ^ x << 5 & 0xFFFFFFFF


def noise(word: int, level: int) -> int:
    n = 512 * (word & 0xFFFFFF).bit_count() + 2 * (word >> 24) + 1 - 6400
    return (1 if n > 0 else -1) * ((abs(n) * level + 4096) >> 13)


# -- Correlation and update -------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """Steps 6 and 7 of a timestep."""

    theta_bits: int
    overflow: str
    correlator: str = "full"
    decay_shift: int = 0
    leaky: bool = False

    @staticmethod
    def of(plan: Plan) -> "Rule":
        fabric = plan.spec.fabric
        return Rule(
            plan.theta.bits,
            plan.spec.formats.overflow,
            fabric.correlator,
            fabric.decay_shift,
            fabric.decay_every == "timestep",
        )

    def apply(
        self,
        theta: int,
        gradient: int,
        s: int,
        direction: int,
        magnitude: int,
        ends: bool,
        dither: int | None = None,
    ) -> tuple[int, int]:
        """Return theta and G after a timestep.

        `direction` is the sign of the step, and 0 if there is none; the magnitude is |u|, or what
        an update by the sign moves a parameter by. `dither` is r, if it is drawn.
        """
        counts = self.correlator == "sign"
        g = gradient + s * direction * (2**self.decay_shift if counts else magnitude)
        moved = theta
        if ends:
            sign = (g > 0) - (g < 0)
            moved = self.moved(theta, -sign * magnitude if counts else -g)
        if not ends and not self.leaky:
            return theta, g
        k = self.decay_shift
        if dither is None:
            dither = 2**k - 1 if g > 0 else 0
        return moved, g - ((g + dither) >> k)

    def moved(self, theta: int, move: int) -> int:
        """Return theta after a move, of the gradient's or of noise."""
        lowest, highest = -(2 ** (self.theta_bits - 1)), 2 ** (self.theta_bits - 1) - 1
        moved = theta + move
        if lowest <= moved <= highest:
            return moved
        nearest = highest if moved > highest else lowest
        return nearest if self.overflow == "clip" else theta
