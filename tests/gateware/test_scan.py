"""The scan controller around a ring of bits, against the ring as a list of words."""

import random

import pytest
from amaranth.hdl import Cat, Elaboratable, Module, Signal
from control import access, random_words

from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS, ScanLayout
from pmgd.gateware.scan import Scan
from pmgd.sim.testbench import simulate

# theta, G, LFSR bits and parameters; by the words and padding bits that they make.
LAYOUTS = {
    (1, 10): ScanLayout(3, 0, 8, 2),
    (1, 0): ScanLayout(12, 12, 8, 1),
    (2, 31): ScanLayout(3, 0, 8, 3),
    (3, 0): ScanLayout(12, 12, 8, 3),
    (4, 1): ScanLayout(12, 34, 81, 1),
    (14, 16): ScanLayout(12, 20, 16, 9),
}


class Ring(Elaboratable):
    """A scan controller, and in place of the synapses one long shift register."""

    def __init__(self, layout, value):
        self.scan = Scan(layout)
        self.used = layout.parameters * layout.synapse_bits
        self.synapses = Signal(self.used, init=value)

    def elaborate(self, platform):
        m = Module()
        m.submodules.scan = self.scan
        m.d.comb += self.scan.ring.output.eq(self.synapses[0])
        with m.If(self.scan.ring.shift):
            m.d.sync += self.synapses.eq(Cat(self.synapses[1:], self.scan.ring.input))
        return m


class Model:
    """The bit string as words, and where the ring stands."""

    def __init__(self, layout, value):
        self.words = [value >> k * WORD_BITS & 0xFFFFFFFF for k in range(layout.words)]
        self.position = 0

    @property
    def value(self):
        return sum(word << k * WORD_BITS for k, word in enumerate(self.words))

    def turn_to(self, offset):
        """Return the cycles until a word has passed; it is found at the exit or turned to."""
        words = (offset - self.position) % len(self.words) + 1
        self.position = (offset + 1) % len(self.words)
        return words * WORD_BITS


def ring_and_model(layout, rng):
    value = rng.getrandbits(layout.parameters * layout.synapse_bits)
    return Ring(layout, value), Model(layout, value)


async def check_access(ctx, dut, model, offset, data=None):
    cycles = model.turn_to(offset)
    got = await access(ctx, dut.scan.target, offset, data)
    # Two cycles to start and one to report.
    assert (got.status, got.cycles) == (Status.OK, cycles + 2)
    if data is None:
        assert got.value == model.words[offset], f"word {offset}"
    else:
        model.words[offset] = data


async def go_home(ctx, dut, model):
    expected = -model.position % len(model.words) * WORD_BITS
    model.position = 0
    ctx.set(dut.scan.home, 1)
    cycles = 0
    while not ctx.get(dut.scan.homed):
        await ctx.tick()
        cycles += 1
    ctx.set(dut.scan.home, 0)
    assert cycles == expected + 2 * bool(expected)
    assert ctx.get(dut.synapses) == model.value & (1 << dut.used) - 1


@pytest.mark.parametrize("shape", LAYOUTS, ids=lambda shape: f"{shape[0]}-words-{shape[1]}-padding")
def test_random_order_equals_the_bit_string(shape, random_seed):
    layout, rng = LAYOUTS[shape], random.Random(random_seed)
    assert (layout.words, layout.padding_bits) == shape
    dut, model = ring_and_model(layout, rng)
    writes, written = [], []

    async def testbench(ctx):
        everything = list(range(layout.words))
        for offset in everything:  # what the synapses began with
            await check_access(ctx, dut, model, offset)
        for offset, word in zip(everything, random_words(rng, layout.words), strict=True):
            await check_access(ctx, dut, model, offset, word)
            writes.append(offset)
        for _ in range(25):
            offset, kind = rng.randrange(layout.words), rng.random()
            if kind < 0.4:
                await check_access(ctx, dut, model, offset)
            elif kind < 0.8:
                await check_access(ctx, dut, model, offset, rng.getrandbits(32))
                writes.append(offset)
            else:
                await go_home(ctx, dut, model)
        for offset in rng.sample(everything, layout.words):
            await check_access(ctx, dut, model, offset)
        await go_home(ctx, dut, model)
        assert len(written) == len(writes)

    async def follow_shifts(ctx):
        """A cycle ahead, it is told whether the ring shifts."""
        shifts = 0
        async for *_, now, following in ctx.tick().sample(dut.scan.ring.shift, dut.scan.shifts):
            assert now == shifts
            shifts = following

    async def count_written(ctx):
        async for *_, strobe, done in ctx.tick().sample(dut.scan.written, dut.scan.target.done):
            if strobe:
                assert done
                written.append(strobe)

    simulate(dut, testbench, background=[count_written, follow_shifts], deadline_cycles=100_000)


@pytest.mark.parametrize("shape", LAYOUTS, ids=lambda shape: f"{shape[0]}-words-{shape[1]}-padding")
def test_ring_stands_still_unless_it_is_asked(shape, random_seed):
    layout, rng = LAYOUTS[shape], random.Random(random_seed)
    dut, model = ring_and_model(layout, rng)

    async def stand_still(ctx):
        for _ in range(2 * WORD_BITS):
            *_, shift, shifts, done, written = await ctx.tick().sample(
                dut.scan.ring.shift, dut.scan.shifts, dut.scan.target.done, dut.scan.written
            )
            assert (shift, shifts, done, written) == (0, 0, 0, 0)

    async def testbench(ctx):
        # It is home after reset, so a run that asks it home does not turn it.
        assert ctx.get(dut.scan.homed)
        ctx.set(dut.scan.home, 1)
        await stand_still(ctx)
        ctx.set(dut.scan.home, 0)
        for offset in (0, layout.words - 1, layout.words // 2):
            await check_access(ctx, dut, model, offset, rng.getrandbits(32))
            await stand_still(ctx)
            assert ctx.get(dut.scan.homed) == (model.position == 0)
        await go_home(ctx, dut, model)
        await stand_still(ctx)

    simulate(dut, testbench)


def test_padding_reads_as_last_written(random_seed):
    layout, rng = LAYOUTS[2, 31], random.Random(random_seed)
    dut, model = ring_and_model(layout, rng)

    async def testbench(ctx):
        await check_access(ctx, dut, model, 1)
        assert model.words[1] >> 1 == 0
        for word in (0xFFFFFFFF, 0x00000001, 0xA5A5A5A4):
            await check_access(ctx, dut, model, 1, word)
            await check_access(ctx, dut, model, 0)
            await go_home(ctx, dut, model)
            await check_access(ctx, dut, model, 1)

    simulate(dut, testbench)
