"""Proofs of the control side: for every input in every cycle, not for those that tests think of."""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Module, Mux, Signal
from amaranth.lib import data
from control import PLANS
from formal import inputs, prove, stream_rules

from pmgd.gateware.bus import RequestLayout
from pmgd.gateware.decoder import Decoder
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import ScanLayout
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import REGION_SHIFT, Region, windows
from pmgd.gateware.scan import Scan
from pmgd.gateware.sequencer import Sequencer

# -- Sequencer ----------------------------------------------------------------------------------

SMALL = xor().with_settings({"fabric.tau_bits": 3, "fabric.tau_theta_bits": 2, "fabric.samples": 3})
PLAN = Plan(SMALL)
BASELINES = {
    "sample": PLAN,
    "two_sided": Plan(SMALL.with_settings({"fabric.baseline": "two_sided"})),
    "mean": Plan(SMALL.with_settings({"fabric.baseline": "mean"})),
    "literal": Plan(SMALL.with_settings({"fabric.baseline": "literal"})),
}
"""Plans by what is evaluated in a timestep."""


def before(m, value, name):
    """Return a value as it was in the cycle before."""
    register = Signal.like(value, name=f"{name}_before")
    m.d.sync += register.eq(value)
    return register


def _place(view, name):
    """Return the bit of a view's field of one bit."""
    return view.shape()[name].offset


class Surrounded:
    """A sequencer whose surroundings do anything that they may.

    They load only while it is not busy, keep the settings while it is, and answer only an
    evaluation that is under way. How long anything takes is up to them.
    """

    def __init__(self, plan):
        self.m = m = Module()
        m.submodules.sequencer = dut = self.dut = Sequencer(plan)
        wave, loads = dut.wave, dut.load.as_value().any()
        self.evaluating = dut.probing | dut.sweeping
        self.starts = wave.valid & ~wave.baseline & ~self.evaluating
        # An evaluation ends with its step, or with its cost if it is the host's.
        self.training, self.asked, self.baseline = Signal(), Signal(), Signal()
        for flag, starts, ends in (
            (self.training, self.starts, dut.step_arrived),
            (self.baseline, wave.valid & wave.baseline, dut.step_arrived),
            (self.asked, wave.valid & self.evaluating, dut.cost_arrived),
        ):
            m.d.sync += flag.eq(starts | (flag & ~ends))
        settings = dut.settings.as_value()
        self.same_settings = before(m, settings, "settings") == settings
        self.busy_before = before(m, dut.busy, "busy")
        self.loaded_before = before(m, loads, "loads")
        # A sweep begins with a load of its own, and ends with the cost of its last sample.
        sweeping_before = before(m, dut.sweeping, "sweeping")
        swept = before(m, dut.cost_arrived & self.asked, "swept")
        load_before = before(m, dut.load.evaluate, "evaluate")
        others = dut.load.as_value() & ~(1 << _place(dut.load, "evaluate"))
        m.d.comb += [
            Assume(~dut.busy | ~(loads | dut.probe_start)),
            Assume(~dut.load.evaluate | ~(others.any() | dut.probe_start)),
            Assume(~dut.probe_start | ~loads),
            Assume(~dut.sweeping | sweeping_before | load_before),
            Assume(dut.sweeping | ~sweeping_before | swept),
            Assume(~self.busy_before | self.same_settings),
            Assume(~dut.step_arrived | self.training),
            Assume(~dut.cost_arrived | self.training | self.baseline | self.asked),
        ]
        # Where an induction may not begin: amid an evaluation, but elsewhere in a timestep.
        elsewhere = dut.home | dut.round | dut.draw | dut.fetch | dut.finished | ~dut.busy
        m.d.comb += [
            Assert(~(self.training | self.asked) | ~elsewhere),
            Assert(~self.training | ~(self.asked | self.evaluating)),
            Assert(~self.asked | self.evaluating),
        ]

    def prove(self, folder, depth, mode="prove"):
        prove(self.m, inputs(self.dut), folder=folder, depth=depth, mode=mode)


