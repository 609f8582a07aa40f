"""The float reference of Table 2 against its equations, and against the golden model."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pmgd.gateware.oscillators import LEVELS
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor, xor_analog
from pmgd.gateware.spec import Spec, Training
from pmgd.sim.analog_reference import analog, sinusoids, squares
from pmgd.sim.golden import Golden
from pmgd.sim.reference import Dense, pmgd, random_normal, random_samples, random_signs

NETWORK = Dense((2, 2, 1))
XOR = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]]))
PERIOD = 512


def uniform(seed: int, lanes: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-scale, scale, (lanes, NETWORK.parameters))


def constant(lanes: int, index: int) -> Iterator[np.ndarray]:
    return itertools.repeat(np.full(lanes, index))


# -- Equations --------------------------------------------------------------------------------

FREQUENCIES = np.arange(65, 82, 2) / PERIOD
"""Of 9 oscillators: each with whole cycles in PERIOD, and with no sum of two that is a third."""


def mean_g(dtheta: float, tau_hp: float, tau_theta: float, sample: int) -> np.ndarray:
    """Mean of G over a period, after one in which filter and integrator settle.

    eta is so small that the parameters move by less than 1e-7 and yet by 1e7 of their last bits.
    """
    eta = 1e-9
    training = Training(eta=eta, dtheta=dtheta)
    phases = np.random.default_rng(5).uniform(0, 1, (4, 9))
    first, second = (
        analog(
            NETWORK, training, uniform(3, 4, 2.0), XOR, constant(4, sample),
            sinusoids(FREQUENCIES, phases), periods * PERIOD, tau_hp=tau_hp, tau_theta=tau_theta,
        )
        for periods in (1, 2)
    )  # fmt: skip
    return (first - second) / (eta * PERIOD)


@pytest.mark.parametrize("sample", range(4))
@pytest.mark.parametrize("tau_theta", [0.0, 15.0])
def test_sines_find_half_the_gradient(sample: int, tau_theta: float) -> None:
    """Eq. (3), whose mean of sin**2 is 1/2: each sine finds its own partial derivative alone.

    A filter with a time constant of 1e12 lets the whole change pass. Products of two sines have
    frequencies that are nobody's; those of three take dtheta**2 times a third derivative below 1
    and several times 9 of them, 1e-5. In a steady state an integrator of gain 1 changes no mean.
    """
    slope = NETWORK.gradient(uniform(3, 4, 2.0), *(part[sample] for part in XOR))
    assert np.abs(slope).max() > 0.05
    found = mean_g(1e-3, 1e12, tau_theta, sample)
    np.testing.assert_allclose(found, slope / 2, rtol=0, atol=1e-5)


def test_high_pass_filter_takes_away_what_its_response_says() -> None:
    """Line 8 is a (1 - 1/z) / (1 - a/z): of a sine in phase, the real part remains."""
    slope = NETWORK.gradient(uniform(3, 4, 2.0), *(part[1] for part in XOR))
    a, back = 7 / 8, np.exp(-2j * np.pi * FREQUENCIES)
    gain = (a * (1 - back) / (1 - a * back)).real
    assert 0.85 < gain.min() < gain.max() < 0.95
    found = mean_g(1e-3, 7.0, 3.0, 1)
    np.testing.assert_allclose(found, gain * slope / 2, rtol=0, atol=1e-5)


def test_blanking_forgets_the_cost_of_another_sample() -> None:
    """With one timestep a sample there is never a change, without blanking there is nothing but."""
    theta = uniform(6, 3)
    for blank in (False, True):
        training = Training(blank=blank, tau_x=1)
        end = analog(
            NETWORK, training, theta, XOR, random_samples(1, 3, 4),
            sinusoids(FREQUENCIES, np.zeros((3, 9))), 20, tau_hp=7, tau_theta=15,
        )  # fmt: skip
        assert np.array_equal(end, theta) == blank


def test_perturbations_are_held_for_tau_p() -> None:
    theta = uniform(7, 2)
    once, each = random_signs(1, 2, 9), random_signs(1, 2, 9)
    repeated = (sign for sign in each for _ in range(3))
    ends = [
        analog(
            NETWORK, Training(tau_p=tau_p), theta, XOR, constant(2, 2), source, 30,
            tau_hp=7, tau_theta=15,
        )
        for tau_p, source in ((3, once), (1, repeated))
    ]  # fmt: skip
    assert np.array_equal(*ends)


def test_table_4_learning_rate_and_bound() -> None:
    theta = uniform(8, 2)

    def end(training: Training, steps: int) -> np.ndarray:
        return analog(
            NETWORK, training, theta, XOR, constant(2, 1), random_signs(1, 2, 9), steps,
            tau_hp=7, tau_theta=15, bound=2.0,
        )  # fmt: skip

    plain, shared = (end(Training(eta_convention=name), 2) - theta for name in ("eq4", "table4"))
    # Divided before the first move, and moves of 1e-2 change the second by less than 1e-3 of it.
    np.testing.assert_allclose(plain, 9 * shared, rtol=1e-2, atol=1e-9)
    assert np.abs(end(Training(eta=500.0), 200)).max() == 2.0


def test_sources_are_sines_and_their_signs() -> None:
    phases = np.random.default_rng(9).uniform(0, 1, (2, 9))
    sines = np.array(list(itertools.islice(sinusoids(FREQUENCIES, phases), PERIOD)))
    signs = np.array(list(itertools.islice(squares(FREQUENCIES, phases), PERIOD)))
    t = np.arange(PERIOD)[:, None, None]
    expected = np.sin(2 * np.pi * (FREQUENCIES * t + phases))
    np.testing.assert_allclose(sines, expected, rtol=0, atol=1e-12)
    assert np.array_equal(signs, np.where(sines >= 0, 1, -1))


# -- The golden model -------------------------------------------------------------------------


def fine_spec(**settings: object) -> Spec:
    """XOR with parameters, costs and a sigmoid as fine as there are."""
    fine = {
        "network.segments": 1024,
        "formats.parameter": "S4.20",
        "formats.operand_fraction": 20,
        "formats.preactivation": "S4.16",
        "formats.activation": "U0.14",
        "formats.cost": "U1.23",
        "formats.rounding": "nearest",
        "fabric.decay_shift": 2,
        "training.eta": 2.0**-4,
    }
    return xor_analog().with_settings({**fine, **settings})


def tabulated(plan: Plan, phases: np.ndarray) -> Iterator[np.ndarray]:
    """The golden model's perturbations, from its phases before the first advance."""
    quarter = np.array(LEVELS) / 128
    half = np.concatenate([quarter, quarter[::-1]])
    cycle = np.concatenate([half, -half])
    if plan.spec.fabric.perturbation == "square":
        cycle = np.sign(cycle)
    phases = phases.copy()
    while True:
        phases = (phases + np.array(plan.increments)) % (1 << plan.perturber_bits)
        yield cycle[phases >> (plan.perturber_bits - 5)]


