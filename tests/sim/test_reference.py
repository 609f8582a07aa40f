"""The float reference against the equations it stands for."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Training
from pmgd.sim.reference import Dense, pmgd, random_samples, random_signs, sgd

NETWORK = Dense((2, 2, 1))
XOR = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float), np.array([[0], [1], [1], [0]], float))


def uniform(seed: int, lanes: int, network: Dense, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-scale, scale, (lanes, network.parameters))


def every_code(lanes: int, parameters: int) -> Iterator[np.ndarray]:
    """All 2**P sign patterns, in the same order for every lane, for ever."""
    codes = np.array(list(itertools.product((-1.0, 1.0), repeat=parameters)))
    return (np.broadcast_to(code, (lanes, parameters)) for code in itertools.cycle(codes))


def constant(lanes: int, index: int) -> Iterator[np.ndarray]:
    return itertools.repeat(np.full(lanes, index))


@pytest.mark.parametrize("layers", [(2, 2, 1), (3, 5, 2), (4, 1), (2, 3, 4, 2)])
def test_backpropagation_equals_finite_differences(layers: tuple[int, ...]) -> None:
    """Central differences of 1e-5 cut off less than 1e-9; the cost's last bits add 1e-11."""
    network = Dense(layers)
    rng = np.random.default_rng(1)
    theta = uniform(2, 5, network, 2.0)
    x, t = rng.uniform(0, 1, (5, layers[0])), rng.uniform(0, 1, (5, layers[-1]))
    slope = network.gradient(theta, x, t)
    for i in range(network.parameters):
        move = np.zeros(network.parameters)
        move[i] = 1e-5
        difference = network.cost(theta + move, x, t) - network.cost(theta - move, x, t)
        np.testing.assert_allclose(slope[:, i], difference / 2e-5, rtol=0, atol=1e-9)


def test_parameters_are_ordered_as_in_the_plan() -> None:
    plan = Plan(xor())
    assert NETWORK.parameters == plan.parameters
    theta = np.zeros(9)
    theta[[6, 8]] = 3.0, -1.0  # the output's weight of the first hidden neuron, and its bias
    theta[1] = 2.0  # the first hidden neuron's weight of the second input
    hidden = 1 / (1 + np.exp(-2.0))
    expected = 1 / (1 + np.exp(-(3.0 * hidden - 1.0)))
    assert NETWORK.outputs(theta, np.array([0.0, 1.0])) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("sample", range(4))
def test_average_over_all_codes_is_the_gradient(sample: int) -> None:
    """Eq. (4) summed over all 2**P codes is 2**P times the gradient, for small dtheta ([0051]).

    All even orders of the cost cancel over the codes; what is left is of order P dtheta**2 times
    a third derivative below 1, 1e-5 for dtheta 1e-3, and the cost's rounding over dtheta, 1e-13.
    """
    theta = uniform(3, 4, NETWORK, 2.0)
    training = Training(tau_x=512, tau_theta=512, eta=1.0, dtheta=1e-3)
    end = pmgd(NETWORK, training, theta, XOR, constant(4, sample), every_code(4, 9), 512)
    slope = NETWORK.gradient(theta, XOR[0][sample], XOR[1][sample])
    assert np.abs(slope).max() > 0.05
    np.testing.assert_allclose((theta - end) / 512, slope, rtol=0, atol=1e-5)


def test_exact_gradients_make_it_backpropagation() -> None:
    """With tau_theta = tau_x a whole set of codes, training follows backpropagation ([0072]).

    20 updates, each with a gradient within 1e-5, at eta 1: within 2e-4, were no error amplified.
    """
    theta = uniform(4, 3, NETWORK, 2.0)
    training = Training(tau_x=512, tau_theta=512, eta=1 / 512, dtheta=1e-3)
    order = random_samples(5, 3, 4)
    drawn = list(itertools.islice(order, 20))
    perturbed = pmgd(NETWORK, training, theta, XOR, iter(drawn), every_code(3, 9), 20 * 512)
    exact = sgd(NETWORK, theta, XOR, iter(drawn), 20, eta=1.0)
    assert np.abs(exact - theta).max() > 0.2
    np.testing.assert_allclose(perturbed, exact, rtol=0, atol=2e-4)


@pytest.mark.parametrize("codes_per_parameter", [1, 4, 16])
def test_angle_to_the_gradient_follows_the_cosine_law(codes_per_parameter: int) -> None:
    """After N random codes on P parameters, cos(angle) = sqrt(N / (N + P - 1)), within 2 degrees.

    One run's angle spreads by about 3 degrees at P = 81, a mean of 64 by less than half a degree;
    the law itself, a ratio of means, is off by less than a degree.
    """
    network, lanes = Dense((8, 8, 1)), 64
    steps = codes_per_parameter * network.parameters
    rng = np.random.default_rng(6)
    data = (rng.uniform(0, 1, (1, 8)), np.array([[1.0]]))
    theta = uniform(7, lanes, network)
    training = Training(tau_x=steps, tau_theta=steps, eta=1.0, dtheta=1e-4)
    signs = random_signs(8, lanes, network.parameters)
    estimate = theta - pmgd(network, training, theta, data, constant(lanes, 0), signs, steps)
    slope = network.gradient(theta, data[0][0], data[1][0])
    cosine = (estimate * slope).sum(1) / np.linalg.norm(estimate, axis=1)
    angle = np.degrees(np.arccos(cosine / np.linalg.norm(slope, axis=1))).mean()
    law = np.degrees(np.arccos(np.sqrt(steps / (steps + network.parameters - 1))))
    assert angle == pytest.approx(law, abs=2.0)


