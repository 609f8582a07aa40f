"""NIST7x7, regenerated: noisy letters in 7x7 pixels, after the description in the paper."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "nist7x7"]

CLASSES = "NIST"
"""The letters, in the order of their outputs."""

SIZE = 7

GLYPHS = {
    "N": ("10001", "11001", "10101", "10011", "10001"),
    "I": ("11111", "00100", "00100", "00100", "11111"),
    "S": ("11111", "10000", "11111", "00001", "11111"),
    "T": ("11111", "00100", "00100", "00100", "00100"),
}


def nist7x7() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the letters N, I, S and T at 9 places, with none, one or two pixels flipped.

    This is not the authors' file, which is not public, but regenerated after the paper's
    description. It agrees with what the patent says of theirs: a linear solve reaches 93 % and no
    more.

    Returns
    -------
    Inputs of shape (44136, 49), 0.0 or 1.0, pixels row by row from the top left; and targets of
    shape (44136, 4), one-hot in the order of `CLASSES`. The samples go class by class; in a class
    by the letter's place, row by row from the top left; and for each place first the letter
    untouched, then each pixel flipped, then each pair of pixels, in the order of their indices.

    Notes
    -----
    Within a class all samples are distinct. An I and a T at one place differ in four pixels, so
    that 54 patterns occur as both, and nothing can classify more than 99.88 % rightly.
    """
    letters = np.array([_shifted(GLYPHS[letter]) for letter in CLASSES])
    pixels = SIZE * SIZE
    flipped = [(), *combinations(range(pixels), 1), *combinations(range(pixels), 2)]
    flips = np.zeros((len(flipped), pixels), dtype=bool)
    for row, where in zip(flips, flipped, strict=True):
        row[list(where)] = True
    x = (letters[:, :, None, :] ^ flips).reshape(-1, pixels)
    y = np.repeat(np.eye(len(CLASSES)), len(x) // len(CLASSES), axis=0)
    return x.astype(np.float64), y


def _shifted(glyph: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return a letter at each of its offsets, shape (9, 49)."""
    letter = np.array([[pixel == "1" for pixel in row] for row in glyph])
    height, width = letter.shape
    places = []
    for top in range(SIZE - height + 1):
        for left in range(SIZE - width + 1):
            canvas = np.zeros((SIZE, SIZE), dtype=bool)
            canvas[top : top + height, left : left + width] = letter
            places.append(canvas.ravel())
    return np.array(places)
