"""The distribution of the noise, exactly: all words, by the ones and the byte that they have."""

from fractions import Fraction
from math import comb, erf, sqrt

import pytest
from datapath_model import noise

from pmgd.gateware.gaussian import (
    COUNTED_BITS,
    DEVIATION,
    NOISE_BITS,
    NOISE_OFFSET,
    NOISE_SHIFT,
)

WORDS = [
    ((1 << ones) - 1 | byte << 24, comb(24, ones)) for ones in range(25) for byte in range(256)
]
"""A word of every value of n, and how many others have the same."""
TOTAL = 2**32


def test_constants_are_those_of_the_specification() -> None:
    assert sum(count for _, count in WORDS) == TOTAL
    assert (COUNTED_BITS, NOISE_SHIFT, NOISE_OFFSET) == (24, 13, 6400)
    values = [512 * ones + 2 * byte + 1 - NOISE_OFFSET for ones in range(25) for byte in range(256)]
    assert max(values) == -min(values) == 6399
    assert max(values) < 1 << (NOISE_BITS - 1)
    assert len(set(values)) == len(values)


def test_deviation_is_that_of_all_words() -> None:
    level = 1 << NOISE_SHIFT  # with which the noise is n
    mean = Fraction(sum(noise(word, level) * count for word, count in WORDS), TOTAL)
    power = Fraction(sum(noise(word, level) ** 2 * count for word, count in WORDS), TOTAL)
    assert mean == 0
    assert sqrt(power) / level == pytest.approx(DEVIATION, rel=1e-12)
    assert pytest.approx(0.154153, abs=5e-7) == DEVIATION


@pytest.mark.parametrize("level", [1, 2, 5, 6, 7, 100, 2047])
def test_rounding_leaves_the_mean(level: int) -> None:
    values = [(noise(word, level), count) for word, count in WORDS]
    assert sum(value * count for value, count in values) == 0
    power = sum(value**2 * count for value, count in values) / TOTAL
    # Rounding adds a twelfth of a last bit's square, where there are more than a few values.
    if level > 20:
        assert power == pytest.approx((DEVIATION * level) ** 2 + 1 / 12, rel=0.001)


def test_distribution_is_nearly_gaussian() -> None:
    """Its distance from the normal distribution is everywhere below one in a hundred."""
    ordered = sorted((noise(word, 1 << NOISE_SHIFT), count) for word, count in WORDS)
    below, sigma = 0, DEVIATION * 2**NOISE_SHIFT
    for n, count in ordered:
        exact = (1 + erf((n + 1) / sigma / sqrt(2))) / 2
        below += count
        assert abs(below / TOTAL - exact) < 0.01
    tail = sum(count for n, count in ordered if abs(n) > 3 * sigma) / TOTAL
    assert tail == pytest.approx(1 - erf(3 / sqrt(2)), rel=0.4)
