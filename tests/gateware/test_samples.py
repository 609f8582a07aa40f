"""The sample memory against the window as words, for one to three words a sample."""

import random

import pytest
from control import access, random_words

from pmgd.gateware.formats import Format
from pmgd.gateware.frames import Status
from pmgd.gateware.latency import FETCH_CYCLES
from pmgd.gateware.layout import WORD_BITS, SampleLayout
from pmgd.gateware.samples import Samples
from pmgd.sim.testbench import simulate

BIT, S3_8, U0_16 = Format(False, 1, 0), Format(True, 3, 8), Format(False, 0, 16)

LAYOUTS = {
    "3-bits": SampleLayout(2, BIT, 1, BIT, 16),
    "1-full-word": SampleLayout(1, U0_16, 1, U0_16, 5),
    "2-words": SampleLayout(1, U0_16, 17, BIT, 4),
    "3-words-of-4": SampleLayout(5, S3_8, 2, S3_8, 6),
    "1-sample": SampleLayout(2, BIT, 1, BIT, 1),
    "1-sample-of-3-words": SampleLayout(5, S3_8, 2, S3_8, 1),
}


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


class Model:
    """Every word that exists, by its offset, and each packed sample."""

    def __init__(self, layout):
        self.layout = layout
        self.words = {
            sample * layout.stride + word: 0
            for sample in range(layout.samples)
            for word in range(layout.words)
        }

    def write(self, offset, data):
        used = min(WORD_BITS, self.layout.bits - offset % self.layout.stride * WORD_BITS)
        self.words[offset] = data & (1 << used) - 1

    def sample(self, index):
        words = [self.words[index * self.layout.stride + k] for k in range(self.layout.words)]
        return sum(word << k * WORD_BITS for k, word in enumerate(words))


async def write(ctx, dut, model, offset, data):
    """Write a word, and demand that the memory says so in just that access."""
    target = dut.target
    for cycle in range(FETCH_CYCLES + 2):
        strobe = cycle == 0
        ctx.set(target.strobe, strobe)
        ctx.set(target.write, 1)
        ctx.set(target.offset, offset)
        ctx.set(target.data, data)
        assert ctx.get(dut.written) == strobe
        assert ctx.get(target.done) == (cycle == FETCH_CYCLES + 1)
        if ctx.get(target.done):
            assert ctx.get(target.status) == Status.OK
        await ctx.tick()
    model.write(offset, data)


async def check_words(ctx, dut, model, offsets):
    for offset in offsets:
        ctx.set(dut.target.write, 0)
        ctx.set(dut.target.strobe, 1)
        assert not ctx.get(dut.written)
        expected = (Status.OK, model.words[offset], FETCH_CYCLES + 1)
        assert await access(ctx, dut.target, offset) == expected, f"word {offset}"


async def check_sample(ctx, dut, model, index):
    ctx.set(dut.index, index)
    ctx.set(dut.fetch, 1)
    await ctx.tick()
    ctx.set(dut.fetch, 0)
    await ctx.tick().repeat(FETCH_CYCLES - 1)
    assert ctx.get(dut.sample) == model.sample(index), f"sample {index}"


def test_shapes_are_the_intended_ones():
    shapes = {name: (each.bits, each.words, each.stride) for name, each in LAYOUTS.items()}
    assert shapes == {
        "3-bits": (3, 1, 1),
        "1-full-word": (32, 1, 1),
        "2-words": (33, 2, 2),
        "3-words-of-4": (77, 3, 4),
        "1-sample": (3, 1, 1),
        "1-sample-of-3-words": (77, 3, 4),
    }


def test_every_word_and_every_sample(layout, random_seed):
    rng = random.Random(random_seed)
    dut, model = Samples(layout), Model(layout)
    offsets = list(model.words)

    async def testbench(ctx):
        await check_words(ctx, dut, model, offsets)
        for _ in range(3):
            for data in ([0xFFFFFFFF] * len(offsets), random_words(rng, len(offsets))):
                order = rng.sample(offsets, len(offsets))
                for offset, word in zip(order, data, strict=True):
                    await write(ctx, dut, model, offset, word)
                await check_words(ctx, dut, model, rng.sample(offsets, len(offsets)))
                for index in rng.sample(range(layout.samples), layout.samples):
                    await check_sample(ctx, dut, model, index)

    simulate(dut, testbench)


def test_each_word_is_stored_at_once_and_alone(layout, random_seed):
    rng = random.Random(random_seed)
    dut, model = Samples(layout), Model(layout)

    async def testbench(ctx):
        for offset in model.words:
            await write(ctx, dut, model, offset, rng.getrandbits(32))
        for offset in model.words:
            await write(ctx, dut, model, offset, ~model.words[offset] & 0xFFFFFFFF)
            await check_sample(ctx, dut, model, offset // layout.stride)
            await check_words(ctx, dut, model, model.words)

    simulate(dut, testbench)


def test_sample_stays_until_the_next_fetch(layout, random_seed):
    rng = random.Random(random_seed)
    dut, model = Samples(layout), Model(layout)

    async def testbench(ctx):
        for offset in model.words:
            await write(ctx, dut, model, offset, rng.getrandbits(32))
        for _ in range(20):
            fetched = rng.randrange(layout.samples)
            await check_sample(ctx, dut, model, fetched)
            for _ in range(rng.randrange(4)):
                ctx.set(dut.index, rng.randrange(layout.samples))
                await ctx.tick()
                assert ctx.get(dut.sample) == model.sample(fetched)

    simulate(dut, testbench)


def test_only_an_access_writes(layout, random_seed):
    rng = random.Random(random_seed)
    dut, model = Samples(layout), Model(layout)

    async def testbench(ctx):
        for offset in model.words:
            await write(ctx, dut, model, offset, rng.getrandbits(32))
        ctx.set(dut.target.write, 1)
        for offset in model.words:
            ctx.set(dut.target.offset, offset)
            ctx.set(dut.target.data, ~model.words[offset] & 0xFFFFFFFF)
            await check_sample(ctx, dut, model, offset // layout.stride)
            assert not ctx.get(dut.written)
        await check_words(ctx, dut, model, model.words)

    simulate(dut, testbench)
