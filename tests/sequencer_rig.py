"""A sequencer in surroundings that answer it, and the specification's timestep as a model of it."""

import random
from dataclasses import dataclass, field

from shuffle_model import ShuffleModel

from pmgd.gateware.latency import INDEX_CYCLES, LEVELS_CYCLES, SHUFFLE_CYCLES
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.sequencer import Sequencer
from pmgd.gateware.spec import FILTERS
from pmgd.sim.testbench import simulate

PHASES = ("phase_x", "phase_p", "phase_theta")
TAUS = ("tau_x", "tau_p", "tau_theta")
STATE = ("timestep", "stop_at", *PHASES, "sample_index", "order_position", "perturbed")
PULSES = ("begins", "advance", "draw", "round", "fetch", "apply", "shake")
OTHERS = ("home", "probing", "invalidate", "update", "busy", "finished", "stepping", "shaking")

UNPERTURBED, PERTURBED, OPPOSITE = (0, 0), (1, 0), (1, 1)
"""A wave's bits perturb and opposite."""


@dataclass
class Timestep:
    """What one timestep did, how often it strobed what, and where it ended."""

    begins: int = 0
    advance: int = 0
    draw: int = 0
    round: int = 0
    fetch: int = 0
    apply: int = 0
    shake: int = 0
    fetched: int | None = None
    forgets: bool = False
    """C0 was forgotten at the beginning."""
    waves: tuple = ()
    """Of each evaluation, its perturb and opposite bits, and whether it is a baseline."""
    perturbed: int = 1
    updates: bool = False
    forgets_after: bool = False
    end: tuple[int, ...] = ()
    """Timestep and phases."""

    # Known to the model alone.
    new_sample: bool = field(default=False, compare=False)
    new_baseline: bool = field(default=False, compare=False)
    tried: int = field(default=0, compare=False)
    """Positions in shuffled order."""

    def declared_cycles(self, plan: Plan) -> int:
        cycles = plan.clocks_per_timestep(
            new_sample=self.new_sample, new_baseline=self.new_baseline, update=self.updates
        )
        if self.tried:
            cycles += SHUFFLE_CYCLES * self.tried - plan.sample.count_bits - INDEX_CYCLES
        return cycles


@dataclass
class Model:
    """The specification, "One timestep", as far as it concerns the sequencer."""

    plan: Plan
    words: random.Random
    tau_x: int = 1
    tau_p: int = 1
    tau_theta: int = 1
    order: int = 0
    blank: int = 0
    sample_count: int = 1
    timestep: int = 0
    phase_x: int = 0
    phase_p: int = 0
    phase_theta: int = 0
    sample_index: int = 0
    baseline_valid: bool = False
    perturbed: int = 1

    def __post_init__(self):
        self.kind = self.plan.spec.fabric.baseline
        self.draws = 0
        self.shuffle = ShuffleModel(0, self.draw_word)
        if self.kind == "literal":
            self.perturbed = 0

    @property
    def order_position(self):
        return self.shuffle.position

    @order_position.setter
    def order_position(self, value):
        self.shuffle.position = value

    def draw_word(self):
        self.draws += 1
        return self.words.getrandbits(32)

    def draw_sample(self):
        """Return how many positions were tried in shuffled order."""
        if self.order == 0:
            self.shuffle.word = self.draw_word()
            self.sample_index = (self.shuffle.word * self.sample_count) >> 32
        elif self.order == 1:
            following = self.sample_index + 1
            self.sample_index = 0 if following >= self.sample_count else following
        else:
            self.sample_index, tried = self.shuffle.draw(self.sample_count)
            return tried
        return 0

    def waves(self):
        """Step 3, and what is evaluated for it and for step 4."""
        if self.kind in FILTERS:
            return [(*PERTURBED, 0)]
        if self.kind == "two_sided":
            return [(*OPPOSITE, 1), (*PERTURBED, 0)]
        retaken = self.phase_x == 0 or self.phase_theta == 0
        if self.kind == "sample":
            retaken = not self.baseline_valid
        elif self.phase_p == 0:
            self.perturbed = 1
        elif retaken:
            self.perturbed = 0
        return [(*UNPERTURBED, 1)] * retaken + [(self.perturbed, 0, 0)]

    def step(self):
        self.draws = 0
        new_sample, tried = self.phase_x == 0, 0
        if new_sample:
            tried = self.draw_sample()
            self.baseline_valid &= self.kind != "sample"
        advance = self.phase_p == 0
        waves = self.waves()
        updates = self.phase_theta + 1 >= self.tau_theta
        if self.kind == "literal":
            updates = self.phase_theta == 0
        forgets_after = self.kind == "sample" and updates
        forgets = self.blank if self.kind in FILTERS else self.kind == "sample"
        self.baseline_valid = not forgets_after
        for phase, tau in zip(PHASES, TAUS, strict=True):
            following = getattr(self, phase) + 1
            setattr(self, phase, 0 if following >= getattr(self, tau) else following)
        self.timestep += 1
        return Timestep(
            begins=1,
            advance=advance,
            draw=self.draws,
            round=self.plan.stochastic,
            fetch=1,
            apply=self.plan.step_levels,
            shake=updates and self.plan.spec.fabric.update_noise != "none",
            fetched=self.sample_index,
            forgets=bool(new_sample and forgets),
            waves=tuple(waves),
            perturbed=self.perturbed,
            updates=updates,
            forgets_after=forgets_after,
            end=(self.timestep, self.phase_x, self.phase_p, self.phase_theta),
            new_sample=new_sample,
            new_baseline=len(waves) > 1,
            tried=tried,
        )


