"""The tables of sigmoid and tanh, over every argument."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.pwl import FUNCTIONS, PiecewiseLinear

RESULTS = {"sigmoid": ("U0.8", "U0.4", "U0.16"), "tanh": ("S1.8", "S1.3", "S1.15", "S1.0")}
TABLES = [
    PiecewiseLinear(function, Format.parse(preactivation), Format.parse(activation), segments)
    for function in FUNCTIONS
    for preactivation in ("S4.8", "S3.5", "S6.10", "S1.7")
    for activation in RESULTS[function]
    for segments in (2, 32, 256)
]

REAL = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}
STEEPEST = {"sigmoid": np.sqrt(3) / 18, "tanh": 4 * np.sqrt(3) / 9}
"""Largest second derivative."""


def evaluate(table: PiecewiseLinear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every argument, and its result before the clip, as the specification writes it."""
    offset = np.arange(1 << table.preactivation.bits)
    k, r = offset >> table.remainder_bits, offset % (1 << table.remainder_bits)
    knots, slopes = np.array(table.knots), np.array(table.slopes)
    rounded = knots[k] * (1 << table.remainder_bits) + slopes[k] * r + (1 << (table.shift - 1))
    return offset + table.preactivation.minimum, rounded >> table.shift


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_shape_and_widths(table: PiecewiseLinear) -> None:
    assert len(table.knots) == len(table.slopes) == table.segments
    if table.activation.signed:
        half = 1 << (table.knot_bits - 1)
        assert -half <= min(table.knots)
        assert max(table.knots) < half
    else:
        assert min(table.knots) >= 0
        assert max(table.knots) < 1 << table.knot_bits
    assert min(table.slopes) >= 0
    assert max(table.slopes) < 1 << table.slope_bits
    assert table.segments << table.remainder_bits == 1 << table.preactivation.bits


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_monotonic_and_at_most_one(table: PiecewiseLinear) -> None:
    _, result = evaluate(table)
    assert (np.diff(result) >= 0).all()
    assert result.min() >= table.activation.minimum
    # One itself needs another bit than the format has; that is what the clip is for.
    assert result.max() <= 1 << table.activation.fraction_bits == table.activation.maximum + 1


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_near_the_function(table: PiecewiseLinear) -> None:
    arguments, result = evaluate(table)
    real = table.preactivation.to_real(arguments)
    unit = 2.0**-table.activation.fraction_bits
    width = -2 * table.preactivation.to_real(table.preactivation.minimum) / table.segments
    # Linear interpolation errs by at most width^2 / 8 times the largest second derivative, and by
    # never more than a segment rises, half the range; the knots are rounded to 1/32 of a unit
    # (4 guard bits), the result to half a unit.
    half_range = 1.0 if table.activation.signed else 0.5
    bound = min(width**2 / 8 * STEEPEST[table.function], half_range) + (0.5 + 1 / 32) * unit
    assert np.abs(result * unit - REAL[table.function](real)).max() <= bound * (1 + 1e-12)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_knots_are_the_nearest_values(table: PiecewiseLinear) -> None:
    low = float(table.preactivation.to_real(table.preactivation.minimum))
    ends = low - 2 * low * np.arange(table.segments + 1) / table.segments
    exact = REAL[table.function](ends) * 2.0 ** (table.activation.fraction_bits + table.guard_bits)
    right = np.array(table.knots) + np.array(table.slopes)
    # Half a unit, and the rounding of an exponential in double precision.
    bound = 0.5 + 2.0 ** (table.activation.fraction_bits + table.guard_bits) * 1e-15
    assert np.abs(np.array(table.knots) - exact[:-1]).max() <= bound
    assert np.abs(right - exact[1:]).max() <= bound
    assert (right[:-1] == np.array(table.knots)[1:]).all()


def test_symmetry_of_the_recommended_sigmoid() -> None:
    """About (0, 1/2); the one argument without an opposite is the minimum."""
    table = PiecewiseLinear("sigmoid", Format.parse("S4.8"), Format.parse("U0.8"), 32)
    arguments, result = evaluate(table)
    assert result[arguments == 0] == 128
    total = result[1:] + result[1:][::-1]
    # Both halves round upwards at .5, so a pair may come to one more than 256.
    assert set(total.tolist()) <= {256, 257}


def test_symmetry_of_the_recommended_tanh() -> None:
    """About (0, 0), but for halves, that round upwards on both sides."""
    table = PiecewiseLinear("tanh", Format.parse("S4.8"), Format.parse("S1.8"), 32)
    arguments, result = evaluate(table)
    assert result[arguments == 0] == 0
    assert set((result[1:] + result[1:][::-1]).tolist()) <= {0, 1}
    assert (result[0], result[-1]) == (-256, 256)
    # With 4 guard bits, knots go from -1 to 1 themselves, and 1 needs another bit.
    assert (min(table.knots), max(table.knots), table.knot_bits) == (-4096, 4096, 14)


def test_a_range_beyond_a_float_exponential() -> None:
    table = PiecewiseLinear("sigmoid", Format.parse("S12.0"), Format.parse("U0.8"), 1024)
    assert table.knots[0] == 0
    assert table.knots[511:514] == (74, 2048, 4022)  # 4096 * sigmoid(-4, 0, 4) = 73.67, ...


@pytest.mark.parametrize("function", FUNCTIONS)
def test_more_segments_than_arguments_are_refused(function: str) -> None:
    argument, result = Format.parse("S2.2"), Format.parse(RESULTS[function][0])
    assert PiecewiseLinear(function, argument, result, 16).remainder_bits == 0
    with pytest.raises(SpecError) as caught:
        PiecewiseLinear(function, argument, result, 32)
    assert str(caught.value) == (
        "network.segments must be at most 16, one for each value of formats.preactivation S2.2, "
        "not 32; lower the segments or widen the format"
    )