STEPS = 2_000
TOLERANCE = 1e-3
"""Of a parameter after STEPS timesteps, for the settings of `fine_spec`; as G's gain, 2**2, beyond.

The step u is rounded to 2**-20, an error of 0.29 of that, and the leak takes half of that too much;
G sums both 2**2 times. An output is off by 0.29 * 2**-14, its cost by as much or a little more, and
u by eta / dtheta = 1/8 of that. In all 4e-6 a timestep, as G keeps its sign for some; 2e-4 after
2,000 of them, in which the parameters move by 0.5, were they all independent. The worst of 72
parameters is then off by 6e-4, and what an error does to the costs that follow may add to it.
"""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"formats.rounding": "stochastic"},
        {"fabric.perturbation": "square"},
        {"training.tau_x": 8, "training.blank": True},
        {"training.tau_p": 2, "training.mean_shift": 4, "fabric.decay_shift": 3},
    ],
    ids=["sine", "stochastic", "square", "blanked", "held"],
)
def test_golden_follows_the_float_reference(settings: dict[str, object]) -> None:
    spec = fine_spec(**settings)
    plan, training, lanes = Plan(spec), spec.training, 8
    golden = Golden(plan, lanes=lanes, kernel="numpy")
    golden.load_samples(*XOR)
    golden.begin(range(lanes))
    start, phases = plan.theta.to_real(golden.theta), golden.perturber
    drawn = []
    for n in range(STEPS):
        golden.execute_timestep()
        if n % training.tau_x == 0:
            drawn.append(golden.sample_index)
    end = plan.theta.to_real(golden.theta)

    def error(mean_shift: int = training.mean_shift, later: float = 0.0) -> float:
        found = analog(
            NETWORK, training, start, XOR, iter(drawn), tabulated(plan, phases), STEPS,
            tau_hp=2**mean_shift - 1, tau_theta=2**spec.fabric.decay_shift - 1 + later, bound=8.0,
        )  # fmt: skip
        return float(np.abs(found - end).max())

    tolerance = TOLERANCE * 2**spec.fabric.decay_shift / 4
    assert np.abs(end - start).max() > 0.5
    assert error() < tolerance
    # What the tolerance is worth: it would not pass other time constants.
    assert error(mean_shift=training.mean_shift + 1) > 5 * tolerance
    assert error(later=1.0) > 3 * tolerance


