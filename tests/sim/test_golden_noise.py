"""The noise, draw by draw: what a random word can be made into, and what successive words make."""

from functools import cache
from math import comb, erfc, sqrt

import numpy as np
import pytest

from pmgd.gateware.gaussian import DEVIATION, NOISE_SHIFT
from pmgd.sim.generators import noise

DRAWS = 1_000_000
ONES, BYTES = np.meshgrid(np.arange(25), np.arange(256), indexing="ij")
WORDS = (BYTES << 24 | ((1 << ONES) - 1)).ravel()
"""A word for every number of ones and every byte above them."""
WEIGHTS = np.array([comb(24, ones) for ones in range(25)]).repeat(256)
"""How many of all 2**32 words have them."""
VALUES = (512 * ONES + 2 * BYTES + 1 - 6400).ravel()
"""n of these words, rising."""
PROBABILITIES = WEIGHTS / 2.0**32
FULL = 1 << NOISE_SHIFT
"""The level at which noise is n itself."""


@cache
def draws(seed: int) -> np.ndarray:
    """n of a million successive words of xorshift32, by Python's integers."""
    x, words = int(np.random.default_rng(seed).integers(1, 1 << 32)), []
    for _ in range(DRAWS):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        words.append(x)
    return noise(np.array(words), np.full(DRAWS, FULL))


@pytest.fixture
def drawn(random_seed: int) -> np.ndarray:
    return draws(random_seed)


def test_every_word_is_made_into_its_number() -> None:
    assert WEIGHTS.sum() == 1 << 32
    assert np.array_equal(np.diff(VALUES), np.full(6399, 2))
    assert np.array_equal(noise(WORDS, np.full(6400, FULL)), VALUES)


def test_only_the_number_of_ones_counts() -> None:
    rng = np.random.default_rng(1)
    words = rng.integers(0, 1 << 32, 1000)
    ones = np.array([(int(word) & 0xFFFFFF).bit_count() for word in words])
    expected = 512 * ones + 2 * (words >> 24) - 6399
    assert np.array_equal(noise(words, np.full(1000, FULL)), expected)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 7, 100, 4095, 1 << 20, (1 << 32) - 1])
def test_noise_of_a_level_is_symmetric_and_as_wide_as_it_should(level: int) -> None:
    """Rounding, by at most a half, moves a root mean square by at most a half."""
    values = noise(WORDS, np.full(6400, level))
    assert np.array_equal(values, -values[::-1])
    assert np.array_equal(WEIGHTS, WEIGHTS[::-1])
    assert sum(int(w) * int(v) for w, v in zip(WEIGHTS, values, strict=True)) == 0
    assert abs(values).max() <= level
    deviation = sqrt((PROBABILITIES * values.astype(float) ** 2).sum())
    assert abs(deviation - DEVIATION * level) <= 0.5


def test_the_deviation_is_that_of_the_specification() -> None:
    deviation = sqrt((PROBABILITIES * VALUES.astype(float) ** 2).sum()) / FULL
    assert deviation == pytest.approx(DEVIATION, rel=1e-12)
    assert round(DEVIATION, 6) == 0.154153


@pytest.mark.parametrize(("deviations", "ratio"), [(1, 0.995), (2, 1.012), (3, 0.762), (4, 0.376)])
def test_tails_against_those_of_a_gaussian(deviations: int, ratio: float) -> None:
    """A sum of 24 bits has lighter tails: what lies beyond, in parts of what a Gaussian has."""
    beyond = abs(VALUES) > deviations * DEVIATION * FULL
    gaussian = erfc(deviations / sqrt(2))
    assert PROBABILITIES[beyond].sum() / gaussian == pytest.approx(ratio, abs=0.0005)


def test_draws_have_the_exact_distribution(drawn: np.ndarray) -> None:
    """Chi-square of 30 bins, about as likely: beyond 90 once in 27 million times."""
    below = np.cumsum(PROBABILITIES)
    ends = [np.searchsorted(below, k / 30) + 1 for k in range(1, 30)]
    edges = VALUES[ends] - 1  # between two values
    counts = np.bincount(np.searchsorted(edges, drawn), minlength=30)
    bins = np.bincount(np.searchsorted(edges, VALUES), PROBABILITIES, 30)
    assert bins.min() > 0.02
    chi_square = ((counts - DRAWS * bins) ** 2 / (DRAWS * bins)).sum()
    assert chi_square < 90


def test_draws_have_the_exact_moments(drawn: np.ndarray) -> None:
    """Mean and variance, within five standard errors."""
    square = VALUES.astype(float) ** 2
    variance = (PROBABILITIES * square).sum()
    fourth = (PROBABILITIES * square**2).sum()
    assert abs(drawn.mean()) < 5 * sqrt(variance / DRAWS)
    error = sqrt((fourth - variance**2) / DRAWS)
    assert abs((drawn.astype(float) ** 2).mean() - variance) < 5 * error


@pytest.mark.parametrize("deviations", [3, 4])
def test_draws_have_the_exact_tails(drawn: np.ndarray, deviations: int) -> None:
    bound = deviations * DEVIATION * FULL
    p = PROBABILITIES[abs(VALUES) > bound].sum()
    counted = int((abs(drawn) > bound).sum())
    assert abs(counted - DRAWS * p) < 5 * sqrt(DRAWS * p * (1 - p))


@pytest.mark.parametrize("lag", [1, 2, 3, 4])
def test_successive_draws_are_not_correlated(drawn: np.ndarray, lag: int) -> None:
    z = drawn / (DEVIATION * FULL)
    assert abs((z[lag:] * z[:-lag]).mean()) < 5 / sqrt(DRAWS - lag)
