"""Timesteps computed by hand, and what some of them measure together."""

from typing import Any

import numpy as np
import pytest
from golden_plans import adder_of

from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.generators import xorshift32
from pmgd.sim.golden import Golden
from pmgd.sim.golden_update import updated

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]


def adder(changed: dict[str, Any]) -> Golden:
    """y = theta_0 + theta_1, in sixteenths: parameters 16 and 8, target 10, dtheta 2.

    C0 = (24 - 10)^2 = 196. The step is C~ / 8, rounded to nearest.
    """
    golden = adder_of(Fabric(samples=2, perturbation="sequential"), changed)
    golden.perturber[:] = [0, 1]  # sequential: the next is parameter 0
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 2, 1, 3
    golden.sample_count[:], golden.order[:] = 2, 1
    return golden


@pytest.mark.parametrize(
    ("changed", "cost", "baseline", "step", "theta"),
    [
        # y = 26: C = 256, C~ = 60, u = 64 / 8.
        ({}, 256, 196, 8, [8, 8]),
        # |e|: 16 - 14 = 2, u = (2 + 4) / 8.
        ({"network.cost": "l1"}, 16, 14, 0, [16, 8]),
        # y = 22 with -dtheta: C0 = 144, C~ = 112, u = 116 / 8.
        ({"fabric.baseline": "two_sided"}, 256, 144, 14, [2, 8]),
        # The mean begins at C: C~ = 0.
        ({"fabric.baseline": "mean"}, 256, 256 << 8, 0, [16, 8]),
        ({"fabric.baseline": "literal"}, 256, 196, 8, [8, 8]),
        # Full codes: column 0 of Walsh, the next bit 1 of a chain: both up, y = 28, C~ = 128.
        ({"fabric.perturbation": "walsh"}, 324, 196, 16, [0, -8]),
        ({"fabric.perturbation": "chain"}, 324, 196, 16, [0, -8]),
        ({"fabric.correlator": "sign"}, 256, 196, 5, [11, 8]),
        # Phases of 7 bits, that grow by 17 and 33 from 31 and 95: to 48, up, and 0, up again.
        ({"fabric.perturbation": "square"}, 324, 196, 16, [0, -8]),
        # C~ = C - C, then the same.
        ({"fabric.baseline": "highpass"}, 256, 256 << 8, 0, [16, 8]),
    ],
)
def test_one_timestep(
    changed: dict[str, Any], cost: int, baseline: int, step: int, theta: list[int]
) -> None:
    golden = adder(changed)
    golden.sign_step[:] = 5
    if changed.get("fabric.perturbation") == "walsh":
        golden.perturber_state[:] = 3  # of two bits: the next is 0
    if changed.get("fabric.perturbation") == "chain":
        golden.perturber_state[:], golden.perturber[:] = 2, [1, 0]  # its bit 1 becomes bit 0
    if changed.get("fabric.perturbation") == "square":
        golden.perturber[:] = [31, 95]
    trace = golden.trace(1)
    assert [int(trace.cost[0, 0]), int(trace.baseline[0, 0])] == [cost, baseline]
    assert int(trace.step[0, 0]) == step
    assert trace.parameters[0, 0].tolist() == theta


def test_the_running_mean_follows_the_cost() -> None:
    golden = adder({"fabric.baseline": "mean"})
    golden.mean_shift[:], golden.baseline[:], golden.baseline_valid[:] = 4, (100 << 8) + 200, 1
    cost, step = golden.execute_timestep()
    # C = 256, C~ = 256 - 100, u = (156 + 4) / 8; then a 16th of 256 * 256 - 25800 = 39736 is added.
    assert (int(cost[0]), int(step[0])) == (256, 20)
    assert int(golden.baseline[0]) == 25800 + 2483
    golden.load_samples([[1, 1]] * 2, [[26]] * 2)
    golden.execute_timestep()  # a new sample and an update leave it valid
    assert int(golden.baseline_valid[0]) == 1


