"""The sequencer by itself, against the specification's timestep as a few lines of Python."""

import random
from itertools import pairwise

import pytest
from control import PLANS
from sequencer_rig import PHASES, STATE, Rig

from pmgd.gateware.layout import TIMESTEP_BITS, WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


def small(**fabric):
    settings = {"tau_bits": 3, "tau_theta_bits": 2, "samples": 5, **fabric}
    return Plan(xor().with_settings({f"fabric.{name}": value for name, value in settings.items()}))


SMALL = small()
BASELINES = {
    "two_sided": small(baseline="two_sided"),
    "mean": small(baseline="mean", correlator="sign"),
    "literal": small(baseline="literal", shuffle=True),
    "highpass": small(
        baseline="highpass", perturbation="sine", correlator="sign", update_noise="shared"
    ),
}
ALL = {
    "small": SMALL,
    "narrow": PLANS["narrow"],
    "wide": PLANS["wide"],
    "shuffled": small(shuffle=True, samples=7),
    "levels": small(perturbation="sine", update_noise="each"),
    "levels, two-sided": small(perturbation="sine", baseline="two_sided", cost_noise=True),
    "levels, literal": small(perturbation="sine", baseline="literal", update_noise="each"),
    **BASELINES,
}


def random_settings(plan, rng):
    """Draw settings of which many are small, so that windows end, and some are 0 or extreme."""
    fabric = plan.spec.fabric

    def tau(bits):
        return rng.choice([0, 1, 2, 3, rng.randrange(8), (1 << bits) - 1]) & (1 << bits) - 1

    return {
        "tau_x": tau(fabric.tau_bits),
        "tau_p": tau(fabric.tau_bits),
        "tau_theta": tau(fabric.tau_theta_bits),
        "order": rng.randrange(3 if fabric.shuffle else 2),
        "sample_count": rng.randint(1, plan.sample.samples),
        **({"blank": rng.randrange(2)} if plan.filters else {}),
    }


@pytest.mark.parametrize("name", ALL)
def test_random_runs_equal_the_model(name, random_seed):
    plan, rng = ALL[name], random.Random(random_seed)
    rig = Rig(plan, random_seed, latency=rng.randint(2, 6) + plan.step_levels - 1)
    model, fabric = rig.model, plan.spec.fabric

    async def testbench(ctx):
        for _ in range(50):
            # Phases are left as the last run's taus made them.
            rig.set(ctx, **random_settings(plan, rng))
            rig.around.homed = rng.random() < 0.5
            if rng.random() < 0.2:  # a restored state
                widths = (fabric.tau_bits, fabric.tau_bits, fabric.tau_theta_bits)
                for phase, bits in zip(PHASES, widths, strict=True):
                    value = rng.choice([rng.getrandbits(bits), (1 << bits) - 1])
                    await rig.load(ctx, phase, value)
                    setattr(model, phase, value)
                model.sample_index = rng.randrange(plan.sample.samples)
                await rig.load(ctx, "sample_index", model.sample_index)
                if fabric.shuffle:
                    model.order_position = rng.getrandbits(plan.sample.index_bits)
                    await rig.load(ctx, "order_position", model.order_position)
                if fabric.baseline == "literal":
                    model.perturbed = rng.getrandbits(1)
                    await rig.load(ctx, "perturbed", model.perturbed)
            if rng.random() < 0.2:  # new samples or parameters
                rig.around.baseline_valid = model.baseline_valid = False
            if rng.random() < 0.2:
                await rig.probe(ctx)
            if rng.random() < 0.2:
                await rig.sweep(ctx, rng.randrange(4))
            steps = rng.randrange(9)
            assert await rig.run(ctx, steps) == [model.step() for _ in range(steps)]
            state = {name: getattr(model, name) for name in STATE if name != "stop_at"}
            assert rig.state(ctx) == {**state, "stop_at": model.timestep}

    rig.simulate(testbench, deadline_cycles=100_000)


