"""A sequencer in surroundings that answer it, and the specification's timestep as a model of it."""

import random
from dataclasses import dataclass, field

from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.sequencer import Sequencer
from pmgd.sim.testbench import simulate

PHASES = ("phase_x", "phase_p", "phase_theta")
TAUS = ("tau_x", "tau_p", "tau_theta")
STATE = ("timestep", "stop_at", *PHASES, "sample_index")
PULSES = ("advance", "draw", "round", "fetch", "apply")
OTHERS = ("home", "probing", "invalidate", "update", "busy", "finished")


@dataclass
class Timestep:
    """What one timestep did, how often it strobed what, and where it ended."""

    advance: int = 0
    draw: int = 0
    round: int = 0
    fetch: int = 0
    apply: int = 0
    fetched: int | None = None
    new_sample: bool = False
    """C0 was forgotten at the beginning."""
    baseline: int = 0
    perturbed: int = 0
    updates: bool = False
    end: tuple[int, ...] = ()
    """Timestep and phases."""


@dataclass
class Model:
    """The specification, "One timestep", as far as it concerns the sequencer."""

    words: random.Random
    tau_x: int = 1
    tau_p: int = 1
    tau_theta: int = 1
    order: int = 0
    sample_count: int = 1
    timestep: int = 0
    phase_x: int = 0
    phase_p: int = 0
    phase_theta: int = 0
    sample_index: int = 0
    baseline_valid: bool = False

    def step(self):
        new_sample, draws = self.phase_x == 0, False
        if new_sample:
            if self.order == 0:
                draws = True
                self.sample_index = (self.words.getrandbits(32) * self.sample_count) >> 32
            elif self.sample_index + 1 >= self.sample_count:
                self.sample_index = 0
            else:
                self.sample_index += 1
            self.baseline_valid = False
        advance = self.phase_p == 0
        baseline = not self.baseline_valid
        updates = self.phase_theta + 1 >= self.tau_theta
        self.baseline_valid = not updates
        for phase, tau in zip(PHASES, TAUS, strict=True):
            following = getattr(self, phase) + 1
            setattr(self, phase, 0 if following >= getattr(self, tau) else following)
        self.timestep += 1
        return Timestep(
            advance=advance,
            draw=draws,
            round=1,
            fetch=1,
            apply=1,
            fetched=self.sample_index,
            new_sample=new_sample,
            baseline=baseline,
            perturbed=1,
            updates=updates,
            end=(self.timestep, self.phase_x, self.phase_p, self.phase_theta),
        )


