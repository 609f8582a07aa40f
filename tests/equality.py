"""Runs one plan on several devices and demands that every timestep be equal."""

import numpy as np

from pmgd.gateware.device import StepTrace
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec
from pmgd.host.driver import Driver
from pmgd.sim.simulated_device import SimulatedDevice

FIELDS = ("cost", "baseline", "step", "parameters")


def spec_3_5_2() -> Spec:
    """An odd shape with several outputs: parity and majority of three bits."""
    return Spec(name="odd", network=Network(layers=(3, 5, 2)), fabric=Fabric(samples=8))


def samples_3_5_2() -> tuple[np.ndarray, np.ndarray]:
    x = np.array([[n >> 2 & 1, n >> 1 & 1, n & 1] for n in range(8)])
    ones = x.sum(axis=1)
    return x, np.stack([ones & 1, ones >= 2], axis=1).astype(np.int64)


def samples_xor() -> tuple[np.ndarray, np.ndarray]:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return x, x[:, :1] ^ x[:, 1:]


def random_samples(plan: Plan, count: int, rng: np.random.Generator):
    """Stored inputs and targets over the whole range of their formats."""
    layout = plan.sample
    x, t = layout.input_format, layout.target_format
    return (
        rng.integers(x.minimum, x.maximum + 1, (count, layout.inputs)),
        rng.integers(t.minimum, t.maximum + 1, (count, layout.outputs)),
    )


def start(device, plan: Plan, samples, seed: int) -> Driver:
    """Return a driver of a device that is ready to train."""
    driver = Driver(device, plan)
    driver.configure(plan.spec.training)
    driver.load_samples(*samples)
    driver.initialise(seed)
    return driver


def assert_equal(golden: StepTrace, other: StepTrace, what: str) -> None:
    """Fail at the first timestep at which two traces differ, and say where."""
    for field in FIELDS:
        expected, actual = getattr(golden, field), getattr(other, field)
        assert expected.shape == actual.shape, f"{what}: {field} has another shape"
        if not np.array_equal(expected, actual):
            where = tuple(np.argwhere(expected != actual)[0])
            raise AssertionError(
                f"{what}: {field} at timestep {where[0]} is {expected[where]} in golden and "
                f"{actual[where]} in the other device (index {where})"
            )


def assert_golden_equals(device: SimulatedDevice, golden, plan: Plan, samples, seed, steps):
    """Train both from the same seed and compare every timestep, then the whole state."""
    drivers = [start(each, plan, samples, seed) for each in (golden, device)]
    traces = [driver.trace(steps) for driver in drivers]
    assert_equal(*traces, f"seed {seed}")
    assert drivers[0].read_state() == drivers[1].read_state()
