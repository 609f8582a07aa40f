"""The whole fabric from its ports: reset, access rules, cycles of a timestep, and the probe."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import Value
from amaranth.lib.wiring import Out
from control import PLANS, exchange

from pmgd.gateware.fabric import Fabric
from pmgd.gateware.formats import Format
from pmgd.gateware.frames import MAX_WORDS, Status
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Reg, Region, registers, windows
from pmgd.gateware.spec import Fabric as FabricSpec
from pmgd.gateware.spec import Formats, Network, Spec
from pmgd.sim.testbench import simulate

SHAPES = {
    "2-2-1": PLANS["xor"],
    "3-2": Plan(Spec(name="flat", network=Network(layers=(3, 2)))),
}

S3_8 = Format(True, 3, 8)
GAP = Plan(
    Spec(
        name="gap",
        network=Network(layers=(6, 1)),
        formats=Formats(input=S3_8, target=S3_8),
        fabric=FabricSpec(samples=3, lfsr_bits=8, tau_theta_bits=1),
    )
)
"""A small plan whose samples take three words of a stride of four."""


def address(region, offset=0):
    return region << REGION_SHIFT | offset


async def read(ctx, dut, where, words=1):
    status, values = await exchange(ctx, dut, where, words)
    assert status == Status.OK, f"read of {where:#x}"
    return values


async def write(ctx, dut, where, *words):
    assert await exchange(ctx, dut, where, words) == (Status.OK, ()), f"write to {where:#x}"


async def read_all(ctx, dut, plan):
    """Return every register, and the scan ring."""
    values = [(await read(ctx, dut, register.reg))[0] for register in registers(plan)]
    return values, await read(ctx, dut, address(Region.SCAN), plan.scan.words)


async def wait(ctx, dut):
    while ctx.get(dut.busy):
        await ctx.tick()


async def fill(ctx, dut, plan, rng):
    """Give every sample, of one word each, and every bit of the scan ring some value."""
    assert plan.sample.words == 1
    for region, words in ((Region.SAMPLES, plan.sample.samples), (Region.SCAN, plan.scan.words)):
        assert words <= MAX_WORDS
        await write(ctx, dut, address(region), *(rng.getrandbits(32) for _ in range(words)))


@pytest.mark.parametrize("name", PLANS)
def test_every_output_is_quiet_after_reset(name):
    dut = Fabric(PLANS[name])
    outputs = {
        ".".join(map(str, path)): Value.cast(value)
        for path, member, value in dut.signature.flatten(dut)
        if member.flow == Out
    }
    expected = dict.fromkeys(outputs, 0) | {"rx.ready": 1}

    async def testbench(ctx):
        ctx.set(dut.tx.ready, 1)
        for _ in range(100):
            assert {name: ctx.get(value) for name, value in outputs.items()} == expected
            await ctx.tick()

    assert set(expected) == {
        *("rx.ready", "tx.valid", "tx.payload", "busy"),
        *(f"trace.{name}" for name in ("valid", "cost", "baseline", "step", "parameters")),
    }
    simulate(dut, testbench)


@pytest.mark.parametrize("name", PLANS)
def test_registers_reset_to_the_listed_values(name):
    plan = PLANS[name]
    dut = Fabric(plan)

    async def testbench(ctx):
        for register in registers(plan):
            assert await read(ctx, dut, register.reg) == (register.reset,), register.name

    simulate(dut, testbench)


@pytest.mark.parametrize("name", PLANS)
def test_registers_keep_what_is_written(name, random_seed):
    """Each belongs to some component, which must take it, and give it back in its place."""
    plan, rng = PLANS[name], random.Random(random_seed)
    dut = Fabric(plan)
    kept = [register for register in registers(plan) if register.reg >= Reg.TAU_X]

    async def testbench(ctx):
        for draw in (lambda bits: rng.getrandbits(bits) | 1, lambda bits: rng.getrandbits(bits)):
            values = {register.reg: draw(register.bits) for register in kept}
            for reg in rng.sample(list(values), len(values)):
                await write(ctx, dut, reg, values[reg])
            for reg, value in values.items():
                assert await read(ctx, dut, reg) == (value,), reg.name
        # Timestep also sets where to stop, which is behind it and starts nothing.
        long = rng.getrandbits(48)
        words = (long & 0xFFFFFFFF, long >> 32)
        await write(ctx, dut, Reg.TIMESTEP_LOW, *words)
        assert await read(ctx, dut, Reg.STOP_AT_LOW, 4) == words * 2
        await write(ctx, dut, Reg.STOP_AT_LOW, words[0], 0)
        assert await read(ctx, dut, Reg.STOP_AT_LOW, 4) == (words[0], 0, *words)
        assert await read(ctx, dut, Reg.STATUS) == (0,)

    simulate(dut, testbench, deadline_cycles=20_000)


@pytest.mark.parametrize("name", SHAPES)
def test_cycles_of_a_timestep_are_the_declared_ones(name, random_seed):
    """Between `trace.valid` pulses, for every combination there is: a new sample takes a new C0."""
    plan, rng = SHAPES[name], random.Random(random_seed)
    dut = Fabric(plan)
    steps, tau_x, tau_theta = 24, 4, 3
    ended, cycle = [], 0

    async def watch(ctx):
        nonlocal cycle
        async for *_, valid in ctx.tick().sample(dut.trace.valid):
            cycle += 1
            if valid:
                ended.append(cycle)

    async def testbench(ctx):
        await fill(ctx, dut, plan, rng)
        await write(ctx, dut, Reg.TAU_X, tau_x, 2, tau_theta, 16, 40_000, 10)
        await write(ctx, dut, Reg.SAMPLE_COUNT, plan.sample.samples)
        await write(ctx, dut, Reg.STOP_AT_LOW, steps, 0)
        await wait(ctx, dut)
        await ctx.tick()
        met = set()
        assert len(ended) == steps
        for timestep, (before, after) in enumerate(pairwise(ended), start=1):
            new_sample = timestep % tau_x == 0
            new_baseline = new_sample or timestep % tau_theta == 0
            met.add((new_sample, new_baseline))
            declared = plan.clocks_per_timestep(new_sample=new_sample, new_baseline=new_baseline)
            assert after - before == declared, f"timestep {timestep}"
        assert met == {(True, True), (False, True), (False, False)}

    simulate(dut, testbench, background=[watch], deadline_cycles=30_000)


def refusals(plan):
    """Return accesses while busy, and what the specification's order of checks says to each."""
    wide = 0xFFFFFFFF
    gap = plan.sample.words
    assert gap < plan.sample.stride
    cases = {
        # Addresses come first.
        (0x07, 1): Status.BAD_ADDRESS,
        (0x07, None): Status.BAD_ADDRESS,
        (address(5), None): Status.BAD_ADDRESS,
        (address(Region.SAMPLES, gap), None): Status.BAD_ADDRESS,
        (address(Region.SAMPLES, gap), 0): Status.BAD_ADDRESS,
        # Then the kind of access.
        (Reg.STATUS, wide): Status.ACCESS,
        (address(Region.PROBE), None): Status.ACCESS,
        (address(Region.OUTPUTS), 0): Status.ACCESS,
        # Then being busy, before the value.
        (Reg.ORDER, wide): Status.BUSY,
        (Reg.STOP_AT_HIGH, 0): Status.BUSY,
        (address(Region.SCAN), None): Status.BUSY,
        (address(Region.SAMPLES), 0): Status.BUSY,
        (address(Region.PROBE), 0): Status.BUSY,
        (address(Region.OUTPUTS), None): Status.BUSY,
        # What is allowed is judged by its value.
        (Reg.HALT, 2): Status.BAD_VALUE,
        (Reg.HALT, 0): Status.OK,
        (Reg.STATUS, None): Status.OK,
    }
    for window in windows(plan):
        for word in (None, 0):
            cases[address(window.region, window.words), word] = Status.BAD_ADDRESS
    return cases


