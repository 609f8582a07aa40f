"""Fixed-point formats, against exact fractions."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import DataError, SpecError
from pmgd.gateware.formats import Format, floor_shift, quantise, signed_bits, unsigned_bits


def every_format() -> list[Format]:
    return [
        Format(signed, integer, fraction)
        for signed in (True, False)
        for integer in range(int(signed), 33)
        for fraction in range(33 - integer)
        if integer + fraction
    ]


def test_notation_round_trip_of_every_format() -> None:
    formats = every_format()
    assert len(formats) == 528 + 560  # signed with 1 to 32 bits; unsigned with as many
    for fmt in formats:
        assert Format.parse(str(fmt)) == fmt


def test_range_of_every_format() -> None:
    for fmt in every_format():
        assert fmt.maximum - fmt.minimum == (1 << fmt.bits) - 1
        assert fmt.minimum == (-fmt.maximum - 1 if fmt.signed else 0)


@pytest.mark.parametrize(
    "text", ["4.8", "S4", "s4.8", "S4.8 ", "S-1.8", "S4.8.1", "Q4.8", "S100.8", "", 4.8, None]
)
def test_other_notation_is_refused(text: Any) -> None:
    with pytest.raises(SpecError) as caught:
        Format.parse(text)
    assert str(caught.value) == (
        "a format must be written like 'S4.8' (signed, 4 integer bits with the sign, "
        f"8 fraction bits) or 'U0.8', not {text!r}"
    )


@pytest.mark.parametrize("text", ["U0.0", "S0.8", "S0.0", "U1.32", "S17.16"])
def test_impossible_formats_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        Format.parse(text)
    assert str(caught.value) == (
        f"a format must have 1 to 32 bits and, if signed, an integer bit for the sign, not {text}"
    )


@pytest.mark.parametrize(("integer", "fraction"), [(9, -1), (-1, 9), (0, 0)])
def test_negative_widths_are_refused(integer: int, fraction: int) -> None:
    with pytest.raises(SpecError, match="a format must have 1 to 32 bits"):
        Format(False, integer, fraction)


@pytest.mark.parametrize("width", [4.0, "4", None])
def test_widths_are_integers(width: Any) -> None:
    with pytest.raises(SpecError, match=r"a format's bits must be integers, not .* and 8"):
        Format(True, width, 8)


SMALL = [fmt for fmt in every_format() if fmt.bits <= 6]


@given(
    fmt=st.sampled_from(SMALL),
    # Binary fractions finer than the format, so that ties occur, and are exact in a float.
    numerators=st.lists(st.integers(-(1 << 12), 1 << 12), max_size=20),
)
def test_quantise_rounds_to_nearest_and_clips(fmt: Format, numerators: list[int]) -> None:
    exact = [Fraction(n, 128) for n in numerators]
    result = quantise([float(value) for value in exact], fmt)
    nearest = [round(value * 2**fmt.fraction_bits) for value in exact]  # ties to even
    clipped = [min(max(n, fmt.minimum), fmt.maximum) for n in nearest]
    assert result.stored.tolist() == clipped
    assert result.stored.dtype == np.int64
    assert result.clipped == sum(a != b for a, b in zip(nearest, clipped, strict=True))


def test_quantise_inverts_to_real() -> None:
    for fmt in SMALL:
        stored = np.arange(fmt.minimum, fmt.maximum + 1)
        result = quantise(fmt.to_real(stored), fmt)
        assert np.array_equal(result.stored, stored)
        assert result.clipped == 0


def test_quantise_keeps_the_shape_and_clips_what_overflows_a_float() -> None:
    result = quantise([[1e308, -1e308], [0.5, -0.5]], Format(True, 4, 8))
    assert result.stored.tolist() == [[2047, -2048], [128, -128]]
    assert result.clipped == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_quantise_refuses_what_is_not_finite(bad: float) -> None:
    with pytest.raises(DataError) as caught:
        quantise([[0.0, 1.0], [bad, bad]], Format(True, 4, 8), "inputs")
    assert str(caught.value) == (
        f"inputs must be finite numbers, not {bad} at index (1, 0); "
        "remove or replace 2 such value(s)"
    )


@pytest.mark.parametrize("bad", [["a"], [[1, 2], [3]], {"x": 1}])
def test_quantise_refuses_what_is_no_array(bad: Any) -> None:
    with pytest.raises(DataError, match=r"^targets must be an array of real numbers: "):
        quantise(bad, Format(True, 4, 8), "targets")


@given(value=st.integers(-(1 << 40), 1 << 40), shift=st.integers(-20, 45))
def test_floor_shift_is_a_floor(value: int, shift: int) -> None:
    exact = Fraction(value) / Fraction(2) ** shift
    shifted = floor_shift(np.array([value]), shift)
    assert shifted.tolist() == [exact.numerator // exact.denominator]


def test_unsigned_bits_are_the_fewest() -> None:
    for maximum in range(1, 2000):
        bits = unsigned_bits(maximum)
        assert 1 << (bits - 1) <= maximum < 1 << bits
    assert unsigned_bits(0) == 1


def test_signed_bits_are_the_fewest() -> None:
    def fits(bits: int, low: int, high: int) -> bool:
        return -(1 << (bits - 1)) <= low and high < 1 << (bits - 1)

    for low in range(-40, 41):
        for high in range(low, 41):
            bits = signed_bits(low, high)
            assert fits(bits, low, high)
            assert bits == 1 or not fits(bits - 1, low, high)
