"""The whole fabric from its ports: reset, access rules, cycles of a timestep, and the probe."""

import random
from itertools import pairwise

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.lib.wiring import Out
from control import PLANS, VARIANTS, exchange
from pipelines import make

from pmgd.gateware.formats import Format
from pmgd.gateware.frames import MAX_WORDS, Status
from pmgd.gateware.latency import INDEX_CYCLES, SHUFFLE_CYCLES
from pmgd.gateware.layout import DEFECTS
from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Access, Reg, Region, registers, windows
from pmgd.gateware.spec import Fabric as FabricSpec
from pmgd.gateware.spec import Formats, Network, Spec
from pmgd.host.packed_scan import pack_scan
from pmgd.sim.testbench import simulate

SHAPES = {
    "2-2-1": PLANS["xor"],
    "3-2": Plan(Spec(name="flat", network=Network(layers=(3, 2)))),
}
PIPELINED = {
    "pipelined": Plan(make({"formats.overflow": "hold"}, copies=2, baseline="two_sided")),
    "one copy": Plan(
        make({"network.layers": [3, 2], "network.activation": ["identity"]}, perturbation="walsh")
    ),
}
ALL = PLANS | VARIANTS | PIPELINED
TRAINED = SHAPES | VARIANTS

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


TRACE = ("valid", "cost", "baseline", "step", "used", "parameters")


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
    """Give every sample, of one word each, and all state in the scan ring some value."""
    assert plan.sample.words == 1
    scan, count = plan.scan, plan.parameters
    few = 1 << scan.gradient_bits >> 3  # leaves G room for what a run adds
    gradients = [rng.randint(-few, few) * bool(scan.gradient_bits) for _ in range(count)]
    columns = [[rng.getrandbits(width) for _ in range(count)] for width in scan.widths]
    columns[1] = gradients
    defects = [[rng.getrandbits(16) for _ in DEFECTS] for _ in range(scan.neurons)]
    ring = pack_scan(
        scan, np.array(columns).T, np.array(defects, np.int64).reshape(-1, len(DEFECTS))
    )
    samples = [rng.getrandbits(32) for _ in range(plan.sample.samples)]
    for region, words in ((Region.SAMPLES, samples), (Region.SCAN, ring.tolist())):
        assert len(words) <= MAX_WORDS
        await write(ctx, dut, address(region), *words)


async def configure(ctx, dut, plan, *, tau_x, tau_p, tau_theta, **others):
    """Set what training needs; `others` by the name of the register, of those that there are."""
    settings = {
        "tau_x": tau_x, "tau_p": tau_p, "tau_theta": tau_theta, "dtheta": 16,
        "scale_mantissa": 40_000, "scale_shift": 18, "sign_step": 3, "mean_shift": 2,
        "sample_count": plan.sample.samples, "order": 2 if plan.spec.fabric.shuffle else 0,
        "perturber_state": 1, "update_state": 1, "blank": 1, "cost_noise": 200,
        "update_noise": 5, "noise_state": 0x9E3779B9, **others,
    }  # fmt: skip
    for register in registers(plan):
        if register.name in settings:
            await write(ctx, dut, register.reg, settings[register.name])


async def run(ctx, dut, stop_at):
    await write(ctx, dut, Reg.STOP_AT_LOW, stop_at, 0)
    await wait(ctx, dut)


SWEEP = (Reg.EVALUATE, Reg.HITS, Reg.COST_SUM_LOW, Reg.COST_SUM_HIGH)


async def sweep(ctx, dut, count):
    """Evaluate so many samples; return hits and the sum of the costs."""
    await write(ctx, dut, Reg.EVALUATE, count)
    await wait(ctx, dut)
    evaluated, hits, low, high = await read(ctx, dut, Reg.EVALUATE, len(SWEEP))
    assert evaluated == count
    return hits, high << 32 | low


async def training_state(ctx, dut, plan):
    """Return all that a sweep must not touch."""
    kept = [register for register in registers(plan) if register.reg not in SWEEP]
    values = [(await read(ctx, dut, register.reg))[0] for register in kept]
    opened = [await read(ctx, dut, address(Region.SCAN), plan.scan.words)]
    if plan.spec.fabric.pipeline:
        opened.append(await read(ctx, dut, address(Region.FLIGHT), plan.update_delay))
    return values, opened


@pytest.mark.parametrize("name", ALL)
def test_every_output_is_quiet_after_reset(name):
    dut = make_fabric(ALL[name])
    outputs = {
        ".".join(map(str, path)): Value.cast(value)
        for path, member, value in dut.signature.flatten(dut)
        if member.flow == Out
    }
    assert set(outputs) == {
        *("rx.ready", "tx.valid", "tx.payload", "busy"),
        *(f"trace.{name}" for name in TRACE),
    }
    if ALL[name].spec.fabric.pipeline:
        # Its datapath never rests; what it shows then is no timestep's.
        for idle in ("cost", "baseline", "step"):
            del outputs[f"trace.{idle}"]
    expected = dict.fromkeys(outputs, 0) | {"rx.ready": 1}

    async def testbench(ctx):
        ctx.set(dut.tx.ready, 1)
        for _ in range(100):
            assert {name: ctx.get(value) for name, value in outputs.items()} == expected
            await ctx.tick()

    simulate(dut, testbench)


