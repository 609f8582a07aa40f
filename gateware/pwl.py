"""Piecewise-linear functions: one table, read by the golden model and by the gateware."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format, signed_bits, unsigned_bits

__all__ = ["FUNCTIONS", "PiecewiseLinear"]


def _sigmoid(z: float) -> float:
    # Beyond exp(700) a float would overflow; the sigmoid is 0 there in any format.
    return 1 / (1 + math.exp(min(700.0, -z)))


FUNCTIONS: dict[str, Callable[[float], float]] = {"sigmoid": _sigmoid, "tanh": math.tanh}
"""Activations that are tables; both rise everywhere."""


@dataclass(frozen=True)
class PiecewiseLinear:
    """A rising function interpolated between equally spaced knots.

    With the preactivation z written as an unsigned offset from its format's minimum, the high
    bits choose the segment k and the low `remainder_bits` are r. The result is

    ``floor((knots[k] * 2**remainder_bits + slopes[k] * r + half) / 2**shift)``

    with ``half = 2**(shift - 1)`` (nearest, halves up), clipped to the output format.

    Parameters
    ----------
    function
        A key of `FUNCTIONS`.
    preactivation, activation
        Formats of the argument and of the result.
    segments
        Number of pieces, a power of two.
    guard_bits
        Fraction bits of a knot beyond the result's.
    """

    function: str
    preactivation: Format
    activation: Format
    segments: int
    guard_bits: int = 4

    def __post_init__(self) -> None:
        if self.segments > 1 << self.preactivation.bits:
            raise SpecError(
                f"network.segments must be at most {1 << self.preactivation.bits}, one for each "
                f"value of formats.preactivation {self.preactivation}, not {self.segments}; lower "
                f"the segments or widen the format"
            )

    @property
    def remainder_bits(self) -> int:
        """Low bits of the argument, that interpolate within a segment."""
        return self.preactivation.bits - (self.segments.bit_length() - 1)

    @property
    def shift(self) -> int:
        """Bits dropped, with rounding, from the interpolated value."""
        return self.guard_bits + self.remainder_bits

    @cached_property
    def knots(self) -> tuple[int, ...]:
        """Value at the left end of every segment, in units of 2**-(result fraction + guard).

        Negative values are two's complement numbers, as where the result is signed.
        """
        return self._ends[:-1]

    @cached_property
    def slopes(self) -> tuple[int, ...]:
        """Rise over every segment, never negative, in the same units."""
        return tuple(b - a for a, b in zip(self._ends[:-1], self._ends[1:], strict=True))

    @property
    def knot_bits(self) -> int:
        """Width of a knot, signed where the result is."""
        if self.activation.signed:
            return signed_bits(min(self.knots), max(self.knots))
        return unsigned_bits(max(self.knots))

    @property
    def slope_bits(self) -> int:
        """Width of a slope."""
        return unsigned_bits(max(self.slopes))

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        unit = 1 << (self.activation.fraction_bits + self.guard_bits)
        low = float(self.preactivation.to_real(self.preactivation.minimum))
        width = -2 * low / self.segments
        function = FUNCTIONS[self.function]
        return tuple(round(unit * function(low + k * width)) for k in range(self.segments + 1))