def test_refusals_come_in_the_specified_order_and_change_nothing(random_seed):
    plan, rng = GAP, random.Random(random_seed)
    dut = Fabric(plan)
    cases = list(refusals(plan).items())
    rng.shuffle(cases)

    async def ask(ctx, where, word):
        return (await exchange(ctx, dut, where, 1 if word is None else [word]))[0]

    async def testbench(ctx):
        await write(ctx, dut, Reg.STOP_AT_LOW, 0, 1)
        for (where, word), expected in cases:
            assert await ask(ctx, where, word) == expected, f"{word} at {where:#x}, busy"
            assert ctx.get(dut.busy)
        await write(ctx, dut, Reg.HALT, 1)
        await wait(ctx, dut)
        await write(ctx, dut, Reg.BASELINE_VALID, 1)
        before = await read_all(ctx, dut, plan)
        for (where, word), busy_status in cases:
            if busy_status != Status.BUSY:
                assert await ask(ctx, where, word) == busy_status, f"{word} at {where:#x}, stopped"
        assert await ask(ctx, Reg.ORDER, 2) == Status.BAD_VALUE
        assert await read_all(ctx, dut, plan) == before

    simulate(dut, testbench, deadline_cycles=60_000)


def test_writing_state_or_samples_forgets_the_baseline():
    plan = GAP
    dut = Fabric(plan)

    async def testbench(ctx):
        for region, offset, forgets in (
            (Region.SCAN, 0, True),
            (Region.SCAN, plan.scan.words - 1, True),
            (Region.SAMPLES, 0, True),
            (Region.SAMPLES, plan.sample.stride + plan.sample.words - 1, True),
            (Region.PROBE, 0, False),
            (Region.PROBE, plan.sample.words - 1, False),
        ):
            await write(ctx, dut, Reg.BASELINE_VALID, 1)
            if region != Region.PROBE:
                await read(ctx, dut, address(region, offset))
                assert await read(ctx, dut, Reg.BASELINE_VALID) == (1,)
            await write(ctx, dut, address(region, offset), 0)
            await wait(ctx, dut)
            assert await read(ctx, dut, Reg.BASELINE_VALID) == (not forgets,), (region, offset)

    simulate(dut, testbench, deadline_cycles=20_000)


def test_probe_leaves_training_alone(random_seed):
    plan, rng = SHAPES["3-2"], random.Random(random_seed)
    dut = Fabric(plan)
    shown = []

    async def watch(ctx):
        async for *_, valid in ctx.tick().sample(dut.trace.valid):
            shown.append(valid)

    async def testbench(ctx):
        await fill(ctx, dut, plan, rng)
        await write(ctx, dut, Reg.TAU_X, 3, 2, 3, 16, 40_000, 10)
        await write(ctx, dut, Reg.STOP_AT_LOW, 4, 0)
        await wait(ctx, dut)
        before = await read_all(ctx, dut, plan)
        results = set()
        for sample in (0b00000, 0b00101, 0b01110, 0b11011):
            await write(ctx, dut, address(Region.PROBE), sample)
            await wait(ctx, dut)
            assert not ctx.get(dut.trace.valid)
            results.add(await read(ctx, dut, address(Region.OUTPUTS), 1 + plan.outputs))
        assert sum(shown) == 4
        assert len(results) > 1
        assert await read_all(ctx, dut, plan) == before

    simulate(dut, testbench, background=[watch], deadline_cycles=40_000)
