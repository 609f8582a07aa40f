"""The float yardstick: one run of Table 1, or of backpropagation, as a plain compiled loop.

`pmgd.sim.reference` says the same in NumPy; this is what it takes to go fast on a CPU without
being clever: float64, one lane, one thread, no fast-math. A cost is the mean of squared errors
over the outputs. Importing this module raises `ToolError` where numba is missing.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import SpecError, ToolError
from pmgd.gateware.spec import Training
from pmgd.sim.reference import Dense

try:
    from numba import njit
except ImportError as error:
    raise ToolError(
        "the float loop needs numba, which is not installed; pip install 'pmgd[sim]'"
    ) from error

__all__ = [
    "accumulate", "backpropagate", "cost", "draw_sample", "draw_signs", "start_state", "train",
    "train_backprop", "update",
]  # fmt: skip

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., object])

# SplitMix64 (Steele, Lea and Flood 2014). It is not linear over GF(2), so no product of two signs
# is a third one for ever, as it may be where more signs than state bits come from an LFSR.
_INCREMENT, _FIRST, _SECOND = map(
    np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def _compiled(function: Function) -> Function:
    return cast(Function, njit(cache=True)(function))


def start_state(seed: int) -> Words:
    """Return the state that a seed starts the generator from."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64).astype(np.uint64)


@_compiled
def _draw(state: Words) -> np.uint64:
    state[0] += _INCREMENT
    word = state[0]
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return np.uint64(word ^ (word >> np.uint64(31)))