def test_the_high_pass_filter_lets_through_what_its_mean_has_not_followed() -> None:
    golden = adder({"fabric.baseline": "highpass"})
    golden.mean_shift[:], golden.baseline[:], golden.baseline_valid[:] = 4, (100 << 8) + 200, 1
    cost, step = golden.execute_timestep()
    # As above, but first 28283 >> 8 = 110, and then C~ = 256 - 110, u = (146 + 4) / 8.
    assert (int(cost[0]), int(step[0])) == (256, 18)
    assert int(golden.baseline[0]) == 28283


@pytest.mark.parametrize("kind", ["mean", "highpass"])
def test_a_new_sample_blanks_a_filter_only_if_that_is_asked_for(kind: str) -> None:
    for blank in (0, 1):
        golden = adder({"fabric.baseline": kind})
        golden.mean_shift[:], golden.baseline[:], golden.baseline_valid[:] = 4, 100 << 8, 1
        golden.blank[:], golden.tau_x[:] = blank, 2
        _, step = golden.execute_timestep()
        assert (int(step[0]) == 0) == blank
        golden.baseline[:] = 100 << 8
        _, step = golden.execute_timestep()  # not a new one
        assert int(step[0]) != 0


def sine(changed: dict[str, Any]) -> Golden:
    """The adder with dtheta = 16; phases of 7 bits, that grow by 17 and 33."""
    golden = adder({"fabric.perturbation": "sine", "training.dtheta": 1.0, **changed})
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 16, 16, 9
    return golden


@pytest.mark.parametrize(
    ("phases", "changed", "cost", "baseline", "step", "theta"),
    [
        # To 17 and 33, the points 4 and 8: levels 4 and 7, a = 1648 / 128 and 2096 / 128, y = 52.
        # Mantissas of 1648 / 128 and 2096 / 128, too: u = (1568 * 12 + 256) / 512 and 25344 / 512.
        ([0, 0], {}, 1764, 196, 49, [16 - 37, 8 - 49]),
        # To 81 and 97, the points 20 and 24, the same below 0: y = -4, against 52.
        ([64, 64], {"fabric.baseline": "two_sided"}, 196, 1764, -49, [16 - 37, 8 - 49]),
        # To 127 and 127, the last point: level 0, a = 272 / 128 twice, y = 20: C = 100, C~ = -96.
        # u_0 = (-96 * 2 + 256) / 512, and u_7 = (-96 * 16 + 256) / 512.
        ([110, 94], {}, 100, 196, -3, [16, 8]),
        # The sign-only correlator knows no levels.
        ([0, 0], {"fabric.correlator": "sign"}, 1764, 196, 5, [11, 3]),
        # Operands of 3 fraction bits: dtheta 8, a = 856 / 128 and 1080 / 128: y = 2 (8 + 4 + 14).
        ([0, 0], {"formats.operand_fraction": 3}, 1764, 196, 49, [16 - 37, 8 - 49]),
    ],
)
def test_one_timestep_of_sines(
    phases: list[int],
    changed: dict[str, Any],
    cost: int,
    baseline: int,
    step: int,
    theta: list[int],
) -> None:
    golden = sine(changed)
    golden.perturber[:], golden.sign_step[:] = phases, 5
    trace = golden.trace(1)
    assert [int(trace.cost[0, 0]), int(trace.baseline[0, 0])] == [cost, baseline]
    assert int(trace.step[0, 0]) == step
    assert trace.parameters[0, 0].tolist() == theta


