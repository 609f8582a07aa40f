"""The shuffler against the specification's rounds, for every number of samples of small widths."""

import random

import pytest
from shuffle_model import ShuffleModel

from pmgd.gateware.latency import SHUFFLE_CYCLES
from pmgd.gateware.shuffler import Shuffler
from pmgd.sim.testbench import simulate


class Driven:
    """A shuffler with a generator beside it, which the model has a copy of."""

    def __init__(self, samples: int, seed: int) -> None:
        self.dut = Shuffler(
            index_bits=max(1, (samples - 1).bit_length()), count_bits=samples.bit_length()
        )
        self.words = random.Random(seed)
        copy = random.Random(seed)
        first = self.words.getrandbits(32)
        self.word = first
        assert copy.getrandbits(32) == first
        self.model = ShuffleModel(first, lambda: copy.getrandbits(32))

    async def draw(self, ctx, count: int) -> int:
        """Draw an index, and demand that it is the model's, in the declared time."""
        dut = self.dut
        index, tried = self.model.draw(count)
        ctx.set(dut.word, self.word)
        ctx.set(dut.sample_count, count)
        ctx.set(dut.run, 1)
        cycles, done = 0, False
        while not done:
            *_, done, drawn, advance = await ctx.tick().sample(dut.done, dut.index, dut.advance)
            cycles += 1
            if advance:
                self.word = self.words.getrandbits(32)
                ctx.set(dut.word, self.word)
        ctx.set(dut.run, 0)
        assert drawn == index
        assert cycles == SHUFFLE_CYCLES * tried
        assert ctx.get(dut.position) == self.model.position
        assert self.word == self.model.word
        return drawn


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 16])
def test_every_sample_once_then_in_another_order(samples: int, random_seed: int) -> None:
    rig = Driven(samples, random_seed)

    async def testbench(ctx):
        for count in range(1, samples + 1):
            # To the end of the round that a smaller number has begun.
            mask = (1 << (count - 1).bit_length()) - 1
            rig.model.position = mask
            ctx.set(rig.dut.load, 1)
            ctx.set(rig.dut.loaded, mask)
            await ctx.tick()
            ctx.set(rig.dut.load, 0)
            orders = set()
            for _ in range(6):
                order = tuple([await rig.draw(ctx, count) for _ in range(count)])
                assert sorted(order) == list(range(count))
                orders.add(order)
            assert count < 5 or len(orders) > 1

    simulate(rig.dut, testbench, deadline_cycles=100_000)


@pytest.mark.parametrize("samples", [5, 1000, 1 << 20])
def test_any_position_and_any_count(samples: int, random_seed: int) -> None:
    """Also a position beyond the range, as a smaller number of samples leaves behind."""
    rng = random.Random(random_seed)
    rig = Driven(samples, random_seed)

    async def testbench(ctx):
        for _ in range(60):
            count = rng.choice([1, 2, samples, rng.randint(1, samples)])
            if rng.random() < 0.5:
                rig.model.position = rng.choice([0, count - 1, rng.randrange(samples)])
                ctx.set(rig.dut.load, 1)
                ctx.set(rig.dut.loaded, rig.model.position)
                await ctx.tick()
                ctx.set(rig.dut.load, 0)
                assert ctx.get(rig.dut.position) == rig.model.position
            for _ in range(3):
                await rig.draw(ctx, count)
            await ctx.tick()
            assert not ctx.get(rig.dut.done)

    simulate(rig.dut, testbench, deadline_cycles=100_000)
