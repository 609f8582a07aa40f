"""The pipelined fabric from its ports: its cycles are the declared ones, and none is lost."""

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from control import exchange
from equality import random_samples, start
from pipelines import make, pairs

from pmgd.gateware.errors import DeviceBusyError
from pmgd.gateware.frames import DELIMITER, Operation, Request, Status, encode_request
from pmgd.gateware.latency import FRONT_CYCLES
from pmgd.gateware.pipelined_fabric import PipelinedFabric
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Reg, Region, registers
from pmgd.host.driver import Driver
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.rtl_device import RtlDevice
from pmgd.sim.testbench import simulate

# Of those that golden and RTL are compared on, which are compiled already.
SMALL = [each for each in pairs() if each["network.layers"] == (2, 2, 1)]
BY_COPIES = {
    copies: Plan(make(next(each for each in SMALL if each["fabric.copies"] == copies)))
    for copies in (1, 2)
}
SWEPT = 64
"""Samples of a memory that a sweep goes through."""


@pytest.fixture(params=BY_COPIES.values(), ids=lambda plan: f"{plan.spec.fabric.copies} copies")
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.param


@pytest.fixture
def device(plan: Plan) -> Iterator[RtlDevice]:
    device = RtlDevice(plan, optimise=False)
    yield device
    device.close()


def draw_settings(plan: Plan, rng: random.Random) -> Plan:
    fabric = plan.spec.fabric
    settings = {
        "training.tau_x": rng.choice([1, 2, 3, 5]),
        "training.tau_p": rng.choice([1, 2, 3, 5]),
        "training.tau_theta": rng.randint(1, (1 << fabric.tau_theta_bits) - 1),
        "training.order": rng.choice(["random", "sequential"]),
        "training.eta": 2.0 ** -rng.randint(1, 5),
    }
    return Plan(plan.spec.with_settings(settings))


def ready(device, plan: Plan, seed: int) -> Driver:
    samples = random_samples(plan, plan.sample.samples, np.random.default_rng(seed))
    return start(device, plan, samples, seed)


# -- Compiled ---------------------------------------------------------------------------------


