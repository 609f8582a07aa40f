"""Every kind of analog or imperfect hardware: NumPy, kernel and scalar specification are one."""

from typing import Any

import numpy as np
import pytest
from golden_plans import lane_state, scramble
from golden_scalar import Scalar

from pmgd.gateware.initial import initial_defects
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.sim.golden import Golden

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]
BASELINES = ("sample", "two_sided", "mean", "highpass", "literal")

SQUARE = {"fabric.perturbation": "square"}
SINE = {"fabric.perturbation": "sine"}
HIGHPASS = {"fabric.baseline": "highpass"}
BLANK = {"training.blank": True, "training.tau_x": 8, "fabric.band": [0.25, 0.4375]}
LEAK = {"fabric.decay_every": "timestep", "fabric.decay_shift": 3}
SIGN = {"fabric.correlator": "sign", "training.eta": 0.05}
HOLD = {"formats.overflow": "hold", "training.init_range": 7.9}
NEAREST = {"formats.rounding": "nearest"}
NOISY_COSTS = {"fabric.cost_noise": True, "training.sigma_c": 0.01}
EACH = {"fabric.update_noise": "each", "training.sigma_theta": 0.5}
SHARED = {"fabric.update_noise": "shared", "training.sigma_theta": 0.5}
DEFECTS = {"fabric.defects": True, "training.sigma_a": 0.2}
WITHOUT_G = {"fabric.tau_theta_bits": 1}
CLIP = {"training.init_range": 7.9}

KINDS: dict[str, dict[str, Any]] = {
    "square": SQUARE,
    "square, two-sided": {**SQUARE, "fabric.baseline": "two_sided"},
    "square, momentum": {**SQUARE, "fabric.decay_shift": 2, "training.tau_theta": 3},
    "square, without G": {**SQUARE, **WITHOUT_G},
    "sine": SINE,
    "sine, two-sided": {**SINE, "fabric.baseline": "two_sided"},
    "sine, sign": {**SINE, **SIGN, "training.tau_theta": 5},
    "sine, literal": {**SINE, "fabric.baseline": "literal", "training.tau_p": 3},
    "sine, literal, sign": {**SINE, **SIGN, "fabric.baseline": "literal", "training.tau_p": 3},
    "sine, without G": {**SINE, **WITHOUT_G},
    "sine, few operand bits": {**SINE, "formats.operand_fraction": 5, "training.dtheta": 0.5},
    "sine, tau_p": {**SINE, "training.tau_p": 3, "training.tau_theta": 2},
    "high-pass": HIGHPASS,
    "high-pass, blank": {**HIGHPASS, **BLANK},
    "mean, blank": {"fabric.baseline": "mean", **BLANK},
    "leak": LEAK,
    "leak, tau_theta": {**LEAK, "training.tau_theta": 5},
    "leak, long": {**LEAK, "fabric.decay_shift": 8, "training.tau_theta": 5},
    "leak, sign": {**LEAK, **SIGN},
    "leak, sign, tau_theta": {**LEAK, **SIGN, "training.tau_theta": 3},
    "leak, nearest": {**LEAK, **NEAREST},
    "leak, no window": {**LEAK, **WITHOUT_G},
    "leak, hold": {**LEAK, **HOLD},
    "leak, sine": {**LEAK, **SINE, "training.tau_theta": 2},
    **{f"cost noise, {kind}": {**NOISY_COSTS, "fabric.baseline": kind} for kind in BASELINES},
    "cost noise, sign": {**NOISY_COSTS, **SIGN},
    "each": EACH,
    "each, without G": {**EACH, **WITHOUT_G, **CLIP},
    "each, hold": {**EACH, **HOLD, "training.tau_theta": 3},
    "each, hold, without G": {**EACH, **HOLD, **WITHOUT_G},
    "each, sign": {**EACH, **SIGN, "training.tau_theta": 3},
    "shared": {**SHARED, **CLIP},
    "shared, without G": {**SHARED, **WITHOUT_G},
    "shared, hold": {**SHARED, **HOLD},
    "shared, literal": {**SHARED, "fabric.baseline": "literal", "training.tau_theta": 3},
    "shared, cost noise": {**SHARED, **NOISY_COSTS},
    "defects": DEFECTS,
    "defects, wide": {**DEFECTS, "formats.activation": "S4.12", "formats.preactivation": "S5.12"},
    "analog": {**SINE, **HIGHPASS, **BLANK, **LEAK, "training.mean_shift": 2},
    "everything": {
        **SINE, **HIGHPASS, **BLANK, **LEAK, **NOISY_COSTS, **EACH, **DEFECTS,
        "training.mean_shift": 2, "training.tau_theta": 3,
    },
    "everything else": {
        **SQUARE, **LEAK, **NOISY_COSTS, **SHARED, **DEFECTS, **SIGN, **HOLD, **NEAREST,
        "fabric.baseline": "mean", "training.mean_shift": 6,
    },
    "everything, two-sided": {
        **SINE, **LEAK, **NOISY_COSTS, **EACH, **DEFECTS, **SIGN, "fabric.baseline": "two_sided",
        "fabric.shuffle": True, "training.order": "shuffled", "training.tau_x": 3,
    },
}  # fmt: skip
"""Settings of xor; each kind alone, and what happens together."""