@pytest.mark.parametrize("name", ALL)
def test_registers_reset_to_the_listed_values(name):
    plan = ALL[name]
    dut = make_fabric(plan)

    async def testbench(ctx):
        for register in registers(plan):
            assert await read(ctx, dut, register.reg) == (register.reset,), register.name

    simulate(dut, testbench)


@pytest.mark.parametrize("name", ALL)
def test_registers_keep_what_is_written(name, random_seed):
    """Each belongs to some component, which must take it, and give it back in its place."""
    plan, rng = ALL[name], random.Random(random_seed)
    dut = make_fabric(plan)
    kept = [
        register
        for register in registers(plan)
        if register.reg >= Reg.TAU_X
        and register.access is Access.STOPPED
        and register.reg is not Reg.EVALUATE  # which starts something
    ]

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


@pytest.mark.parametrize("name", TRAINED)
def test_cycles_of_a_timestep_are_the_declared_ones(name, random_seed):
    """Between `trace.valid` pulses, for all combinations of new sample, new baseline and update."""
    plan, rng = TRAINED[name], random.Random(random_seed)
    kind = plan.spec.fabric.baseline
    dut = make_fabric(plan)
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
        await configure(ctx, dut, plan, tau_x=tau_x, tau_p=2, tau_theta=tau_theta)
        await run(ctx, dut, steps)
        await ctx.tick()
        met = set()
        assert len(ended) == steps
        for timestep, (before, after) in enumerate(pairwise(ended), start=1):
            new_sample = timestep % tau_x == 0
            new_baseline = new_sample or timestep % tau_theta == 0
            update = timestep % tau_theta == tau_theta - 1
            met.add((new_sample, new_baseline, update))
            declared = plan.clocks_per_timestep(
                new_sample=new_sample, new_baseline=new_baseline, update=update
            )
            taken = after - before
            if new_sample and plan.spec.fabric.shuffle:
                drawing = taken - declared + plan.sample.count_bits + INDEX_CYCLES
                tried, rest = divmod(drawing, SHUFFLE_CYCLES)
                assert (1 <= tried <= 4, rest) == (True, 0), f"timestep {timestep}"
            else:
                assert taken == declared, f"timestep {timestep} with {kind}"
        baselines = {(True, True), (False, True), (False, False)}
        # An update, without which there is no other new baseline, is not followed by another.
        ends = {(*kinds, False) for kinds in baselines} | {(True, True, True), (False, False, True)}
        assert met == ends

    simulate(dut, testbench, background=[watch], deadline_cycles=40_000)


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
    dut = make_fabric(plan)
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
    dut = make_fabric(plan)

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


@pytest.mark.parametrize("name", ["3-2", "mean", "highpass", "noisy"])
def test_probe_leaves_training_alone(name, random_seed):
    """A filter, too, whether noise delays a cost on its way to it or not."""
    plan, rng = TRAINED[name], random.Random(random_seed)
    dut = make_fabric(plan)
    shown = []

    async def watch(ctx):
        async for *_, valid in ctx.tick().sample(dut.trace.valid):
            shown.append(valid)

    async def testbench(ctx):
        await fill(ctx, dut, plan, rng)
        await configure(ctx, dut, plan, tau_x=3, tau_p=2, tau_theta=3)
        await run(ctx, dut, 4)
        before = await read_all(ctx, dut, plan)
        results = set()
        for sample in rng.sample(range(1 << plan.sample.bits), 6):
            await write(ctx, dut, address(Region.PROBE), sample)
            await wait(ctx, dut)
            assert not ctx.get(dut.trace.valid)
            results.add(await read(ctx, dut, address(Region.OUTPUTS), 1 + plan.outputs))
        assert sum(shown) == 4
        assert len(results) > 1
        assert await read_all(ctx, dut, plan) == before

    simulate(dut, testbench, background=[watch], deadline_cycles=40_000)


def reaches(plan, fmt, value):
    threshold = 0.0 if plan.spec.formats.target.signed else 0.5
    return value / (1 << fmt.fraction_bits) >= threshold


def fields(word, fmt, count):
    """Return the numbers of a format that a packed word holds."""
    values = [word >> k * fmt.bits & (1 << fmt.bits) - 1 for k in range(count)]
    return [value - (fmt.signed and value >> fmt.bits - 1) * (1 << fmt.bits) for value in values]


