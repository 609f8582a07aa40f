"""The sequencer of a pipelined fabric by itself: when timesteps start, and what it says of them."""

import random
from dataclasses import dataclass, field

import pytest
from pipelines import make

from pmgd.gateware.latency import FRONT_CYCLES
from pmgd.gateware.layout import TIMESTEP_BITS, WORD_BITS
from pmgd.gateware.pipelined_sequencer import PipelinedSequencer
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate

PHASES = ("phase_x", "phase_p", "phase_theta")
TAUS = ("tau_x", "tau_p", "tau_theta")
PLANS = {
    f"{baseline}, {copies} copies": Plan(
        make({}, copies=copies, baseline=baseline, tau_bits=3, tau_theta_bits=2, samples=5)
    )
    for baseline in ("sample", "two_sided")
    for copies in (1, 2)
}
BASELINES = {"sample": (0, 0), "two_sided": (1, 1)}
"""Perturb and opposite of the evaluation for C0."""


@pytest.fixture(params=PLANS.values(), ids=PLANS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.param


@dataclass
class Around:
    """What surrounds a sequencer: it answers, and keeps what has started in which cycle."""

    dut: PipelinedSequencer
    latency: int
    homing_cycles: int = 0
    homed: bool = True
    cycle: int = 0
    started: list[tuple] = field(default_factory=list)
    """Cycle, (new_sample, advance, ends) or None for a second evaluation, and the wave's bits."""
    busy_until: int = 0
    """The last cycle in which it was busy."""
    sweep: int = 0
    """Samples to evaluate, to start, and to come."""
    offers: int = 0
    probed: int = 0
    was_probing: bool = False
    halted_at: int = 0

    async def bench(self, ctx):
        dut, issue, wave = self.dut, self.dut.issue, self.dut.issue.wave
        lands, probes, sweeps = set(), set(), []
        homing = 0
        while True:
            ctx.set(dut.homed, self.homed)
            ctx.set(dut.landed, self.cycle in lands)
            ctx.set(dut.probed, self.cycle in probes)
            ctx.set(dut.sweeping, self.sweep > 0)
            ctx.set(dut.offered, self.offers > 0)
            _, _, halt, begins, *said, valid, perturb, opposite, baseline = await ctx.tick().sample(
                *(dut.halt, issue.begins, issue.new_sample, issue.advance, issue.ends),
                *(wave.valid, wave.perturb, wave.opposite, wave.baseline),
            )
            if halt:
                self.halted_at = self.cycle
            busy, home, probing = ctx.get(dut.busy), ctx.get(dut.home), ctx.get(dut.probing)
            assert not valid or self.homed, "nothing starts before the ring is home"
            assert not begins or valid
            if valid and self.sweep:
                assert not begins
                assert (perturb, opposite) == (0, 0)
                assert self.offers > 0
                self.offers -= 1
                sweeps.append(self.cycle + self.latency)
            elif valid and self.was_probing:
                assert not begins
                assert (perturb, opposite) == (0, 0)
                probes.add(self.cycle + self.latency)
            elif valid:
                first = tuple(said) if begins else None
                self.started.append((self.cycle, first, (perturb, opposite, baseline)))
                if begins:
                    lands.add(self.cycle + self.latency)
            if sweeps and sweeps[0] <= self.cycle:
                sweeps.pop(0)
                self.sweep -= 1
            self.probed += self.cycle in probes
            if busy:
                self.busy_until = self.cycle + 1
            self.was_probing = probing
            homing = homing + 1 if home else 0
            if homing > self.homing_cycles:
                self.homed = True
            self.cycle += 1


class Rig:
    def __init__(self, plan: Plan, seed: int, latency: int | None = None) -> None:
        self.plan, self.rng = plan, random.Random(seed)
        self.dut = PipelinedSequencer(plan)
        cycles = FRONT_CYCLES + plan.interval - 1 + plan.latency.step
        self.around = Around(self.dut, cycles if latency is None else latency)
        self.phases = [0, 0, 0]
        self.taus = [1, 1, 1]
        self.timestep = 0

    def simulate(self, testbench, **options) -> None:
        simulate(self.dut, testbench, background=[self.around.bench], **options)

    async def load(self, ctx, name: str, value: int) -> None:
        ctx.set(self.dut.load[name], 1)
        ctx.set(self.dut.loaded, value)
        await ctx.tick()
        ctx.set(self.dut.load[name], 0)
        ctx.set(self.dut.loaded, 0xA5A5A5A5)

    async def load_long(self, ctx, name: str, value: int) -> None:
        await self.load(ctx, f"{name}_low", value & 0xFFFFFFFF)
        await self.load(ctx, f"{name}_high", value >> WORD_BITS)

    async def wait(self, ctx) -> None:
        while ctx.get(self.dut.busy):
            await ctx.tick()
        # Whatever comes too late is recorded as well.
        await ctx.tick().repeat(3)
        assert not ctx.get(self.dut.busy)

    async def run(self, ctx, steps: int) -> list[tuple]:
        del self.around.started[:]
        await self.load_long(ctx, "stop_at", self.timestep + steps)
        assert ctx.get(self.dut.busy)
        await self.wait(ctx)
        return list(self.around.started)

    def draw_settings(self, ctx) -> None:
        """Many small, so that windows end, and some 0."""
        self.taus = [self.rng.choice([0, 1, 2, 3, self.rng.randrange(8)]) for _ in TAUS]
        self.taus[2] &= 3
        for name, tau in zip(TAUS, self.taus, strict=True):
            ctx.set(self.dut.settings[name], tau)

    def expected(self) -> list[tuple]:
        """Return what a timestep starts: steps 2, 3 and 6, then the clockwork."""
        over = [p + 1 >= tau for p, tau in zip(self.phases, self.taus, strict=True)]
        said = (int(self.phases[0] == 0), int(self.phases[1] == 0), int(over[2]))
        self.phases = [0 if o else p + 1 for p, o in zip(self.phases, over, strict=True)]
        self.timestep += 1
        perturb, opposite = BASELINES[self.plan.spec.fabric.baseline]
        if self.plan.spec.fabric.copies == 2:
            return [(said, (1, opposite, 1))]
        return [(said, (perturb, opposite, 1)), (None, (1, 0, 0))]

    def check(self, started: list[tuple], steps: int) -> None:
        """Demand so many timesteps, in cycles that follow each other without a bubble."""
        expected = [each for _ in range(steps) for each in self.expected()]
        assert [entry[1:] for entry in started] == expected
        if started:
            first = started[0][0]
            assert [cycle for cycle, *_ in started] == list(range(first, first + len(started)))

    def state(self, ctx) -> tuple:
        names = ("timestep", "stop_at", *PHASES)
        return tuple(ctx.get(getattr(self.dut, name)) for name in names)


def test_random_runs_equal_the_model(plan: Plan, random_seed: int) -> None:
    """A timestep every `interval` cycles at any tau; busy until the last step has landed."""
    rig = Rig(plan, random_seed)
    rng, around = rig.rng, rig.around

    async def testbench(ctx):
        for _ in range(40):
            rig.draw_settings(ctx)
            around.homed, around.homing_cycles = rng.random() < 0.5, rng.randrange(4)
            if rng.random() < 0.3:
                for k, name in enumerate(PHASES):
                    rig.phases[k] = rng.randrange(4 if k == 2 else 8)
                    await rig.load(ctx, name, rig.phases[k])
            steps = rng.choice([0, 1, 1, 2, rng.randint(3, 60)])
            started = await rig.run(ctx, steps)
            rig.check(started, steps)
            assert rig.state(ctx) == (rig.timestep, rig.timestep, *rig.phases)
            if started:
                last = max(cycle for cycle, first, _ in started if first is not None)
                landed = last + around.latency
                assert landed < around.busy_until <= landed + 3

    rig.simulate(testbench, deadline_cycles=20_000)


def test_halt_in_any_cycle_ends_a_run_in_its_timestep(plan: Plan, random_seed: int) -> None:
    """Whatever has begun by then has ended, and one timestep at least; the next run forgets it."""
    rig = Rig(plan, random_seed, latency=9)
    dut, interval = rig.dut, plan.interval

    async def halted(ctx, halt: int, homed: bool) -> int:
        """Run five timesteps, halt in this cycle after the start, and return how many ended."""
        rig.around.homed, rig.around.homing_cycles = homed, 2
        del rig.around.started[:]
        await rig.load(ctx, "stop_at_low", rig.timestep + 5)
        await rig.load(ctx, "stop_at_high", 0)
        for cycle in range(halt + 1):
            ctx.set(dut.halt, cycle == halt)
            await ctx.tick()
        ctx.set(dut.halt, 0)
        await rig.wait(ctx)
        begun = [cycle for cycle, first, _ in rig.around.started if first is not None]
        # The one that begins in the cycle of the halt is under way.
        assert len(begun) == max(1, sum(cycle <= rig.around.halted_at for cycle in begun))
        rig.check(rig.around.started, len(begun))
        assert rig.state(ctx)[:2] == (rig.timestep, rig.timestep)
        return len(begun)

    async def testbench(ctx):
        counts = set()
        for homed in (True, False):
            for halt in range(5 * interval + 12):
                counts.add(await halted(ctx, halt, homed))
                rig.check(await rig.run(ctx, 2), 2)
        assert counts == {1, 2, 3, 4, 5}

    rig.simulate(testbench, deadline_cycles=20_000)


def test_halt_while_idle_is_forgotten(plan: Plan, random_seed: int) -> None:
    rig = Rig(plan, random_seed)

    async def testbench(ctx):
        ctx.set(rig.dut.halt, 1)
        await ctx.tick()
        ctx.set(rig.dut.halt, 0)
        rig.check(await rig.run(ctx, 4), 4)

    rig.simulate(testbench)


@pytest.mark.parametrize("halts", [False, True])
def test_evaluations_leave_training_alone(plan: Plan, halts: bool, random_seed: int) -> None:
    """A probe, or a sweep of an evaluation a clock; a halt changes neither, nor the next run."""
    rig = Rig(plan, random_seed)
    dut, around, rng = rig.dut, rig.around, rig.rng

    async def halt(ctx, cycles: int) -> None:
        await ctx.tick().repeat(cycles)
        ctx.set(dut.halt, halts)
        await ctx.tick()
        ctx.set(dut.halt, 0)

    async def testbench(ctx):
        for number in range(1, 16):
            rig.draw_settings(ctx)
            steps = rng.randrange(6)
            rig.check(await rig.run(ctx, steps), steps)
            before = rig.state(ctx)
            del around.started[:]
            around.homed, around.homing_cycles = rng.random() < 0.5, rng.randrange(3)
            ctx.set(dut.probe_start, 1)
            await ctx.tick()
            ctx.set(dut.probe_start, 0)
            await halt(ctx, rng.randrange(1, 12))
            await rig.wait(ctx)
            assert around.probed == number
            around.homed = rng.random() < 0.5
            samples = rng.randint(1, 30)
            around.sweep = around.offers = samples
            begun = around.cycle
            ctx.set(dut.sweeping, 1)
            await halt(ctx, rng.randrange(1, 12))
            await rig.wait(ctx)
            assert (around.sweep, around.offers) == (0, 0)
            # One evaluation a clock.
            assert around.busy_until - begun <= samples + around.latency + 6
            assert not around.started
            assert rig.state(ctx) == before

    rig.simulate(testbench, deadline_cycles=20_000)


def test_long_registers(plan: Plan, random_seed: int) -> None:
    """Low words are held apart; writing the timestep starts no run; counting passes a word."""
    rig = Rig(plan, random_seed)
    last = (1 << TIMESTEP_BITS) - 1

    async def testbench(ctx):
        for value in (5, last - 4, 0, (1 << 32) - 3, rig.rng.getrandbits(TIMESTEP_BITS) >> 1):
            await rig.load(ctx, "stop_at_low", 0x1234)
            await rig.load(ctx, "timestep_low", value & 0xFFFFFFFF)
            assert ctx.get(rig.dut.timestep) == rig.timestep
            await rig.load(ctx, "timestep_high", value >> WORD_BITS)
            assert rig.state(ctx)[:2] == (value, value)
            await ctx.tick().repeat(3)
            assert not ctx.get(rig.dut.busy)
            rig.timestep = value
            rig.check(await rig.run(ctx, 4), 4)
            assert rig.state(ctx)[:2] == (value + 4, value + 4)
            # A stop behind the timestep starts nothing.
            del rig.around.started[:]
            await rig.load_long(ctx, "stop_at", value)
            await rig.wait(ctx)
            assert rig.state(ctx)[:2] == (value + 4, value)
            assert not rig.around.started

    rig.simulate(testbench)
