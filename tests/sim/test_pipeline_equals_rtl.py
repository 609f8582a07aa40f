"""Golden = RTL after every timestep of a pipelined fabric, whose steps stay in flight."""

import random
from typing import Any

import numpy as np
import pytest
from equality import assert_equal, random_samples, start
from pipelines import identify, make, pairs, products, random_state, run_lengths
from variants import schedules

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.driver import Driver
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.rtl_device import RtlDevice

RUNS = 8
STEPS = 600


def check(spec: Spec, seed: int, runs: int = RUNS, steps: int = STEPS) -> None:
    """Train on both devices, in runs of all lengths, with settings that change between them."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    plan = Plan(spec)
    devices = [GoldenDevice(plan), RtlDevice(plan, optimise=False)]
    samples = random_samples(plan, spec.fabric.samples, numbers)
    # From other seeds, so that a state that is restored leaves nothing to chance.
    golden, rtl = drivers = [start(each, plan, samples, rng.getrandbits(64)) for each in devices]
    rtl.write_state(golden.read_state())
    moved, steps_seen = set(), set()
    for run, changed in enumerate(schedules(spec, runs, rng)):
        what = f"seed {seed}, run {run} with {changed.training}"
        for driver in drivers:
            driver.configure(changed.training)
        match run % 4:
            case 1:
                samples = random_samples(plan, rng.randint(1, spec.fabric.samples), numbers)
                for driver in drivers:
                    driver.load_samples(*samples)
            case 2:
                begin_again(drivers, rng)
            case 3:
                state = random_state(plan, rng)
                for driver in drivers:
                    driver.write_state(state)
                    assert driver.read_state() == state, what
        for length in run_lengths(plan.update_delay, steps, rng):
            traces = [driver.trace(length) for driver in drivers]
            assert_equal(*traces, f"{what}, {length} timesteps")
            do_something_else(drivers, samples, rng, what)
            moved.add(traces[0].parameters[-1].tobytes())
            steps_seen |= {int(step > 0) - int(step < 0) for step in traces[0].step}
    assert len(moved) > runs, "a comparison of runs that stand still proves nothing"
    assert steps_seen >= {1, -1}
    rtl.device.close()


def begin_again(drivers: list[Driver], rng: random.Random) -> None:
    seed = rng.getrandbits(64)
    for driver in drivers:
        driver.initialise(seed)


def do_something_else(drivers: list[Driver], samples: tuple, rng: random.Random, what: str) -> None:
    """Between two runs: evaluate, read, or move the state from one device to the other."""
    kind = rng.choice(["nothing", "score", "evaluate", "read", "swap"])
    if kind == "score":
        assert drivers[0].score() == drivers[1].score(), what
    elif kind == "evaluate":
        for mine, other in zip(*(driver.evaluate(*samples) for driver in drivers), strict=True):
            assert np.array_equal(mine, other), what
    if kind in ("score", "evaluate", "read"):
        assert drivers[0].read_state() == drivers[1].read_state(), what
    if kind == "swap":
        source, target = rng.sample(drivers, 2)
        state = source.read_state()
        target.run(rng.randint(1, 50))
        target.write_state(state)
        assert target.read_state() == state, what


@pytest.mark.parametrize("settings", pairs(), ids=identify)
def test_every_pair_of_choices(settings: dict[str, Any], random_seed: int) -> None:
    check(make(settings), random_seed)


@pytest.mark.slow
@pytest.mark.parametrize("settings", products(), ids=identify)
def test_every_combination_of_the_pipelines_choices(
    settings: dict[str, Any], random_seed: int
) -> None:
    check(make(settings), random_seed, runs=12, steps=4_000)


def test_many_inputs(random_seed: int) -> None:
    """Trees of more than two stages, and a chain that passes from words to words of the ring."""
    settings = {"network.layers": (18, 3, 2), "formats.overflow": "hold"}
    check(make(settings, copies=2, baseline="two_sided"), random_seed)


@pytest.mark.slow  # a minute each, to compile
@pytest.mark.parametrize(
    ("copies", "perturbation", "baseline", "tau_theta_bits", "overflow"),
    [
        (2, "chain", "two_sided", 1, "hold"),
        (1, "chain", "sample", 1, "hold"),
        (2, "walsh", "sample", 6, "clip"),
        (1, "walsh", "two_sided", 1, "clip"),
        (2, "chain", "sample", 6, "hold"),
    ],
)
def test_nist7x7(
    copies: int,
    perturbation: str,
    baseline: str,
    tau_theta_bits: int,
    overflow: str,
    random_seed: int,
) -> None:
    """49-4-4 for 20,000 timesteps, with every tau drawn anew every 2,500."""
    fabric = {
        "pipeline": True,
        "copies": copies,
        "perturbation": perturbation,
        "baseline": baseline,
        "tau_theta_bits": tau_theta_bits,
        "lfsr_bits": 32,
        "samples": 64,
    }
    settings = {f"fabric.{name}": value for name, value in fabric.items()}
    spec = presets.nist7x7().with_settings({**settings, "formats.overflow": overflow})
    check(spec, random_seed, runs=8, steps=2_500)