async def probed(ctx, dut, plan, sample):
    """Return whether a sample is classified as its target, and its cost, by way of the probe."""
    layout = plan.sample
    await write(ctx, dut, address(Region.PROBE), sample)
    await wait(ctx, dut)
    cost, *words = await read(ctx, dut, address(Region.OUTPUTS), 1 + plan.outputs)
    y = [word - (word >> 31 << 32) for word in words]
    fmt = plan.output_format
    assert all(fmt.minimum <= value <= fmt.maximum for value in y), "each fills its word"
    targets = sample >> layout.inputs * layout.input_format.bits
    t = fields(targets, layout.target_format, plan.outputs)
    if plan.outputs == 1:
        return reaches(plan, fmt, y[0]) == reaches(plan, layout.target_format, t[0]), cost
    return y.index(max(y)) == t.index(max(t)), cost


@pytest.mark.parametrize("name", TRAINED | PIPELINED)
def test_a_sweep_sums_what_the_probe_sees(name, random_seed):
    plan, rng = ALL[name] if name in ALL else TRAINED[name], random.Random(random_seed)
    dut = make_fabric(plan)
    samples = plan.sample.samples
    bits = (1 << plan.sample.bits) - 1

    async def testbench(ctx):
        assert await sweep(ctx, dut, 0) == (0, 0)
        await fill(ctx, dut, plan, rng)
        words = await read(ctx, dut, address(Region.SAMPLES), samples)
        await configure(ctx, dut, plan, tau_x=1, tau_p=1, tau_theta=1)
        await run(ctx, dut, 2)
        results = [await probed(ctx, dut, plan, word & bits) for word in words]
        window = await read(ctx, dut, address(Region.OUTPUTS), 1 + plan.outputs)
        before = await training_state(ctx, dut, plan)
        for count in (samples, 0, rng.randint(1, samples), 1, samples):
            hits = sum(hit for hit, _ in results[:count])
            cost_sum = sum(cost for _, cost in results[:count])
            assert await sweep(ctx, dut, count) == (hits, cost_sum), f"{count} samples"
            assert await read(ctx, dut, address(Region.OUTPUTS), 1 + plan.outputs) == window
        assert await training_state(ctx, dut, plan) == before

    simulate(dut, testbench, deadline_cycles=80_000)


@pytest.mark.parametrize("name", VARIANTS | PIPELINED)
def test_a_run_in_parts_with_evaluations_between_is_the_whole_run(name, random_seed):
    plan = ALL[name]
    tau_theta = min(3, (1 << plan.spec.fabric.tau_theta_bits) - 1)
    parts = [3, 1, 6]
    ends = []
    for splits in (parts, [sum(parts)]):
        dut, rng = make_fabric(plan), random.Random(random_seed)

        async def testbench(ctx, dut=dut, rng=rng, splits=splits):
            await fill(ctx, dut, plan, rng)
            await configure(ctx, dut, plan, tau_x=2, tau_p=3, tau_theta=tau_theta)
            done = 0
            for steps in splits:
                done += steps
                await run(ctx, dut, done)
                if len(splits) > 1:
                    await sweep(ctx, dut, rng.randint(1, 4))
                    await write(ctx, dut, address(Region.PROBE), rng.getrandbits(32))
                    await wait(ctx, dut)
            ends.append(await training_state(ctx, dut, plan))

        simulate(dut, testbench, deadline_cycles=40_000)
    assert ends[0] == ends[1]


def test_a_sweep_is_busy_and_not_halted(random_seed):
    plan, rng = PLANS["xor"], random.Random(random_seed)
    dut = make_fabric(plan)
    samples = plan.sample.samples

    async def testbench(ctx):
        await fill(ctx, dut, plan, rng)
        expected = await sweep(ctx, dut, samples)
        await write(ctx, dut, Reg.EVALUATE, samples)
        for where, words, status in (
            (Reg.STATUS, 1, Status.OK),
            (Reg.EVALUATE, [1], Status.BUSY),
            (Reg.HITS, [1], Status.ACCESS),
            (Reg.HALT, [1], Status.OK),
        ):
            assert (await exchange(ctx, dut, where, words))[0] == status
            assert ctx.get(dut.busy), "it lasts as long as all of these"
        await wait(ctx, dut)
        hits, low, high = await read(ctx, dut, Reg.HITS, 3)
        assert (hits, high << 32 | low) == expected
        assert (await exchange(ctx, dut, Reg.EVALUATE, [1 << plan.sample.count_bits]))[
            0
        ] == Status.BAD_VALUE
        await configure(ctx, dut, plan, tau_x=1, tau_p=1, tau_theta=1)
        await run(ctx, dut, 3)
        assert await read(ctx, dut, Reg.TIMESTEP_LOW) == (3,), "no halt is left over"

    simulate(dut, testbench, deadline_cycles=20_000)
