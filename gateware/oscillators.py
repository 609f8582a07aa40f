"""Frequency multiplexing: which oscillator a parameter has, and what it makes of its phase."""

from fractions import Fraction

__all__ = ["LEVELS", "LEVEL_BITS", "LEVEL_FRACTION", "PHASE_STEPS", "increments", "phase_bits"]

PHASE_STEPS = 32
"""Points of a cycle that a sine is tabulated for."""
LEVELS = (13, 37, 60, 81, 99, 113, 122, 127)
"""Magnitudes of a sine at these points, in 128ths: of a quarter of a cycle, from 0 up.

They are ``round(128 * sin((2 * k + 1) * pi / 32))``, and taken in the middle of the points, so that
a cycle has no 0 and a mean of exactly 0.
"""
LEVEL_BITS = (len(LEVELS) - 1).bit_length()
"""Width of the number of a level."""
LEVEL_FRACTION = 7
"""Fraction bits of `LEVELS`."""

_SPACING = 16
"""Distance of two possible increments, which are 1 more than its multiples.

No sum of an odd number of such increments, of either sign and fewer than this, is 0 modulo a power
of two from 16 up. So no product of three oscillators has a mean, which would look like gradient,
and only harmonics from the 15th up can meet another oscillator.
"""
_LEAST_BITS = 6


def phase_bits(parameters: int, band: tuple[float, float]) -> int:
    """Return the width of a phase accumulator: the least with an increment for every parameter."""
    low, high = map(Fraction, band)
    bits = _LEAST_BITS
    while (high - low) * _slots(bits) < parameters:
        bits += 1
    return bits


def increments(parameters: int, band: tuple[float, float]) -> tuple[int, ...]:
    """Return what every parameter's phase grows by with each perturbation ([0042], [0079]).

    The frequency of parameter i is its increment divided by ``2**phase_bits``, in cycles per
    perturbation. They rise evenly through the band, and no two are the same.

    Parameters
    ----------
    parameters
        Number of parameters, P.
    band
        See `pmgd.gateware.spec.Fabric`.
    """
    low, high = map(Fraction, band)
    slots = _slots(phase_bits(parameters, band))
    middles = (Fraction(2 * i + 1, 2 * parameters) for i in range(parameters))
    return tuple(
        int(slots * (low + (high - low) * middle)) * _SPACING + 1  # floor, as all is positive
        for middle in middles
    )


def _slots(bits: int) -> int:
    return (1 << bits) // _SPACING
