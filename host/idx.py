"""IDX files, the format of MNIST and its relatives: images, with their labels in a file beside."""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.errors import DataError

__all__ = ["is_idx", "read_idx", "read_images"]

LARGEST_RANK = 32  # of NumPy 1's arrays
PIXEL_LEVELS = 256.0
UNSIGNED_BYTE = 0x08

_IMAGES = re.compile(r"images([-.])idx\d-ubyte(\.gz)?$")


def is_idx(source: str) -> bool:
    """Tell whether a path is named like a file of images, ``...images-idx3-ubyte[.gz]``."""
    return _IMAGES.search(source) is not None


def read_images(source: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read images, and their labels from the file beside them.

    That is named the same, but for ``labels-idx1`` instead of ``images-idx3``.

    Returns
    -------
    Inputs of shape (N, bytes of an image), in 256ths from 0 to 255/256, which the format U0.8
    holds exactly; and N class labels.

    Raises
    ------
    DataError
        If either file cannot be read, or they do not belong together.
    """
    path = Path(source)
    beside = path.with_name(_IMAGES.sub(r"labels\1idx1-ubyte\2", path.name))
    images, labels = read_idx(path), read_idx(beside)
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"data {path} must hold images and {beside.name} one label for each, not arrays of the "
            f"shapes {images.shape} and {labels.shape}; take both from the same data set"
        )
    pixels = images.reshape(len(images), math.prod(images.shape[1:]))
    return pixels / PIXEL_LEVELS, labels.astype(np.int64)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an array of unsigned bytes, of any rank; a name in ``.gz`` says that it is compressed.

    The layout, big-endian: two zero bytes, one for the type, one for the rank, the sizes in four
    bytes each, the elements.

    Raises
    ------
    DataError
        If it cannot be read, holds another type, or is shorter or longer than its sizes say.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"data {path} must be an IDX file, which starts with two zero bytes, a type and a "
            f"rank, not with {content[:4].hex(' ') or 'nothing'}; fetch or convert it again"
        )
    kind, rank = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(
            f"data {path} must hold unsigned bytes, IDX type 0x08, not type 0x{kind:02x}; convert "
            f"it, or save it with numpy.savez(file, x=x, y=y)"
        )
    start = 4 + 4 * rank
    if not 1 <= rank <= LARGEST_RANK or len(content) < start:
        raise DataError(
            f"data {path} must have a rank from 1 to {LARGEST_RANK} and as many sizes, not rank "
            f"{rank} and {len(content):,} byte(s) in all; fetch it again"
        )
    shape = [int(size) for size in np.frombuffer(content, dtype=">u4", count=rank, offset=4)]
    expected = start + math.prod(shape)
    if not all(shape) or len(content) != expected:
        raise DataError(
            f"data {path} must have sizes of at least 1 and the {expected:,} bytes that its sizes "
            f"{shape} make, not {len(content):,} bytes; fetch it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"data must be a readable IDX file, not {path}: {error.strerror}; check the path"
        ) from error
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"data {path} must be compressed with gzip, and whole, which it is not: {error}; "
            f"fetch it again"
        ) from error