@pytest.mark.parametrize("kind", BASELINES)
def test_an_evaluation_starts_only_after_the_last_has_ended(tmp_path, kind):
    rig = Surrounded(BASELINES[kind])
    m, wave = rig.m, rig.dut.wave
    with m.If(wave.valid):
        m.d.comb += Assert(~rig.training & ~rig.asked)
    # A baseline is no exception: it shares the pipeline with the evaluation it is for.
    starts_baseline = before(m, wave.valid & wave.baseline, "starts_baseline")
    m.d.comb += Assert(~starts_baseline | rig.starts)
    rig.prove(tmp_path, depth=9)


def exactly_once(m, strobe, end, name):
    """Claim one strobe before each end; return whether it has been."""
    been = Signal(name=name)
    m.d.sync += been.eq((been | strobe) & ~end)
    m.d.comb += [Assert(~(strobe & been)), Assert(~end | been)]
    return been


@pytest.mark.parametrize("kind", BASELINES)
def test_a_timestep_takes_its_step_exactly_once(tmp_path, kind):
    rig = Surrounded(BASELINES[kind])
    m, dut = rig.m, rig.dut
    applied = before(m, dut.apply, "apply")
    timestep = before(m, dut.timestep, "timestep")
    loaded = before(m, dut.load.timestep_high, "load")
    m.d.comb += [
        Assert(dut.finished == applied, "a timestep ends when it has taken its step"),
        Assert(loaded | (dut.timestep == (timestep + applied)[: len(timestep)])),
        Assert(~dut.apply | rig.training, "the step is that of the perturbed evaluation"),
        Assert(~dut.advance | dut.round, "a perturbation changes only at the beginning"),
    ]
    begun = exactly_once(m, dut.round, dut.finished, "begun")
    trained = exactly_once(m, rig.starts, dut.finished, "trained")
    # Where an induction may not begin: with either in the wrong part of a timestep.
    outside = dut.home | rig.evaluating | ~dut.busy
    m.d.comb += [
        Assert(~(begun | trained) | ~outside),
        Assert(~trained | ~(dut.round | dut.fetch)),
        Assert(begun | ~(dut.fetch | rig.training) | rig.evaluating),
        Assert(trained | ~(rig.training | applied)),
    ]
    rig.prove(tmp_path, depth=9)


def test_phases_stay_below_their_tau_once_they_are(tmp_path):
    rig = Surrounded(PLAN)
    m, dut = rig.m, rig.dut
    for name in ("x", "p", "theta"):
        phase, tau = getattr(dut, f"phase_{name}"), dut.settings[f"tau_{name}"]
        below = phase < Mux(tau == 0, 1, tau)
        was_below = before(m, below, f"below_{name}")
        m.d.comb += Assert(~was_below | ~rig.same_settings | rig.loaded_before | below)
    rig.prove(tmp_path, depth=9)


def test_busy_whenever_it_does_something(tmp_path):
    rig = Surrounded(PLAN)
    m, dut = rig.m, rig.dut
    does = (dut.home, dut.draw, dut.fetch, dut.round, dut.advance, dut.wave.valid, dut.apply)
    does = (*does, dut.update, dut.invalidate, dut.finished)
    wants = (dut.probing, dut.sweeping, dut.timestep < dut.stop_at)
    ended = before(m, dut.finished | (rig.evaluating & dut.cost_arrived), "ended")
    started = before(m, dut.probe_start, "probe_start")
    m.d.comb += [
        Assert(dut.busy | ~Cat(*does, *wants).any()),
        Assert(dut.busy | ~rig.busy_before | ended, "it stops only between timesteps"),
        Assert(dut.busy | ~started),
    ]
    rig.prove(tmp_path, depth=9)


