"""What a timestep makes of parameters and gradients: every lane's, or those that are due."""

import numpy as np

from pmgd.gateware.plan import Plan
from pmgd.sim.generators import noise, xorshift32
from pmgd.sim.lanes import Integers, Mask, choose

__all__ = ["disturbed", "updated"]


def updated(
    plan: Plan,
    theta: Integers,
    gradient: Integers,
    sign_step: Integers,
    word: Integers,
    due: Mask,
) -> tuple[Integers, Integers]:
    """Return the parameters, and what is left of G, after an update in some lanes.

    Parameters
    ----------
    plan
        Whose fabric says how.
    theta, gradient
        Shape (B, P): the parameters, and G with the timestep's correlation.
    sign_step
        Shape (B,): what a sign-only correlator updates by.
    word
        Shape (B,): the random word that rounded the step.
    due
        Shape (B,): the lanes to update; the parameters of the others stay, and so does their G
        unless it is a leaky integrator.
    """
    fabric = plan.spec.fabric
    if due.any():
        delta = gradient
        if fabric.correlator == "sign":
            delta = np.sign(gradient) * sign_step[:, None]
        theta = choose(due, _moved(plan, theta, delta), theta)
    if plan.dithered:
        dither = word[:, None] >> (32 - fabric.decay_shift)
        return theta, gradient - ((gradient + dither) >> fabric.decay_shift)
    if due.any() or plan.leaky:
        left = _decayed(gradient, fabric.decay_shift)
        gradient = left if plan.leaky else choose(due, left, gradient)
    return theta, gradient


def disturbed(
    plan: Plan, theta: Integers, state: Integers, level: Integers, due: Mask
) -> tuple[Integers, Integers]:
    """Return the parameters with the noise of an update, and the noise generator's state after it.

    Parameters
    ----------
    plan
        Whose fabric has noise of updates.
    theta
        Shape (B, P): the parameters, updated.
    state, level
        Shape (B,): `noise_state` and `update_noise`.
    due
        Shape (B,): the lanes to disturb; the others stay.
    """
    if not due.any():
        return theta, state
    each = plan.spec.fabric.update_noise == "each"
    words = [xorshift32(state)]
    while each and len(words) < plan.parameters:
        words.append(xorshift32(words[-1]))
    delta = noise(np.stack(words, axis=1), level[:, None])
    moved = _moved(plan, theta, delta)
    return choose(due, moved, theta), choose(due, words[-1], state)


def _moved(plan: Plan, theta: Integers, delta: Integers) -> Integers:
    wanted = theta - delta
    bounded: Integers = np.minimum(np.maximum(wanted, plan.theta.minimum), plan.theta.maximum)
    if plan.spec.formats.overflow == "clip":
        return bounded
    return np.where(bounded == wanted, wanted, theta)


def _decayed(gradient: Integers, shift: int) -> Integers:
    """Return what a decay leaves of G; what it takes is rounded away from zero."""
    upwards = np.where(gradient > 0, (1 << shift) - 1, 0)
    return gradient - ((gradient + upwards) >> shift)
