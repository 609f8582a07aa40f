"""Where training starts from."""

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.formats import quantise
from pmgd.gateware.layout import DEFECT_BITS, DEFECT_FRACTION
from pmgd.gateware.plan import Plan
from pmgd.gateware.settings import glorot_range

__all__ = ["initial_defects", "initial_parameters"]


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


def initial_defects(plan: Plan, normal: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return every neuron's stored `pmgd.gateware.layout.DEFECTS`, shape (neurons, 4).

    With alpha, beta about 1 and a, b about 0, all with `Training.sigma_a`, a neuron computes
    ``alpha / (1 + exp(-beta (z - a))) + b`` ([0087]). What exceeds 16 bits is clipped.

    Parameters
    ----------
    plan
        Whose defects.
    normal
        Shape (neurons, 4), standard normal deviates for beta, a, alpha and b, as in
        `pmgd.gateware.seeds.Seeds`.
    """
    one = 1 << DEFECT_FRACTION
    sigma = plan.spec.training.sigma_a
    argument = 1 << plan.spec.formats.preactivation.fraction_bits
    stored = np.empty(normal.shape, np.int64)
    first = 0
    for layer in plan.layers if len(normal) else ():
        own = slice(first, first + layer.outputs)
        first = own.stop
        beta, a, alpha, b = (sigma * normal[own]).T
        result = 1 << layer.output_format.fraction_bits
        numbers = [one * (1 + beta), -(1 + beta) * a * argument, one * (1 + alpha), b * result]
        stored[own] = np.rint(numbers).astype(np.int64).T
    bound = 1 << (DEFECT_BITS - 1)
    return np.clip(stored, -bound, bound - 1)
