"""How cost and accuracy went."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """Evaluations of the whole data set during training, in order; shape (points,) each.

    Attributes
    ----------
    timestep
        Timesteps done; the first point, 0, is before training.
    cost
        Mean over samples and outputs of the squared error of the unperturbed network.
    accuracy
        Fraction of the samples that are classified as their targets, 0 to 1; see `Score`.
    """

    timestep: NDArray[np.int64]
    cost: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @classmethod
    def empty(cls) -> Self:
        """Return a history without points."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))

    def with_point(self, timestep: int, cost: float, accuracy: float) -> Self:
        """Return a copy with one more point."""
        return type(self)(
            np.append(self.timestep, np.int64(timestep)),
            np.append(self.cost, cost),
            np.append(self.accuracy, accuracy),
        )

    def __len__(self) -> int:
        return len(self.timestep)