def solved(schedule: str, tau_theta: int, tau_x: int) -> int:
    """Of 40 runs of xor with 20,000 timesteps, count those with a mean cost below 0.01."""
    lanes = 40
    training = Training(tau_x=tau_x, tau_theta=tau_theta, eta=0.5, dtheta=0.0625)
    end = pmgd(
        NETWORK,
        training,
        uniform(9, lanes, NETWORK),
        XOR,
        random_samples(10, lanes, 4),
        random_signs(11, lanes, 9),
        20_000,
        schedule=schedule,
        bound=8.0,
    )
    return int((NETWORK.cost(end[:, None], *XOR).mean(axis=1) < 0.01).sum())


def test_table_1_as_printed_keeps_a_stale_baseline() -> None:
    """C0, taken with the new sample, is of no use after the update in the same timestep.

    The printed order updates in the first timestep of a window, and measures the other three
    against the parameters that this update has left behind.
    """
    aligned, literal = solved("aligned", 4, 4), solved("literal", 4, 4)
    assert aligned >= 20
    assert literal <= 4


def test_orders_agree_where_nothing_can_be_stale() -> None:
    """With every tau at 1 both take C0 anew and update in every timestep."""
    theta = uniform(12, 2, NETWORK)
    ends = [
        pmgd(
            NETWORK, Training(), theta, XOR, random_samples(1, 2, 4), random_signs(2, 2, 9), 50,
            schedule=schedule,
        )
        for schedule in ("aligned", "literal")
    ]  # fmt: skip
    assert np.array_equal(*ends)
    assert not np.array_equal(ends[0], theta)


def test_holding_a_sample_equals_presenting_it_again() -> None:
    """Since C0 is taken anew after every update, not only with a sample."""
    theta = uniform(18, 2, NETWORK)
    held, again = (
        pmgd(
            NETWORK, Training(tau_x=tau_x, tau_theta=2), theta, XOR, constant(2, 3),
            random_signs(5, 2, 9), 30,
        )
        for tau_x in (1000, 1)
    )  # fmt: skip
    assert np.array_equal(held, again)


def test_printed_order_updates_in_its_first_timestep_and_loses_held_perturbations() -> None:
    theta = uniform(13, 2, NETWORK)

    def after(steps: int, schedule: str, **taus: int) -> np.ndarray:
        return pmgd(
            NETWORK, Training(**taus), theta, XOR, random_samples(1, 2, 4), random_signs(2, 2, 9),
            steps, schedule=schedule,
        )  # fmt: skip

    assert np.array_equal(after(1, "aligned", tau_theta=3, tau_x=3), theta)
    assert not np.array_equal(after(1, "literal", tau_theta=3, tau_x=3), theta)
    first = after(1, "literal", tau_p=4)
    assert np.array_equal(after(4, "literal", tau_p=4), first)
    assert not np.array_equal(after(4, "aligned", tau_p=4), first)


def test_table_4_learning_rate_is_divided_by_the_parameters() -> None:
    theta = uniform(14, 2, NETWORK)
    moves = []
    for convention in ("eq4", "table4"):
        training = Training(eta_convention=convention)
        end = pmgd(
            NETWORK, training, theta, XOR, constant(2, 1), random_signs(3, 2, 9), 1
        )  # fmt: skip
        moves.append(end - theta)
    np.testing.assert_allclose(moves[0], 9 * moves[1], rtol=1e-9)


def test_bound_saturates() -> None:
    theta = uniform(15, 3, NETWORK, 2.0)
    training = Training(eta=50.0)
    end = pmgd(NETWORK, training, theta, XOR, constant(3, 2), random_signs(4, 3, 9), 100, bound=2.0)
    assert np.abs(end).max() == 2.0
    assert np.abs(sgd(NETWORK, theta, XOR, constant(3, 2), 50, eta=50.0, bound=2.0)).max() == 2.0


def test_backpropagation_trains_xor() -> None:
    theta = uniform(16, 40, NETWORK)
    end = sgd(NETWORK, theta, XOR, random_samples(17, 40, 4), 20_000, eta=2.0, bound=8.0)
    assert (NETWORK.cost(end[:, None], *XOR).mean(axis=1) < 0.01).sum() >= 20


def test_unknown_schedule_is_refused() -> None:
    with pytest.raises(SpecError, match="schedule must be aligned or literal, not 'printed'"):
        pmgd(
            NETWORK, Training(), uniform(1, 1, NETWORK), XOR, constant(1, 0),
            random_signs(1, 1, 9), 1, schedule="printed",
        )  # fmt: skip
