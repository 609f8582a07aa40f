"""The sigmoid's table, over every argument."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pmgd.gateware.formats import Format
from pmgd.gateware.pwl import PiecewiseLinear

TABLES = [
    PiecewiseLinear(Format.parse(preactivation), Format.parse(activation), segments)
    for preactivation in ("S4.8", "S3.5", "S6.10", "S1.7")
    for activation in ("U0.8", "U0.4", "U0.16")
    for segments in (2, 32, 256)
]


def evaluate(table: PiecewiseLinear) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every argument, and its result before the clip, as the specification writes it."""
    offset = np.arange(1 << table.preactivation.bits)
    k, r = offset >> table.remainder_bits, offset % (1 << table.remainder_bits)
    knots, slopes = np.array(table.knots), np.array(table.slopes)
    rounded = (knots[k] << table.remainder_bits) + slopes[k] * r + (1 << (table.shift - 1))
    return offset + table.preactivation.minimum, rounded >> table.shift


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_shape_and_widths(table: PiecewiseLinear) -> None:
    assert len(table.knots) == len(table.slopes) == table.segments
    assert max(table.knots) < 1 << table.knot_bits
    assert min(table.slopes) >= 0
    assert max(table.slopes) < 1 << table.slope_bits
    assert table.segments << table.remainder_bits == 1 << table.preactivation.bits


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_monotonic_and_at_most_one(table: PiecewiseLinear) -> None:
    _, result = evaluate(table)
    assert (np.diff(result) >= 0).all()
    assert result.min() >= 0
    # One itself needs another bit than the format has; that is what the clip is for.
    assert result.max() <= 1 << table.activation.bits


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_near_the_sigmoid(table: PiecewiseLinear) -> None:
    arguments, result = evaluate(table)
    real = table.preactivation.to_real(arguments)
    unit = 2.0**-table.activation.fraction_bits
    width = -2 * table.preactivation.to_real(table.preactivation.minimum) / table.segments
    # Linear interpolation errs by at most width^2 / 8 times the largest second derivative, which is
    # sqrt(3) / 18 for a sigmoid, and by never more than 1/2; the knots are rounded to 1/32 of a
    # unit (4 guard bits), the result to half a unit.
    bound = min(width**2 / 8 * np.sqrt(3) / 18, 0.5) + (0.5 + 1 / 32) * unit
    assert np.abs(result * unit - sigmoid(real)).max() <= bound * (1 + 1e-12)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_knots_are_the_nearest_values(table: PiecewiseLinear) -> None:
    low = float(table.preactivation.to_real(table.preactivation.minimum))
    ends = low - 2 * low * np.arange(table.segments + 1) / table.segments
    unit = 2.0 ** (table.activation.fraction_bits + table.guard_bits)
    right = np.array(table.knots) + np.array(table.slopes)
    # Half a unit, and the rounding of an exponential in double precision.
    bound = 0.5 + unit * 1e-15
    assert np.abs(np.array(table.knots) - sigmoid(ends[:-1]) * unit).max() <= bound
    assert np.abs(right - sigmoid(ends[1:]) * unit).max() <= bound
    assert (right[:-1] == np.array(table.knots)[1:]).all()


def test_symmetry_of_the_recommended_table() -> None:
    """About (0, 1/2); the one argument without an opposite is the minimum."""
    arguments, result = evaluate(PiecewiseLinear(Format.parse("S4.8"), Format.parse("U0.8"), 32))
    assert result[arguments == 0] == 128
    total = result[1:] + result[1:][::-1]
    # Both halves round upwards at .5, so a pair may come to one more than 256.
    assert set(total.tolist()) <= {256, 257}


def test_a_range_beyond_a_float_exponential() -> None:
    table = PiecewiseLinear(Format.parse("S12.0"), Format.parse("U0.8"), 1024)
    assert table.knots[0] == 0
    assert table.knots[511:514] == (74, 2048, 4022)  # 4096 * sigmoid(-4, 0, 4) = 73.67, ...
