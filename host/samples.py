"""Samples as the network wants them, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import finite_reals
from pmgd.gateware.spec import Network

__all__ = ["check_capacity", "check_inputs", "check_samples"]

Reals = NDArray[np.float64]


def check_inputs(x: ArrayLike, network: Network) -> Reals:
    """Return inputs as an array of shape (N, inputs).

    Raises
    ------
    DataError
        If they have another shape, are empty, or are not finite numbers.
    """
    array = finite_reals(x, "inputs")
    inputs = network.layers[0]
    if array.ndim != 2 or array.shape[1] != inputs:
        raise DataError(
            f"inputs must have the shape (samples, {inputs}) for network.layers "
            f"{list(network.layers)}, not {_shape(array)}; reshape them or change the layers"
        )
    if not len(array):
        raise DataError("a data set must have at least one sample, not none; add some")
    return array


def check_capacity(samples: int, capacity: int) -> None:
    """Check that a data set fits the sample memory.

    Raises
    ------
    DataError
        If it has more samples than `capacity`.
    """
    if samples > capacity:
        raise DataError(
            f"a data set must have from 1 to {capacity} samples to fit the sample memory, not "
            f"{samples}; set fabric.samples to {samples}, or give fewer"
        )


def check_samples(x: ArrayLike, y: ArrayLike, network: Network) -> tuple[Reals, Reals]:
    """Return inputs and targets as arrays of shapes (N, inputs) and (N, outputs).

    Targets of one dimension are, for one output, its targets; for several, the indices of the
    outputs that should be 1 (class labels).

    Raises
    ------
    DataError
        If either has another shape, is empty, or holds something other than finite numbers.
    """
    inputs = check_inputs(x, network)
    targets = finite_reals(y, "targets")
    outputs = network.layers[-1]
    if targets.ndim == 1:
        targets = targets[:, None] if outputs == 1 else _one_hot(targets, outputs)
    if targets.shape != (len(inputs), outputs):
        raise DataError(
            f"targets must have the shape ({len(inputs)}, {outputs}), for {len(inputs)} samples "
            f"and network.layers {list(network.layers)}, not {_shape(targets)}; give one row a "
            f"sample or change the layers"
        )
    return inputs, targets


def _one_hot(labels: Reals, outputs: int) -> Reals:
    valid = (labels == np.rint(labels)) & (labels >= 0) & (labels < outputs)
    if not valid.all():
        raise DataError(
            f"targets of one dimension must be class labels from 0 to {outputs - 1}, one of the "
            f"{outputs} outputs, not {labels[~valid][0]:g}; renumber them or give one column an "
            f"output"
        )
    return np.eye(outputs)[labels.astype(np.int64)]


def _shape(array: Reals) -> str:
    return str(tuple(int(size) for size in array.shape))
