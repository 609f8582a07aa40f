"""The specification, told again without arrays: one lane of a golden model in Python integers."""

from fractions import Fraction
from functools import cache
from math import floor
from typing import Any

import numpy as np

from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.seeds import lfsr_taps
from pmgd.sim.golden import Golden

SINE = (13, 37, 60, 81, 99, 113, 122, 127)
"""A quarter of a cycle, in 128ths."""


class Scalar:
    """One lane of a golden model, in Python integers without arrays: the specification, retold."""

    def __init__(self, golden: Golden, lane: int) -> None:
        self.plan = golden.plan
        for name in Golden.STATE + Golden.SETTINGS:
            setattr(self, name, getattr(golden, name)[lane].tolist())
        self.x, self.t = golden.x[lane].tolist(), golden.t[lane].tolist()

    def state(self) -> dict[str, Any]:
        """The state that the specification gives the fabric."""
        names = {*Golden.STATE}
        if self.plan.spec.fabric.pipeline:
            names -= {"baseline", "baseline_valid", "order_position", "perturbed"}
        return {name: getattr(self, name) for name in names}

    def operands(self, sigma: int) -> list[int]:
        """What the multipliers see of the parameters, moved by sigma times the perturbation."""
        plan, formats = self.plan, self.plan.spec.formats
        unit = 2 ** (formats.parameter.fraction_bits - formats.operand_fraction)
        signs = self.signs(self.perturber, self.perturber_state)
        if plan.spec.fabric.perturbation != "sine":
            dtheta = self.dtheta
            if plan.spec.fabric.pipeline:
                dtheta -= dtheta % unit
            moved = zip(self.theta, signs, strict=True)
            return [(theta + sigma * s * dtheta) // unit for theta, s in moved]
        a = [(self.dtheta // unit * m + 64) // 128 for m in SINE]
        return [
            theta // unit + sigma * s * a[k]
            for theta, s, k in zip(self.theta, signs, self.levels(), strict=True)
        ]

    def outputs(self, operands: list[int], x: list[int]) -> list[int]:
        plan, formats = self.plan, self.plan.spec.formats
        remaining, defects = iter(operands), iter(self.defects)
        values, fraction = x, formats.input.fraction_bits
        for layer in plan.layers:
            preactivations = []
            for _ in range(layer.outputs):
                total = 0
                for value in [*values, 1 << fraction] if plan.spec.network.bias else values:
                    total += next(remaining) * value
                drop = formats.operand_fraction + fraction - formats.preactivation.fraction_bits
                preactivations.append(clip(shifted(total, drop), formats.preactivation))
            if plan.spec.fabric.defects:
                values = [self.imperfect(z, next(defects), layer) for z in preactivations]
            else:
                values = [self.activated(z, layer, layer.output_format) for z in preactivations]
            fraction = layer.output_format.fraction_bits
        assert next(remaining, None) is next(defects, None) is None
        return values

    def imperfect(self, z: int, defects: list[int], layer: LayerPlan) -> int:
        """Return the output of a neuron with defects."""
        beta, c, alpha, b = defects
        z = clip((beta * z + 128) // 256 + c, self.plan.spec.formats.preactivation)
        y = self.activated(z, layer, Format(False, 0, layer.output_format.fraction_bits))
        return clip((alpha * y + 128) // 256 + b, layer.output_format)

    def activated(self, z: int, layer: LayerPlan, fmt: Format) -> int:
        table, preactivation = layer.table, self.plan.spec.formats.preactivation
        if table is None:
            return clip(shifted(z, preactivation.fraction_bits - fmt.fraction_bits), fmt)
        k, r = divmod(z - preactivation.minimum, 1 << table.remainder_bits)
        value = table.knots[k] * 2**table.remainder_bits + table.slopes[k] * r
        return clip((value + 2 ** (table.shift - 1)) >> table.shift, fmt)

    def cost(self, y: list[int], t: list[int]) -> int:
        plan, total = self.plan, 0
        for output, target in zip(y, t, strict=True):
            error = output * 2 ** (plan.error_fraction - plan.output_format.fraction_bits)
            error -= target * 2 ** (plan.error_fraction - plan.spec.formats.target.fraction_bits)
            total += error**2 if plan.spec.network.cost == "squared" else abs(error)
        return total >> plan.cost_shift

    def measured(self, sigma: int) -> int:
        """Return the cost of the current sample as training sees it."""
        x, t = self.x[self.sample_index], self.t[self.sample_index]
        cost = self.cost(self.outputs(self.operands(sigma), x), t)
        if not self.plan.spec.fabric.cost_noise:
            return cost
        seen = cost + 2**self.plan.cost_bits + self.draw_noise(self.cost_noise)
        assert 0 <= seen < 2**self.plan.measured_bits
        return seen

    def draw_noise(self, level: int) -> int:
        self.noise_state = scalar_xorshift32(self.noise_state)
        n = 512 * f"{self.noise_state % 2**24:b}".count("1") + 2 * (self.noise_state // 2**24)
        n += 1 - 6400
        size = (abs(n) * level + 4096) // 8192
        return size if n > 0 else -size

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
        self.perturber, self.perturber_state = self.following(self.perturber, self.perturber_state)

    def following(self, own: list[int], shared: int) -> tuple[list[int], int]:
        fabric = self.plan.spec.fabric
        match fabric.perturbation:
            case "lfsr":
                return [scalar_lfsr(state, fabric.lfsr_bits) for state in own], shared
            case "chain":
                shared = scalar_lfsr(shared, fabric.lfsr_bits)
                return [shared % 2, *own[:-1]], shared
            case "walsh":
                return own, (shared + 1) % 2 ** len(f"{self.plan.parameters:b}")
            case "square" | "sine":
                bits, increments = oscillators(len(own), fabric.band)
                return [(v + by) % 2**bits for v, by in zip(own, increments, strict=True)], shared
        return [own[-1], *own[:-1]], shared

    def signs(self, own: list[int], shared: int) -> list[int]:
        match self.plan.spec.fabric.perturbation:
            case "walsh":
                rows = range(1, self.plan.parameters + 1)
                return [1 - 2 * (f"{shared & row:b}".count("1") % 2) for row in rows]
            case "sequential":
                return own
            case "square" | "sine":
                return [-1 if q >= 16 else 1 for q in self.points(own)]
        return [1 if state % 2 else -1 for state in own]

    def points(self, own: list[int]) -> list[int]:
        """Return where in its cycle of 32 points every oscillator is."""
        bits, _ = oscillators(self.plan.parameters, self.plan.spec.fabric.band)
        return [phase >> (bits - 5) for phase in own]

    def levels(self) -> list[int]:
        """Return k of every parameter."""
        return [7 - q % 8 if q // 8 % 2 else q % 8 for q in self.points(self.perturber)]

    def scaled(self, change: int) -> list[int]:
        """Return u of a correlator that is not sign-only, or u_0 to u_7 of a sine."""
        formats = self.plan.spec.formats
        q = 2**self.scale_shift // 2
        if formats.rounding == "stochastic":
            self.rounding_state = scalar_xorshift32(self.rounding_state)
            q = self.rounding_state % 2**self.scale_shift
        limit = 2 ** (formats.parameter.bits - 1) - 1
        mantissas = [self.scale_mantissa]
        if self.plan.spec.fabric.perturbation == "sine":
            mantissas = [(self.scale_mantissa * m + 64) // 128 for m in SINE]
        steps = [(change * mantissa + q) >> self.scale_shift for mantissa in mantissas]
        return [max(-limit, min(limit, step)) for step in steps]

    def moved(self, old: int, by: int) -> int:
        """Return a parameter from which `by` is taken."""
        formats, new = self.plan.spec.formats, old - by
        limit = 2 ** (formats.parameter.bits - 1)
        if -limit <= new < limit:
            return new
        clipped = limit - 1 if new > 0 else -limit
        return clipped if formats.overflow == "clip" else old

    def decayed(self, g: int) -> int:
        # Away from zero: what is left is |g| less a 2**-k of it, rounded up.
        taken = -(-abs(g) // 2**self.plan.spec.fabric.decay_shift)
        return (abs(g) - taken) * (1 if g > 0 else -1)

    def leaked(self, g: int) -> int:
        """Return what a timestep leaves of a leaky integrator."""
        formats, fabric = self.plan.spec.formats, self.plan.spec.fabric
        if fabric.correlator == "sign" or formats.rounding == "nearest":
            return self.decayed(g)
        dither = int(f"{self.rounding_state:032b}"[: fabric.decay_shift], 2)
        return g - (g + dither) // 2**fabric.decay_shift

    def shake(self) -> None:
        """Add the noise of an update."""
        drawn = 0
        for i, theta in enumerate(self.theta):
            if i == 0 or self.plan.spec.fabric.update_noise == "each":
                drawn = self.draw_noise(self.update_noise)
            self.theta[i] = self.moved(theta, drawn)

    def tick(self) -> None:
        for phase, tau in (
            ("phase_x", self.tau_x), ("phase_p", self.tau_p), ("phase_theta", self.tau_theta)
        ):  # fmt: skip
            ended = getattr(self, phase) + 1 >= tau
            setattr(self, phase, 0 if ended else getattr(self, phase) + 1)
        self.timestep += 1

    def execute(self) -> tuple[int, int]:
        plan, fabric = self.plan, self.plan.spec.fabric
        if self.phase_x == 0:
            self.draw_sample()
            forgets = fabric.baseline in ("mean", "highpass") and self.blank == 1
            if fabric.baseline == "sample" or forgets:
                self.baseline_valid = 0
        if self.phase_p == 0:
            self.perturb()
        sigma = 1
        match fabric.baseline:
            case "sample":
                if not self.baseline_valid:
                    self.baseline, self.baseline_valid = self.measured(0), 1
            case "two_sided":
                self.baseline, self.baseline_valid = self.measured(-1), 1
            case "literal":
                retaken = self.phase_x == 0 or self.phase_theta == 0
                if retaken:
                    self.baseline, self.baseline_valid = self.measured(0), 1
                if self.phase_p == 0:
                    self.perturbed = 1
                elif retaken:
                    self.perturbed = 0
                sigma = self.perturbed
        perturbed_cost = self.measured(sigma)
        change = perturbed_cost - self.baseline
        if fabric.baseline in ("mean", "highpass"):
            if not self.baseline_valid:
                self.baseline, self.baseline_valid = perturbed_cost << 8, 1
            change = perturbed_cost - (self.baseline >> 8)
            self.baseline += ((perturbed_cost << 8) - self.baseline) >> self.mean_shift
            if fabric.baseline == "highpass":
                change = perturbed_cost - (self.baseline >> 8)
        if fabric.correlator == "sign":
            direction = ((change > 0) - (change < 0)) * abs(sigma)
            u, summands = direction * self.sign_step, [direction * 2**fabric.decay_shift]
        else:
            summands = [abs(sigma) * step for step in self.scaled(change)]
            u = summands[-1]
        signs = self.signs(self.perturber, self.perturber_state)
        levels = self.levels() if len(summands) > 1 else [0] * len(signs)
        rows = zip(self.gradient, signs, levels, strict=True)
        g = [old + s * summands[k] for old, s, k in rows]
        ended = self.phase_theta + 1 >= self.tau_theta
        if fabric.baseline == "literal":
            ended = self.phase_theta == 0
        if ended:
            deltas = g
            if fabric.correlator == "sign":
                deltas = [((v > 0) - (v < 0)) * self.sign_step for v in g]
            self.theta = list(map(self.moved, self.theta, deltas))
            if fabric.decay_every == "update":
                g = list(map(self.decayed, g))
            if fabric.baseline == "sample":
                self.baseline_valid = 0
        if fabric.decay_every == "timestep":
            g = list(map(self.leaked, g))
        if ended and fabric.update_noise != "none":
            self.shake()
        if plan.gradient_bits:
            limit = 2 ** (plan.gradient_bits - 1)
            assert all(-limit <= v < limit for v in g)
            self.gradient = g
        self.tick()
        return perturbed_cost, u

    def execute_pipelined(self) -> tuple[int, int, int]:
        """Execute one timestep of a pipelined fabric; return C, C0 and u."""
        # 1. Late update.
        u, advance, ends = self.flight[self.flight_position]
        if advance == 1:
            late = self.following(self.update_perturber, self.update_state)
            self.update_perturber, self.update_state = late
        late_signs = self.signs(self.update_perturber, self.update_state)
        if self.plan.gradient_bits == 0:
            for i, s in enumerate(late_signs):
                self.theta[i] = self.moved(self.theta[i], s * u)
        else:
            for i, s in enumerate(late_signs):
                g = self.gradient[i] + s * u
                if ends == 1:
                    self.theta[i] = self.moved(self.theta[i], g)
                    g = self.decayed(g)
                self.gradient[i] = g
        # 2. Sample.
        if self.phase_x == 0:
            self.draw_sample()
        # 3. Perturbation.
        if self.phase_p == 0:
            self.perturb()
        # 4. Costs.
        costs = {sigma: self.measured(sigma) for sigma in (1, 0, -1)}
        baseline = costs[-1 if self.plan.spec.fabric.baseline == "two_sided" else 0]
        # 5. Step.
        [u] = self.scaled(costs[1] - baseline)
        # 6. Flight.
        ended = self.phase_theta + 1 >= self.tau_theta
        self.flight[self.flight_position] = [u, int(self.phase_p == 0), int(ended)]
        self.flight_position += 1
        if self.flight_position == self.plan.update_delay:
            self.flight_position = 0
        # 7. Clockwork.
        self.tick()
        return costs[1], baseline, u


@cache
def oscillators(count: int, band: tuple[float, float]) -> tuple[int, list[int]]:
    """Return the width of the phases, and what each of them grows by."""
    low, high = (Fraction(*end.as_integer_ratio()) for end in band)
    bits = 6
    while (high - low) * 2 ** (bits - 4) < count:
        bits += 1
    slots = [
        2 ** (bits - 4) * (low + (high - low) * (2 * i + 1) / (2 * count)) for i in range(count)
    ]
    return bits, [16 * floor(slot) + 1 for slot in slots]


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
        threshold = 0 if both_signed and not plan.spec.fabric.defects else 0.5
        return (real[0][0] >= threshold) == (real[1][0] >= threshold)
    first = [values.index(max(values)) for values in real]
    return first[0] == first[1]
