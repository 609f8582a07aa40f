from dataclasses import replace

import numpy as np
import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import (
    DataError,
    DeviceBusyError,
    DeviceError,
    DigestMismatchError,
    LinkError,
    SpecError,
)
from pmgd.gateware.initial import initial_defects
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC, Reg
from pmgd.gateware.seeds import expand
from pmgd.gateware.spec import Training
from pmgd.host.driver import Driver
from pmgd.sim.golden_device import GoldenDevice

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
T = np.array([[0], [1], [1], [0]])


class Disguised(GoldenDevice):
    """Answers some registers with other values, and remembers what it was asked."""

    def __init__(self, plan, answers):
        super().__init__(plan)
        self.answers = answers
        self.accesses = []

    def read(self, address, count=1):
        self.accesses.append(address)
        words = super().read(address, count)
        for offset in range(count):
            words[offset] = self.answers.get(address + offset, words[offset])
        return words

    def write(self, address, words):
        self.accesses.append(("write", address))
        super().write(address, words)


def xor_plan(**settings):
    return Plan(presets.xor().with_settings({k.replace("__", "."): v for k, v in settings.items()}))


def ready(plan, seed=0):
    driver = Driver(GoldenDevice(plan), plan)
    driver.configure(plan.spec.training)
    driver.load_samples(X, T)
    driver.initialise(seed)
    return driver


# -- Identity -------------------------------------------------------------------------------------


def test_a_stranger_is_recognised_by_its_magic_alone():
    plan = xor_plan()
    device = Disguised(plan, {Reg.MAGIC: 0xDEADBEEF, Reg.VERSION: 7, Reg.DIGEST_LOW: 1})
    with pytest.raises(LinkError, match=r"0xdeadbeef.*nothing of this kind"):
        Driver(device, plan)
    assert device.accesses == [Reg.MAGIC]


def test_the_version_comes_before_the_digest():
    plan = xor_plan()
    device = Disguised(plan, {Reg.VERSION: 7, Reg.DIGEST_LOW: 1})
    with pytest.raises(DeviceError, match="version 4 of the interface, not 7") as caught:
        Driver(device, plan)
    assert type(caught.value) is DeviceError
    assert device.accesses == [Reg.MAGIC, Reg.VERSION]


def test_another_digest_is_refused_with_both_values():
    plan, other = xor_plan(), xor_plan(formats__activation="U0.9")
    with pytest.raises(DigestMismatchError) as caught:
        Driver(GoldenDevice(other), plan)
    message = str(caught.value)
    assert f"{plan.digest:016x}" in message
    assert f"{other.digest:016x}" in message
    assert "regenerate" in message


def test_looking_at_a_device_changes_nothing():
    plan = xor_plan()
    device = Disguised(plan, {})
    Driver(device, plan)
    assert device.accesses == [Reg.MAGIC, Reg.VERSION, Reg.DIGEST_LOW]
    assert int(device.read(Reg.MAGIC)[0]) == MAGIC


# -- Set-up ---------------------------------------------------------------------------------------


def test_configure_writes_the_plans_settings():
    plan = xor_plan()
    driver = Driver(GoldenDevice(plan), plan)
    training = Training(
        tau_x=4, tau_p=2, tau_theta=7, eta=0.25, dtheta=0.125, order="sequential", steps=5
    )
    driver.configure(training)
    mantissa, shift = Plan(plan.spec.replace(training=training)).scale()
    written = [int(word) for word in driver.device.read(Reg.TAU_X, 7)]
    assert written == [4, 2, 7, 32, mantissa, shift, 1]
    assert driver.plan.digest == plan.digest
    # eta / dtheta, from cost steps of 2^-16 to parameter steps of 2^-8.
    assert mantissa / 2.0**shift == 0.25 / 0.125 * 2.0 ** (8 - 16)


def test_a_setting_wider_than_its_register_is_refused():
    driver = ready(xor_plan())
    with pytest.raises(SpecError, match=r"tau_theta must be from 1 to 255, not 256"):
        driver.configure(Training(tau_theta=256))


