"""What a driver returns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluation", "Parameters", "Score"]


class Evaluation(NamedTuple):
    """What the unperturbed network does with some samples.

    Attributes
    ----------
    outputs
        Shape (N, outputs), stored integers in `Plan.output_format`.
    cost
        Mean over samples and outputs of the squared error, as the device computes it.
    """

    outputs: NDArray[np.int64]
    cost: float


class Score(NamedTuple):
    """How the unperturbed network does on the samples that are loaded.

    Attributes
    ----------
    cost
        Mean over samples and outputs, as the device computes it.
    accuracy
        Fraction of the samples that the device classifies as their targets, 0 to 1.
    """

    cost: float
    accuracy: float


class Parameters(NamedTuple):
    """A network's parameters, in the plan's order.

    Attributes
    ----------
    stored
        Shape (P,), integers in `Formats.parameter`.
    real
        Shape (P,), the values they stand for.
    """

    stored: NDArray[np.int64]
    real: NDArray[np.float64]
