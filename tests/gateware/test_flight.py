"""The queue of steps in flight, against a list of entries."""

import random

import pytest
from control import access
from pipelines import make

from pmgd.gateware.flight import Flight
from pmgd.gateware.frames import Status
from pmgd.gateware.latency import FLIGHT_CYCLES
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate

PLANS = {
    "2-2-1": Plan(make({})),
    "one neuron": Plan(
        make(
            {
                "network.layers": [1, 1],
                "network.activation": ["relu"],
                "formats.parameter": "S1.2",
                "formats.operand_fraction": 2,
                "training.dtheta": 0.25,
            }
        )
    ),
}


class Model:
    """Entries (u, advance, ends), and the timesteps whose steps are still to come."""

    def __init__(self, plan: Plan) -> None:
        self.step_bits = plan.flight.step_bits
        self.entries = [(0, 0, 0)] * plan.update_delay
        self.position = 0
        self.owing: list[int] = []

    @property
    def lands(self) -> bool:
        return bool(self.owing)

    @property
    def takes(self) -> bool:
        return self.position not in self.owing

    def take(self, advance: int, ends: int) -> tuple[int, int, int]:
        entry = self.entries[self.position]
        self.entries[self.position] = (entry[0], advance, ends)
        self.owing.append(self.position)
        self.position = (self.position + 1) % len(self.entries)
        return entry

    def land(self, step: int) -> None:
        index = self.owing.pop(0)
        self.entries[index] = (step, *self.entries[index][1:])

    def word(self, index: int) -> int:
        step, advance, ends = self.entries[index]
        unsigned = step & (1 << self.step_bits) - 1
        return unsigned | advance << self.step_bits | ends << self.step_bits + 1


async def cycle(ctx, dut: Flight, model: Model, rng: random.Random, takes: float, lands: float):
    """Let timesteps begin and steps land at these rates; check what is taken."""
    largest = (1 << model.step_bits - 1) - 1
    take, land = model.takes and rng.random() < takes, model.lands and rng.random() < lands
    advance, ends = rng.getrandbits(1), rng.getrandbits(1)
    step = rng.choice([largest, -largest, rng.randint(-largest, largest)])
    for signal, value in (
        (dut.take, take), (dut.land, land), (dut.advance, advance), (dut.ends, ends),
        (dut.step, step),
    ):  # fmt: skip
        ctx.set(signal, value)
    # Both see what was there before.
    entry = model.take(advance, ends) if take else None
    if land:
        model.land(step)
    await ctx.tick()
    ctx.set(dut.take, 0)
    ctx.set(dut.land, 0)
    assert ctx.get(dut.late.applies) == take
    assert ctx.get(dut.position) == model.position
    if entry is not None:
        late = dut.late
        assert (ctx.get(late.step), ctx.get(late.advance), ctx.get(late.ends)) == entry


@pytest.mark.parametrize("name", PLANS)
def test_a_step_waits_for_the_timestep_that_is_d_later(name: str, random_seed: int) -> None:
    """Through pauses of both sides, ends of runs, and the host's changes between them."""
    plan, rng = PLANS[name], random.Random(random_seed)
    dut, model = Flight(plan), Model(plan)
    depth, bits = plan.update_delay, plan.flight.bits

    async def testbench(ctx):
        for _ in range(25):
            rates = rng.choice([(1, 1), (0.5, 1), (1, 0.5), (0.3, 0.3)])
            for _ in range(rng.randint(1, 3 * depth)):
                await cycle(ctx, dut, model, rng, *rates)
            while model.lands:
                await cycle(ctx, dut, model, rng, 0, rates[1])
            for index in rng.sample(range(depth), depth):
                outcome = await access(ctx, dut.target, index)
                assert outcome == (Status.OK, model.word(index), 1)
            for index in rng.sample(range(depth), rng.randint(0, depth)):
                word = rng.getrandbits(32)
                step = word & (1 << model.step_bits) - 1
                step -= step >> model.step_bits - 1 << model.step_bits
                flags = word >> bits - 2 & 1, word >> bits - 1 & 1
                model.entries[index] = (step, *flags)
                assert (await access(ctx, dut.target, index, word)).status == Status.OK
                assert (await access(ctx, dut.target, index)).value == word & (1 << bits) - 1
            if rng.random() < 0.5:
                model.position = rng.randrange(depth)
                ctx.set(dut.load, 1)
                ctx.set(dut.loaded, model.position)
                await ctx.tick()
                ctx.set(dut.load, 0)
                ctx.set(dut.loaded, rng.getrandbits(32))
                assert ctx.get(dut.position) == model.position

    simulate(dut, testbench, deadline_cycles=100_000)


def test_a_step_can_be_taken_in_the_cycle_after_it_landed() -> None:
    """That is what the choice of D counts on: so many cycles from its landing until it is seen."""
    plan = PLANS["one neuron"]
    dut, depth = Flight(plan), plan.update_delay

    async def testbench(ctx):
        ctx.set(dut.take, 1)
        for _ in range(depth):
            await ctx.tick()
        ctx.set(dut.take, 0)
        ctx.set(dut.land, 1)
        ctx.set(dut.step, -3)
        await ctx.tick()
        ctx.set(dut.land, 0)
        ctx.set(dut.take, 1)
        for _ in range(FLIGHT_CYCLES - 1):
            assert not ctx.get(dut.late.step)
            await ctx.tick()
        assert (ctx.get(dut.late.step), ctx.get(dut.late.applies)) == (-3, 1)

    simulate(dut, testbench)


@pytest.mark.parametrize("lands", [False, True])
def test_taking_a_step_that_has_not_landed_is_caught(lands: bool) -> None:
    """Also in the very cycle in which it lands."""
    plan = PLANS["one neuron"]
    dut, taken = Flight(plan), []

    async def testbench(ctx):
        ctx.set(dut.take, 1)
        for number in range(plan.update_delay + 1):
            ctx.set(dut.land, lands and number == plan.update_delay)
            taken.append(number)
            await ctx.tick()

    with pytest.raises(AssertionError, match="a step must land before it is taken"):
        simulate(dut, testbench)
    assert len(taken) == plan.update_delay + 1


@pytest.mark.parametrize(
    ("before", "signal", "message"),
    [
        (0, "land", "a step must be of a timestep that has begun"),
        (1, "load", "the host must wait"),
        (1, "strobe", "the host must wait"),
    ],
)
def test_what_must_not_happen_is_caught(before: int, signal: str, message: str) -> None:
    dut = Flight(PLANS["one neuron"])

    async def testbench(ctx):
        ctx.set(dut.take, before)
        await ctx.tick()
        ctx.set(dut.take, 0)
        ctx.set(dut.target.strobe if signal == "strobe" else getattr(dut, signal), 1)
        await ctx.tick()

    with pytest.raises(AssertionError, match=message):
        simulate(dut, testbench)