def test_the_initial_state_comes_from_the_seed():
    plan = xor_plan()
    driver = ready(plan, seed=5)
    seeds = expand(5, plan.parameters, plan.spec.fabric.lfsr_bits)
    state = driver.read_state()
    assert state.perturbers == tuple(seeds.perturbers)
    assert state.parameters == tuple(np.rint(seeds.uniform * 256).astype(int))
    assert (state.order_state, state.rounding_state) == (seeds.order, seeds.rounding)
    assert state.gradients == (0,) * plan.parameters
    assert (state.timestep, state.phase_x, state.phase_p, state.phase_theta) == (0, 0, 0, 0)
    assert state.sample_index == 3
    assert not state.baseline_valid
    assert (state.update_perturbers, state.flight) == ((), ())
    assert (state.noise_state, state.defects) == (0, ())


IMPERFECT = {
    "fabric__perturbation": "sine",
    "fabric__baseline": "highpass",
    "fabric__decay_shift": 4,
    "fabric__decay_every": "timestep",
    "fabric__cost_noise": True,
    "fabric__update_noise": "each",
    "fabric__defects": True,
    "formats__cost": "U7.10",
    "training__sigma_c": 0.01,
    "training__sigma_theta": 0.5,
    "training__sigma_a": 0.25,
}


def test_the_initial_state_of_an_imperfect_fabric():
    plan = xor_plan(**IMPERFECT)
    driver = ready(plan, seed=5)
    seeds = expand(5, plan.parameters, plan.perturber_bits, "sine", 3)
    state = driver.read_state()
    assert state.perturbers == tuple(seeds.perturbers)
    assert max(state.perturbers) < 1 << plan.perturber_bits
    assert state.noise_state == seeds.noise
    assert state.defects == tuple(map(tuple, initial_defects(plan, seeds.normal).tolist()))
    assert len(set(state.defects)) == 3
    # Another seed, and none of the noise of this one's.
    driver.initialise(6)
    assert driver.read_state().noise_state not in (0, state.noise_state)
    assert driver.read_state().defects != state.defects


def test_defects_follow_the_sigma_that_is_configured():
    driver = ready(xor_plan(**IMPERFECT))
    spec = driver.plan.spec
    for sigma in (0.0, 0.25):
        driver.configure(replace(spec.training, sigma_a=sigma))
        driver.initialise(0)
        right = (256, 0, 256, 0)
        assert (driver.read_state().defects == (right,) * 3) == (sigma == 0)


def test_configure_writes_the_settings_of_filters_and_noise():
    plan = xor_plan(**IMPERFECT)
    driver = Driver(GoldenDevice(plan), plan)
    for changed in ({"blank": True, "tau_x": 8, "sigma_c": 0.1}, {"sigma_theta": 1.0}):
        training = replace(plan.spec.training, mean_shift=6, **changed)
        driver.configure(training)
        expected = Plan(plan.spec.replace(training=training))
        for reg, value in (
            (Reg.MEAN_SHIFT, 6),
            (Reg.BLANK, int(training.blank)),
            (Reg.COST_NOISE, expected.cost_noise_level()),
            (Reg.UPDATE_NOISE, expected.update_noise_level()),
        ):
            assert int(driver.device.read(reg)[0]) == value
    with pytest.raises(SpecError, match=r"sigma_c must be from"):
        driver.configure(replace(plan.spec.training, sigma_c=1e9))


@pytest.mark.parametrize("perturbation", ["chain", "walsh"])
def test_the_initial_state_of_a_pipelined_fabric(perturbation):
    plan = xor_plan(fabric__pipeline=True, fabric__perturbation=perturbation)
    driver = ready(plan, seed=3)
    driver.run(50)
    assert any(driver.read_state().flight)
    driver.initialise(5)
    seeds = expand(5, plan.parameters, plan.spec.fabric.lfsr_bits, perturbation)
    state = driver.read_state()
    assert state.parameters == tuple(np.rint(seeds.uniform * 256).astype(int))
    assert state.perturbers == state.update_perturbers == tuple(seeds.perturbers)
    assert state.perturber_state == state.update_state == seeds.perturber_state > 0
    assert state.flight == (0,) * plan.update_delay
    assert state.flight_position == 0
    assert (state.baseline, state.baseline_valid) == (0, False)