def plan_of(kind: str) -> Plan:
    return Plan(xor().with_settings({"training.init_range": 2.0, **KINDS[kind]}))


def begun(plan: Plan, kernel: str = "numpy") -> Golden:
    golden = Golden(plan, 3, kernel)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin([1, 2, 3])
    return golden


@pytest.mark.parametrize("scrambled", [False, True], ids=["begun", "scrambled"])
@pytest.mark.parametrize("kind", KINDS)
def test_numpy_does_what_the_specification_says(
    kind: str, scrambled: bool, random_seed: int
) -> None:
    golden = begun(plan_of(kind))
    if scrambled:
        scramble(golden, random_seed)
    scalars = [Scalar(golden, lane) for lane in range(3)]
    for _ in range(40):
        cost, step = golden.execute_timestep()
        for lane, scalar in enumerate(scalars):
            assert (cost[lane], step[lane]) == scalar.execute()
            assert lane_state(golden, lane) == scalar.state()


@pytest.mark.parametrize("scrambled", [False, True], ids=["begun", "scrambled"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_does_what_numpy_does(kind: str, scrambled: bool, random_seed: int) -> None:
    plan = plan_of(kind)
    plain, fast = begun(plan), begun(plan, "numba")
    for golden in (plain, fast):
        if scrambled:
            scramble(golden, random_seed)
    expected, actual = plain.trace(200), fast.trace(200)
    for field in ("cost", "baseline", "step", "parameters"):
        assert np.array_equal(getattr(expected, field), getattr(actual, field)), field
    for name in (*Golden.STATE, *Golden.SETTINGS):
        assert np.array_equal(getattr(plain, name), getattr(fast, name)), name
    if not scrambled:
        assert len(np.unique(expected.step)) > 2
        assert (expected.parameters[-1] != expected.parameters[0]).mean() > 0.5


def test_a_run_begins_with_the_noise_and_the_defects_of_its_seed() -> None:
    plan = plan_of("everything")
    golden = begun(plan)
    for lane, seed in enumerate((1, 2, 3)):
        drawn = plan.expand(seed)
        assert golden.noise_state[lane] == drawn.noise
        assert golden.perturber[lane].tolist() == drawn.perturbers.tolist()
        assert np.array_equal(golden.defects[lane], initial_defects(plan, drawn.normal))
    assert golden.blank.tolist() == [1] * 3
    assert golden.cost_noise.tolist() == [plan.cost_noise_level()] * 3
    assert golden.update_noise.tolist() == [plan.update_noise_level()] * 3
    assert plan.cost_noise_level() > 0 < plan.update_noise_level()


def test_without_a_level_there_is_no_noise() -> None:
    """But for the offset of the costs, which no change of a cost has."""
    kinds = {**NOISY_COSTS, **EACH, "training.sigma_c": 0.0, "training.sigma_theta": 0.0}
    noisy, plain = (begun(Plan(xor().with_settings(each))) for each in (kinds, {}))
    of_noisy, of_plain = noisy.trace(100), plain.trace(100)
    assert np.array_equal(of_noisy.parameters, of_plain.parameters)
    assert np.array_equal(of_noisy.cost - (1 << noisy.plan.cost_bits), of_plain.cost)


def test_neurons_without_anything_wrong_are_those_of_a_fabric_without_defects() -> None:
    """Their outputs are no wider than 0 to 1 here, so that the clipping of F suffices."""
    perfect = begun(Plan(xor().with_settings({**DEFECTS, "training.sigma_a": 0.0})))
    assert perfect.defects.tolist() == [[[256, 0, 256, 0]] * 3] * 3
    plain = begun(Plan(xor()))
    of_perfect, of_plain = perfect.trace(100), plain.trace(100)
    for field in ("cost", "step", "parameters"):
        assert np.array_equal(getattr(of_perfect, field), getattr(of_plain, field))