def solved(theta: np.ndarray) -> int:
    return int((NETWORK.cost(theta[:, None], *XOR).mean(axis=1) < 0.01).sum())


@pytest.mark.parametrize(("steps", "least", "most"), [(10_000, 17, 47), (30_000, 54, 64)])
def test_xor_trains_as_fast_as_in_the_golden_model(steps: int, least: int, most: int) -> None:
    """64 seeds, of which 34 and 60 are expected: the bounds are more than 3 standard deviations."""
    spec = xor_analog()
    plan, lanes = Plan(spec), 64
    golden = Golden(plan, lanes=lanes)
    golden.load_samples(*XOR)
    golden.begin(range(lanes))
    start = plan.theta.to_real(golden.theta)
    cycle = 1 << plan.perturber_bits
    sines = sinusoids(np.array(plan.increments) / cycle, golden.perturber / cycle)
    end = analog(
        NETWORK, spec.training, start, XOR, random_samples(4, lanes, 4), sines, steps,
        tau_hp=7, tau_theta=15, bound=8.0,
    )  # fmt: skip
    golden.run(steps)
    fixed, real = solved(plan.theta.to_real(golden.theta)), solved(end)
    assert least <= fixed <= most, fixed
    assert least <= real <= most, real


# -- Imperfections ----------------------------------------------------------------------------


def test_update_noise_alone_is_a_random_walk() -> None:
    """sigma_theta is in units of dtheta; 900 variances' mean is uncertain by 5 %."""
    theta = uniform(10, 100)
    training, sigma, steps = Training(eta=0.0, dtheta=0.125), 0.01, 50
    ends = (
        pmgd(
            NETWORK, training, theta, XOR, constant(100, 0), random_signs(1, 100, 9), steps,
            update_noise=random_normal(2, (100, 9), sigma),
        ),
        analog(
            NETWORK, training, theta, XOR, constant(100, 0), random_signs(1, 100, 9), steps,
            tau_hp=7, tau_theta=15, update_noise=random_normal(3, (100, 9), sigma),
        ),
    )  # fmt: skip
    for end in ends:
        assert (end - theta).std() == pytest.approx(0.125 * sigma * np.sqrt(steps), rel=0.1)
    shared = pmgd(
        NETWORK, training, theta, XOR, constant(100, 0), random_signs(1, 100, 9), 5,
        update_noise=random_normal(2, (100, 1), sigma),
    ) - theta  # fmt: skip
    np.testing.assert_allclose(shared, np.broadcast_to(shared[:, :1], (100, 9)), atol=1e-12)


