"""The float reference: Table 1 of the patent, and backpropagation, for comparison and study.

Nothing here is bit-exact or fast. A cost is the mean of squared errors over the outputs, as in
eq. (4) with the learning rates of `Training`. Lanes, the leading axis B, are independent runs.
Table 2 is `pmgd.sim.analog_reference`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import Training

__all__ = ["Dense", "pmgd", "random_normal", "random_samples", "random_signs", "sgd"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Dense:
    """A dense sigmoid network; parameters by layer, by neuron, weights and then the bias.

    Parameters
    ----------
    layers
        Sizes from the inputs to the outputs.
    defects
        Shape (..., neurons, 4), with axes before the last two as those of theta: alpha, beta, a
        and b of every neuron, which then computes ``alpha / (1 + exp(-beta (z - a))) + b``
        ([0087]). None for the sigmoid, that is, 1, 1, 0 and 0.
    """

    layers: tuple[int, ...]
    defects: Reals | None = field(default=None, compare=False)

    @property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return sum((n + 1) * m for n, m in zip(self.layers, self.layers[1:], strict=False))

    def outputs(self, theta: Reals, x: Reals) -> Reals:
        """Return y, shape (..., outputs), for theta (..., P) and x (..., inputs)."""
        return self._activities(theta, x)[0][-1]

    def cost(self, theta: Reals, x: Reals, t: Reals) -> Reals:
        """Return C, shape (...): squared errors, mean over the outputs."""
        cost: Reals = ((self.outputs(theta, x) - t) ** 2).mean(axis=-1)
        return cost

    def gradient(self, theta: Reals, x: Reals, t: Reals) -> Reals:
        """Return dC/dtheta, shape (..., P), by backpropagation."""
        activities, slopes = self._activities(theta, x)
        delta = 2 * (activities[-1] - t) / self.layers[-1]
        parts: list[Reals] = []
        for neurons, inputs, slope in zip(
            reversed(self._neurons(theta)), activities[-2::-1], reversed(slopes), strict=True
        ):
            delta = delta * slope
            ones = np.ones((*inputs.shape[:-1], 1))
            outer = delta[..., :, None] * np.concatenate([inputs, ones], axis=-1)[..., None, :]
            parts.insert(0, outer.reshape(*outer.shape[:-2], -1))
            delta = (delta[..., None, :] @ neurons[..., :-1])[..., 0, :]
        return np.concatenate(parts, axis=-1)

    def _neurons(self, theta: Reals) -> list[Reals]:
        sizes = list(zip(self.layers, self.layers[1:], strict=False))
        ends = np.cumsum([(n + 1) * m for n, m in sizes])[:-1]
        parts = np.split(theta, ends, axis=-1)
        return [
            part.reshape(*part.shape[:-1], m, n + 1)
            for part, (n, m) in zip(parts, sizes, strict=True)
        ]

    def _activities(self, theta: Reals, x: Reals) -> tuple[list[Reals], list[Reals]]:
        """Return the inputs and every layer's outputs, and every layer's slopes dy/dz."""
        activities, slopes, first = [x], [], 0
        for neurons, count in zip(self._neurons(theta), self.layers[1:], strict=True):
            z = (neurons[..., :-1] @ activities[-1][..., None])[..., 0] + neurons[..., -1]
            alpha, beta, a, b = self._defects(first, first + count)
            first += count
            y = 1 / (1 + np.exp(-beta * (z - a)))
            activities.append(alpha * y + b)
            slopes.append(alpha * beta * y * (1 - y))
        return activities, slopes

    def _defects(self, first: int, end: int) -> tuple[Reals | float, ...]:
        if self.defects is None:
            return 1.0, 1.0, 0.0, 0.0
        return tuple(np.moveaxis(self.defects[..., first:end, :], -1, 0))


def random_signs(seed: int, lanes: int, parameters: int) -> Iterator[Reals]:
    """Yield signs +1 and -1, shape (lanes, parameters), independent and equally likely."""
    generator = np.random.default_rng(seed)
    while True:
        yield generator.choice((-1.0, 1.0), (lanes, parameters))


def random_samples(seed: int, lanes: int, count: int) -> Iterator[Integers]:
    """Yield sample indices below `count`, shape (lanes,), drawn with replacement."""
    generator = np.random.default_rng(seed)
    while True:
        yield generator.integers(0, count, lanes)


def random_normal(seed: int, shape: tuple[int, ...], sigma: float) -> Iterator[Reals]:
    """Yield Gaussian noise with mean 0: (B,) for costs, (B, P) or, shared, (B, 1) for updates."""
    generator = np.random.default_rng(seed)
    while True:
        yield generator.normal(0.0, sigma, shape)


def pmgd(
    network: Dense,
    training: Training,
    theta: ArrayLike,
    data: tuple[ArrayLike, ArrayLike],
    samples: Iterator[Integers],
    signs: Iterator[Reals],
    steps: int,
    *,
    schedule: str = "aligned",
    bound: float = np.inf,
    cost_noise: Iterator[Reals] | None = None,
    update_noise: Iterator[Reals] | None = None,
) -> Reals:
    """Train by Table 1 for `steps` timesteps and return the parameters, shape (B, P).

    Parameters
    ----------
    network, training
        The network; tau_x, tau_p, tau_theta, eta, its convention, and dtheta. The rest of the
        settings is the caller's business: the order of the samples comes with `samples`.
    theta
        Shape (B, P): parameters to start from.
    data
        Inputs and targets, shapes (N, inputs) and (N, outputs).
    samples, signs
        Sources of sample indices (B,) and of signs (B, P), drawn from whenever due.
    schedule
        ``"aligned"``: the baseline is retaken after every update and with every new sample, and
        an update ends its window of tau_theta timesteps. ``"literal"``: Table 1 as printed, where
        an update leaves C0 behind, window and sample do not coincide, and lines 6 and 8 may leave
        the parameters unperturbed.
    bound
        Parameters saturate at plus and minus this value.
    cost_noise
        What is added to every cost, baseline or not ([0083]), shape (B,).
    update_noise
        What is added to the parameters with every update, in units of dtheta ([0084]), of a shape
        that broadcasts to (B, P).

    Raises
    ------
    SpecError
        If there is no such schedule.
    """
    if schedule not in ("aligned", "literal"):
        raise SpecError(f"schedule must be aligned or literal, not {schedule!r}")
    aligned = schedule == "aligned"
    inputs, targets = (np.asarray(part, np.float64) for part in data)
    theta = np.array(theta, np.float64)
    gradient, perturbation, baseline = (
        np.zeros_like(theta),
        np.zeros_like(theta),
        np.zeros(len(theta)),
    )
    eta = training.eta / (network.parameters if training.eta_convention == "table4" else 1)

    def measured(theta: Reals) -> Reals:
        cost = network.cost(theta, x, t)
        return cost if cost_noise is None else cost + next(cost_noise)

    for n in range(steps):
        first = n % training.tau_theta == 0
        last = (n + 1) % training.tau_theta == 0
        if n % training.tau_x == 0:
            sample = next(samples)
            x, t = inputs[sample], targets[sample]
        if n % training.tau_x == 0 or first:
            if not aligned:
                perturbation = np.zeros_like(theta)
            baseline = measured(theta)
        if n % training.tau_p == 0:
            perturbation = training.dtheta * next(signs)
        change = measured(theta + perturbation) - baseline
        gradient += change[:, None] * perturbation / training.dtheta**2
        if last if aligned else first:
            theta = np.clip(theta - eta * gradient, -bound, bound)
            if update_noise is not None:
                theta = np.clip(theta + training.dtheta * next(update_noise), -bound, bound)
            gradient = np.zeros_like(theta)
    return theta


def sgd(
    network: Dense,
    theta: ArrayLike,
    data: tuple[ArrayLike, ArrayLike],
    samples: Iterator[Integers],
    steps: int,
    *,
    eta: float,
    bound: float = np.inf,
) -> Reals:
    """Train by backpropagation, one sample an update, and return the parameters, shape (B, P).

    The parameters are those of `pmgd`, with the learning rate `eta` of ``theta - eta * dC/dtheta``.
    """
    inputs, targets = (np.asarray(part, np.float64) for part in data)
    theta = np.array(theta, np.float64)
    for _ in range(steps):
        sample = next(samples)
        slope = network.gradient(theta, inputs[sample], targets[sample])
        theta = np.clip(theta - eta * slope, -bound, bound)
    return theta
