"""The numbers of the noise: a random word made nearly Gaussian."""

from math import sqrt

__all__ = [
    "COUNTED_BITS",
    "DEVIATION",
    "NOISE_BITS",
    "NOISE_OFFSET",
    "NOISE_SHIFT",
]

COUNTED_BITS = 24
"""Low bits of a random word whose ones are counted; the eight above fill the gaps between counts.

Noise is ``n = 512 * ones + 2 * byte + 1 - 6400``, odd and symmetric about 0; what is added is
``sign(n) * ((abs(n) * level + 4096) >> 13)``, whose mean is exactly 0.
"""
NOISE_SHIFT = 13
"""Fraction bits of n, as a factor of the level."""
NOISE_OFFSET = 6400
"""What is subtracted for n; n is between this and its negative."""
NOISE_BITS = 14
"""Width of n, signed."""

_VARIANCE = 512**2 * COUNTED_BITS / 4 + 4 * (256**2 - 1) / 12
DEVIATION = sqrt(_VARIANCE) / (1 << NOISE_SHIFT)
"""Standard deviation of the noise, in units of its level."""
