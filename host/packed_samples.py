"""Stored samples as the words of the sample memory."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import Words
from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import SampleLayout
from pmgd.host.packing import bits_to_words, fields_to_bits

__all__ = ["pack_samples"]


def pack_samples(layout: SampleLayout, x_stored: ArrayLike, t_stored: ArrayLike) -> Words:
    """Return samples packed, shape (N, words).

    Parameters
    ----------
    layout
        How a sample is packed.
    x_stored, t_stored
        Shapes (N, inputs) and (N, outputs), stored integers.

    Raises
    ------
    DataError
        If a shape is wrong, there is no sample, or a value exceeds its format.
    """
    x = _integers("inputs", x_stored, layout.inputs, layout.input_format)
    t = _integers("targets", t_stored, layout.outputs, layout.target_format)
    if len(x) != len(t):
        raise DataError(
            f"a data set must have as many targets as inputs, not {len(t)} and {len(x)}; "
            f"give one row of each a sample"
        )
    widths = [layout.input_format.bits] * layout.inputs
    widths += [layout.target_format.bits] * layout.outputs
    return bits_to_words(fields_to_bits(np.concatenate([x, t], axis=1), widths))


def _integers(what: str, values: ArrayLike, columns: int, fmt: Format) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != columns or not len(array):
        raise DataError(
            f"stored {what} must have the shape (samples, {columns}) with at least one sample, "
            f"not {array.shape}; reshape them or choose other network.layers"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"stored {what} must be integers, not {array.dtype}; quantise them to {fmt} first"
        )
    if array.min() < fmt.minimum or array.max() > fmt.maximum:
        raise DataError(
            f"stored {what} must be from {fmt.minimum} to {fmt.maximum} in {fmt}, not from "
            f"{array.min()} to {array.max()}; quantise them first"
        )
    return array.astype(np.int64)
