"""Data sets: built in, or read from a file."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.errors import DataError
from pmgd.gateware.spec import Data, Network
from pmgd.host.data_files import read_csv, read_mat, read_npz
from pmgd.host.digits import digits
from pmgd.host.idx import is_idx, read_images
from pmgd.host.nist7x7 import nist7x7
from pmgd.host.samples import check_samples

__all__ = ["Dataset", "is_file", "load"]

PARITY_INPUTS = 16
"""Most inputs of the parity task, whose samples double with each."""

Samples = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Dataset:
    """Samples that fit a network.

    Attributes
    ----------
    name
        A built-in task's name, or a file's name without its suffix.
    x, y
        Shapes (N, inputs) and (N, outputs), finite reals.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def load(data: Data, network: Network) -> Dataset:
    """Load the data set that a specification names.

    =============================== ==============================================================
    ``xor``                         the four pairs of bits; whether they differ
    ``parity``                      all words of as many bits as the network has inputs, at most
                                    16, counting up; whether the number of ones is odd
    ``nist7x7``                     `pmgd.host.nist7x7`; regenerated, not the authors' file
    ``digits``                      `pmgd.host.digits`; needs scikit-learn
    ``.csv``                        one sample a line, inputs first, then a target for each output
                                    or one class label; a first line of column titles is skipped
    ``.npz``                        arrays ``x`` (N, inputs) and ``y`` (N, outputs), or ``y`` (N,)
                                    with one output's targets or with class labels
    ``.mat``                        `pmgd.host.data_files.read_mat`; needs SciPy
    ``...images-idx3-ubyte[.gz]``   `pmgd.host.idx`; the labels are looked for beside it
    =============================== ==============================================================

    Raises
    ------
    DataError
        If there is no such task or file, it cannot be read, or its samples do not fit the
        network.
    ToolError
        If a package that the source needs is not installed.
    """
    source = data.source
    reader = _reader(source)
    if reader is None:
        raise DataError(_unknown(source))
    x, y = reader(source, network)
    try:
        checked_x, checked_y = check_samples(x, y, network)
    except DataError as error:
        raise DataError(f"data {source}: {error}") from error
    return Dataset(Path(source).stem, checked_x, checked_y)


def is_file(source: str) -> bool:
    """Tell whether a `Data.source` names a file that `load` could read, rather than a task."""
    return Path(source).suffix in _FILES or is_idx(source)


def _reader(source: str) -> Callable[[str, Network], Samples] | None:
    return _read_idx if is_idx(source) else _TASKS.get(source) or _FILES.get(Path(source).suffix)


def _xor(source: str, network: Network) -> Samples:
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def _parity(source: str, network: Network) -> Samples:
    inputs = network.layers[0]
    if inputs > PARITY_INPUTS:
        raise DataError(
            f"data parity must have at most {PARITY_INPUTS} inputs, since it has a sample for each "
            f"of their words, not {inputs}; change network.layers"
        )
    words = np.arange(1 << inputs)[:, None]
    bits = words >> np.arange(inputs - 1, -1, -1) & 1
    return bits, bits.sum(axis=1, keepdims=True) & 1


def _digits(source: str, network: Network) -> Samples:
    return _labelled(source, network, *digits())


def _read_idx(source: str, network: Network) -> Samples:
    return _labelled(source, network, *read_images(source))


def _labelled(source: str, network: Network, x: NDArray[Any], labels: NDArray[Any]) -> Samples:
    """Refuse what `check_samples` cannot know to be a mistake: labels as targets of one output."""
    if network.layers[-1] == 1 and labels.max() > 1:
        raise DataError(
            f"data {source} must have an output for each of its class labels from 0 to "
            f"{labels.max()}, not one; change network.layers"
        )
    return x, labels


_TASKS: dict[str, Callable[[str, Network], Samples]] = {
    "xor": _xor,
    "parity": _parity,
    "nist7x7": lambda source, network: nist7x7(),
    "digits": _digits,
}
_FILES: dict[str, Callable[[str, Network], Samples]] = {
    ".csv": read_csv,
    ".npz": lambda source, network: read_npz(source),
    ".mat": read_mat,
}


def _unknown(source: str) -> str:
    close = difflib.get_close_matches(source.lower(), _TASKS, n=1)
    hint = f"did you mean {close[0]}?" if close else "convert the data to one of these"
    return (
        f"data.source must be {', '.join(_TASKS)} or the path of a file named {', '.join(_FILES)} "
        f"or ...images-idx3-ubyte[.gz], not {source!r}; {hint}"
    )