def test_sequential_order_begins_with_the_first_sample():
    driver = ready(xor_plan(training__order="sequential"))
    seen = []
    for _ in range(6):
        driver.run(1)
        seen.append(driver.read_state().sample_index)
    assert seen == [0, 1, 2, 3, 0, 1]


def test_an_initial_range_beyond_the_format_is_refused():
    with pytest.raises(SpecError, match=r"init_range must be at most 8.*not 8\.5"):
        ready(xor_plan(training__init_range=8.5))


@pytest.mark.parametrize(
    ("x", "t", "message"),
    [
        (X[:, :1], T, r"inputs must have the shape \(samples, 2\).*not \(4, 1\)"),
        (X[:0], T[:0], r"at least one sample, not \(0, 2\)"),
        (X, T[:3], r"as many targets as inputs, not 3 and 4"),
        (X + 1, T, r"inputs must be from 0 to 1 in U1\.0, not from 1 to 2"),
        (X * 1.0, T, r"inputs must be integers, not float64"),
        (np.zeros((17, 2), int), np.zeros((17, 1), int), r"1 to 16 samples.*not 17"),
    ],
)
def test_samples_that_do_not_fit_are_refused(x, t, message):
    driver = ready(xor_plan())
    with pytest.raises(DataError, match=message):
        driver.load_samples(x, t)


# -- State and runs -------------------------------------------------------------------------------

WINDOWS = {"training__tau_theta": 7, "training__tau_x": 4, "training__tau_p": 3}


PIPELINED = {"fabric__pipeline": True, "fabric__perturbation": "chain"}
OFFSET_BINARY = {**PIPELINED, "fabric__tau_theta_bits": 1, "formats__overflow": "hold"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        WINDOWS,
        {"fabric__tau_theta_bits": 1},
        {**PIPELINED, **WINDOWS},
        {**PIPELINED, **WINDOWS, "fabric__perturbation": "walsh", "fabric__decay_shift": 1},
        {**OFFSET_BINARY, "fabric__copies": 2, "training__tau_p": 3},
        {**IMPERFECT, **WINDOWS},
        {**IMPERFECT, "training__tau_x": 8, "training__blank": True},
        {"fabric__update_noise": "shared", "training__sigma_theta": 0.25, **WINDOWS},
    ],
)
def test_a_restored_state_goes_on_bit_for_bit(settings):
    plan = xor_plan(**settings)
    first = ready(plan, seed=3)
    first.run(101)  # in the middle of every window
    saved = first.read_state()
    first.run(200)

    second = ready(plan, seed=99)
    second.run(17)
    second.write_state(saved)
    assert second.read_state() == saved
    second.run(200)
    assert second.read_state() == first.read_state()
    assert first.timestep == 301


def test_a_state_of_another_size_is_refused():
    driver = ready(xor_plan())
    state = driver.read_state()
    with pytest.raises(DeviceError, match="9 parameters for this plan, not 10"):
        driver.write_state(replace(state, parameters=(*state.parameters, 0)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gradients": (0,) * 8}, "9 gradients for this plan, not 8"),
        ({"perturbers": ()}, "9 perturbers for this plan, not 0"),
        ({"update_perturbers": ()}, "9 update perturbers for this plan, not 0"),
        ({"flight": (0, 0)}, r"\d+ steps in flight for this plan, not 2"),
    ],
)
def test_a_state_that_lacks_something_is_refused(changed, message):
    driver = ready(xor_plan(**PIPELINED))
    with pytest.raises(DeviceError, match=f"{message}; restore it with the spec"):
        driver.write_state(replace(driver.read_state(), **changed))


