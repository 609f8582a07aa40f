"""The float reference: Table 1 of the patent, and backpropagation, for comparison and study.

Nothing here is bit-exact or fast. A cost is the mean of squared errors over the outputs, as in
eq. (4) with the learning rates of `Training`. Lanes, the leading axis B, are independent runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import Training

__all__ = ["Dense", "pmgd", "random_samples", "random_signs", "sgd"]

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Dense:
    """A dense sigmoid network; parameters by layer, by neuron, weights and then the bias.

    Parameters
    ----------
    layers
        Sizes from the inputs to the outputs.
    """

    layers: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return sum((n + 1) * m for n, m in zip(self.layers, self.layers[1:], strict=False))

    def outputs(self, theta: Reals, x: Reals) -> Reals:
        """Return y, shape (..., outputs), for theta (..., P) and x (..., inputs)."""
        return self._activities(theta, x)[-1]

    def cost(self, theta: Reals, x: Reals, t: Reals) -> Reals:
        """Return C, shape (...): squared errors, mean over the outputs."""
        cost: Reals = ((self.outputs(theta, x) - t) ** 2).mean(axis=-1)
        return cost

    def gradient(self, theta: Reals, x: Reals, t: Reals) -> Reals:
        """Return dC/dtheta, shape (..., P), by backpropagation."""
        activities = self._activities(theta, x)
        delta = 2 * (activities[-1] - t) / self.layers[-1]
        parts: list[Reals] = []
        for neurons, a, y in zip(
            reversed(self._neurons(theta)), activities[-2::-1], activities[:0:-1], strict=True
        ):
            delta = delta * y * (1 - y)
            ones = np.ones((*a.shape[:-1], 1))
            outer = delta[..., :, None] * np.concatenate([a, ones], axis=-1)[..., None, :]
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

    def _activities(self, theta: Reals, x: Reals) -> list[Reals]:
        activities = [x]
        for neurons in self._neurons(theta):
            z = (neurons[..., :-1] @ activities[-1][..., None])[..., 0] + neurons[..., -1]
            activities.append(1 / (1 + np.exp(-z)))
        return activities


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
    for n in range(steps):
        first = n % training.tau_theta == 0
        last = (n + 1) % training.tau_theta == 0
        if n % training.tau_x == 0:
            sample = next(samples)
            x, t = inputs[sample], targets[sample]
        if n % training.tau_x == 0 or first:
            if not aligned:
                perturbation = np.zeros_like(theta)
            baseline = network.cost(theta, x, t)
        if n % training.tau_p == 0:
            perturbation = training.dtheta * next(signs)
        change = network.cost(theta + perturbation, x, t) - baseline
        gradient += change[:, None] * perturbation / training.dtheta**2
        if last if aligned else first:
            theta = np.clip(theta - eta * gradient, -bound, bound)
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