@_compiled
def draw_sample(state: Words, count: int) -> np.int64:
    """Draw a sample's index below `count`, with replacement."""
    return np.int64(((_draw(state) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@_compiled
def draw_signs(state: Words, dtheta: float, perturbation: Reals) -> None:
    """Fill `perturbation` with plus and minus `dtheta`, a random bit each."""
    for start in range(0, len(perturbation), 64):
        word = _draw(state)
        for i in range(start, min(start + 64, len(perturbation))):
            bit = (word >> np.uint64(i - start)) & np.uint64(1)
            perturbation[i] = dtheta if bit else -dtheta


@_compiled
def _infer(sizes: Integers, theta: Reals, x: Reals, activities: Reals) -> Reals:
    """Write the activities of every layer after the inputs; return the outputs' part of them."""
    k, first, source = 0, 0, x
    for layer in range(1, len(sizes)):
        fan_in, neurons = sizes[layer - 1], sizes[layer]
        target = activities[first : first + neurons]
        for j in range(neurons):
            weights = theta[k : k + fan_in]  # bounds of a slice are checked once, not every time
            z = theta[k + fan_in]
            for i in range(fan_in):
                z += weights[i] * source[i]
            target[j] = 1.0 / (1.0 + np.exp(-z))
            k += fan_in + 1
        first, source = first + neurons, target
    return source


@_compiled
def cost(sizes: Integers, theta: Reals, x: Reals, t: Reals, activities: Reals) -> float:
    """Return C of one sample; `activities` has room for those of every layer after the inputs."""
    y = _infer(sizes, theta, x, activities)
    total = 0.0
    for j in range(len(t)):
        error = y[j] - t[j]
        total += error * error
    return total / len(t)


@_compiled
def accumulate(change: float, dtheta: float, perturbation: Reals, gradient: Reals) -> None:
    """Add a timestep's share to G: the change of the cost, C~, times perturbation / dtheta**2."""
    scale = change / (dtheta * dtheta)
    for i in range(len(gradient)):
        gradient[i] += scale * perturbation[i]


@_compiled
def update(theta: Reals, gradient: Reals, eta: float, bound: float) -> None:
    """Step every parameter down G, saturate it at plus and minus `bound`, and clear G."""
    for i in range(len(theta)):
        theta[i] = min(max(theta[i] - eta * gradient[i], -bound), bound)
        gradient[i] = 0.0


@_compiled
def backpropagate(
    sizes: Integers, theta: Reals, x: Reals, t: Reals, work: tuple[Reals, Reals], gradient: Reals
) -> None:
    """Fill `gradient` with dC/dtheta of one sample; `work` has room twice as in `cost`."""
    activities, deltas = work
    outputs = _infer(sizes, theta, x, activities)
    end, k = len(activities), len(theta)
    deltas[:] = 0.0
    for j in range(len(t)):
        deltas[end - len(t) + j] = 2.0 / len(t) * (outputs[j] - t[j])
    for layer in range(len(sizes) - 1, 0, -1):
        fan_in, neurons = sizes[layer - 1], sizes[layer]
        first = end - neurons
        source = activities[first - fan_in : first] if layer > 1 else x
        below = deltas[first - fan_in : first] if layer > 1 else deltas[:0]
        k -= (fan_in + 1) * neurons
        for j in range(neurons):
            y = activities[first + j]
            delta = deltas[first + j] * y * (1.0 - y)
            row = k + j * (fan_in + 1)
            weights, slopes = theta[row : row + fan_in], gradient[row : row + fan_in]
            for i in range(fan_in):
                slopes[i] = delta * source[i]
            for i in range(len(below)):
                below[i] += delta * weights[i]
            gradient[row + fan_in] = delta
        end = first


@_compiled
def _run_pmgd(
    sizes: Integers, x: Reals, t: Reals, theta: Reals, state: Words, steps: int,
    taus: tuple[int, int, int], eta: float, dtheta: float, bound: float,
) -> None:  # fmt: skip
    tau_x, tau_p, tau_theta = taus
    activities = np.empty(sizes[1:].sum())
    perturbation, perturbed, gradient = np.empty_like(theta), np.empty_like(theta), 0.0 * theta
    sample, baseline = np.int64(0), 0.0
    for n in range(steps):
        if n % tau_x == 0:
            sample = draw_sample(state, len(x))
        if n % tau_x == 0 or n % tau_theta == 0:
            baseline = cost(sizes, theta, x[sample], t[sample], activities)
        if n % tau_p == 0:
            draw_signs(state, dtheta, perturbation)
        for i in range(len(theta)):
            perturbed[i] = theta[i] + perturbation[i]
        change = cost(sizes, perturbed, x[sample], t[sample], activities) - baseline
        accumulate(change, dtheta, perturbation, gradient)
        if (n + 1) % tau_theta == 0:
            update(theta, gradient, eta, bound)


@_compiled
def _run_backprop(
    sizes: Integers, x: Reals, t: Reals, theta: Reals, state: Words, steps: int,
    eta: float, bound: float,
) -> None:  # fmt: skip
    work = np.empty(sizes[1:].sum()), np.empty(sizes[1:].sum())
    gradient = np.empty_like(theta)
    for _ in range(steps):
        sample = draw_sample(state, len(x))
        backpropagate(sizes, theta, x[sample], t[sample], work, gradient)
        update(theta, gradient, eta, bound)


def train(
    layers: Sequence[int],
    x: ArrayLike,
    t: ArrayLike,
    theta: ArrayLike,
    *,
    training: Training,
    steps: int,
    seed: int,
    bound: float = np.inf,
) -> Reals:
    """Train a dense sigmoid network by Table 1 for `steps` timesteps; return its parameters.

    The schedule is `pmgd.sim.reference`'s ``"aligned"``.

    Parameters
    ----------
    layers
        Sizes from the inputs to the outputs.
    x, t
        Inputs and targets, shapes (N, inputs) and (N, outputs).
    theta
        Shape (P,): parameters to start from, by layer, by neuron, weights and then the bias.
    training
        tau_x, tau_p, tau_theta, eta, its convention, dtheta and order. The rest is not used.
    steps, seed
        Timesteps, and the seed of signs and samples; a run in two calls needs two seeds.
    bound
        Parameters saturate at plus and minus this value.

    Raises
    ------
    SpecError
        If the samples are to be in another order than a random one.
    """
    arrays, eta = _checked(layers, x, t, theta, training)
    taus = training.tau_x, training.tau_p, training.tau_theta
    _run_pmgd(*arrays, start_state(seed), steps, taus, eta, training.dtheta, float(bound))
    return arrays[-1]


def train_backprop(
    layers: Sequence[int],
    x: ArrayLike,
    t: ArrayLike,
    theta: ArrayLike,
    *,
    training: Training,
    steps: int,
    seed: int,
    bound: float = np.inf,
) -> Reals:
    """Train as `train` does, but by backpropagation, with an update for every sample drawn.

    Of `training` only eta and its convention are used: ``theta -= eta * dC/dtheta``.
    """
    arrays, eta = _checked(layers, x, t, theta, training)
    _run_backprop(*arrays, start_state(seed), steps, eta, float(bound))
    return arrays[-1]


def _checked(
    layers: Sequence[int], x: ArrayLike, t: ArrayLike, theta: ArrayLike, training: Training
) -> tuple[tuple[Integers, Reals, Reals, Reals], float]:
    if training.order != "random":
        raise SpecError(f"training.order must be random for the float loop, not {training.order!r}")
    parameters = Dense(tuple(layers)).parameters
    inputs, targets, start = (np.array(part, np.float64, order="C") for part in (x, t, theta))
    # A compiled loop reads past the end of what is too short.
    for what, part, shape in (
        ("inputs", inputs, (len(inputs), layers[0])),
        ("targets", targets, (len(inputs), layers[-1])),
        ("parameters", start, (parameters,)),
    ):
        if part.shape != shape or not part.size:
            raise SpecError(f"{what} must have the shape {shape}, not {part.shape}")
    eta = training.eta / (parameters if training.eta_convention == "table4" else 1)
    return (np.array(layers, np.int64), inputs, targets, start), eta