def test_sequencer_is_not_idle_in_its_proofs(tmp_path):
    rig = Surrounded(PLAN)
    m, dut = rig.m, rig.dut
    m.d.comb += [
        Cover(dut.finished & (dut.timestep == 2) & (dut.phase_theta == 2)),
        Cover(dut.apply & dut.update & (dut.timestep == 1)),
        Cover(dut.probing & dut.cost_arrived & dut.homed),
        Cover(dut.sweeping & before(m, dut.sweeping & dut.cost_arrived & rig.asked, "counted")),
    ]
    rig.prove(tmp_path, depth=26, mode="cover")


# -- Decoder ------------------------------------------------------------------------------------

SLOWEST_TARGET_CYCLES = 2
"""Of a target that the proofs allow; bounded, since induction must see a whole access."""


def refusal(plan, request, busy):
    """Return the status that the specification demands before any target is asked; OK if none."""
    region, offset = request.address[REGION_SHIFT:], request.address[:REGION_SHIFT]
    status = Mux(region == Region.REGISTERS, Status.OK.value, Status.BAD_ADDRESS.value)
    for window in windows(plan):
        exists = (region == window.region) & (offset < window.words)
        if window.region == Region.SAMPLES:
            exists &= offset % plan.sample.stride < plan.sample.words
        allowed = Mux(request.write, Const(window.writable, 1), Const(window.readable, 1))
        verdict = Mux(allowed, Mux(busy, Status.BUSY.value, Status.OK.value), Status.ACCESS.value)
        status = Mux(exists, verdict, status)
    return status


class Accessed:
    """A decoder, and what is to be known of the one access that it is at."""

    def __init__(self, plan):
        self.m = m = Module()
        m.submodules.decoder = dut = self.dut = Decoder(plan)
        stream_rules(m, dut.bus.request, Assume)
        taken = dut.bus.request.valid & dut.bus.request.ready
        given = dut.bus.response.valid & dut.bus.response.ready
        self.request = Signal(RequestLayout)
        self.pending, self.checked, self.strobed = Signal(), Signal(), Signal()
        self.verdict = Signal(3)
        with m.If(taken):
            m.d.sync += [self.request.eq(dut.bus.request.payload), self.pending.eq(1)]
            m.d.sync += [self.checked.eq(0), self.strobed.eq(0)]
        with m.If(given):
            m.d.sync += self.pending.eq(0)
        # The cycle after a request is taken decides whether it came while busy.
        with m.If(self.pending & ~self.checked):
            m.d.sync += [
                self.verdict.eq(refusal(plan, self.request, dut.busy)),
                self.checked.eq(1),
            ]
        regions = [Region.REGISTERS, *(window.region for window in windows(plan))]
        self.targets = {region: getattr(dut, region.name.lower()) for region in regions}
        self.asked = Signal(len(Region))
        self.waited = Signal(range(SLOWEST_TARGET_CYCLES + 1))
        for region, target in self.targets.items():
            asked = self.asked[region]
            m.d.sync += asked.eq((asked | target.strobe) & ~target.done)
        m.d.sync += self.waited.eq(Mux(self.asked.any(), self.waited + 1, 0))
        m.d.comb += Assume(self.waited < SLOWEST_TARGET_CYCLES)

    def prove(self, folder, depth, mode="prove"):
        prove(self.m, inputs(self.dut), folder=folder, depth=depth, mode=mode)


