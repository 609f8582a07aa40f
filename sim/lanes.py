"""What the golden model's parts share: arrays with a row for each lane."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "Mask", "choose"]

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def choose(lanes: Mask, chosen: Integers, other: Integers) -> Integers:
    """Take the rows of `chosen` where `lanes` is set, of `other` elsewhere."""
    if np.count_nonzero(lanes) == len(lanes):
        return chosen
    return np.where(lanes.reshape(-1, *(1,) * (chosen.ndim - 1)), chosen, other)