@pytest.mark.parametrize(("kind", "evaluations"), [("sample", 10), ("two_sided", 16), ("mean", 8)])
def test_evaluations_in_eight_timesteps(
    kind: str, evaluations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two samples and two updates: C each time, and C0 twice, each time, or never."""
    golden = adder({"fabric.baseline": kind})
    golden.tau_theta[:] = golden.tau_x[:] = 4
    calls = []
    cost = golden.network.cost

    def counted(y: np.ndarray, t: np.ndarray) -> np.ndarray:
        calls.append(1)
        return cost(y, t)

    monkeypatch.setattr(golden.network, "cost", counted)
    golden.run(8)
    assert len(calls) == evaluations


def test_literal_clears_the_perturbation_where_table_1_does() -> None:
    """tau_p = 4, tau_theta = 2: a baseline at 2 clears what only a new perturbation brings back."""
    golden = adder({"fabric.baseline": "literal"})
    golden.tau_p[:], golden.tau_theta[:], golden.tau_x[:] = 4, 2, 4
    perturbed, steps, gradients = [], [], []
    for _ in range(5):
        _, step = golden.execute_timestep()
        perturbed.append(int(golden.perturbed[0]))
        steps.append(int(step[0]))
        gradients.append(golden.gradient[0].tolist())
    # Updates at 0, 2, 4. At 0 by u = 8 alone; then C0 is stale: y = 18, C = 64, C~ = -132,
    # u = (-132 + 4) / 8. At 2 the baseline clears the perturbation, and G = -16 is applied.
    assert perturbed == [1, 1, 0, 0, 1]
    assert steps[:4] == [8, -16, 0, 0]
    assert gradients[:4] == [[0, 0], [-16, 0], [0, 0], [0, 0]]


def test_the_sign_only_correlator_counts_up_and_down() -> None:
    golden = adder({"fabric.correlator": "sign", "fabric.perturbation": "walsh"})
    golden.sign_step[:], golden.tau_theta[:], golden.perturber_state[:] = 3, 4, 3
    counts = []
    for _ in range(3):
        golden.execute_timestep()
        counts.append(golden.gradient[0].tolist())
    # Columns ++, -+, +-, --: costs up by 128, unchanged, unchanged, down.
    assert counts == [[1, 1], [1, 1], [1, 1]]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [16 - 3, 8 - 3]
    assert golden.gradient[0].tolist() == [0, 0]


@pytest.mark.parametrize(("decay_shift", "left"), [(0, 0), (1, 4), (2, 6), (3, 7), (8, 7)])
def test_momentum_is_what_an_update_leaves(decay_shift: int, left: int) -> None:
    """G = 8: a part of 8 is taken away, rounded up."""
    for sign in (1, -1):
        golden = adder({"fabric.decay_shift": decay_shift})
        golden.scale_mantissa[:] = 0
        golden.gradient[:] = [8 * sign, -8 * sign]
        golden.execute_timestep()
        assert golden.theta[0].tolist() == [16 - 8 * sign, 8 + 8 * sign]
        assert golden.gradient[0].tolist() == [left * sign, -left * sign]
        golden.run(20)
        if decay_shift < 3:
            assert golden.gradient[0].tolist() == [0, 0]


LEAK = {"fabric.decay_every": "timestep", "fabric.decay_shift": 2}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_leaky_integrator_leaks_in_every_timestep(sign: int) -> None:
    """G = 8 with k = 2: a quarter, rounded up; theta moves by all of it, when the window ends."""
    golden = adder(LEAK)
    golden.scale_mantissa[:], golden.tau_theta[:] = 0, 2
    golden.gradient[:] = [8 * sign, -8 * sign]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [16, 8]
    assert golden.gradient[0].tolist() == [6 * sign, -6 * sign]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [16 - 6 * sign, 8 + 6 * sign]
    assert golden.gradient[0].tolist() == [4 * sign, -4 * sign]
    golden.run(4)
    assert golden.gradient[0].tolist() == [0, 0]


def test_a_leak_is_dithered_with_the_top_of_the_word_that_rounds_the_step() -> None:
    """The words after 2463534242 begin with the bits 00, 10 and 01: r = 0, 2, 1."""
    golden = adder({**LEAK, "formats.rounding": "stochastic"})
    golden.scale_mantissa[:], golden.tau_theta[:] = 0, 100
    golden.rounding_state[:], golden.gradient[:] = 2463534242, [9, -9]
    left = []
    for _ in range(3):
        golden.execute_timestep()
        left.append(golden.gradient[0].tolist())
    # 9 - 9 / 4, 7 - 9 / 4, 5 - 6 / 4; -9 + 9 / 4 (down to -3), -6 + 4 / 4, -5 + 4 / 4.
    assert left == [[7, -6], [5, -5], [4, -4]]


@pytest.mark.parametrize("shift", [1, 3, 8])
def test_what_leaks_is_right_on_average(shift: int) -> None:
    """Over all r, a G of 1 or of any other number loses exactly its part of 2**-k."""
    changed = {**LEAK, "fabric.decay_shift": shift, "formats.rounding": "stochastic"}
    plan = adder(changed).plan
    words = np.arange(1 << shift) << (32 - shift)
    gradient = np.broadcast_to([-300, -1, 0, 1, 300], (1 << shift, 5))
    nobody = np.zeros(1 << shift, bool)
    _, left = updated(plan, gradient, gradient, nobody, words, nobody)
    assert (gradient - left).sum(axis=0).tolist() == [-300, -1, 0, 1, 300]


def drawn() -> list[int]:
    """Return n of two words of xorshift32 that follow 723471715."""
    words = [2497366906, 2064144800]
    ones = [f"{word % 2**24:b}".count("1") for word in words]
    return [512 * o + 2 * (word >> 24) - 6399 for o, word in zip(ones, words, strict=True)]


def test_costs_are_measured_with_noise() -> None:
    """The baseline first; a baseline that is not retaken draws nothing."""
    assert drawn() == [1577, -2569]
    golden = adder({"fabric.cost_noise": True})
    golden.noise_state[:], golden.cost_noise[:], golden.tau_theta[:] = 723471715, 100, 2
    golden.tau_x[:] = 2
    trace, offset = golden.trace(1), 1 << golden.plan.cost_bits
    # 1577 * 100 / 8192 = 19.3 and -2569 * 100 / 8192 = -31.4, rounded.
    assert trace.baseline[0, 0] == 196 + offset + 19
    assert trace.cost[0, 0] == 256 + offset - 31
    assert trace.step[0, 0] == (60 - 50 + 4) // 8
    before = golden.noise_state.copy()
    golden.execute_timestep()
    assert golden.noise_state == xorshift32(before)


@pytest.mark.parametrize(
    ("kind", "theta"), [("each", [16 - 19, 8 + 31]), ("shared", [16 - 19, 8 - 19])]
)
def test_updates_have_noise(kind: str, theta: list[int]) -> None:
    """After theta has moved, only when the window ends; G does not learn of it."""
    golden = adder({"fabric.update_noise": kind})
    golden.scale_mantissa[:], golden.update_noise[:], golden.tau_theta[:] = 0, 100, 2
    golden.noise_state[:], golden.gradient[:] = 723471715, [4, -4]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [16, 8]
    assert golden.noise_state.tolist() == [723471715]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [theta[0] - 4, theta[1] + 4]
    assert golden.noise_state.tolist() == [2064144800 if kind == "each" else 2497366906]
    assert golden.gradient[0].tolist() == [0, 0]


@pytest.mark.parametrize(("overflow", "theta"), [("clip", [127, -128]), ("hold", [126, -123])])
def test_noise_overflows_as_updates_do(overflow: str, theta: list[int]) -> None:
    golden = adder({"fabric.update_noise": "each", "formats.overflow": overflow})
    golden.scale_mantissa[:], golden.update_noise[:] = 0, 100
    golden.noise_state[:], golden.theta[:] = 2497366906, [126, -123]
    golden.execute_timestep()  # words 2064144800 and 2008045182: -31 and 6
    assert golden.theta[0].tolist() == theta


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_parameters_clip_or_hold_at_their_bounds(overflow: str, bound: str) -> None:
    plan = Plan(xor().with_settings({"formats.overflow": overflow}))
    golden = Golden(plan)
    golden.load_samples([[1, 1]], [[1]])
    golden.begin([1])
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 16, 65535, 0
    near = getattr(plan.theta, bound) + (1 if bound == "minimum" else -1)
    golden.theta[:] = 0
    golden.theta[0, 0] = near
    held = 0
    for _ in range(50):
        before = golden.theta.copy()
        golden.baseline[:], golden.baseline_valid[:] = 0, 0
        _, step = golden.execute_timestep()
        sign = 2 * (golden.perturber & 1) - 1
        wanted = before - sign * step
        beyond = (wanted > plan.theta.maximum) | (wanted < plan.theta.minimum)
        held += int(beyond.sum())
        expected = (
            before
            if overflow == "hold"
            else np.clip(wanted, plan.theta.minimum, plan.theta.maximum)
        )
        assert np.array_equal(golden.theta, np.where(beyond, expected, wanted))
        golden.theta[:] = 0
        golden.theta[0, 0] = near
    assert held > 10


def test_sequential_gives_the_forward_difference() -> None:
    """With tau_theta = P, one update by what C changes when each parameter alone moves."""
    plan = Plan(
        xor().with_settings(
            {
                "fabric.perturbation": "sequential",
                "formats.rounding": "nearest",
                "training.tau_theta": 9,
                "training.tau_x": 9,
            }
        )
    )
    golden = Golden(plan)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin([4])
    before = golden.theta[0].copy()
    golden.run(9)
    x, t = [XOR_X[int(golden.sample_index[0])]], [XOR_T[int(golden.sample_index[0])]]
    moved = Golden(plan, lanes=10)
    moved.theta[:] = before
    moved.theta[1:] += np.eye(9, dtype=int) * plan.dtheta_steps()
    cost = moved.evaluate(x, t)[1][:, 0]
    mantissa, shift = plan.scale()
    steps = ((cost[1:] - cost[0]) * mantissa + (1 << shift >> 1)) >> shift
    assert len(set(steps.tolist())) > 3
    assert golden.theta[0].tolist() == (before - steps).tolist()


def linear(perturbation: str) -> Golden:
    """y = sum of theta_i x_i and a bias, above its target, so that its l1 cost is linear."""
    spec = Spec(
        name="linear",
        network=Network(layers=(4, 1), activation="identity", cost="l1"),
        formats=Formats(
            parameter=Format(True, 2, 8),
            input=Format(True, 4, 0),
            preactivation=Format(True, 8, 8),
            activation=Format(True, 8, 8),
            rounding="nearest",
        ),
        fabric=Fabric(perturbation=perturbation),
        training=Training(eta=0.0),
    )
    golden = Golden(Plan(spec))
    golden.load_samples([[3, -7, 1, 5]], [[0]])
    golden.begin([1])
    golden.theta[:] = [100, -50, 20, 30, 60]
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 3, 1, 0
    golden.tau_theta[:] = 100
    return golden


def test_walsh_measures_what_sequential_measures() -> None:
    """On a linear cost, a full code of length M gives M times the sequential gradient, exactly."""
    sequential, walsh = linear("sequential"), linear("walsh")
    sequential.run(5)
    walsh.run(8)
    slopes = [3 * value for value in (3, -7, 1, 5, 1)]
    assert sequential.gradient[0].tolist() == slopes
    assert walsh.gradient[0].tolist() == [8 * slope for slope in slopes]


def test_random_codes_measure_it_on_average(random_seed: int) -> None:
    """The variance of G_i / N is the sum of the others' squares, over N; five deviations."""
    slopes = np.array([9, -21, 3, 15, 3])
    golden = linear("lfsr")
    golden.perturber[:] = np.random.default_rng(random_seed).choice(65535, 5, replace=False) + 1
    golden.tau_theta[:] = 255
    golden.run(250)
    deviation = np.sqrt(((slopes**2).sum() - slopes**2) / 250)
    assert (np.abs(golden.gradient[0] / 250 - slopes) < 5 * deviation).all()
