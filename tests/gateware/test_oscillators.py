"""Which oscillator a parameter has, and that those of a fabric are independent of each other."""

import random
from fractions import Fraction
from itertools import combinations, pairwise
from math import pi, sin

import numpy as np
import pytest
from datapath_model import MAGNITUDES, oscillation, oscillators
from numpy.typing import NDArray

from pmgd.gateware.oscillators import (
    LEVEL_BITS,
    LEVEL_FRACTION,
    LEVELS,
    PHASE_STEPS,
    increments,
    phase_bits,
)
from pmgd.gateware.spec import Fabric

USUAL = Fabric().band
BANDS = [USUAL, (0.001, 0.5), (0.25, 0.5), (0.4, 0.40625), (1 / 3, 0.43), (2.0**-30, 0.1)]


def test_levels_are_those_of_a_sine() -> None:
    exact = [128 * sin((2 * k + 1) * pi / PHASE_STEPS) for k in range(len(LEVELS))]
    assert list(LEVELS) == list(map(round, exact)) == list(MAGNITUDES)
    assert len(LEVELS) == PHASE_STEPS // 4 == 1 << LEVEL_BITS
    assert max(LEVELS) < 1 << LEVEL_FRACTION


# -- Increments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("parameters", [1, 2, 9, 32, 33, 220, 1000])
def test_increments_lie_apart_in_the_band(parameters: int, band: tuple[float, float]) -> None:
    check_increments(parameters, band)


def test_increments_of_any_band(random_seed: int) -> None:
    rng = random.Random(random_seed)
    for parameters in range(1, 1001, 7):
        low = rng.uniform(1e-6, 0.499)
        check_increments(parameters, (low, rng.uniform(low + 1e-4, 0.5)))


def check_increments(parameters: int, band: tuple[float, float]) -> None:
    bits, chosen = phase_bits(parameters, band), increments(parameters, band)
    low, high = map(Fraction, band)
    assert (bits, list(chosen)) == oscillators(parameters, band)
    assert len(chosen) == parameters
    assert all(a < b for a, b in pairwise(chosen))
    assert all(increment % 16 == 1 for increment in chosen)
    # By less than a slot they may be below the band, which only rounds them down.
    slot = Fraction(16, 2**bits)
    frequencies = [Fraction(increment, 2**bits) for increment in chosen]
    assert low - slot < frequencies[0]
    assert frequencies[-1] <= high + slot / 16
    middles = [low + (high - low) * Fraction(2 * i + 1, 2 * parameters) for i in range(parameters)]
    offsets = [f - middle for f, middle in zip(frequencies, middles, strict=True)]
    assert all(-slot < offset <= slot / 16 for offset in offsets)


@pytest.mark.parametrize("band", BANDS)
def test_phase_is_no_wider_than_it_must_be(band: tuple[float, float]) -> None:
    low, high = map(Fraction, band)
    for parameters in (1, 2, 3, 8, 9, 100, 1000):
        bits = phase_bits(parameters, band)
        assert (high - low) * 2 ** (bits - 4) >= parameters
        assert bits == 6 or (high - low) * 2 ** (bits - 5) < parameters


def test_widths_by_hand() -> None:
    # 3/8 of 2^(B-4): 24 slots at 10 bits, and 12 at 9.
    assert [phase_bits(n, USUAL) for n in (1, 2, 12, 13, 24, 25)] == [6, 7, 9, 10, 10, 11]
    assert increments(3, USUAL) == (17, 33, 49)  # at 7 bits: slots 1, 2 and 3 of 8


# -- Orthogonality --------------------------------------------------------------------------------


def waves(parameters: int, kind: str, band: tuple[float, float] = USUAL) -> NDArray[np.int64]:
    """Return every parameter's perturbation over a whole period, in 128ths for a sine."""
    bits = phase_bits(parameters, band)
    points = [oscillation(phase, bits) for phase in range(2**bits)]
    cycle = np.array([s * (MAGNITUDES[k] if kind == "sine" else 1) for s, k in points])
    chosen = np.array(increments(parameters, band))
    return cycle[np.outer(chosen, np.arange(2**bits)) % 2**bits]


CASES = [
    ("sine", 9, 0.001),  # fundamentals alone
    ("sine", 32, 0.04),  # what 32 points add from the 31st harmonic up
    ("square", 9, 0.07),  # the 15th harmonic and those above
    ("square", 32, 0.07),
]


@pytest.mark.parametrize(("kind", "parameters", "largest"), CASES)
def test_oscillators_are_orthogonal_over_their_period(
    kind: str, parameters: int, largest: float
) -> None:
    signals = waves(parameters, kind)
    assert not signals.sum(axis=1).any()
    products = signals @ signals.T
    power = products[0, 0]
    assert (products.diagonal() == power).all()
    assert np.abs(products / power - np.eye(parameters)).max() < largest
    # dtheta is the peak: a sine has half the power of a code.
    peak = 128 if kind == "sine" else 1
    assert power / signals.shape[1] / peak**2 == pytest.approx(0.5 if kind == "sine" else 1, 0.01)


@pytest.mark.parametrize(("kind", "parameters"), [case[:2] for case in CASES])
def test_no_product_of_three_has_a_mean(kind: str, parameters: int) -> None:
    """It would look like gradient, which second-order terms of the cost then would add to."""
    signals = waves(parameters, kind)
    for i, j in combinations(range(parameters), 2):
        means = signals @ (signals[i] * signals[j])
        assert not means.any(), f"of {i}, {j} and another, equal ones included"


def test_other_increments_would_have_triple_products() -> None:
    """So the spacing is needed: 3 + 5 is 8, or twice 3 is 6."""
    cycle = np.array([oscillation(phase, 6)[0] for phase in range(64)])
    three, five, eight = (cycle[k * np.arange(64) % 64] for k in (3, 5, 8))
    assert (three * five * eight).sum() != 0
