"""Handwritten digits that come with scikit-learn."""

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.errors import ToolError

__all__ = ["digits"]

LARGEST_PIXEL = 16


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return 1,797 real handwritten digits of 8x8 pixels.

    They are a part of the "Optical Recognition of Handwritten Digits" of the UCI repository, in
    scikit-learn's order.

    Returns
    -------
    Inputs of shape (1797, 64), pixels row by row from the top left, in sixteenths from 0 to 1,
    which the format U1.4 holds exactly; and the digits, class labels from 0 to 9.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise ToolError(
            f"data digits needs the package scikit-learn, but {error.name} is not installed; "
            f"install it with: pip install 'pmgd[data]'"
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    return pixels / LARGEST_PIXEL, labels.astype(np.int64)