def test_noise_of_both_costs_is_in_the_change() -> None:
    """Without a gradient, an update is eta / dtheta times C's noise less C0's: sqrt(2) sigma_c.

    Inputs of a network that saturates leave no gradient. With a filter, C~ is a (C - C before) at
    first, and the integrator takes 1/16 of it.
    """
    theta = np.full((2000, 9), 40.0)
    training, sigma = Training(eta=0.5, dtheta=0.125), 0.01
    moved = pmgd(
        NETWORK, training, theta, XOR, constant(2000, 3), random_signs(1, 2000, 9), 1,
        cost_noise=random_normal(2, (2000,), sigma),
    ) - theta  # fmt: skip
    assert moved.std() == pytest.approx(4 * np.sqrt(2) * sigma, rel=0.1)
    moved = analog(
        NETWORK, training, theta, XOR, constant(2000, 3), random_signs(1, 2000, 9), 2,
        tau_hp=7, tau_theta=15, cost_noise=random_normal(2, (2000,), sigma),
    ) - theta  # fmt: skip
    assert moved.std() == pytest.approx(4 * np.sqrt(2) * sigma * 7 / 8 / 16, rel=0.1)


def test_defects_are_those_of_the_golden_model() -> None:
    """Formats so fine, and a PWL, that outputs agree to within 2**-9; without defects they do not.

    The defects' own last bit is 2**-8, or 2**-12 of an output where it is b.
    """
    spec = xor().with_settings(
        {
            "network.segments": 1024,
            "formats.parameter": "S4.16",
            "formats.operand_fraction": 16,
            "formats.preactivation": "S6.14",
            "formats.activation": "S3.12",
            "fabric.defects": True,
            "training.sigma_a": 0.25,
        }
    )
    plan, lanes = Plan(spec), 50
    golden = Golden(plan, lanes=lanes)
    golden.begin(range(lanes))
    outputs = plan.output_format.to_real(golden.evaluate(*XOR)[0])
    theta = plan.theta.to_real(golden.theta)[:, None]
    beta, offset, alpha, b = np.moveaxis(golden.defects.astype(float), -1, 0)
    beta, alpha = beta / 256, alpha / 256
    a, b = -offset / 2**14 / beta, b / 2**12
    defects = np.stack([alpha, beta, a, b], axis=-1)
    network = replace(NETWORK, defects=defects[:, None])
    np.testing.assert_allclose(network.outputs(theta, XOR[0]), outputs, rtol=0, atol=2.0**-9)
    assert np.abs(NETWORK.outputs(theta, XOR[0]) - outputs).mean() > 0.1
    for index, expected in enumerate((1.0, 1.0, 0.0, 0.0)):  # 150 of each: 0.25 within 15 %
        assert defects[..., index].mean() == pytest.approx(expected, abs=0.1)
        assert defects[..., index].std() == pytest.approx(0.25, rel=0.3)


def test_backpropagation_knows_the_defects() -> None:
    """Central differences, as in the test of the network without."""
    rng = np.random.default_rng(12)
    defects = np.array([1.0, 1.0, 0.0, 0.0]) + rng.normal(0, 0.25, (5, 3, 4))
    network = replace(NETWORK, defects=defects)
    theta, x, t = uniform(11, 5, 2.0), rng.uniform(0, 1, (5, 2)), rng.uniform(0, 1, (5, 1))
    slope = network.gradient(theta, x, t)
    for i in range(network.parameters):
        move = np.zeros(network.parameters)
        move[i] = 1e-5
        difference = network.cost(theta + move, x, t) - network.cost(theta - move, x, t)
        np.testing.assert_allclose(slope[:, i], difference / 2e-5, rtol=0, atol=1e-8)