@pytest.mark.parametrize("name", ["small", "shuffled", "levels", *BASELINES])
def test_a_run_in_parts_is_the_whole_run(name, random_seed):
    """Also with evaluations in between."""
    plan, rng = ALL[name], random.Random(random_seed)
    order = 2 if plan.spec.fabric.shuffle else 0
    settings = {"tau_x": 3, "tau_p": 2, "tau_theta": 3, "order": order, "sample_count": 5}
    parts = [1, 0, 4, *(rng.randrange(7) for _ in range(4))]
    whole = {}
    for splits in (parts, [sum(parts)]):
        rig = Rig(plan, random_seed, latency=3 + plan.step_levels)

        async def testbench(ctx, rig=rig, splits=splits):
            rig.set(ctx, **settings)
            done = []
            for steps in splits:
                done += await rig.run(ctx, steps)
                await rig.sweep(ctx, rng.randrange(3))
                await rig.probe(ctx)
            whole[len(splits)] = done, rig.state(ctx)

        rig.simulate(testbench)
    assert whole[len(parts)] == whole[1]
    assert len(whole[1][0]) == sum(parts)


@pytest.mark.parametrize("homed", [True, False])
@pytest.mark.parametrize(("name", "steps"), [("small", 3), ("levels", 1)])
def test_halt_in_any_cycle_ends_the_run_after_the_timestep_under_way(
    name, steps, homed, random_seed
):
    """Cycle 0 starts the run of these timesteps, every one of which takes as long."""
    rig = Rig(ALL[name], random_seed, latency=3 + ALL[name].step_levels)

    async def run_and_halt(ctx, *halts):
        """Run, and halt in these cycles; return the cycles in which a timestep ended."""
        dut = rig.dut
        rig.around.homed = homed
        start = ctx.get(dut.timestep)
        await rig.load(ctx, "stop_at_low", start + steps)
        ctx.set(dut.load.stop_at_high, 1)
        ctx.set(dut.loaded, 0)
        ends, busy, cycle = [], True, 0
        while busy or cycle <= max(halts, default=1):
            ctx.set(dut.halt, cycle in halts)
            *_, finished, busy = await ctx.tick().sample(dut.finished, dut.busy)
            ctx.set(dut.load.stop_at_high, 0)
            busy |= cycle == 0
            if finished:
                ends.append(cycle)
            cycle += 1
        ctx.set(dut.halt, 0)
        await rig.wait(ctx)
        assert ctx.get(dut.timestep) == ctx.get(dut.stop_at) == start + len(ends)
        return ends

    async def testbench(ctx):
        rig.set(ctx, order=1, sample_count=5)
        ends = await run_and_halt(ctx)
        assert len(ends) == steps
        for halt in range(1, ends[-1] + 4):
            expected = min(steps, 1 + sum(end < halt for end in ends))
            assert await run_and_halt(ctx, halt) == ends[:expected], f"halted in cycle {halt}"
            # Neither does the next run know of it, nor does a second halt change anything.
            assert await run_and_halt(ctx) == ends
            assert await run_and_halt(ctx, halt, halt + 2) == ends[:expected]

    rig.simulate(testbench, deadline_cycles=100_000)


def test_halt_while_idle_or_probing_is_forgotten(random_seed):
    rig = Rig(SMALL, random_seed)

    async def testbench(ctx):
        await rig.pulse(ctx, rig.dut.halt)
        assert len(await rig.run(ctx, 3)) == 3
        await rig.pulse(ctx, rig.dut.probe_start)
        length = await rig.wait(ctx)
        for cycle in range(length + 2):
            rig.around.homed = True
            await rig.pulse(ctx, rig.dut.probe_start)
            for _ in range(cycle):
                await ctx.tick()
            await rig.pulse(ctx, rig.dut.halt)
            await rig.wait(ctx)
            assert len(await rig.run(ctx, 3)) == 3, f"halted in cycle {cycle} of the probe"

    rig.simulate(testbench)


