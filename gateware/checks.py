"""Checks of single settings: each returns the value, normalised, or raises `SpecError`."""

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format

__all__ = [
    "LOWEST",
    "check_band",
    "check_choice",
    "check_flag",
    "check_format",
    "check_integer",
    "check_layers",
    "check_real",
    "rounded",
]


LOWEST = 2.0**-16
"""Lowest frequency of a band."""


def check_integer(where: str, value: Any, minimum: int, maximum: int) -> int:
    """Return an integer from `minimum` to `maximum`; `where` names the setting in errors."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise SpecError(
            f"{where} must be an integer from {minimum} to {maximum}, not {value!r}"
        ) from None
    if not minimum <= number <= maximum:
        raise SpecError(f"{where} must be from {minimum} to {maximum}, not {number}")
    return number


def check_real(where: str, value: Any, minimum: float, *, exclusive: bool = False) -> float:
    """Return a finite number of at least `minimum`, or above it if `exclusive`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{where} must be a finite number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SpecError(f"{where} must be a finite number, not {value!r}")
    if number < minimum or (exclusive and number == minimum):
        bound = "above" if exclusive else "at least"
        raise SpecError(f"{where} must be {bound} {minimum:g}, not {value!r}")
    return number


def check_band(where: str, value: Any) -> tuple[float, float]:
    """Return two frequencies, in cycles per step of what they are sampled in."""
    if isinstance(value, str) or not isinstance(value, Iterable) or len(ends := tuple(value)) != 2:
        raise SpecError(f"{where} must be a list of two frequencies, not {value!r}")
    low, high = (check_real(where, end, 0.0, exclusive=True) for end in ends)
    if not LOWEST <= low < high <= 0.5:
        raise SpecError(
            f"{where} must rise, from at least {LOWEST:g} to at most 0.5, not be from {low:g} to "
            f"{high:g}"
        )
    return low, high


def check_choice(where: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return one of the words that are allowed."""
    if value not in allowed:
        raise SpecError(f"{where} must be one of {', '.join(allowed)}, not {value!r}")
    return str(value)


def check_format(where: str, value: Any) -> Format:
    """Return a format, given as such or in its notation."""
    if isinstance(value, str):
        try:
            return Format.parse(value)
        except SpecError as error:
            raise SpecError(f"{where}: {error}") from None
    if not isinstance(value, Format):
        raise SpecError(f"{where} must be a format such as 'S4.8', not {value!r}")
    return value


def check_flag(where: str, value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise SpecError(f"{where} must be true or false, not {value!r}")
    return value


def check_layers(where: str, value: Any, layers: int) -> Any:
    """Return one value for all layers as it is, and a list with one for each as a tuple."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return value
    values = tuple(value)
    if len(values) != layers:
        raise SpecError(
            f"{where} must be one value, or one for each of {layers} layer(s) of neurons, not "
            f"{len(values)}"
        )
    return values


def rounded(number: float, direction: Callable[[float], int]) -> str:
    """Return a positive number in three digits, rounded by `math.floor` or `math.ceil`.

    So that a bound that a message tells is one that is accepted.
    """
    unit = 10.0 ** (math.floor(math.log10(number)) - 2)
    return f"{direction(number / unit) * unit:.3g}"
