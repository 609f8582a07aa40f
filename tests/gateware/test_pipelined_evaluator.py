"""The pipelined evaluator: every sample once, and sums of what arrives, each in its own time."""

import random

import pytest
from pipelines import make

from pmgd.gateware.pipelined_evaluator import PipelinedEvaluator
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate


def plan_of(outputs: int, samples: int) -> Plan:
    return Plan(make({"network.layers": [2, outputs], "fabric.samples": samples}))


def drawn(plan: Plan, rng: random.Random) -> tuple[list[int], list[int], int]:
    """Return outputs, targets and cost of a sample, which the evaluator does not relate."""
    y = [rng.getrandbits(plan.output_format.bits) for _ in range(plan.outputs)]
    t = [rng.getrandbits(1) for _ in range(plan.outputs)]
    largest = (1 << plan.cost_bits) - 1
    return y, t, rng.choice([largest, rng.randint(0, largest)])


def hit(plan: Plan, y: list[int], t: list[int]) -> bool:
    if plan.outputs == 1:
        return (y[0] / (1 << plan.output_format.fraction_bits) >= 0.5) == t[0]
    return y.index(max(y)) == t.index(max(t))


@pytest.mark.parametrize("samples", [1, 5, 8, 200])
@pytest.mark.parametrize("outputs", [1, 3])
def test_sweeps(outputs: int, samples: int, random_seed: int) -> None:
    """Of any number of samples, started at once or with pauses; nothing else changes the sums."""
    rng = random.Random(random_seed)
    plan = plan_of(outputs, samples)
    dut = PipelinedEvaluator(plan)

    async def sweep(ctx, count: int, pauses: float) -> None:
        ctx.set(dut.load, 1)
        ctx.set(dut.loaded, count)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.loaded, rng.getrandbits(len(dut.loaded)))
        results = [drawn(plan, rng) for _ in range(count)]
        expected = (
            sum(hit(plan, y, t) for y, t, _ in results),
            sum(cost for _, _, cost in results),
        )
        started = shown = costed = idle = 0
        until_outputs, until_cost = rng.randint(1, 9), rng.randint(1, 9)
        due_outputs, due_costs = [], []
        cycle = 0
        while ctx.get(dut.wanted):
            assert (ctx.get(dut.index), ctx.get(dut.offered)) == (started, started < count)
            start = started < count and rng.random() >= pauses
            ctx.set(dut.start, start)
            if start:
                due_outputs.append(cycle + until_outputs)
                due_costs.append(cycle + until_cost)
                started += 1
            y, t, cost = drawn(plan, rng)
            outputs_arrive, cost_arrives = cycle in due_outputs, cycle in due_costs
            if outputs_arrive:
                y, t, _ = results[shown]
                shown += 1
            if cost_arrives:
                cost = results[costed][2]
                costed += 1
            ctx.set(dut.outputs_arrived, outputs_arrive)
            ctx.set(dut.cost_arrived, cost_arrives)
            ctx.set(dut.y, y)
            ctx.set(dut.target, t)
            ctx.set(dut.cost, cost)
            idle = idle + 1 if shown == costed == count else 0
            assert idle < 4, "it ends with the last of its samples"
            await ctx.tick()
            cycle += 1
        for signal in (dut.start, dut.outputs_arrived, dut.cost_arrived):
            ctx.set(signal, 0)
        assert (started, shown, costed) == (count, count, count), "none is left out"
        for _ in range(3):
            assert not ctx.get(dut.offered)
            assert (ctx.get(dut.hits), ctx.get(dut.cost_sum)) == expected
            assert ctx.get(dut.evaluate) == count
            await ctx.tick()

    async def testbench(ctx):
        assert not ctx.get(dut.wanted)
        for count in (samples, 0, *(rng.randint(0, samples) for _ in range(5)), samples):
            await sweep(ctx, count, rng.choice([0.0, 0.0, 0.5]))

    simulate(dut, testbench, deadline_cycles=20_000)


def test_the_largest_sums_fit() -> None:
    plan = plan_of(1, 7)
    dut = PipelinedEvaluator(plan)
    largest = (1 << plan.cost_bits) - 1

    async def testbench(ctx):
        ctx.set(dut.load, 1)
        ctx.set(dut.loaded, 7)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.cost, largest)
        for signal in (dut.start, dut.outputs_arrived, dut.cost_arrived):
            ctx.set(signal, 1)
        for _ in range(7):
            await ctx.tick()
        for signal in (dut.start, dut.outputs_arrived, dut.cost_arrived):
            ctx.set(signal, 0)
        await ctx.tick().repeat(3)
        # Outputs of 0 and targets of 0: all are hits.
        assert (ctx.get(dut.hits), ctx.get(dut.cost_sum)) == (7, 7 * largest)
        assert not ctx.get(dut.wanted)

    simulate(dut, testbench)