@dataclass
class Surroundings:
    """All that is around a sequencer: answers what it asks for, and records what it does."""

    dut: Sequencer
    words: random.Random
    latency: int = 4
    home_cycles: int = 2
    keeps_baseline: bool = False
    """C0 is always valid, which no real filter's is."""

    homed: bool = True
    baseline_valid: bool = False
    timesteps: list[Timestep] = field(default_factory=list)
    finished_at: list[int] = field(default_factory=list)
    probed: int = 0

    async def bench(self, ctx):
        dut = self.dut
        names = (*PULSES, *OTHERS, "timestep", *PHASES, "sample_index")
        signals = [getattr(dut, name) for name in names] + [dut.wave.valid, dut.wave.perturb]
        costs, steps = {}, set()  # by the cycle in which they arrive
        cycle = homing = 0
        now = Timestep()
        while True:
            ctx.set(dut.homed, self.homed)
            ctx.set(dut.cost_arrived, cycle in costs)
            ctx.set(dut.step_arrived, cycle in steps)
            ctx.set(dut.baseline_valid, self.baseline_valid or self.keeps_baseline)
            *_, wave, perturb = values = (await ctx.tick().sample(*signals))[2:]
            seen = dict(zip(names, values[:-2], strict=True))

            pulsed = [name for name in PULSES if seen[name]]
            active = pulsed or wave or seen["finished"]
            assert seen["busy"] or not active, "nothing happens while it is not busy"
            assert self.homed or not active, "nothing happens before the ring is home"
            assert ("apply" in pulsed) == (cycle in steps), "a step is taken as it arrives"
            if seen["probing"]:
                assert not pulsed
                assert not seen["invalidate"]
            for name in pulsed:
                setattr(now, name, getattr(now, name) + 1)
            if seen["fetch"]:
                now.fetched = seen["sample_index"]
            if seen["apply"]:
                now.updates = bool(seen["update"])
                assert seen["invalidate"] == seen["update"], "C0 ends with its parameters"
            elif seen["invalidate"]:
                assert not now.fetch
                now.new_sample = True
            if wave and seen["probing"]:
                assert not perturb
                self.probed += 1
                costs[cycle + self.latency - 1] = "probe"
            elif wave:
                assert (now.fetch, seen["sample_index"]) == (1, now.fetched)
                now.perturbed += perturb
                now.baseline += not perturb
                costs[cycle + self.latency - 1] = "perturbed" if perturb else "baseline"
                if perturb:
                    steps.add(cycle + self.latency)
            if costs.get(cycle) == "baseline":
                self.baseline_valid = True
            if seen["invalidate"]:
                self.baseline_valid = False
            if seen["finished"]:
                now.end = (seen["timestep"], *(seen[phase] for phase in PHASES))
                self.timesteps.append(now)
                self.finished_at.append(cycle)
                now = Timestep()
            if seen["draw"]:
                ctx.set(dut.word, self.words.getrandbits(32))
            homing = homing + 1 if seen["home"] else 0
            if homing > self.home_cycles:
                self.homed = True
            cycle += 1


class Rig:
    """A sequencer in its surroundings and a model of it, driven as the registers would."""

    def __init__(self, plan, seed, **surroundings):
        self.dut = Sequencer(plan)
        self.model = Model(random.Random(seed))
        self.around = Surroundings(self.dut, random.Random(seed), **surroundings)

    def simulate(self, testbench, **options):
        simulate(self.dut, testbench, background=[self.around.bench], **options)

    def set(self, ctx, **settings):
        for name, value in settings.items():
            ctx.set(self.dut.settings[name], value)
            setattr(self.model, name, value)

    async def load(self, ctx, name, value):
        ctx.set(self.dut.load[name], 1)
        ctx.set(self.dut.loaded, value)
        await ctx.tick()
        ctx.set(self.dut.load[name], 0)
        ctx.set(self.dut.loaded, 0xA5A5A5A5)

    async def load_long(self, ctx, name, value):
        await self.load(ctx, f"{name}_low", value & 0xFFFFFFFF)
        await self.load(ctx, f"{name}_high", value >> WORD_BITS)

    async def pulse(self, ctx, signal):
        ctx.set(signal, 1)
        await ctx.tick()
        ctx.set(signal, 0)

    async def wait(self, ctx):
        """Wait until it has stopped; return the cycles that took."""
        cycles = 0
        while ctx.get(self.dut.busy):
            await ctx.tick()
            cycles += 1
        # Whatever comes too late is recorded as well.
        await ctx.tick().repeat(self.around.latency + 3)
        assert not ctx.get(self.dut.busy)
        return cycles

    async def run(self, ctx, steps):
        """RUN(n); return what each timestep did."""
        del self.around.timesteps[:]
        await self.load_long(ctx, "stop_at", ctx.get(self.dut.timestep) + steps)
        assert ctx.get(self.dut.busy) == (steps > 0)
        await self.wait(ctx)
        return list(self.around.timesteps)

    async def probe(self, ctx):
        await self.pulse(ctx, self.dut.probe_start)
        assert ctx.get(self.dut.busy)
        await self.wait(ctx)

    def state(self, ctx):
        return {name: ctx.get(getattr(self.dut, name)) for name in STATE}
