"""The probe: a sample word by word, its start, and what is kept of its evaluation."""

import random

import pytest
from control import PLANS, VARIANTS, access

from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.probe import Probe
from pmgd.gateware.spec import Network, Spec
from pmgd.sim.testbench import simulate

ALL = {
    **PLANS,  # 1 word and 1 output; 3 words and 2 outputs
    "2-words": Plan(Spec(name="two", network=Network(layers=(30, 3)))),
    "signed": VARIANTS["mean"],
}


@pytest.fixture(params=ALL)
def plan(request):
    return ALL[request.param]


async def write(ctx, dut, offset, data):
    """Write a word; return whether that started an evaluation."""
    target = dut.sample_target
    ctx.set(target.write, 1)
    ctx.set(target.offset, offset)
    ctx.set(target.data, data)
    assert not ctx.get(dut.start)
    ctx.set(target.strobe, 1)
    assert ctx.get(target.done)
    assert ctx.get(target.status) == Status.OK
    started = ctx.get(dut.start)
    await ctx.tick()
    ctx.set(target.strobe, 0)
    assert not ctx.get(target.done)
    assert not ctx.get(dut.start)
    return started


def test_shapes_are_the_intended_ones():
    shapes = {name: (plan.sample.words, plan.outputs) for name, plan in ALL.items()}
    assert shapes == {
        "xor": (1, 1),
        "narrow": (1, 1),
        "wide": (3, 2),
        "2-words": (2, 3),
        "signed": (1, 3),
    }
    assert ALL["signed"].output_format.signed


def test_the_last_word_starts_an_evaluation_of_all(plan, random_seed):
    rng = random.Random(random_seed)
    dut = Probe(plan)
    words = [0] * plan.sample.words
    last = plan.sample.words - 1

    async def testbench(ctx):
        orders = [list(range(last + 1)), list(reversed(range(last + 1)))]
        orders += [[rng.randint(0, last)] for _ in range(20)]
        for offset in (offset for order in orders for offset in order):
            words[offset] = rng.getrandbits(32)
            assert await write(ctx, dut, offset, words[offset]) == (offset == last)
            packed = sum(word << k * WORD_BITS for k, word in enumerate(words))
            assert ctx.get(dut.sample) == packed & (1 << plan.sample.bits) - 1

    simulate(dut, testbench)


def test_results_are_kept_when_they_arrive(plan, random_seed):
    rng = random.Random(random_seed)
    dut = Probe(plan)
    bounds = plan.output_format.minimum, plan.output_format.maximum
    expected = [0] * (1 + plan.outputs)

    async def testbench(ctx):
        for _ in range(40):
            y = [rng.choice([0, *bounds, rng.randint(*bounds)]) for _ in expected[1:]]
            cost = rng.choice([(1 << plan.cost_bits) - 1, rng.getrandbits(plan.cost_bits)])
            outputs_arrived, cost_arrived = rng.getrandbits(1), rng.getrandbits(1)
            ctx.set(dut.y, y)
            ctx.set(dut.cost, cost)
            ctx.set(dut.outputs_arrived, outputs_arrived)
            ctx.set(dut.cost_arrived, cost_arrived)
            await ctx.tick()
            ctx.set(dut.outputs_arrived, 0)
            ctx.set(dut.cost_arrived, 0)
            if outputs_arrived:
                expected[1:] = [value & 0xFFFFFFFF for value in y]  # with its sign
            if cost_arrived:
                expected[0] = cost
            for offset in rng.sample(range(len(expected)), len(expected)):
                got = await access(ctx, dut.outputs_target, offset)
                assert got == (Status.OK, expected[offset], 0)
            assert not ctx.get(dut.start)

    simulate(dut, testbench)