def test_a_state_with_other_defects_is_refused():
    driver = ready(xor_plan(**IMPERFECT))
    state = driver.read_state()
    for defects in ((), state.defects[:2], (*state.defects, state.defects[0])):
        with pytest.raises(
            DeviceError, match=f"3 neurons with defects for this plan, not {len(defects)}"
        ):
            driver.write_state(replace(state, defects=defects))
    plain = ready(xor_plan())
    with pytest.raises(DeviceError, match="0 neurons with defects for this plan, not 3"):
        plain.write_state(replace(plain.read_state(), defects=state.defects))


def test_a_state_that_does_not_fit_is_refused():
    driver = ready(xor_plan(**IMPERFECT))
    state = driver.read_state()
    large = (1 << 20, *state.parameters[1:])
    for changed in (
        {"parameters": large},
        {"gradients": large},
        {"perturbers": large},
        {"defects": ((1 << 20, 0, 0, 0), *state.defects[1:])},
    ):
        with pytest.raises(DeviceError, match="fit this plan's widths"):
            driver.write_state(replace(state, **changed))
    with pytest.raises(DeviceError, match="a noise_state for this plan, which never is 0"):
        driver.write_state(replace(state, noise_state=0))
    assert driver.read_state() == state


def test_a_state_with_steps_in_flight_is_refused_where_there_are_none():
    state = ready(xor_plan(**PIPELINED)).read_state()
    driver = ready(xor_plan(fabric__perturbation="chain"))
    with pytest.raises(DeviceError, match="0 update perturbers for this plan, not 9"):
        driver.write_state(state)


def test_the_state_of_a_wide_sample_and_a_wide_scan_ring():
    spec = presets.xor().with_settings(
        {
            "network.layers": [5, 3, 2],
            "formats.input": "S2.11",
            "formats.target": "U0.9",
            "formats.parameter": "S5.11",
            "training.tau_theta": 5,
        }
    )
    plan = Plan(spec)
    assert (plan.sample.words, plan.sample.stride) == (3, 4)  # gaps between the samples
    rng = np.random.default_rng(1)
    x, t = rng.integers(-4096, 4096, (7, 5)), rng.integers(0, 512, (7, 2))

    def trained(runs):
        driver = Driver(GoldenDevice(plan), plan)
        driver.configure(spec.training)
        driver.load_samples(x, t)
        driver.initialise(2)
        for steps in runs:
            driver.run(steps)
        return driver

    once, twice = trained([40]), trained([13, 27])
    state = once.read_state()
    assert state == twice.read_state()
    assert min(state.parameters) < 0 < max(state.parameters)
    once.write_state(state)
    assert once.read_state() == state


def test_parameters_are_given_as_stored_and_as_real():
    driver = ready(xor_plan())
    driver.run(50)
    stored, real = driver.parameters()
    assert tuple(stored) == driver.read_state().parameters
    assert np.array_equal(real, stored / 256)


def test_a_run_ends_where_it_was_told_to():
    driver = ready(xor_plan())
    driver.run(0)
    assert driver.timestep == 0
    driver.run(33)
    assert driver.timestep == 33
    with pytest.raises(SpecError, match=r"from 0 to .* timesteps, not -1"):
        driver.run(-1)


def test_long_counters_use_both_words():
    driver = ready(xor_plan())
    start = (1 << 32) - 3
    driver.write_state(replace(driver.read_state(), timestep=start))
    driver.run(7)
    assert driver.timestep == start + 7
    with pytest.raises(SpecError, match=f"from 0 to {(1 << 48) - 1 - start - 7} timesteps"):
        driver.run(1 << 48)


@pytest.mark.parametrize(
    ("reads", "timestep"),
    [
        ([(0xFFFFFFF0, 5), (0xFFFFFFF9, 5)], 0x5_FFFFFFF9),
        # The high word was read when the low one had begun anew.
        ([(0xFFFFFFF0, 6), (0x00000007, 6)], 0x6_00000007),
        ([(0xFFFFFFF0, 5), (0xFFFFFFFE, 6), (0x0000000C, 6)], 0x6_0000000C),
        ([(0x80000000, 5)], 0x5_80000000),
    ],
)
def test_a_timestep_that_passes_meanwhile_is_read_again(reads, timestep):
    class Running(GoldenDevice):
        def read(self, address, count=1):
            if address == Reg.TIMESTEP_LOW:
                return np.array(reads.pop(0))
            return super().read(address, count)

    plan = xor_plan()
    assert Driver(Running(plan), plan).timestep == timestep
    assert not reads


