"""The compiled float loop against the float reference, and against eq. (4) as a formula."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import Training
from pmgd.sim import float_loop
from pmgd.sim.reference import Dense, pmgd, sgd

LAYERS = [(2, 2, 1), (3, 5, 2), (4, 1), (2, 3, 4, 2)]


class Case:
    """A network with random parameters and 7 random samples, and what the loop wants of it."""

    def __init__(self, layers: tuple[int, ...], seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.network = Dense(layers)
        self.theta = rng.uniform(-2, 2, self.network.parameters)
        self.x, self.t = (rng.uniform(0, 1, (7, size)) for size in (layers[0], layers[-1]))
        self.sizes = np.array(layers)
        self.activities = np.empty(sum(layers[1:]))

    def cost(self, theta: np.ndarray) -> float:
        return float_loop.cost(self.sizes, theta, self.x[0], self.t[0], self.activities)


def drawn_samples(state: np.ndarray, count: int) -> Iterator[np.ndarray]:
    while True:
        yield np.array([float_loop.draw_sample(state, count)])


def drawn_signs(state: np.ndarray, parameters: int) -> Iterator[np.ndarray]:
    while True:
        signs = np.empty(parameters)
        float_loop.draw_signs(state, 1.0, signs)
        yield signs[None]


@pytest.mark.parametrize("layers", LAYERS)
def test_cost_and_gradient_are_the_references(layers: tuple[int, ...]) -> None:
    """Sums of up to 6 terms below 2, in another order: a few units in the last place, 1e-15."""
    case = Case(layers)
    first = case.x[0], case.t[0]
    expected = case.network.cost(case.theta, *first)
    assert case.cost(case.theta) == pytest.approx(expected, rel=0, abs=1e-14)
    gradient = np.full_like(case.theta, np.nan)
    work = case.activities, np.empty_like(case.activities)
    float_loop.backpropagate(case.sizes, case.theta, *first, work, gradient)
    expected = case.network.gradient(case.theta, *first)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("layers", LAYERS)
def test_a_step_with_given_signs_is_equation_4(layers: tuple[int, ...]) -> None:
    """-eta * C~ * sign / dtheta; C~ carries two costs' rounding, 1e-16, over dtheta 1/16."""
    case, eta, dtheta = Case(layers), 0.5, 0.0625
    signs = np.random.default_rng(2).choice((-1.0, 1.0), len(case.theta))
    change = case.cost(case.theta + dtheta * signs) - case.cost(case.theta)
    theta, gradient = case.theta.copy(), np.zeros_like(case.theta)
    float_loop.accumulate(change, dtheta, dtheta * signs, gradient)
    float_loop.update(theta, gradient, eta, np.inf)
    x, t = case.x[0], case.t[0]
    change = case.network.cost(case.theta + dtheta * signs, x, t) - case.network.cost(
        case.theta, x, t
    )
    assert abs(change) > 1e-4
    expected = case.theta - eta * change * signs / dtheta
    np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-14)
    assert not gradient.any()


@pytest.mark.parametrize("convention", ["eq4", "table4"])
@pytest.mark.parametrize("layers", LAYERS)
def test_a_run_is_the_references(layers: tuple[int, ...], convention: str) -> None:
    """The same samples and signs, and no two of the taus alike.

    300 timesteps each add a rounding of 1e-15 to parameters up to 2, and 100 updates pass it on;
    1e-11 leaves that room, and a step in the wrong place is of order 0.01.
    """
    case = Case(layers)
    training = Training(tau_x=3, tau_p=2, tau_theta=4, eta=0.5, eta_convention=convention)
    state = float_loop.start_state(5)
    samples, signs = drawn_samples(state, 7), drawn_signs(state, len(case.theta))
    expected = pmgd(
        case.network, training, case.theta[None], (case.x, case.t), samples, signs, 300, bound=2.0
    )[0]
    theta = float_loop.train(
        layers, case.x, case.t, case.theta, training=training, steps=300, seed=5, bound=2.0
    )
    np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-11)
    assert np.abs(theta - case.theta).max() > 0.02


@pytest.mark.parametrize("layers", LAYERS)
def test_backpropagation_is_the_references(layers: tuple[int, ...]) -> None:
    """As above: 300 updates, each with a gradient within 1e-15."""
    case = Case(layers)
    samples = drawn_samples(float_loop.start_state(6), 7)
    expected = sgd(
        case.network, case.theta[None], (case.x, case.t), samples, 300, eta=0.5, bound=2.0
    )[0]
    theta = float_loop.train_backprop(
        layers, case.x, case.t, case.theta,
        training=Training(eta=0.5), steps=300, seed=6, bound=2.0,
    )  # fmt: skip
    np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-11)
    assert np.abs(theta - case.theta).max() > 0.05


def test_draws_are_independent_and_equally_likely() -> None:
    """Counts and correlations of n draws stay within 5 standard deviations, 1 in 10**6 each.

    70 signs, more than a word holds, are correlated with one another and with those before them.
    """
    state, n = float_loop.start_state(7), 5_000
    samples = np.array([float_loop.draw_sample(state, 7) for _ in range(n)])
    counts = np.bincount(samples, minlength=7)
    assert len(counts) == 7
    assert np.abs(counts - n / 7).max() < 5 * np.sqrt(n / 7)
    source = drawn_signs(state, 70)
    signs = np.concatenate([next(source) for _ in range(n)])
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(n)
    at_once, delayed = signs.T @ signs / n - np.eye(70), signs[1:].T @ signs[:-1] / n
    assert max(np.abs(at_once).max(), np.abs(delayed).max()) < 5.5 / np.sqrt(n)


def test_the_parameters_given_stay() -> None:
    case = Case((2, 2, 1))
    before = case.theta.copy()
    train = (case.network.layers, case.x, case.t, case.theta)
    ends = [
        float_loop.train(*train, training=Training(), steps=10, seed=seed) for seed in (1, 1, 2)
    ]
    assert np.array_equal(case.theta, before)
    assert np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


def test_what_does_not_fit_is_refused() -> None:
    case, training = Case((2, 2, 1)), Training()

    def attempt(x: np.ndarray, t: np.ndarray, theta: np.ndarray, training: Training) -> None:
        float_loop.train((2, 2, 1), x, t, theta, training=training, steps=1, seed=0)

    with pytest.raises(SpecError, match=r"inputs must have the shape \(7, 2\), not \(7, 1\)"):
        attempt(case.x[:, :1], case.t, case.theta, training)
    with pytest.raises(SpecError, match=r"targets must have the shape \(7, 1\), not \(6, 1\)"):
        attempt(case.x, case.t[:6], case.theta, training)
    with pytest.raises(SpecError, match=r"parameters must have the shape \(9,\), not \(8,\)"):
        attempt(case.x, case.t, case.theta[:8], training)
    with pytest.raises(SpecError, match="order must be random for the float loop, not 'sequ"):
        attempt(case.x, case.t, case.theta, Training(order="sequential"))


def test_without_numba_it_says_what_to_install() -> None:
    """In another interpreter, since this one has imported it."""
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from pmgd.gateware.errors import ToolError\n"
        "try:\n    import pmgd.sim.float_loop\n"
        "except ToolError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "pip install 'pmgd[sim]'" in done.stdout
