"""Fields of any width packed into the 32-bit words of the scan ring and of the sample memory."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import Words
from pmgd.gateware.layout import WORD_BITS

__all__ = ["bits_to_words", "fields_from_bits", "fields_to_bits", "words_to_bits"]


def fields_to_bits(values: NDArray[np.int64], widths: Sequence[int]) -> NDArray[np.uint8]:
    """Return the two's complement bits of rows of fields, each field least significant bit first.

    Parameters
    ----------
    values
        Shape (rows, fields), integers that fit their widths.
    widths
        Shape (fields,), 0 to 63 bits; a field of 0 bits vanishes.

    Returns
    -------
    Shape (rows, sum of widths), zeros and ones.
    """
    columns = [(values[:, [k]] >> np.arange(width)) & 1 for k, width in enumerate(widths)]
    return np.concatenate(columns, axis=1).astype(np.uint8)


def fields_from_bits(
    bits: NDArray[np.uint8], widths: Sequence[int], signed: Sequence[bool]
) -> NDArray[np.int64]:
    """Invert `fields_to_bits`; a field of 0 bits reads as 0."""
    values = np.zeros((len(bits), len(widths)), dtype=np.int64)
    first = 0
    for k, (width, has_sign) in enumerate(zip(widths, signed, strict=True)):
        if not width:
            continue
        weights = np.int64(1) << np.arange(width, dtype=np.int64)
        if has_sign:
            weights[-1] = -weights[-1]
        values[:, k] = bits[:, first : first + width].astype(np.int64) @ weights
        first += width
    return values


def bits_to_words(bits: NDArray[np.uint8]) -> Words:
    """Pack the last axis, bit 0 first, into words of which the last is filled with zeros."""
    missing = -bits.shape[-1] % WORD_BITS
    padded = np.pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, missing)])
    return np.packbits(padded, axis=-1, bitorder="little").view("<u4").astype(np.uint32)


def words_to_bits(words: Words, count: int) -> NDArray[np.uint8]:
    """Return the first `count` bits of words."""
    octets = words.astype("<u4").view(np.uint8)
    return np.unpackbits(octets, bitorder="little", count=count)
