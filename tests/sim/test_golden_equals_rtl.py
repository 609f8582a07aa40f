"""Golden = RTL, bit for bit, after every timestep."""

import numpy as np
import pytest
from equality import (
    assert_equal,
    assert_golden_equals,
    random_samples,
    samples_3_5_2,
    samples_xor,
    spec_3_5_2,
    start,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmgd.gateware import presets
from pmgd.gateware.device import StepTrace
from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.golden import Golden
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.pysim_device import PysimDevice
from pmgd.sim.rtl_device import RtlDevice

STEPS = 100_000
CHUNK = 10_000
SEEDS = (0, 1, 2)
TAUS = [(tau_x, tau_theta) for tau_x in (1, 4) for tau_theta in (1, 4, 7)]
NETWORKS = {"2-2-1": (presets.xor, samples_xor), "3-5-2": (spec_3_5_2, samples_3_5_2)}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_timestep(network):
    make, samples = NETWORKS[network][0](), NETWORKS[network][1]()
    plan = Plan(make)
    lanes = [(seed, *taus) for taus in TAUS for seed in SEEDS]
    golden = Golden(plan, lanes=len(lanes))
    golden.load_samples(*samples)
    golden.begin([lane[0] for lane in lanes])
    golden.tau_x[:] = [lane[1] for lane in lanes]
    golden.tau_theta[:] = [lane[2] for lane in lanes]
    drivers = []
    for seed, tau_x, tau_theta in lanes:
        training = {"training.tau_x": tau_x, "training.tau_theta": tau_theta}
        lane_plan = Plan(make.with_settings(training))
        drivers.append(start(RtlDevice(lane_plan), lane_plan, samples, seed))

    for done in range(0, STEPS, CHUNK):
        expected = golden.trace(CHUNK)
        for lane, driver in enumerate(drivers):
            seed, tau_x, tau_theta = lanes[lane]
            of_lane = StepTrace(
                expected.cost[:, lane],
                expected.baseline[:, lane],
                expected.step[:, lane],
                expected.parameters[:, lane],
            )
            what = f"seed {seed}, tau_x {tau_x}, tau_theta {tau_theta}, from timestep {done}"
            assert_equal(of_lane, driver.trace(CHUNK), what)
    for driver in drivers:
        driver.device.close()
    # A comparison of runs that stand still would prove nothing.
    assert (golden.theta != 0).all(axis=1).any()
    assert len(np.unique(golden.theta, axis=0)) == len(lanes)


@pytest.mark.parametrize(
    "changed",
    [
        {"formats.rounding": "nearest", "training.order": "sequential"},
        {"formats.overflow": "hold", "training.eta": 2.0, "training.tau_p": 3},
        {"fabric.tau_theta_bits": 1, "formats.cost": "U1.8", "formats.operand_fraction": 4},
    ],
    ids=["nearest-sequential", "hold", "no-gradient-register"],
)
def test_every_kind(changed, random_seed):
    plan = Plan(presets.xor().with_settings(changed))
    device = RtlDevice(plan, optimise=False)
    assert_golden_equals(device, GoldenDevice(plan), plan, samples_xor(), random_seed, 5_000)
    device.close()


def test_three_devices_agree(random_seed):
    plan = Plan(spec_3_5_2().with_settings({"training.tau_x": 2, "training.tau_theta": 3}))
    for device in (RtlDevice(plan), PysimDevice(plan)):
        assert_golden_equals(device, GoldenDevice(plan), plan, samples_3_5_2(), random_seed, 60)
        device.close()


@pytest.fixture(scope="module")
def xor_rtl():
    """One device for many examples; each starts it afresh."""
    device = RtlDevice(Plan(presets.xor()))
    yield device
    device.close()


@given(
    splits=st.lists(st.integers(0, 40), min_size=2, max_size=6),
    tau_x=st.integers(1, 5),
    tau_p=st.integers(1, 5),
    tau_theta=st.integers(1, 9),
    seed=st.integers(0, 2**64 - 1),
)
@settings(max_examples=25)
def test_a_run_in_parts_is_the_whole_run(xor_rtl, splits, tau_x, tau_p, tau_theta, seed):
    training = {"tau_x": tau_x, "tau_p": tau_p, "tau_theta": tau_theta}
    plan = Plan(
        presets.xor().with_settings({f"training.{key}": value for key, value in training.items()})
    )
    states = []
    for parts in (splits, [sum(splits)]):
        driver = start(xor_rtl, plan, samples_xor(), seed)
        for steps in parts:
            driver.run(steps)
            driver.evaluate(*samples_xor())  # evaluation leaves training alone
        states.append(driver.read_state())
    assert states[0] == states[1]
    assert states[0].timestep == sum(splits)


@pytest.mark.parametrize("before", [0, 1, 37])
def test_state_moves_between_devices(before, random_seed):
    """Save on one device, restore on another, go on: as if nothing had happened."""
    settings_ = {"training.tau_x": 4, "training.tau_p": 2, "training.tau_theta": 7}
    plan = Plan(presets.xor().with_settings(settings_))
    devices = [GoldenDevice(plan), RtlDevice(plan), RtlDevice(plan), GoldenDevice(plan)]
    drivers = [
        start(device, plan, samples_xor(), random_seed + n) for n, device in enumerate(devices)
    ]
    for source, target in ((0, 1), (2, 3)):
        drivers[source].run(before)
        drivers[target].run(5)
        drivers[target].write_state(drivers[source].read_state())
        assert_equal(drivers[source].trace(200), drivers[target].trace(200), f"after {before}")
    for device in devices:
        device.close()


@st.composite
def small_specs(draw):
    """Any small network, in formats that differ from each other as far as they may."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    parameter = Format(True, draw(st.integers(1, 5)), draw(st.integers(3, 10)))
    signed = draw(st.booleans())
    inputs = Format(signed, draw(st.integers(int(signed), 2)), draw(st.integers(1, 4)))
    argument = Format(True, draw(st.integers(2, 4)), draw(st.integers(2, 9)))
    return Spec(
        name="drawn",
        network=Network(layers=tuple(sizes), segments=1 << draw(st.integers(1, 4))),
        formats=Formats(
            parameter=parameter,
            operand_fraction=draw(st.integers(0, parameter.fraction_bits)),
            input=draw(st.sampled_from([Format(False, 1, 0), inputs])),
            target=draw(st.sampled_from([Format(False, 1, 0), Format(True, 1, 11)])),
            preactivation=argument,
            activation=Format(False, 0, draw(st.integers(3, 10))),
            rounding=draw(st.sampled_from(["stochastic", "nearest"])),
            overflow=draw(st.sampled_from(["clip", "hold"])),
        ),
        fabric=Fabric(
            samples=draw(st.integers(1, 9)),
            lfsr_bits=draw(st.integers(12, 20)),
            tau_bits=draw(st.integers(3, 16)),
            tau_theta_bits=draw(st.integers(3, 8)),
        ),
        training=Training(
            tau_x=draw(st.integers(1, 7)),
            tau_p=draw(st.integers(1, 7)),
            tau_theta=draw(st.integers(1, 7)),
            eta=draw(st.floats(0.01, 4)),
            dtheta=2.0 ** -draw(st.integers(0, 3)),
            order=draw(st.sampled_from(["random", "sequential"])),
            init_range=2.0 ** (parameter.integer_bits - 1),
            seed=draw(st.integers(0, 2**64 - 1)),
        ),
    )


def check_any_network(spec: Spec, device_class, steps: int) -> None:
    plan = Plan(spec)
    rng = np.random.default_rng(spec.training.seed)
    samples = random_samples(plan, int(rng.integers(1, spec.fabric.samples + 1)), rng)
    device = device_class(plan)
    assert_golden_equals(device, GoldenDevice(plan), plan, samples, spec.training.seed, steps)
    device.close()


@given(spec=small_specs())
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_any_small_network(spec):
    check_any_network(spec, PysimDevice, 40)


@pytest.mark.slow
@given(spec=small_specs())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_any_small_network_for_long(spec):
    check_any_network(spec, RtlDevice, 2_000)
