"""Golden = RTL, after every timestep, for every choice that a fabric offers."""

import random

import numpy as np
import pytest
from equality import assert_equal, random_samples, start
from variants import identify, make, pairs, products, schedules

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.rtl_device import RtlDevice

RUNS = 4
STEPS = 750


def check(spec: Spec, seed: int, runs: int = RUNS, steps: int = STEPS) -> None:
    """Train on both devices, with settings that change from run to run."""
    rng = random.Random(seed)
    numbers = np.random.default_rng(seed)
    devices = None
    moved = set()
    for run, changed in enumerate(schedules(spec, runs, rng)):
        plan = Plan(changed)
        if devices is None:
            devices = [GoldenDevice(plan), RtlDevice(plan, optimise=False)]
        samples = random_samples(plan, rng.randint(1, spec.fabric.samples), numbers)
        drivers = [start(device, plan, samples, rng.randrange(1 << 64)) for device in devices[:1]]
        state = drivers[0].read_state()
        drivers += [start(device, plan, samples, 0) for device in devices[1:]]
        drivers[1].write_state(state)
        what = f"seed {seed}, run {run} with {changed.training}"
        traces = [driver.trace(steps) for driver in drivers]
        assert_equal(*traces, what)
        assert drivers[0].read_state() == drivers[1].read_state(), what
        assert drivers[0].score() == drivers[1].score(), what
        assert drivers[0].read_state() == drivers[1].read_state(), "evaluation leaves it alone"
        for mine, other in zip(*(driver.evaluate(*samples) for driver in drivers), strict=True):
            assert np.array_equal(mine, other), what
        # Runs without end: the next one goes on in the phase where this one stopped.
        assert_equal(*(driver.trace(37) for driver in drivers), f"{what}, going on")
        moved.add(len(np.unique(traces[0].parameters, axis=0)) > 1)
    assert True in moved, "a comparison of runs that stand still proves nothing"
    for device in devices or ():
        device.close()


@pytest.mark.parametrize("settings", pairs(), ids=identify)
def test_every_pair_of_choices(settings, random_seed):
    check(make(settings), random_seed)


@pytest.mark.parametrize(
    ("perturbation", "baseline"),
    [
        ("lfsr", "sample"),
        pytest.param("chain", "two_sided", marks=pytest.mark.slow),
        pytest.param("walsh", "sample", marks=pytest.mark.slow),
        pytest.param("sequential", "sample", marks=pytest.mark.slow),
        pytest.param("lfsr", "mean", marks=pytest.mark.slow),
    ],
)
def test_nist7x7(perturbation, baseline, random_seed):
    """49-4-4 for 20,000 timesteps, with every tau drawn anew every 2,500."""
    kinds = {"fabric.perturbation": perturbation, "fabric.baseline": baseline}
    some = {"fabric.samples": 64, "fabric.shuffle": True, "fabric.tau_theta_bits": 6}
    spec = presets.nist7x7().with_settings({**kinds, **some})
    check(spec, random_seed, runs=8, steps=2_500)


@pytest.mark.slow
@pytest.mark.parametrize("settings", products(), ids=identify)
def test_every_combination_of_the_algorithms_choices(settings, random_seed):
    check(make(settings), random_seed, runs=8, steps=2_500)
