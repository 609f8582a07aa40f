"""Data files other than IDX: comma-separated text, NumPy's archives, MATLAB's files."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.errors import DataError, ToolError
from pmgd.gateware.spec import Network

__all__ = ["read_csv", "read_mat", "read_npz"]

Array = NDArray[Any]


def read_csv(source: str, network: Network) -> tuple[Array, Array]:
    """Read text with one sample a line: inputs, then a target for each output or a class label.

    A first line of column titles, and empty lines, are skipped.

    Raises
    ------
    DataError
        If the file cannot be read, or a line is of the wrong length or holds something else.
    """
    inputs, outputs = network.layers[0], network.layers[-1]
    rows = []
    try:
        with Path(source).open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            for fields in lines:
                if not any(field.strip() for field in fields):
                    continue
                # One field is no line of titles: there are at least an input and a target.
                if lines.line_num == 1 and len(fields) > 1 and not any(map(_is_number, fields)):
                    continue
                rows.append(_numbers(fields, source, lines.line_num, inputs, outputs))
    except OSError as error:
        raise DataError(
            f"data must be a readable .csv file, not {source}: {error.strerror}; check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"data {source} must be text with comma-separated numbers: {error}; export it again"
        ) from error
    if len({len(row) for row in rows}) > 1:
        raise DataError(
            f"data {source} must have as many columns in every line, not from "
            f"{min(map(len, rows))} to {max(map(len, rows))}; complete the short lines"
        )
    table = np.array(rows).reshape(len(rows), -1) if rows else np.empty((0, inputs + outputs))
    targets = table[:, inputs:]
    return table[:, :inputs], targets[:, 0] if targets.shape[1] == 1 else targets


def read_npz(source: str) -> tuple[Array, Array]:
    """Read the arrays ``x`` and ``y`` of an ``.npz`` file.

    Raises
    ------
    DataError
        If the file cannot be read, or has no such arrays.
    """
    try:
        # Opened here, since numpy leaves a file open that turns out to be no archive.
        with Path(source).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays}
    except OSError as error:
        raise DataError(
            f"data must be a readable .npz file, not {source}: {error.strerror or error}; check "
            f"the path"
        ) from error
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        # TypeError: a lone array, in an .npy file's format, is no context manager.
        raise DataError(
            f"data {source} must be an .npz file of plain arrays, which it is not; save it with "
            f"numpy.savez(file, x=x, y=y)"
        ) from error
    if "x" not in found or "y" not in found:
        raise DataError(
            f"data {source} must hold arrays x and y, not {', '.join(found) or 'nothing'}; save it "
            f"with numpy.savez(file, x=x, y=y)"
        )
    return found["x"], found["y"]


def read_mat(source: str, network: Network) -> tuple[Array, Array]:
    """Find inputs and targets in a MATLAB file by their shapes, whatever their names.

    Inputs have a column for each input, or a row. Targets have a column or a row for each output;
    where there are none such, a vector of class labels will do, which count from 0 or, if each
    occurs, from 1.

    Raises
    ------
    DataError
        If the file cannot be read, or not exactly one choice of arrays, read one way, fits.
    ToolError
        If SciPy is not installed.
    """
    found = _mat_arrays(source)
    arrays = {
        name: array
        for name, array in found.items()
        if array.ndim == 2 and array.size and array.dtype.kind in "biuf"
    }
    inputs, outputs = network.layers[0], network.layers[-1]
    choices = [
        (x, y)
        for x_name, x_array in arrays.items()
        for x in _readings(x_array, inputs)
        for y_name, y_array in arrays.items()
        if x_name != y_name
        for width in {outputs, 1}
        for y in _readings(y_array, width)
        if len(x) == len(y)
    ]
    # Labels beside columns say the same once more.
    best = [(x, y) for x, y in choices if y.shape[1] == outputs] or choices
    if len(best) != 1:
        listed = ", ".join(f"{name} {_shape(array)}" for name, array in found.items())
        raise DataError(
            f"data {source} must hold exactly one array with {inputs} columns or rows, the inputs, "
            f"and one with {outputs}, or a vector of labels, the targets, as network.layers "
            f"{list(network.layers)} say, but {'several' if best else 'no'} choices fit the arrays "
            f"found: {listed or 'none'}; change the layers, or save them with "
            f"numpy.savez(file, x=x, y=y)"
        )
    x, y = best[0]
    return x, y if y.shape[1] == outputs else _labels_from_0(source, y[:, 0], outputs)


def _mat_arrays(source: str) -> dict[str, Array]:
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise ToolError(
            f"data {source} needs the package scipy, but {error.name} is not installed; install it "
            f"with: pip install 'pmgd[data]'"
        ) from error
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise DataError(
            f"data must be a readable .mat file, not {source}: {error.strerror}; check the path"
        ) from error
    try:
        found = loadmat(io.BytesIO(content))
    except Exception as error:  # a damaged file fails wherever SciPy stumbles over it
        raise DataError(
            f"data {source} must be a MATLAB file before version 7.3, and whole, which it is not: "
            f"{error}; save it in MATLAB with save(file, 'x', 'y', '-v7')"
        ) from error
    return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


def _readings(array: Array, width: int) -> Iterator[Array]:
    """Give an array, and its transpose, if it has `width` columns."""
    if array.shape[1] == width:
        yield array
    if array.shape[0] == width and array.size > 1:  # a single number reads the same both ways
        yield array.T


def _labels_from_0(source: str, vector: Array, outputs: int) -> NDArray[np.float64]:
    labels = vector.astype(np.float64)
    if set(labels.tolist()) == set(range(1, outputs + 1)):
        return labels - 1
    if labels.min() != 0:  # there is no telling what they count from
        raise DataError(
            f"data {source} must have class labels that start from 0, or that run from 1 to "
            f"{outputs} and leave none out, not labels from {labels.min():g} to "
            f"{labels.max():g}; renumber them"
        )
    return labels


def _shape(array: Array) -> str:
    return str(tuple(int(size) for size in array.shape))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(fields: list[str], source: str, line: int, inputs: int, outputs: int) -> list[float]:
    if len(fields) not in (inputs + outputs, inputs + 1):
        raise DataError(
            f"data {source}, line {line} must have {inputs} inputs and {outputs} target(s), "
            f"separated by commas, not {len(fields)} column(s); change the file or network.layers"
        )
    for column, text in enumerate(fields, start=1):
        if not _is_number(text):
            raise DataError(
                f"data {source}, line {line}, column {column} must be a number, not {text!r}; "
                f"correct or remove the line"
            )
    return [float(text) for text in fields]