def test_an_interrupted_run_leaves_the_device_stopped():
    plan = xor_plan()

    class Interrupted(GoldenDevice):
        waits = 0

        def wait(self, timeout_s=None):
            self.waits += 1
            if self.waits == 1:
                raise KeyboardInterrupt
            super().wait(timeout_s)

    device = Interrupted(plan)
    driver = Driver(device, plan)
    driver.configure(plan.spec.training)
    driver.load_samples(X, T)
    driver.initialise(0)
    with pytest.raises(KeyboardInterrupt):
        driver.run(1_000_000)
    assert driver.timestep < 1_000_000
    driver.read_state()  # refused while busy


def test_a_run_whose_start_had_to_be_repeated_is_the_same_run():
    """As over a link that loses the reply: the second write finds the device busy."""

    class Repeating(GoldenDevice):
        def write(self, address, words):
            super().write(address, words)
            if address == Reg.STOP_AT_LOW:
                super().write(address, words)

    plan = xor_plan()
    driver = Driver(Repeating(plan), plan)
    driver.configure(plan.spec.training)
    driver.load_samples(X, T)
    driver.initialise(0)
    driver.run(50)
    other = ready(plan)
    other.run(50)
    assert driver.read_state() == other.read_state()


def test_a_run_during_another_is_refused():
    driver = ready(xor_plan())
    driver.device.write(Reg.STOP_AT_LOW, [1000, 0])
    with pytest.raises(DeviceBusyError):
        driver.run(50)
    driver.device.wait()
    assert driver.timestep == 1000


def test_windows_are_refused_while_running():
    driver = ready(xor_plan())
    driver.device.write(Reg.STOP_AT_LOW, [1000, 0])
    with pytest.raises(DeviceBusyError):
        driver.read_state()
    driver.device.wait()
    assert driver.read_state().timestep == 1000


# -- Evaluation -----------------------------------------------------------------------------------


def test_evaluation_computes_the_mean_squared_error_and_touches_nothing():
    driver = ready(xor_plan(**WINDOWS))
    driver.run(101)
    before = driver.read_state()
    outputs, cost = driver.evaluate(X, T)
    assert outputs.shape == (4, 1)
    # No bit of the cost is dropped in this format, so the float mean is exact.
    assert cost == np.mean((outputs / 256 - T) ** 2)
    assert driver.read_state() == before


def test_evaluation_takes_more_samples_than_the_memory_and_averages_the_outputs():
    spec = presets.xor().with_settings({"network.layers": [2, 3, 2], "fabric.samples": 4})
    plan = Plan(spec)
    driver = Driver(GoldenDevice(plan), plan)
    driver.configure(spec.training)
    targets = np.tile([[0, 1], [1, 0]], (4, 1))
    driver.load_samples(X, targets[:4])
    driver.initialise(0)
    outputs, cost = driver.evaluate(np.tile(X, (2, 1)), targets)
    assert outputs.shape == (8, 2)
    assert cost == np.mean((outputs / 256 - targets) ** 2)


def test_a_trace_is_the_run_it_records():
    plan = xor_plan(training__tau_theta=4)
    traced, run = ready(plan), ready(plan)
    trace = traced.trace(30)
    run.run(30)
    assert traced.read_state() == run.read_state()
    assert tuple(trace.parameters[-1]) == run.read_state().parameters
    assert trace.cost.shape == trace.baseline.shape == trace.step.shape == (30,)


def test_only_simulations_can_trace():
    plan = xor_plan()
    golden = GoldenDevice(plan)

    class Board:
        read, write, wait, close = golden.read, golden.write, golden.wait, golden.close

    with pytest.raises(DeviceError, match="needs a simulated device, not Board"):
        Driver(Board(), plan).trace(1)
