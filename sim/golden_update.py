"""What an update makes of parameters and gradients: every lane's, or those that are due."""

import numpy as np

from pmgd.gateware.plan import Plan
from pmgd.sim.lanes import Integers, Mask, choose

__all__ = ["updated"]


def updated(
    plan: Plan, theta: Integers, gradient: Integers, sign_step: Integers, due: Mask
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
    due
        Shape (B,): the lanes to update; the others stay.
    """
    if not due.any():
        return theta, gradient
    fabric = plan.spec.fabric
    delta = gradient
    if fabric.correlator == "sign":
        delta = np.sign(gradient) * sign_step[:, None]
    moved = _moved(plan, theta, delta)
    left = _decayed(gradient, fabric.decay_shift)
    return choose(due, moved, theta), choose(due, left, gradient)


def _moved(plan: Plan, theta: Integers, delta: Integers) -> Integers:
    wanted = theta - delta
    bounded: Integers = np.minimum(np.maximum(wanted, plan.theta.minimum), plan.theta.maximum)
    if plan.spec.formats.overflow == "clip":
        return bounded
    return np.where(bounded == wanted, wanted, theta)


def _decayed(gradient: Integers, shift: int) -> Integers:
    """Return what an update leaves of G; what it takes is rounded away from zero."""
    upwards = np.where(gradient > 0, (1 << shift) - 1, 0)
    return gradient - ((gradient + upwards) >> shift)
