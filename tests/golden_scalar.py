"""The specification, told again without arrays: one lane of a golden model in Python integers."""

from typing import Any

import numpy as np

from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.seeds import lfsr_taps
from pmgd.sim.golden import Golden


class Scalar:
    """One lane of a golden model, in Python integers without arrays: the specification, retold."""

    def __init__(self, golden: Golden, lane: int) -> None:
        self.plan = golden.plan
        for name in Golden.STATE + Golden.SETTINGS:
            setattr(self, name, getattr(golden, name)[lane].tolist())
        self.x, self.t = golden.x[lane].tolist(), golden.t[lane].tolist()

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Golden.STATE}

    def outputs(self, theta: list[int], x: list[int]) -> list[int]:
        plan, formats = self.plan, self.plan.spec.formats
        remaining = iter(theta)
        values, fraction = x, formats.input.fraction_bits
        for layer in plan.layers:
            preactivations = []
            for _ in range(layer.outputs):
                total = 0
                for value in [*values, 1 << fraction] if plan.spec.network.bias else values:
                    total += (next(remaining) >> plan.operand_shift) * value
                drop = formats.operand_fraction + fraction - formats.preactivation.fraction_bits
                preactivations.append(clip(shifted(total, drop), formats.preactivation))
            values = [self.activated(z, layer) for z in preactivations]
            fraction = layer.output_format.fraction_bits
        assert next(remaining, None) is None
        return values

    def activated(self, z: int, layer: LayerPlan) -> int:
        table, preactivation = layer.table, self.plan.spec.formats.preactivation
        if table is None:
            drop = preactivation.fraction_bits - layer.output_format.fraction_bits
            return clip(shifted(z, drop), layer.output_format)
        k, r = divmod(z - preactivation.minimum, 1 << table.remainder_bits)
        value = table.knots[k] * 2**table.remainder_bits + table.slopes[k] * r
        return clip((value + 2 ** (table.shift - 1)) >> table.shift, layer.output_format)

    def cost(self, y: list[int], t: list[int]) -> int:
        plan, total = self.plan, 0
        for output, target in zip(y, t, strict=True):
            error = output * 2 ** (plan.error_fraction - plan.output_format.fraction_bits)
            error -= target * 2 ** (plan.error_fraction - plan.spec.formats.target.fraction_bits)
            total += error**2 if plan.spec.network.cost == "squared" else abs(error)
        return total >> plan.cost_shift

    def draw_sample(self) -> None:
        if self.order == 0:
            self.order_state = scalar_xorshift32(self.order_state)
            self.sample_index = (self.order_state * self.sample_count) >> 32
        elif self.order == 1:
            ended = self.sample_index + 1 >= self.sample_count
            self.sample_index = 0 if ended else self.sample_index + 1
        else:
            self.shuffle()

    def shuffle(self) -> None:
        mask = next(2**k - 1 for k in range(21) if 2**k - 1 >= self.sample_count - 1)
        while True:
            if self.order_position < mask:
                self.order_position += 1
            else:
                self.order_position = 0
                self.order_state = scalar_xorshift32(self.order_state)
            x = self.order_position
            for j, (a, b) in enumerate([(1, 7), (4, 1), (3, 6), (3, 2)]):
                bits = f"{self.order_state:032b}"
                rotated = int(bits[32 - 8 * j :] + bits[: 32 - 8 * j], 2)
                x = (x + rotated) & mask
                x = x ^ (x >> a)
                x = (x + (x << b)) & mask
            if x < self.sample_count:
                self.sample_index = x
                return

    def perturb(self) -> None:
        fabric = self.plan.spec.fabric
        match fabric.perturbation:
            case "lfsr":
                self.perturber = [scalar_lfsr(s, fabric.lfsr_bits) for s in self.perturber]
            case "chain":
                self.perturber_state = scalar_lfsr(self.perturber_state, fabric.lfsr_bits)
                self.perturber = [self.perturber_state % 2, *self.perturber[:-1]]
            case "walsh":
                length = 2 ** len(f"{self.plan.parameters:b}")
                self.perturber_state = (self.perturber_state + 1) % length
            case "sequential":
                self.perturber = [self.perturber[-1], *self.perturber[:-1]]

    def signs(self) -> list[int]:
        match self.plan.spec.fabric.perturbation:
            case "walsh":
                rows = range(1, self.plan.parameters + 1)
                return [1 - 2 * (f"{self.perturber_state & row:b}".count("1") % 2) for row in rows]
            case "sequential":
                return self.perturber
        return [1 if state % 2 else -1 for state in self.perturber]

    def execute(self) -> tuple[int, int]:
        plan, fabric, formats = self.plan, self.plan.spec.fabric, self.plan.spec.formats
        if self.phase_x == 0:
            self.draw_sample()
            if fabric.baseline == "sample":
                self.baseline_valid = 0
        x, t = self.x[self.sample_index], self.t[self.sample_index]
        if self.phase_p == 0:
            self.perturb()
        signs = self.signs()

        def cost(sigma: int) -> int:
            moved = [v + sigma * s * self.dtheta for v, s in zip(self.theta, signs, strict=True)]
            return self.cost(self.outputs(moved, x), t)

        sigma = 1
        match fabric.baseline:
            case "sample":
                if not self.baseline_valid:
                    self.baseline, self.baseline_valid = cost(0), 1
            case "two_sided":
                self.baseline, self.baseline_valid = cost(-1), 1
            case "literal":
                retaken = self.phase_x == 0 or self.phase_theta == 0
                if retaken:
                    self.baseline, self.baseline_valid = cost(0), 1
                if self.phase_p == 0:
                    self.perturbed = 1
                elif retaken:
                    self.perturbed = 0
                sigma = self.perturbed
        perturbed_cost = cost(sigma)
        change = perturbed_cost - self.baseline
        if fabric.baseline == "mean":
            if not self.baseline_valid:
                self.baseline, self.baseline_valid = perturbed_cost << 8, 1
            change = perturbed_cost - (self.baseline >> 8)
            self.baseline += ((perturbed_cost << 8) - self.baseline) >> self.mean_shift
        direction = (change > 0) - (change < 0)
        limit = 2 ** (formats.parameter.bits - 1)
        if fabric.correlator == "sign":
            u = direction * self.sign_step
        else:
            q = 2**self.scale_shift // 2
            if formats.rounding == "stochastic":
                self.rounding_state = scalar_xorshift32(self.rounding_state)
                q = self.rounding_state % 2**self.scale_shift
            u = (change * self.scale_mantissa + q) >> self.scale_shift
            u = max(1 - limit, min(limit - 1, u))
        if sigma == 0:
            u, direction = 0, 0
        summand = direction * 2**fabric.decay_shift if fabric.correlator == "sign" else u
        g = [v + s * summand for v, s in zip(self.gradient, signs, strict=True)]
        ended = self.phase_theta + 1 >= self.tau_theta
        if fabric.baseline == "literal":
            ended = self.phase_theta == 0
        if ended:
            for i, old in enumerate(self.theta):
                d = g[i]
                if fabric.correlator == "sign":
                    d = ((g[i] > 0) - (g[i] < 0)) * self.sign_step
                new = old - d
                if not -limit <= new < limit:
                    clipped = limit - 1 if new > 0 else -limit
                    new = clipped if formats.overflow == "clip" else old
                self.theta[i] = new
            # Away from zero: what is left is |g| less a 2**-k of it, rounded up.
            g = [(abs(v) - -(-abs(v) // 2**fabric.decay_shift)) * (1 if v > 0 else -1) for v in g]
            if fabric.baseline == "sample":
                self.baseline_valid = 0
        if plan.gradient_bits:
            self.gradient = g
        for phase, tau in (
            ("phase_x", self.tau_x), ("phase_p", self.tau_p), ("phase_theta", self.tau_theta)
        ):  # fmt: skip
            ended = getattr(self, phase) + 1 >= tau
            setattr(self, phase, 0 if ended else getattr(self, phase) + 1)
        self.timestep += 1
        return perturbed_cost, u


def shifted(value: int, right: int) -> int:
    return value >> right if right >= 0 else value << -right


def clip(value: int, fmt: Format) -> int:
    return max(fmt.minimum, min(fmt.maximum, value))


def scalar_lfsr(state: int, bits: int) -> int:
    feedback = sum(state >> (bits - tap) & 1 for tap in lfsr_taps(bits)) % 2
    return state // 2 + feedback * 2 ** (bits - 1)


def scalar_xorshift32(x: int) -> int:
    x ^= (x << 13) % 2**32
    x ^= x >> 17
    return x ^ (x << 5) % 2**32


def same_class(plan: Plan, y: np.ndarray, t: np.ndarray) -> bool:
    real = [plan.output_format.to_real(y).tolist(), plan.spec.formats.target.to_real(t).tolist()]
    if plan.outputs == 1:
        both_signed = plan.spec.formats.target.signed and plan.output_format.signed
        threshold = 0 if both_signed else 0.5
        return (real[0][0] >= threshold) == (real[1][0] >= threshold)
    first = [values.index(max(values)) for values in real]
    return first[0] == first[1]
