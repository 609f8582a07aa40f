"""Where training starts from."""

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.formats import quantise
from pmgd.gateware.plan import Plan
from pmgd.gateware.settings import glorot_range

__all__ = ["initial_parameters"]


def initial_parameters(plan: Plan, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return stored parameters, shape (P,), as `Training.init` says.

    Parameters
    ----------
    plan
        Whose parameters; its training settings count.
    uniform
        Shape (P,), reals in [-1, 1), as in `pmgd.gateware.seeds.Seeds`.
    """
    training = plan.spec.training
    bounds = np.full(plan.parameters, training.init_range)
    if training.init == "glorot":
        for layer in plan.layers:
            own = np.zeros((layer.outputs, layer.fan_in))
            own[:, : layer.inputs] = glorot_range(layer)
            end = layer.first_parameter + layer.parameters
            bounds[layer.first_parameter : end] = own.ravel()
    # A draw within half a last bit of the format's bound is clipped to its maximum.
    return quantise(uniform * bounds, plan.theta, "initial parameters").stored