def test_probe_evaluates_once_and_leaves_training_alone(random_seed):
    rng = random.Random(random_seed)
    rig = Rig(SMALL, random_seed)

    async def testbench(ctx):
        for probes in range(1, 12):
            rig.set(ctx, **random_settings(SMALL, rng))
            await rig.run(ctx, rng.randrange(6))
            before = rig.state(ctx), rig.around.baseline_valid
            del rig.around.timesteps[:]
            rig.around.homed = rng.random() < 0.5
            await rig.probe(ctx)
            assert rig.around.probed == probes
            assert (rig.state(ctx), rig.around.baseline_valid) == before
            assert not rig.around.timesteps

    rig.simulate(testbench)


def test_probe_is_seen_until_its_cost_arrives(random_seed):
    latency = 7
    rig = Rig(SMALL, random_seed, latency=latency)
    dut = rig.dut

    async def testbench(ctx):
        for _ in range(2):
            await rig.pulse(ctx, dut.probe_start)
            while not ctx.get(dut.wave.valid):
                assert ctx.get(dut.busy)
                await ctx.tick()
            for cycle in range(latency):
                *_, probing, busy, arrived = await ctx.tick().sample(
                    dut.probing, dut.busy, dut.cost_arrived
                )
                assert (probing, busy, arrived) == (1, 1, cycle == latency - 1)
            assert not ctx.get(dut.probing)
            assert not ctx.get(dut.busy)
            await ctx.tick()

    rig.simulate(testbench)


def test_writing_timestep_never_starts_a_run(random_seed):
    rng = random.Random(random_seed)
    rig = Rig(SMALL, random_seed)
    last = (1 << TIMESTEP_BITS) - 1

    async def testbench(ctx):
        now = 0
        for _ in range(30):
            value = rng.choice([0, now + 1, max(0, now - 1), last, rng.getrandbits(TIMESTEP_BITS)])
            await rig.load(ctx, "timestep_low", value & 0xFFFFFFFF)
            assert ctx.get(rig.dut.timestep) == now, "the low word is held"
            await rig.load(ctx, "timestep_high", value >> WORD_BITS)
            now = value & last
            assert (ctx.get(rig.dut.timestep), ctx.get(rig.dut.stop_at)) == (now, now)
            for _ in range(5):
                assert not ctx.get(rig.dut.busy)
                await ctx.tick()
        assert not rig.around.timesteps

    rig.simulate(testbench)


def test_low_words_are_held_apart(random_seed):
    rig = Rig(SMALL, random_seed)

    async def testbench(ctx):
        await rig.load(ctx, "stop_at_low", 0x11111111)
        await rig.load(ctx, "timestep_low", 0x22222222)
        assert (ctx.get(rig.dut.stop_at), ctx.get(rig.dut.timestep)) == (0, 0)
        await rig.load(ctx, "timestep_high", 0x3333)
        assert ctx.get(rig.dut.timestep) == ctx.get(rig.dut.stop_at) == 0x3333_22222222
        # Below the timestep: nothing to do.
        await rig.load(ctx, "stop_at_high", 0x0444)
        assert ctx.get(rig.dut.stop_at) == 0x0444_11111111
        assert not ctx.get(rig.dut.busy)
        # What is held stays.
        await rig.load(ctx, "stop_at_high", 0x0555)
        assert ctx.get(rig.dut.stop_at) == 0x0555_11111111

    rig.simulate(testbench)


@pytest.mark.parametrize("start", [(1 << 32) - 2, (1 << TIMESTEP_BITS) - 4])
def test_timesteps_count_past_a_word_and_up_to_the_last(start, random_seed):
    rig = Rig(SMALL, random_seed)

    async def testbench(ctx):
        await rig.load_long(ctx, "timestep", start)
        done = await rig.run(ctx, 3)
        assert [each.end[0] for each in done] == [start + 1, start + 2, start + 3]
        assert ctx.get(rig.dut.timestep) == ctx.get(rig.dut.stop_at) == start + 3

    rig.simulate(testbench)


