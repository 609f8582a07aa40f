"""Data sets: built in, or read from a file."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.errors import DataError
from pmgd.gateware.spec import Data, Network
from pmgd.host.samples import check_samples

__all__ = ["Dataset", "load"]


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

    An ``.npz`` file holds arrays ``x`` (N, inputs) and ``y`` (N, outputs), or ``y`` (N,) with one
    output's targets or with class labels. A ``.csv`` file holds one sample a line, inputs first,
    then a target for each output or one class label; a first line of column titles is skipped.

    Raises
    ------
    DataError
        If there is no such task or file, it cannot be read, or its samples do not fit the
        network.
    """
    source = data.source
    if source == "xor":
        x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    elif source.endswith(".npz"):
        x, y = _read_npz(source)
    elif source.endswith(".csv"):
        x, y = _read_csv(source, network)
    else:
        raise DataError(
            f"data.source must be xor or the path of an .npz or .csv file, not {source!r}; "
            f"convert the data to one of these"
        )
    try:
        checked_x, checked_y = check_samples(x, y, network)
    except DataError as error:
        raise DataError(f"data {source}: {error}") from error
    return Dataset(Path(source).stem, checked_x, checked_y)


def _read_npz(source: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
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


def _read_csv(source: str, network: Network) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inputs, outputs = network.layers[0], network.layers[-1]
    rows = []
    try:
        with Path(source).open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            for fields in lines:
                if not any(field.strip() for field in fields):
                    continue
                if lines.line_num == 1 and not any(map(_is_number, fields)):
                    continue  # titles
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


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(fields: list[str], source: str, line: int, inputs: int, outputs: int) -> list[float]:
    if len(fields) not in (inputs + outputs, inputs + 1):
        raise DataError(
            f"data {source}, line {line} must have {inputs} inputs and {outputs} target(s), not "
            f"{len(fields)} column(s); change the file or network.layers"
        )
    for column, text in enumerate(fields, start=1):
        if not _is_number(text):
            raise DataError(
                f"data {source}, line {line}, column {column} must be a number, not {text!r}; "
                f"correct or remove the line"
            )
    return [float(text) for text in fields]
