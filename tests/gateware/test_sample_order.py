"""The sample order: each index, and how long it takes to be drawn."""

import random

import pytest
from control import PLANS
from shuffle_model import ShuffleModel

from pmgd.gateware.latency import INDEX_CYCLES, SHUFFLE_CYCLES
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.sample_order import SampleOrder
from pmgd.sim.testbench import simulate


def plan_of(samples: int, *, shuffle: bool) -> Plan:
    return Plan(xor().with_settings({"fabric.samples": samples, "fabric.shuffle": shuffle}))


async def draw(ctx, dut: SampleOrder, words: list[int]) -> int:
    """Draw a sample; return the cycles from the one after `begin` on. `words` are those drawn."""
    ctx.set(dut.begin, 1)
    cycles, done = -1, False
    while not done:
        *_, advance, done = await ctx.tick().sample(dut.advance, dut.done)
        if advance:
            ctx.set(dut.word, words.pop(0))
        ctx.set(dut.begin, 0)
        ctx.set(dut.run, 1)
        cycles += 1
    ctx.set(dut.run, 0)
    return cycles


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 5, 16, 40_000])
def test_every_order(samples: int, shuffle: bool, random_seed: int) -> None:
    rng = random.Random(random_seed)
    plan = plan_of(samples, shuffle=shuffle)
    dut = SampleOrder(plan)
    pool: list[int] = []
    model = ShuffleModel(0, lambda: pool.pop(0))

    async def testbench(ctx):
        index = word = 0
        for _ in range(150):
            count, order = rng.randint(1, samples), rng.randrange(3 if shuffle else 2)
            ctx.set(dut.sample_count, count)
            ctx.set(dut.order, order)
            if rng.random() < 0.3:
                index = rng.randrange(samples)
                ctx.set(dut.load_index, 1)
                ctx.set(dut.loaded, index)
                await ctx.tick()
                ctx.set(dut.load_index, 0)
            words = [rng.choice([0, 0xFFFFFFFF, rng.getrandbits(32)]) for _ in range(10)]
            pool[:] = words
            before = len(words)
            cycles = await draw(ctx, dut, words)
            drawn, declared = before - len(words), plan.sample.count_bits + INDEX_CYCLES
            if order == 0:
                word, expected_draws = pool[0], 1
                index = word * count >> 32
            elif order == 1:
                index, expected_draws = (0 if index + 1 >= count else index + 1), 0
            else:
                model.word = word
                index, tried = model.draw(count)
                word, expected_draws = model.word, before - len(pool)
                declared = SHUFFLE_CYCLES * tried
            assert (ctx.get(dut.sample_index), drawn) == (index, expected_draws)
            assert cycles == declared
            if shuffle:
                assert ctx.get(dut.order_position) == model.position

    simulate(dut, testbench, deadline_cycles=200_000)


def test_loads_are_apart() -> None:
    dut = SampleOrder(plan_of(16, shuffle=True))

    async def testbench(ctx):
        for load, value in ((dut.load_index, 9), (dut.load_position, 6), (dut.load_index, 3)):
            ctx.set(load, 1)
            ctx.set(dut.loaded, value)
            await ctx.tick()
            ctx.set(load, 0)
        assert (ctx.get(dut.sample_index), ctx.get(dut.order_position)) == (3, 6)

    simulate(dut, testbench)


def test_a_fabric_that_cannot_shuffle_has_no_position() -> None:
    dut = SampleOrder(PLANS["xor"])

    async def testbench(ctx):
        ctx.set(dut.load_position, 1)
        ctx.set(dut.loaded, 1)
        await ctx.tick()
        assert ctx.get(dut.order_position) == 0

    simulate(dut, testbench)
