"""Samples in a fixed-point format, and what that did to them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import Format, finite_reals, quantise

__all__ = ["Quantisation", "quantise_samples"]


@dataclass(frozen=True)
class Quantisation:
    """What a format did to real values.

    Attributes
    ----------
    what
        Name of the values, such as ``"inputs"``.
    format
        The format they are stored in.
    minimum, maximum
        Of the real values, before.
    clipped, total
        Values that were outside the format, and all.
    largest_error
        Largest distance of a stored value from the real one, in the unit of the real ones.
    """

    what: str
    format: Format
    minimum: float
    maximum: float
    clipped: int
    total: int
    largest_error: float

    def describe(self) -> str:
        """Return it as one line for people."""
        return (
            f"{self.what}: {self.total:,} value(s) from {self.minimum:g} to {self.maximum:g} "
            f"stored as {self.format}, {self.clipped:,} clipped, largest error "
            f"{self.largest_error:.3g}"
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return it as JSON wants it."""
        return {**asdict(self), "format": str(self.format)}


def quantise_samples(
    values: ArrayLike, fmt: Format, what: str, *, clip: bool = False
) -> tuple[NDArray[np.int64], Quantisation]:
    """Return stored integers, and a report.

    Rounding to the nearest is what a format is for; clipping a value, or rounding fractions to a
    format that has none, is a mistake in the data or the format, unless it is asked for.

    Parameters
    ----------
    values
        Finite reals, at least one.
    fmt
        The format to store them in.
    what
        Name of the values, ``"inputs"`` or ``"targets"``, in the report and in messages.
    clip
        Clip and round whatever does not fit, instead of refusing it.

    Raises
    ------
    DataError
        If there are no values or one is not finite; or, without `clip`, if a value is outside the
        format, or has a fraction and the format has none.
    """
    real = finite_reals(values, what)
    if not real.size:
        raise DataError(f"{what} must be at least one number, not none; add some")
    quantised = quantise(real, fmt, what)
    report = Quantisation(
        what=what,
        format=fmt,
        minimum=float(real.min()),
        maximum=float(real.max()),
        clipped=quantised.clipped,
        total=real.size,
        largest_error=float(np.abs(fmt.to_real(quantised.stored) - real).max()),
    )
    if not clip:
        _refuse_distortion(real, report)
    return quantised.stored, report


def _refuse_distortion(real: NDArray[np.float64], report: Quantisation) -> None:
    what, fmt = report.what, report.format
    setting = f"formats.{what.removesuffix('s')}"
    low, high = (float(fmt.to_real(bound)) for bound in (fmt.minimum, fmt.maximum))
    if report.clipped:
        raise DataError(
            f"{what} must be from {low:g} to {high:g}, the range of {setting} {fmt}, not from "
            f"{report.minimum:g} to {report.maximum:g}; scale them or widen the format"
        )
    # An error in a format without fraction bits, with nothing clipped, is a lost fraction.
    if not fmt.fraction_bits and report.largest_error:
        broken = real[real != np.rint(real)][0]
        raise DataError(
            f"{what} must be whole numbers from {low:g} to {high:g} in {setting} {fmt}, not "
            f"{broken:g}; choose a format with fraction bits, such as "
            f"{Format(fmt.signed, fmt.integer_bits, 8)}"
        )
