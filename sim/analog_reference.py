"""The float reference of the analog algorithm: Table 2 of the patent, line by line.

As in `pmgd.sim.reference`, nothing here is bit-exact or fast, costs are means over the outputs, and
lanes, the leading axis B, are independent runs. Time is in timesteps: dt is 1.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from pmgd.gateware.spec import Training
from pmgd.sim.reference import Dense, Integers, Reals

__all__ = ["analog", "sinusoids", "squares"]


def sinusoids(frequencies: ArrayLike, phases: ArrayLike) -> Iterator[Reals]:
    """Yield ``sin(omega_i t)`` for t = 0, 1, 2 and so on, shape (B, P) ([0042], [0079]).

    Parameters
    ----------
    frequencies
        Shape (P,), in cycles per perturbation.
    phases
        Shape (B, P), in cycles, at the first.
    """
    for cycles in _cycles(frequencies, phases):
        yield np.sin(2 * np.pi * cycles)


def squares(frequencies: ArrayLike, phases: ArrayLike) -> Iterator[Reals]:
    """Yield the signs of `sinusoids`, +1 in the first half of every cycle."""
    for cycles in _cycles(frequencies, phases):
        yield np.where(cycles < 0.5, 1.0, -1.0)


def _cycles(frequencies: ArrayLike, phases: ArrayLike) -> Iterator[Reals]:
    step, start = np.asarray(frequencies, np.float64), np.asarray(phases, np.float64)
    n = 0
    while True:
        yield (start + n * step) % 1.0
        n += 1


def analog(
    network: Dense,
    training: Training,
    theta: ArrayLike,
    data: tuple[ArrayLike, ArrayLike],
    samples: Iterator[Integers],
    perturbations: Iterator[Reals],
    steps: int,
    *,
    tau_hp: float,
    tau_theta: float,
    bound: float = np.inf,
    cost_noise: Iterator[Reals] | None = None,
    update_noise: Iterator[Reals] | None = None,
) -> Reals:
    """Train by Table 2 for `steps` timesteps and return the parameters, shape (B, P).

    Line 8 is printed with C(t) - C(t), once too often; here it is the discrete high-pass filter,
    of C(t) - C(t - dt), that it must be (Fig. 11). It begins with a cost that has not changed.

    Parameters
    ----------
    network, training
        The network; tau_x, tau_p, eta, its convention, dtheta, and blank: whether the filter begins
        anew with every new sample. The rest of the settings is the caller's business.
    theta
        Shape (B, P): parameters to start from.
    data
        Inputs and targets, shapes (N, inputs) and (N, outputs).
    samples, perturbations
        Sources of sample indices (B,), and of perturbations (B, P) in units of dtheta: `sinusoids`,
        `squares` or any code. Drawn from every tau_x and tau_p timesteps.
    tau_hp
        Time constant of the high-pass filter.
    tau_theta
        Time constant of the leaky integrator, of gain 1 (eq. (5)). The parameters move in every
        timestep (Fig. 7), so that this is not `Training.tau_theta`.
    bound
        Parameters saturate at plus and minus this value.
    cost_noise, update_noise
        As in `pmgd.sim.reference.pmgd`.
    """
    inputs, targets = (np.asarray(part, np.float64) for part in data)
    theta = np.array(theta, np.float64)  # line 1
    gradient = np.zeros_like(theta)
    change, before = np.zeros((2, len(theta)))
    eta = training.eta / (network.parameters if training.eta_convention == "table4" else 1)
    for n in range(steps):  # line 2
        anew = n == 0
        if n % training.tau_x == 0:  # lines 3 and 4
            sample = next(samples)
            x, t = inputs[sample], targets[sample]
            anew |= training.blank
        if n % training.tau_p == 0:  # line 5
            perturbation = training.dtheta * next(perturbations)
        cost = network.cost(theta + perturbation, x, t)  # lines 6 and 7
        if cost_noise is not None:
            cost = cost + next(cost_noise)
        if anew:
            change, before = np.zeros_like(cost), cost
        change = tau_hp / (tau_hp + 1) * (change + cost - before)  # line 8
        before = cost
        error = change[:, None] * perturbation / training.dtheta**2  # line 9
        gradient = (error + tau_theta * gradient) / (tau_theta + 1)  # line 10
        theta = np.clip(theta - eta * gradient, -bound, bound)  # line 11
        if update_noise is not None:
            theta = np.clip(theta + training.dtheta * next(update_noise), -bound, bound)
    return theta
