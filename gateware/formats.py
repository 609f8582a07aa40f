"""Fixed-point formats, and the few named ways in which a number may lose bits.

Nothing in this project narrows a number without calling one of these functions, or writing down
the same name (floor, nearest, stochastic; clip, hold) beside the gateware that does it.
"""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import DataError, SpecError

__all__ = [
    "Format",
    "Quantised",
    "finite_reals",
    "floor_shift",
    "quantise",
    "signed_bits",
    "unsigned_bits",
]

_NOTATION = re.compile(r"([SU])(\d{1,2})\.(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Format:
    """A fixed-point format, written `S4.8` or `U0.8`.

    Parameters
    ----------
    signed
        Two's complement if true, unsigned otherwise.
    integer_bits
        Bits left of the binary point, the sign bit included.
    fraction_bits
        Bits right of it.

    Raises
    ------
    SpecError
        If a width is no integer, or the format has no bits or more than 32.
    """

    signed: bool
    integer_bits: int
    fraction_bits: int

    def __post_init__(self) -> None:
        widths = (self.integer_bits, self.fraction_bits)
        if not all(isinstance(width, int) for width in widths):
            raise SpecError(
                f"a format's bits must be integers, not {widths[0]!r} and {widths[1]!r}"
            )
        if not 1 <= self.bits <= 32 or self.fraction_bits < 0 or self.integer_bits < self.signed:
            raise SpecError(
                f"a format must have 1 to 32 bits and, if signed, an integer bit for the sign, "
                f"not {self}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the notation that `str()` writes: S or U, integer bits, a point, fraction bits."""
        match = _NOTATION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise SpecError(
                f"a format must be written like 'S4.8' (signed, 4 integer bits with the sign, "
                f"8 fraction bits) or 'U0.8', not {text!r}"
            )
        return cls(match[1] == "S", int(match[2]), int(match[3]))

    def __str__(self) -> str:
        return f"{'S' if self.signed else 'U'}{self.integer_bits}.{self.fraction_bits}"

    @property
    def bits(self) -> int:
        """Width of the stored integer."""
        return self.integer_bits + self.fraction_bits

    @property
    def minimum(self) -> int:
        """Smallest stored integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest stored integer."""
        return (1 << (self.bits - int(self.signed))) - 1

    def to_real(self, stored: ArrayLike) -> NDArray[np.float64]:
        """Return the real values of stored integers, exactly."""
        return np.asarray(stored, dtype=np.float64) / (1 << self.fraction_bits)


@dataclass(frozen=True, slots=True)
class Quantised:
    """Stored integers, and how many of the real values had to be clipped to fit."""

    stored: NDArray[np.int64]
    clipped: int


def finite_reals(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return values as an array of finite real numbers.

    Raises
    ------
    DataError
        If one is not; `what` names the values in the message.
    """
    try:
        if np.iscomplexobj(values):
            raise TypeError("they are complex")
        real = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be an array of real numbers: {error}") from error
    bad = ~np.isfinite(real)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{what} must be finite numbers, not {real[where]} at index {where}; remove or "
            f"replace {int(bad.sum())} such value(s)"
        )
    return real


def quantise(values: ArrayLike, fmt: Format, what: str = "values") -> Quantised:
    """Round real values to the nearest of a format (ties to even) and clip them to its range.

    Raises
    ------
    DataError
        If a value is not a finite number; `what` names the values in the message.
    """
    real = finite_reals(values, what)
    with np.errstate(over="ignore"):  # infinity is clipped like any other large number
        nearest = np.rint(real * (1 << fmt.fraction_bits))
    stored = np.clip(nearest, fmt.minimum, fmt.maximum)
    return Quantised(stored.astype(np.int64), int((stored != nearest).sum()))


def floor_shift(value: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """Drop `shift` low bits by floor; a negative shift appends zeros and is exact."""
    return value >> shift if shift >= 0 else value << -shift


def unsigned_bits(maximum: int) -> int:
    """Width of an unsigned integer that holds 0 to `maximum`, at least 1."""
    return max(1, maximum.bit_length())


def signed_bits(minimum: int, maximum: int) -> int:
    """Width of a two's complement integer that holds `minimum` to `maximum`, at least 1."""
    return 1 + max(maximum, ~minimum, 0).bit_length()
