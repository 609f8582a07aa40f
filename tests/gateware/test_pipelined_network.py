"""The datapath of a pipelined fabric against f(x; theta), while updates travel with every wave."""

import random
from typing import Any

import pytest
from datapath import Row, assert_pipelined, drive, from_bits, to_bits
from datapath_model import Perturbers, Rule, operand, outputs
from pipelines import identify, make, pairs

from pmgd.gateware.pipelined_network import PipelinedNetwork
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate

WAVE = ("valid", "perturb", "opposite", "baseline")


class Case:
    """A datapath and a model of it, in a random state."""

    def __init__(self, settings: dict[str, Any], seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.plan = plan = Plan(make(settings))
        self.dut = PipelinedNetwork(plan)
        self.rule = Rule.of(plan)
        count = plan.parameters
        self.own, self.late = (Perturbers(plan, rng) for _ in range(2))
        bounds = plan.theta.minimum, plan.theta.maximum
        self.thetas = [rng.choice([*bounds, *[rng.randint(*bounds)] * 6]) for _ in range(count)]
        most = 40 * bool(plan.gradient_bits)
        self.gradients = [rng.randint(-most, most) for _ in range(count)]
        self.amplitude = rng.randrange(1, 1 << plan.amplitude_bits)
        self.since = 0

    @property
    def ring(self) -> list[int]:
        """The scan ring's bits, as the specification's section Windows has them."""
        plan = self.plan
        bits = []
        for theta, gradient in zip(self.thetas, self.gradients, strict=True):
            number = to_bits((theta, plan.theta.bits))
            if plan.spec.formats.overflow == "hold" and not plan.gradient_bits:
                number = [1 - number[-1], *number[-2::-1]]
            bits += number + to_bits((gradient, plan.gradient_bits))
        if self.own.kind == "chain":
            for perturbers in (self.own, self.late):
                bits += reversed(perturbers.own)
        return bits

    async def turn(self, ctx, bits: list[int]) -> list[int]:
        """Shift bits in, and return those that leave."""
        dut, count = self.dut, len(bits)
        rows = [(int(k < count), bits[k - 1]) for k in range(count + 1)]
        left = await drive(ctx, (dut.shifts, dut.scan.input), rows, (dut.scan.output,))
        return [bit for (bit,) in left[1:]]

    def begin(self, applies: bool, late_advance: int, ends: int, step: int, advance: int) -> None:
        """Steps 1 and 3 of a timestep."""
        if applies:
            if late_advance:
                self.late.advance()
            window_ends = ends or not self.plan.gradient_bits
            direction = -1 if step < 0 else 1
            synapses = zip(self.thetas, self.gradients, self.late.signs, strict=True)
            moved = [
                self.rule.apply(theta, g, s, direction, abs(step), window_ends)
                for theta, g, s in synapses
            ]
            self.thetas, self.gradients = map(list, zip(*moved, strict=True))
            self.since = 0 if ends else self.since + 1
        if advance:
            self.own.advance()

    def outputs(self, sigma: int, x: list[int]) -> Row:
        shift = self.plan.theta.fraction_bits - self.plan.spec.formats.operand_fraction
        amplitude = self.amplitude << shift
        operands = [
            operand(theta, sigma * s * amplitude, shift)
            for theta, s in zip(self.thetas, self.own.signs, strict=True)
        ]
        return outputs(self.plan, operands, x)

    def every_output(self, perturb: int, opposite: int, x: list[int]) -> tuple[Row, ...]:
        """Of each copy."""
        two_sided = self.plan.spec.fabric.baseline == "two_sided"
        if self.plan.spec.fabric.copies == 2:
            return self.outputs(-perturb * two_sided, x), self.outputs(perturb, x)
        return (self.outputs(-perturb if opposite and two_sided else perturb, x),)

    def wave(self, rate: float) -> tuple[dict[str, Any], tuple, list[int]]:
        """Draw a wave and what comes with it; return also what will come of it, and all theta."""
        rng, plan, source = self.rng, self.plan, self.plan.spec.formats.input
        valid = rng.random() < rate
        applies = valid and rng.random() < 0.7
        late_advance, advance = rng.getrandbits(1), int(valid and rng.random() < 0.5)
        largest = (1 << plan.step_bits) - 1
        step = rng.choice([largest, -largest, rng.randint(-300, 300), rng.randint(-9, 9)])
        ends = int(rng.random() < 0.4 or self.since >= 12)
        before = self.late.own[:], self.late.shared
        self.late.advance()
        late_entering = self.late.own[0]  # of whichever timestep it may be
        self.late.own, self.late.shared = before
        self.begin(applies, late_advance, ends, step, advance)
        bits = [int(valid), *(rng.getrandbits(1) for _ in WAVE[1:])]
        x = [rng.randint(source.minimum, source.maximum) for _ in range(plan.sample.inputs)]
        packed, _ = from_bits(to_bits(*((n, source.bits) for n in x)), source.bits * len(x), 0)
        row = {
            "wave": bits,
            "late": (late_advance, ends, int(applies), step),
            "late_entering": late_entering,
            "late_code": self.late.shared,
            "advance": advance,
            "entering": self.own.own[0],
            "code": self.own.shared,
            "x": packed,
        }
        y = self.every_output(*bits[1:3], x)
        return row, (*bits, *(value for copy in y for value in copy)), self.thetas[:]


LATER = {"wave": 0, "late": 0, "late_entering": 0, "late_code": 1, "advance": 1, "entering": 1,
         "code": 2, "x": 1}  # fmt: skip
"""In which cycle after a wave's each of its companions comes."""


def skewed(waves: list[dict[str, Any]], cycles: int) -> list[Row]:
    """Return what comes in each cycle, nothing after the last wave."""
    rows = []
    idle = {**waves[-1], "wave": [0] * 4, "late": (1, 1, 0, 77), "advance": 0}
    for cycle in range(cycles):
        row = []
        for name, later in LATER.items():
            k = cycle - later
            of = idle if k >= len(waves) or k < 0 else waves[k]
            value = of[name]
            row += value if name in ("wave", "late") else [value]
        rows.append(tuple(row))
    return rows


# One of each network, and two more; the others are for the whole fabric's tests.
@pytest.mark.parametrize("settings", pairs()[:4] + pairs()[6:8], ids=identify)
def test_every_wave_sees_the_parameters_and_signs_of_its_timestep(
    settings: dict[str, Any], random_seed: int
) -> None:
    case = Case(settings, random_seed)
    plan, dut, latency = case.plan, case.dut, case.plan.latency
    broadcast, late = dut.broadcast, dut.broadcast.late
    inputs = (
        *(dut.wave[name] for name in WAVE),
        *(late.advance, late.ends, late.applies, late.step),
        *(dut.late_entering, broadcast.late_code, broadcast.advance),
        *(dut.entering, broadcast.code, dut.x),
    )
    copies = range(plan.spec.fabric.copies)
    seen_outputs = [dut.arrived[name] for name in WAVE]
    seen_outputs += [dut.y[k][i] for k in copies for i in range(plan.outputs)]

    async def testbench(ctx):
        ctx.set(dut.dtheta, case.amplitude)
        await case.turn(ctx, case.ring)
        for rate in (1.0, 0.6):
            drawn = [case.wave(rate) for _ in range(80)]
            waves, expected, thetas = map(list, zip(*drawn, strict=True))
            rows = skewed(waves, len(waves) + latency.network + 3)
            seen = await drive(ctx, inputs, rows, (*seen_outputs, dut.used, dut.theta))
            assert_pipelined([row[:-2] for row in seen], expected, latency.network)
            check_used(plan, waves, thetas, [row[-2:] for row in seen])
        ring = case.ring
        assert await case.turn(ctx, ring) == ring

    simulate(dut, testbench)


def check_used(plan: Plan, waves: list, thetas: list, seen: list[Row]) -> None:
    """Demand that every layer shows its parameters once for each update, and when it uses them."""
    expected = [own for wave, own in zip(waves, thetas, strict=True) if wave["late"][2]]
    for number, layer in enumerate(plan.layers):
        own = slice(layer.first_parameter, layer.first_parameter + layer.parameters)
        shown = []
        for used, packed in seen:
            if used >> number & 1:
                bits = to_bits((packed, plan.parameters * plan.theta.bits))
                shown.append(list(from_bits(bits, *[-plan.theta.bits] * plan.parameters))[own])
        assert shown == [values[own] for values in expected], f"layer {number}"


@pytest.mark.parametrize("settings", pairs()[:2], ids=identify)
def test_scan(settings: dict[str, Any], random_seed: int) -> None:
    """From reset, when every number is 0, to one state and to another."""
    case = Case(settings, random_seed)
    first = case.ring
    second = [1 - bit for bit in first]

    async def testbench(ctx):
        left = await case.turn(ctx, first)
        case.thetas = case.gradients = [0] * case.plan.parameters
        for perturbers in (case.own, case.late):
            perturbers.own = [0] * case.plan.parameters
        assert left == case.ring
        assert await case.turn(ctx, second) == first
        assert await case.turn(ctx, first) == second

    simulate(case.dut, testbench)