def test_a_timestep_every_interval_without_a_bubble(device, plan: Plan, random_seed: int) -> None:
    """At any tau, over 10,000 cycles; only the frames around the run come on top."""
    rng = random.Random(random_seed)
    driver = ready(device, plan, random_seed)
    around = set()
    for cycles in (4_000, 10_000, 10_000, 10_000, 6_000):
        driver.configure(draw_settings(plan, rng).spec.training)
        before = device.cycles
        driver.run(cycles // plan.interval)
        around.add(device.cycles - before - cycles)
    assert len(around) == 1
    assert max(around) < 2_000


def test_halt_in_every_cycle_is_a_shorter_run(device, plan: Plan, random_seed: int) -> None:
    """A frame with the run, idle cycles, and a frame with the halt: whatever has begun has ended.

    Delimiters between the frames are empty frames, of which each takes a cycle.
    """
    golden = ready(GoldenDevice(plan), plan, random_seed)
    driver = ready(device, plan, random_seed)
    halt = encode_request(Request(2, Operation.WRITE, Reg.HALT, 1, (1,)))
    lengths = []
    for idle in range(40):
        before = driver.timestep
        request = Request(1, Operation.WRITE, Reg.STOP_AT_LOW, 2, (before + 1_000_000, 0))
        offered = encode_request(request) + DELIMITER * idle + halt
        taken, _ = device.transport.stream(offered, 400 + idle)
        assert taken == len(offered)
        device.wait(1.0)
        lengths.append(driver.timestep - before)
        golden.run(lengths[-1])
        assert driver.read_state() == golden.read_state(), f"halted after {idle} idle cycles"
    # A timestep more for each interval that the halt comes later.
    assert [b - a for a, b in zip(lengths, lengths[2:], strict=False)] == [2 // plan.interval] * 38


def test_registers_can_be_read_during_a_run(device, plan: Plan, random_seed: int) -> None:
    golden, driver = (ready(each, plan, random_seed) for each in (GoldenDevice(plan), device))
    steps = 4_000
    device.write(Reg.STOP_AT_LOW, [steps, 0])
    seen = []
    while int(device.read(Reg.STATUS)[0]):
        seen.append(driver.timestep)
        for register in registers(plan):
            value = int(device.read(register.reg)[0])
            if register.name.startswith(("tau_", "scale_", "magic", "digest_low", "stop_at_low")):
                assert value == (steps if "stop" in register.name else kept(driver, register.name))
        if len(seen) == 1:
            for where in (Reg.TIMESTEP_LOW, Reg.DTHETA, Region.FLIGHT << REGION_SHIFT):
                with pytest.raises(DeviceBusyError):
                    device.write(where, [0])
    assert len(seen) > 1
    assert all(a < b for a, b in pairwise(seen))
    golden.run(steps)
    assert driver.read_state() == golden.read_state()


def kept(driver: Driver, name: str) -> int:
    """Return what was written to a register, or is constant."""
    plan = driver.plan
    mantissa, shift = plan.scale()
    constants = {register.name: register.reset for register in registers(plan)}
    training = plan.spec.training
    return {
        **constants,
        "tau_x": training.tau_x,
        "tau_p": training.tau_p,
        "tau_theta": training.tau_theta,
        "scale_mantissa": mantissa,
        "scale_shift": shift,
    }[name]


# -- Amaranth's simulator ---------------------------------------------------------------------


class Watch:
    """In which cycles of a fabric what happened, inside it too."""

    def __init__(self, dut: PipelinedFabric) -> None:
        self.dut = dut
        self.cycle = 0
        self.begun: list[int] = []
        self.waves: list[int] = []
        self.arrived: list[int] = []
        self.traced: list[int] = []
        self.used: list[int] = []
        self.busy: list[int] = []

    async def bench(self, ctx) -> None:
        issue, dut = self.dut._sequencer.issue, self.dut
        signals = (
            *(issue.begins, issue.wave.valid, dut._network.arrived.valid, dut.trace.valid),
            *(dut.trace.used[0], dut.busy),
        )
        lists = self.begun, self.waves, self.arrived, self.traced, self.used, self.busy
        async for _, _, *values in ctx.tick().sample(*signals):
            for cycles, value in zip(lists, values, strict=True):
                if value:
                    cycles.append(self.cycle)
            self.cycle += 1

    def forget(self) -> None:
        for cycles in (self.begun, self.waves, self.arrived, self.traced, self.used, self.busy):
            del cycles[:]


def shifted(cycles: list[int], by: int) -> list[int]:
    return [cycle + by for cycle in cycles]


def consecutive(cycles: list[int], distance: int = 1) -> bool:
    return all(b - a == distance for a, b in pairwise(cycles))


async def write(ctx, dut, where: int, *words: int) -> None:
    assert await exchange(ctx, dut, where, words) == (Status.OK, ())


async def prepare(ctx, dut: PipelinedFabric, plan: Plan, rng: random.Random) -> None:
    for offset in range(plan.sample.samples):
        where = Region.SAMPLES << REGION_SHIFT | offset * plan.sample.stride
        await write(ctx, dut, where, rng.getrandbits(32))
    await configure(ctx, dut, plan, rng)
    for reg in (Reg.PERTURBER_STATE, Reg.UPDATE_STATE):
        await write(ctx, dut, reg, 1)


async def configure(ctx, dut: PipelinedFabric, plan: Plan, rng: random.Random) -> None:
    fabric = plan.spec.fabric
    for reg, value in (
        (Reg.SAMPLE_COUNT, rng.randint(1, plan.sample.samples)),
        (Reg.TAU_X, rng.randrange(5)),
        (Reg.TAU_P, rng.randrange(5)),
        (Reg.TAU_THETA, rng.randrange(1 << min(3, fabric.tau_theta_bits))),
        (Reg.ORDER, rng.randrange(2)),
        (Reg.DTHETA, 32),
        (Reg.SCALE_MANTISSA, 40_000),
        (Reg.SCALE_SHIFT, 20),
    ):
        await write(ctx, dut, reg, value)


def test_cycles_are_the_declared_ones(plan: Plan, random_seed: int) -> None:
    """Of every evaluation and step, at any tau, and of being busy."""
    rng = random.Random(random_seed)
    dut = PipelinedFabric(plan)
    watch = Watch(dut)

    async def testbench(ctx):
        await prepare(ctx, dut, plan, rng)
        assert not watch.busy
        done = 0
        for steps in (1, 2, rng.randint(3, 60), 200):
            await configure(ctx, dut, plan, rng)
            watch.forget()
            done += steps
            await write(ctx, dut, Reg.STOP_AT_LOW, done, 0)
            await ctx.tick().repeat(2 * steps + 150)
            assert len(watch.begun) == len(watch.traced) == len(watch.used) == steps
            assert consecutive(watch.begun, plan.interval)
            assert consecutive(watch.waves)
            assert len(watch.waves) == steps * plan.interval
            assert watch.arrived == shifted(watch.waves, FRONT_CYCLES + plan.latency.network)
            last = FRONT_CYCLES + plan.interval - 1 + plan.latency.step
            assert watch.traced == shifted(watch.begun, last)
            # It is busy from shortly before the first timestep to shortly after its last step.
            assert consecutive(watch.busy)
            assert watch.begun[0] - 4 <= watch.busy[0] < watch.begun[0]
            assert watch.traced[-1] <= watch.busy[-1] <= watch.traced[-1] + 2
            assert await exchange(ctx, dut, Reg.TIMESTEP_LOW) == (Status.OK, (done,))

    simulate(dut, testbench, background=[watch.bench], deadline_cycles=60_000)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fabric.copies": 2},
        {"fabric.copies": 2, "network.layers": [1, 1], "network.activation": ["relu"]},
        {"formats.input": "S2.3", "network.layers": [2, 2]},
    ],
    ids=str,
)
def test_d_is_the_least_that_is_in_time(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """One timestep less, and a step is wanted that has not landed."""
    plan = Plan(make(settings))
    least = plan.update_delay

    def run(depth: int) -> None:
        monkeypatch.setattr(Plan, "update_delay", depth)
        dut = PipelinedFabric(plan)

        async def testbench(ctx):
            await write(ctx, dut, Reg.STOP_AT_LOW, 3 * least, 0)
            while ctx.get(dut.busy):
                await ctx.tick()

        simulate(dut, testbench)

    run(least)
    with pytest.raises(AssertionError, match="a step must land before it is taken"):
        run(least - 1)


@pytest.mark.parametrize("copies", [1, 2])
def test_a_sweep_evaluates_a_sample_a_cycle(copies: int, random_seed: int) -> None:
    plan = Plan(make({"fabric.copies": copies, "fabric.samples": SWEPT}))
    rng = random.Random(random_seed)
    dut = PipelinedFabric(plan)
    watch = Watch(dut)

    async def testbench(ctx):
        await prepare(ctx, dut, plan, rng)
        lengths = set()
        for samples in (SWEPT, 1, 17, rng.randint(2, SWEPT)):
            watch.forget()
            await write(ctx, dut, Reg.EVALUATE, samples)
            await ctx.tick().repeat(SWEPT + 100)
            assert len(watch.waves) == samples
            assert consecutive(watch.waves)
            assert consecutive(watch.busy)
            assert watch.arrived == shifted(watch.waves, FRONT_CYCLES + plan.latency.network)
            lengths.add(len(watch.busy) - samples)
            assert not [*watch.begun, *watch.traced, *watch.used], "it is no timestep"
        assert len(lengths) == 1
        assert max(lengths) <= FRONT_CYCLES + plan.latency.evaluation + 6

    simulate(dut, testbench, background=[watch.bench], deadline_cycles=60_000)