def test_a_request_is_answered_exactly_once_and_asks_only_its_target(tmp_path):
    rig = Accessed(PLANS["wide"])
    m, dut, response = rig.m, rig.dut, rig.dut.bus.response
    stream_rules(m, response, Assert)
    m.d.comb += Assert(dut.bus.request.ready == ~rig.pending, "one access at a time")
    m.d.comb += Assert(~response.valid | (rig.pending & rig.checked))

    # It is answered: at once if refused, else in the cycle after its target is done.
    done, outcome = Signal(), Signal(data.StructLayout({"status": 3, "value": 32}))
    m.d.sync += done.eq(0)
    for region, target in rig.targets.items():
        with m.If((target.strobe | rig.asked[region]) & target.done):
            m.d.sync += [done.eq(1), outcome.status.eq(target.status)]
            m.d.sync += outcome.value.eq(target.value)
    with m.If(done):
        m.d.comb += Assert(response.valid)
        m.d.comb += Assert(response.payload.status == outcome.status)
        m.d.comb += Assert(response.payload.data == outcome.value)
    refused = rig.checked & (rig.verdict != Status.OK)
    with m.If(rig.pending & refused):
        m.d.comb += Assert(response.valid & (response.payload.status == rig.verdict))
    with m.If(rig.pending & rig.checked & ~refused):
        strobes = Cat(target.strobe for target in rig.targets.values())
        m.d.comb += Assert(response.valid | rig.asked.any() | strobes.any())

    # A target is asked once, if it is the right one, for an access that is not refused.
    for region, target in rig.targets.items():
        with m.If(target.strobe):
            m.d.sync += rig.strobed.eq(1)
            m.d.comb += Assert(rig.pending & rig.checked & ~refused & ~rig.strobed)
            m.d.comb += Assert(rig.request.address[REGION_SHIFT:] == region)
        with m.If(target.strobe | rig.asked[region]):
            m.d.comb += [
                Assert(target.write == rig.request.write),
                Assert(target.offset == rig.request.address[:REGION_SHIFT]),
                Assert(target.data == rig.request.data),
            ]
    rig.prove(tmp_path, depth=SLOWEST_TARGET_CYCLES + 5)


def test_decoder_is_not_idle_in_its_proof(tmp_path):
    rig = Accessed(PLANS["wide"])
    m, response = rig.m, rig.dut.bus.response
    refused = rig.verdict != Status.OK
    m.d.comb += [
        Cover(response.valid & refused & (rig.verdict == status))
        for status in (Status.BAD_ADDRESS, Status.ACCESS, Status.BUSY)
    ]
    m.d.comb += [Cover(response.valid & rig.checked & (rig.asked == 0) & ~refused)]
    m.d.comb += [Cover(rig.asked[region] & (rig.waited == 1)) for region in rig.targets]
    rig.prove(tmp_path, depth=9, mode="cover")


# -- Scan ---------------------------------------------------------------------------------------


class Turned:
    """A scan controller that is asked for one word at a time, of those that exist."""

    def __init__(self, layout):
        self.m = m = Module()
        m.submodules.scan = dut = self.dut = Scan(layout)
        self.asked = Signal()
        m.d.sync += self.asked.eq((self.asked | dut.target.strobe) & ~dut.target.done)
        homing = before(m, dut.home & ~dut.homed, "homing")
        asked_for = Signal(dut.target.offset.shape())
        with m.If(dut.target.strobe):
            m.d.sync += asked_for.eq(dut.target.offset)
        m.d.comb += [
            Assume(dut.target.offset < layout.words),
            Assume(~self.asked | ~dut.target.strobe),
            Assume(~self.asked | (dut.target.offset == asked_for)),
            Assume(~homing | dut.home),
            # A run begins only between accesses, and the other way round.
            Assume(~dut.home | ~(self.asked | dut.target.strobe)),
        ]

    def prove(self, folder, depth, mode="prove"):
        prove(self.m, inputs(self.dut), folder=folder, depth=depth, mode=mode)


@pytest.mark.parametrize("words", [1, 3, 64])
def test_ring_stays_in_range_and_turns_only_when_asked(tmp_path, words):
    """As the gateware itself asserts."""
    rig = Turned(ScanLayout(16, 0, 16, words))
    rig.prove(tmp_path, depth=2)


def test_ring_is_not_idle_in_its_proof(tmp_path):
    rig = Turned(ScanLayout(16, 0, 16, 2))
    asked = rig.dut.ring.shift & rig.asked
    rig.m.d.comb += [Cover(asked & (rig.dut.target.write == write)) for write in (0, 1)]
    rig.prove(tmp_path, depth=4, mode="cover")