@pytest.mark.parametrize("name", ALL)
def test_cycles_of_a_timestep_are_the_declared_ones(name, random_seed):
    plan, rng = ALL[name], random.Random(random_seed)
    rig = Rig(plan, random_seed, latency=plan.latency.step)
    met = set()

    async def testbench(ctx):
        for _ in range(12):
            rig.set(ctx, **random_settings(plan, rng))
            del rig.around.finished_at[:]
            expected = [rig.model.step() for _ in range(8)]
            assert await rig.run(ctx, 8) == expected
            ends = rig.around.finished_at
            for number in range(1, 8):
                now = expected[number]
                assert ends[number] - ends[number - 1] == now.declared_cycles(plan), now
                met.add((now.new_sample, now.new_baseline))

    rig.simulate(testbench, deadline_cycles=30_000)
    if name == "small":
        assert met == {(True, True), (False, False), (False, True)}
    if name == "literal":
        assert met >= {(True, True), (False, False)}


def test_a_new_sample_without_a_new_baseline(random_seed):
    """With a filter that keeps C0, which none does, they meet in the declared cycles, too."""
    rig = Rig(SMALL, random_seed, latency=SMALL.latency.step, keeps_baseline=True)
    declared = SMALL.clocks_per_timestep(new_sample=True, new_baseline=False)

    async def testbench(ctx):
        await rig.run(ctx, 8)
        ends = rig.around.finished_at
        assert {after - before for before, after in pairwise(ends)} == {declared}

    rig.simulate(testbench)


@pytest.mark.parametrize("name", ["small", "mean", "literal", "highpass"])
def test_a_sweep_evaluates_each_sample_and_leaves_training_alone(name, random_seed):
    """However long each takes; a halt changes nothing, neither of it nor of the next run."""
    plan, rng = ALL[name], random.Random(random_seed)
    rig = Rig(plan, random_seed)

    async def testbench(ctx):
        for _ in range(30):
            rig.set(ctx, **random_settings(plan, rng))
            await rig.run(ctx, rng.randrange(6))
            before = rig.state(ctx), rig.around.baseline_valid
            del rig.around.timesteps[:]
            rig.around.homed = rng.random() < 0.5
            rig.around.counting_cycles = rng.randrange(4)
            await rig.sweep(ctx, rng.randrange(6))
            assert (rig.state(ctx), rig.around.baseline_valid) == before
            assert not rig.around.timesteps

    rig.simulate(testbench, deadline_cycles=40_000)


@pytest.mark.parametrize("name", ["mean", "highpass"])
def test_a_blank_forgets_the_mean_with_every_new_sample(name, random_seed):
    plan = ALL[name]
    rig = Rig(plan, random_seed)

    async def testbench(ctx):
        for blank in (0, 1, 0):
            rig.set(ctx, tau_x=3, blank=blank)
            expected = [rig.model.step() for _ in range(9)]
            done = await rig.run(ctx, 9)
            assert done == expected
            assert [each.forgets for each in done] == [
                each.new_sample and blank for each in expected
            ]
            assert sum(each.new_sample for each in expected) == 3

    rig.simulate(testbench)


def test_halt_in_any_cycle_of_a_sweep_is_ignored(random_seed):
    rig = Rig(SMALL, random_seed)

    async def testbench(ctx):
        samples, cycle, ended = 2, 0, False
        while not ended:
            rig.around.sweep, rig.around.swept, rig.around.sweep_fetched = samples, 0, 0
            ctx.set(rig.dut.sweeping, 1)
            for _ in range(cycle):
                await ctx.tick()
            ended = not ctx.get(rig.dut.busy)
            await rig.pulse(ctx, rig.dut.halt)
            await rig.wait(ctx)
            assert rig.around.swept == samples, f"halted in cycle {cycle} of the sweep"
            assert len(await rig.run(ctx, 2)) == 2, f"halted in cycle {cycle} of the sweep"
            cycle += 1
        assert cycle > samples * rig.around.latency

    rig.simulate(testbench)
