"""Checks of single settings: what they return, and in which words they refuse."""

from typing import Any

import numpy as np
import pytest

from pmgd.gateware.checks import (
    check_band,
    check_choice,
    check_flag,
    check_format,
    check_integer,
    check_layers,
    check_real,
)
from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format


@pytest.mark.parametrize("value", [-3, 0, 7, np.int8(7), np.uint64(3)])
def test_integers_become_plain(value: Any) -> None:
    result = check_integer("a.b", value, -3, 7)
    assert type(result) is int
    assert result == value


@pytest.mark.parametrize("value", [1.0, "1", None, True, np.bool_(True), [1]])
def test_what_is_no_integer_is_refused(value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        check_integer("a.b", value, -3, 7)
    assert str(caught.value) == f"a.b must be an integer from -3 to 7, not {value!r}"


@pytest.mark.parametrize("value", [-4, 8, 10**30])
def test_integers_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(SpecError) as caught:
        check_integer("a.b", value, -3, 7)
    assert str(caught.value) == f"a.b must be from -3 to 7, not {value}"


@pytest.mark.parametrize("value", [0, 0.5, 1 << 1000, np.float64(0.25)])
def test_reals_become_plain(value: Any) -> None:
    result = check_real("a.b", value, 0.0)
    assert result == value
    assert isinstance(result, float)


@pytest.mark.parametrize("value", ["1", None, True, [1.0], float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_real_is_refused(value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        check_real("a.b", value, 0.0)
    assert str(caught.value) == f"a.b must be a finite number, not {value!r}"


def test_the_bound_of_a_real_may_be_excluded() -> None:
    assert check_real("a.b", 0.5, 0.5) == 0.5
    with pytest.raises(SpecError, match=r"^a\.b must be at least 0\.5, not 0\.25$"):
        check_real("a.b", 0.25, 0.5)
    with pytest.raises(SpecError, match=r"^a\.b must be above 0\.5, not 0\.5$"):
        check_real("a.b", 0.5, 0.5, exclusive=True)


@pytest.mark.parametrize("value", [(0.125, 0.5), [0.125, 0.5], np.array([0.125, 0.5])])
def test_bands_become_plain(value: Any) -> None:
    result = check_band("a.b", value)
    assert result == (0.125, 0.5)
    assert [type(end) for end in result] == [float, float]


@pytest.mark.parametrize("value", ["ab", 0.25, None, [], [0.25], [0.1, 0.2, 0.3]])
def test_what_is_no_band_is_refused(value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        check_band("a.b", value)
    assert str(caught.value) == f"a.b must be a list of two frequencies, not {value!r}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((0, 0.25), "a.b must be above 0, not 0"),
        ((0.25, -0.25), "a.b must be above 0, not -0.25"),
        ((0.25, float("nan")), "a.b must be a finite number, not nan"),
        (
            (0.25, 0.25),
            "a.b must rise, from at least 1.52588e-05 to at most 0.5, not be from 0.25 to 0.25",
        ),
        (
            (0.3, 0.25),
            "a.b must rise, from at least 1.52588e-05 to at most 0.5, not be from 0.3 to 0.25",
        ),
        (
            (0.25, 0.625),
            "a.b must rise, from at least 1.52588e-05 to at most 0.5, not be from 0.25 to 0.625",
        ),
    ],
)
def test_other_ends_of_a_band_are_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_band("a.b", value)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["three", "", None, 1, ["one"], {"one": 1}])
def test_other_choices_are_refused(value: Any) -> None:
    assert check_choice("a.b", "two", ("one", "two")) == "two"
    with pytest.raises(SpecError) as caught:
        check_choice("a.b", value, ("one", "two"))
    assert str(caught.value) == f"a.b must be one of one, two, not {value!r}"


def test_formats_may_be_written() -> None:
    assert check_format("a.b", "S4.8") == check_format("a.b", Format(True, 4, 8))
    with pytest.raises(SpecError, match=r"^a\.b must be a format such as 'S4\.8', not 4\.8$"):
        check_format("a.b", 4.8)
    with pytest.raises(
        SpecError, match=r"^a\.b: a format must be written like 'S4\.8' .*, not 'S4'$"
    ):
        check_format("a.b", "S4")


@pytest.mark.parametrize("value", [0, 1, "true", None, [True]])
def test_flags_are_true_or_false(value: Any) -> None:
    assert check_flag("a.b", True) is True
    assert check_flag("a.b", False) is False
    with pytest.raises(SpecError) as caught:
        check_flag("a.b", value)
    assert str(caught.value) == f"a.b must be true or false, not {value!r}"


def test_a_value_for_all_layers_or_one_for_each() -> None:
    assert check_layers("a.b", "relu", 3) == "relu"
    assert check_layers("a.b", 7, 3) == 7  # whether it is allowed is for others to say
    assert check_layers("a.b", ["relu", "tanh"], 2) == ("relu", "tanh")
    assert check_layers("a.b", (kind for kind in ("relu",)), 1) == ("relu",)


@pytest.mark.parametrize("values", [[], ["relu"], ["relu"] * 3])
def test_another_number_of_values_is_refused(values: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        check_layers("a.b", values, 2)
    assert str(caught.value) == (
        f"a.b must be one value, or one for each of 2 layer(s) of neurons, not {len(values)}"
    )
