"""The evaluator against the specification's classes and sums."""

import random
from itertools import product

import pytest
from classes import hit, plan_of

from pmgd.gateware.evaluator import Evaluator
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate


class Driven:
    """An evaluator, and the sums it should hold."""

    def __init__(self, plan: Plan, rng: random.Random) -> None:
        self.plan, self.rng = plan, rng
        self.dut = Evaluator(plan)
        self.hits = self.cost_sum = 0

    def check(self, ctx, evaluate: int, index: int) -> None:
        dut = self.dut
        shown = dut.evaluate, dut.index, dut.wanted, dut.hits, dut.cost_sum
        expected = evaluate, index, index < evaluate, self.hits, self.cost_sum
        assert tuple(ctx.get(value) for value in shown) == expected

    async def begin(self, ctx, count: int) -> None:
        dut = self.dut
        ctx.set(dut.load, 1)
        ctx.set(dut.loaded, count)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.loaded, self.rng.getrandbits(len(dut.loaded)))
        self.hits = self.cost_sum = 0

    async def sample(self, ctx, y: tuple, t: tuple, cost: int) -> None:
        """Let an evaluation arrive, and demand that it takes as long as declared."""
        dut = self.dut
        ctx.set(dut.y, list(y))
        ctx.set(dut.target, list(t))
        ctx.set(dut.cost, cost)
        for cycle in range(self.plan.outputs):
            ctx.set(dut.arrived, cycle == 0)
            assert ctx.get(dut.done) == (cycle == self.plan.outputs - 1)
            await ctx.tick()
            ctx.set(dut.cost, self.rng.getrandbits(self.plan.cost_bits))
        ctx.set(dut.arrived, 0)
        self.hits += hit(self.plan, y, t)
        self.cost_sum += cost


@pytest.mark.parametrize(
    ("outputs", "activation", "output", "target"),
    [
        (1, "sigmoid", "U0.4", "U1.0"),
        (1, "sigmoid", "U0.1", "U0.3"),
        (1, "sigmoid", "U0.3", "S1.2"),
        (1, "tanh", "S1.3", "S1.2"),
        (1, "identity", "S3.1", "U2.1"),
        (1, "relu", "U3.0", "U3.0"),
        (2, "sigmoid", "U0.3", "U1.0"),
        (2, "tanh", "S1.1", "S1.1"),
        (3, "sigmoid", "U0.2", "U1.0"),
        (4, "tanh", "S1.0", "U1.0"),
    ],
)
def test_every_class(outputs, activation, output, target, random_seed) -> None:
    """All outputs against all targets, from a fresh count each."""
    rng = random.Random(random_seed)
    plan = plan_of(outputs, activation, output, target)
    rig = Driven(plan, rng)
    ys, ts = plan.output_format, plan.spec.formats.target
    values = [
        list(product(range(fmt.minimum, fmt.maximum + 1), repeat=outputs)) for fmt in (ys, ts)
    ]
    cases = list(product(*values))
    rng.shuffle(cases)

    async def testbench(ctx):
        await rig.begin(ctx, 1)
        for y, t in cases:
            before = ctx.get(rig.dut.hits)
            await rig.sample(ctx, y, t, 0)
            hits = (ctx.get(rig.dut.hits) - before) % (1 << len(rig.dut.hits))
            assert hits == hit(plan, y, t), f"{y} for {t}"

    simulate(rig.dut, testbench, deadline_cycles=100_000)


@pytest.mark.parametrize("samples", [1, 5, 8])
@pytest.mark.parametrize("outputs", [1, 3])
def test_sums_and_counts(outputs: int, samples: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    plan = plan_of(outputs, "sigmoid", "U0.4", "U1.0", samples, "squared")
    rig = Driven(plan, rng)
    largest = (1 << plan.cost_bits) - 1

    async def testbench(ctx):
        rig.check(ctx, 0, 0)
        for count in [samples, 0, *(rng.randint(0, samples) for _ in range(12)), samples]:
            await rig.begin(ctx, count)
            for index in range(count):
                rig.check(ctx, count, index)
                for _ in range(rng.randrange(3)):
                    await ctx.tick()
                y = tuple(rng.getrandbits(4) for _ in range(outputs))
                t = tuple(rng.getrandbits(1) for _ in range(outputs))
                await rig.sample(ctx, y, t, rng.choice([largest, rng.randint(0, largest)]))
            rig.check(ctx, count, count)
            await ctx.tick()
            rig.check(ctx, count, count)

    simulate(rig.dut, testbench)


def test_the_largest_sum_fits(random_seed: int) -> None:
    plan = plan_of(2, "sigmoid", "U0.4", "U1.0", 7)
    rig = Driven(plan, random.Random(random_seed))

    async def testbench(ctx):
        await rig.begin(ctx, 7)
        for _ in range(7):
            await rig.sample(ctx, (1, 0), (1, 0), (1 << plan.cost_bits) - 1)
        rig.check(ctx, 7, 7)
        assert ctx.get(rig.dut.hits) == 7

    simulate(rig.dut, testbench)