@dataclass
class Surroundings:
    """All that is around a sequencer: answers what it asks for, and records what it does."""

    dut: Sequencer
    plan: Plan
    words: random.Random
    latency: int = 4
    """From an evaluation to its step, or to the last of its steps, which follow each other."""
    home_cycles: int = 2
    counting_cycles: int = 0
    """From the cost of a sweep's sample until it is counted."""
    keeps_baseline: bool = False
    """C0 is always valid, which no real filter's is."""

    homed: bool = True
    baseline_valid: bool = False
    timesteps: list[Timestep] = field(default_factory=list)
    finished_at: list[int] = field(default_factory=list)
    probed: int = 0
    sweep: int = 0
    """Samples to evaluate."""
    swept: int = 0
    """Those evaluated."""
    sweep_fetched: int = 0

    async def bench(self, ctx):
        dut = self.dut
        names = (*PULSES, *OTHERS, "timestep", *PHASES, "sample_index", "perturbed")
        flags = dut.wave.valid, dut.wave.perturb, dut.wave.opposite, dut.wave.baseline
        signals = [*(getattr(dut, name) for name in names), *flags]
        costs, steps, levels, noise = {}, {}, set(), range(0)  # by the cycle in which they arrive
        cycle = homing = 0
        now = Timestep()
        while True:
            sweeping = self.swept < self.sweep
            ctx.set(dut.homed, self.homed)
            ctx.set(dut.cost_arrived, cycle in costs)
            ctx.set(dut.step_arrived, cycle in steps)
            ctx.set(dut.step_last, steps.get(cycle, False))
            ctx.set(dut.level_last, cycle in levels)
            ctx.set(dut.shaken, len(noise) > 0 and cycle == noise[-1])
            ctx.set(dut.baseline_valid, self.baseline_valid or self.keeps_baseline)
            ctx.set(dut.sweeping, sweeping)
            *_, wave, perturb, opposite, baseline = values = (await ctx.tick().sample(*signals))[2:]
            seen = dict(zip(names, values[:-4], strict=True))

            pulsed = [name for name in PULSES if seen[name]]
            active = pulsed or wave or seen["finished"]
            assert seen["busy"] or not active, "nothing happens while it is not busy"
            assert self.homed or not active, "nothing happens before the ring is home"
            assert ("apply" in pulsed) == (cycle in steps), "a step is taken as it arrives"
            assert seen["shaking"] == (cycle in noise), "until the last parameter has its noise"
            if {"apply", "shake"} & {*pulsed} or seen["shaking"]:
                assert seen["stepping"], "what is broadcast is a step"
            if {"begins", "fetch"} & {*pulsed} or seen["finished"]:
                assert not seen["stepping"], "what is broadcast is an amplitude"
            if seen["begins"] and self.plan.levels > 1:
                levels.add(cycle + LEVELS_CYCLES)
            if seen["fetch"] and not sweeping:
                assert all(last < cycle for last in levels), "all amplitudes have arrived"
            if seen["shake"]:
                noise = range(cycle + 1, cycle + self.plan.shake_cycles)
            if seen["probing"] or sweeping:
                assert not pulsed or (sweeping and pulsed == ["fetch"])
                assert not seen["invalidate"]
                self.sweep_fetched += seen["fetch"]
            else:
                for name in pulsed:
                    setattr(now, name, getattr(now, name) + 1)
                if seen["fetch"]:
                    now.fetched = seen["sample_index"]
            if seen["apply"]:
                now.updates = bool(seen["update"])
                now.forgets_after = bool(seen["invalidate"])
                assert steps[cycle] or not now.forgets_after, "not before the last step"
                assert seen["perturbed"] == now.perturbed, "it is masked as it is perturbed"
            elif seen["invalidate"]:
                assert not now.fetch
                now.forgets = True
            if wave and (seen["probing"] or sweeping):
                assert not perturb
                assert not sweeping or self.sweep_fetched == self.swept + 1
                what, cycles = ("sweep", self.counting_cycles) if sweeping else ("probe", 0)
                costs[cycle + self.latency - 1 + cycles] = what
            elif wave:
                assert (now.fetch, seen["sample_index"]) == (1, now.fetched)
                now.waves += ((perturb, opposite, baseline),)
                turns, last = self.plan.step_levels, cycle + self.latency
                costs[last - turns] = "baseline" if baseline else "change"
                if not baseline:
                    now.perturbed = seen["perturbed"]
                    steps |= {last - turn: turn == 0 for turn in range(turns)}
            match costs.get(cycle):
                case "baseline":
                    self.baseline_valid = True
                case "probe":
                    self.probed += 1
                case "sweep":
                    self.swept += 1
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
        self.model = Model(plan, random.Random(seed))
        self.around = Surroundings(self.dut, plan, random.Random(seed), **surroundings)

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

    async def sweep(self, ctx, samples):
        """Evaluate so many samples of the memory."""
        self.around.sweep, self.around.swept, self.around.sweep_fetched = samples, 0, 0
        ctx.set(self.dut.sweeping, samples > 0)
        assert ctx.get(self.dut.busy) == (samples > 0)
        await self.wait(ctx)
        assert self.around.swept == self.around.sweep_fetched == samples

    def state(self, ctx):
        return {name: ctx.get(getattr(self.dut, name)) for name in STATE}
