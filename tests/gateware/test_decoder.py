"""The decoder: what reaches a target, what is refused and why, each answered once."""

import gc
import random
from itertools import product

import pytest
from control import PLANS
from pipelines import make

from pmgd.gateware.decoder import Decoder
from pmgd.gateware.frames import Status
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Region, windows
from pmgd.sim.testbench import receive, send, simulate

WORD = 0xFFFFFFFF
ALL = {**PLANS, "pipelined": Plan(make({}))}


def interesting_offsets(plan, region):
    """Each side of every bound, and bits far above."""
    words = {window.region: window.words for window in windows(plan)}.get(region, 0x20)
    offsets = {0, 1, words - 1, words, words + 1, words | 1 << 23, (1 << REGION_SHIFT) - 1}
    if region == Region.SAMPLES:
        offsets |= set(range(words))
    return sorted(offset for offset in offsets if offset >= 0)


def expected_status(plan, region, offset, write, busy):
    """What the specification's order of checks leaves to be asked; None if the target decides."""
    if region == Region.REGISTERS:
        return None
    window = {window.region: window for window in windows(plan)}.get(region)
    if window is None or offset >= window.words:
        return Status.BAD_ADDRESS
    if region == Region.SAMPLES and offset % plan.sample.stride >= plan.sample.words:
        return Status.BAD_ADDRESS
    if not (window.writable if write else window.readable):
        return Status.ACCESS
    return Status.BUSY if busy else None


def answer(region, offset):
    """What a model of a target says: any status, any value."""
    draw = random.Random(f"{region} {offset}")
    return draw.choice(list(Status)), draw.getrandbits(32)


def regions(plan):
    return [Region.REGISTERS, *(window.region for window in windows(plan))]


class Targets:
    """Models of the targets: each answers, some cycles later, and keeps what it was asked."""

    def __init__(self, dut, plan, rng, slowest):
        self.dut = dut
        self.plan = plan
        self.rng = rng
        self.slowest = slowest
        self.asked = []
        self.delays = []

    def benches(self):
        return [self._bench(region) for region in regions(self.plan)]

    def _bench(self, region):
        target = getattr(self.dut, region.name.lower())

        async def bench(ctx):
            while True:
                await ctx.tick()
                if not ctx.get(target.strobe):
                    continue
                write, offset, data = (
                    ctx.get(target.write),
                    ctx.get(target.offset),
                    ctx.get(target.data),
                )
                self.asked.append((region, write, offset, data))
                delay = self.rng.randint(0, self.slowest)
                self.delays.append(delay)
                for _ in range(delay):
                    await ctx.tick()
                    assert not ctx.get(target.strobe), "a strobe takes one cycle"
                    held = ctx.get(target.write), ctx.get(target.offset), ctx.get(target.data)
                    assert held == (write, offset, data), "an access stays until it is done"
                status, value = answer(region, offset)
                ctx.set(target.status, status)
                ctx.set(target.value, value)
                ctx.set(target.done, 1)
                await ctx.tick()
                ctx.set(target.done, 0)
                # A status shown at any other time is nobody's.
                ctx.set(target.status, self.rng.getrandbits(3))
                ctx.set(target.value, self.rng.getrandbits(32))
                assert not ctx.get(target.strobe)

        return bench


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_what_is_refused_and_what_is_passed_on(name, busy, random_seed):
    plan, rng = ALL[name], random.Random(random_seed)
    dut = Decoder(plan)
    targets = Targets(dut, plan, rng, slowest=2)
    cases = [
        (region, offset, write)
        for region in (*range(10), 0x10, 0x81, 0xFF)
        for offset, write in product(interesting_offsets(plan, region), (0, 1))
    ]
    rng.shuffle(cases)

    async def testbench(ctx):
        ctx.set(dut.busy, busy)
        for region, offset, write in cases:
            request = {"write": write, "address": region << REGION_SHIFT | offset, "data": WORD}
            await send(ctx, dut.bus.request, [request])
            (response,) = await receive(ctx, dut.bus.response, 1)
            refusal = expected_status(plan, region, offset, write, busy)
            what = f"region {region}, offset {offset:#x}, write {write}"
            if refusal is None:
                status, value = answer(Region(region), offset)
                assert targets.asked == [(region, write, offset, WORD)], what
                assert response == {"status": status, "data": value}, what
            else:
                assert not targets.asked, what
                assert response["status"] == refusal, what
            targets.asked.clear()

    simulate(dut, testbench, background=targets.benches())


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("name", ALL)
def test_there_is_a_target_for_each_region(name):
    plan = ALL[name]
    dut = Decoder(plan)
    targets = {region.name.lower() for region in regions(plan)}
    assert set(dut.signature.members) == {"bus", "busy", *targets}
    assert ("flight" in targets) == plan.spec.fabric.pipeline
    del dut
    gc.collect()  # what is left of it warns here


def test_stalls_lose_and_repeat_nothing(random_seed):
    plan, rng = PLANS["wide"], random.Random(random_seed)
    dut = Decoder(plan)
    targets = Targets(dut, plan, rng, slowest=5)
    requests = [
        {
            "write": rng.getrandbits(1),
            "address": rng.randrange(6) << REGION_SHIFT | rng.randrange(50),
            "data": rng.getrandbits(32),
        }
        for _ in range(200)
    ]
    expected_asked, expected_statuses = [], []
    for request in requests:
        region, offset = divmod(request["address"], 1 << REGION_SHIFT)
        refusal = expected_status(plan, region, offset, request["write"], busy=False)
        if refusal is None:
            expected_asked.append((region, request["write"], offset, request["data"]))
        expected_statuses.append(answer(Region(region), offset)[0] if refusal is None else refusal)

    async def requesting(ctx):
        await send(ctx, dut.bus.request, requests, rng=rng, stall=0.3)

    async def responding(ctx):
        responses = await receive(ctx, dut.bus.response, len(requests), rng=rng, stall=0.3)
        assert [response["status"] for response in responses] == expected_statuses
        assert targets.asked == expected_asked
        # Nothing more comes of it.
        ctx.set(dut.bus.response.ready, 1)
        for _ in range(20):
            *_, valid, ready = await ctx.tick().sample(
                dut.bus.response.valid, dut.bus.request.ready
            )
            assert (valid, ready) == (0, 1)
        assert targets.asked == expected_asked

    simulate(dut, requesting, responding, background=targets.benches())


def test_latency_is_the_declared_one(random_seed):
    """The target's own cycles and three more, or two for a refusal."""
    plan = PLANS["xor"]
    dut = Decoder(plan)
    targets = Targets(dut, plan, random.Random(random_seed), slowest=4)

    async def cycles(ctx, address):
        ctx.set(dut.bus.request.payload, {"write": 0, "address": address, "data": 0})
        ctx.set(dut.bus.request.valid, 1)
        assert ctx.get(dut.bus.request.ready)
        await ctx.tick()
        ctx.set(dut.bus.request.valid, 0)
        count = 1
        while not ctx.get(dut.bus.response.valid):
            await ctx.tick()
            count += 1
        await ctx.tick()
        return count

    async def testbench(ctx):
        ctx.set(dut.bus.response.ready, 1)
        for _ in range(20):
            measured = await cycles(ctx, 0)
            assert measured == 3 + targets.delays[-1]
            assert await cycles(ctx, WORD) == 2

    simulate(dut, testbench, background=targets.benches())
