"""The sample memory against the window as words, for one to three words a sample."""

import random

import pytest
from amaranth.hdl import Fragment
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

ROWS = 16384  # of a block of memory one bit wide
MANY = {
    "1-row-in-the-last-block": SampleLayout(2, BIT, 1, BIT, ROWS + 1),
    "3-blocks-a-bit-2-words": SampleLayout(1, U0_16, 17, BIT, 2 * ROWS + 3),
}
"""Layouts that an ECP5 stores bit by bit."""


class Ecp5:
    device = "LFE5U-85F"


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


@pytest.mark.parametrize("name", MANY)
def test_samples_scattered_over_blocks(name, random_seed):
    rng = random.Random(random_seed)
    layout = MANY[name]
    dut, model = Samples(layout), Model(layout)
    starts = range(0, layout.samples, ROWS)
    scattered = Fragment.get(dut, Ecp5())
    assert len(scattered.subfragments) == layout.bits * len(starts)

    # Every block has its first rows among them, and its last ones: rows of the same numbers.
    edges = {start + k for start in (*starts, layout.samples) for k in range(-3, 3)}
    edges = [index for index in sorted(edges) if 0 <= index < layout.samples]
    offsets = [index * layout.stride + k for index in edges for k in range(layout.words)]

    async def testbench(ctx):
        await check_words(ctx, dut, model, offsets)
        for _ in range(6):
            for offset in rng.sample(offsets, len(offsets)):
                await write(ctx, dut, model, offset, random_words(rng, 1)[0])
            await check_words(ctx, dut, model, rng.sample(offsets, len(offsets)))
        for index in rng.sample(edges, len(edges)):
            await check_sample(ctx, dut, model, index)
        # One in every cycle, from whichever block; then one that stays.
        fetched = rng.choices(edges, k=200)
        ctx.set(dut.fetch, 1)
        for cycle, index in enumerate(fetched):
            ctx.set(dut.index, index)
            await ctx.tick()
            if (arrived := cycle + 1 - FETCH_CYCLES) >= 0:
                assert ctx.get(dut.sample) == model.sample(fetched[arrived])
        ctx.set(dut.fetch, 0)
        ctx.set(dut.index, (fetched[-1] + ROWS) % layout.samples)
        await ctx.tick().repeat(2 * FETCH_CYCLES)
        assert ctx.get(dut.sample) == model.sample(fetched[-1])

    simulate(scattered, testbench)
