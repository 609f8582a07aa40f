import json

import numpy as np
import pytest

from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import Format
from pmgd.host.quantisation import Quantisation, quantise_samples

U08, U10, S22 = Format.parse("U0.8"), Format.parse("U1.0"), Format.parse("S2.2")


def test_values_are_rounded_to_the_nearest_and_the_error_reported():
    stored, report = quantise_samples([[0.0, 0.5], [0.25, 0.501]], U08, "inputs")
    assert stored.dtype == np.int64
    assert stored.tolist() == [[0, 128], [64, 128]]
    assert (report.minimum, report.maximum) == (0.0, 0.501)
    assert (report.clipped, report.total) == (0, 4)
    assert report.largest_error == pytest.approx(0.001)


def test_what_does_not_fit_is_refused_unless_clipping_is_asked_for():
    message = (
        r"from 0 to 0\.996094, the range of formats\.input U0\.8, not from -1 to 1; scale them"
    )
    with pytest.raises(DataError, match=f"inputs must be {message} or widen"):
        quantise_samples([-1.0, 1.0], U08, "inputs")
    stored, report = quantise_samples([-1.0, 1.0, 0.5], U08, "inputs", clip=True)
    assert stored.tolist() == [0, 255, 128]
    assert report == Quantisation("inputs", U08, -1.0, 1.0, 2, 3, 1.0)


def test_fractions_in_a_format_without_are_refused_unless_clipping_is_asked_for():
    message = r"numbers from 0 to 1 in formats\.target U1\.0, not 0\.3; .* such as U1\.8"
    with pytest.raises(DataError, match=f"targets must be whole {message}"):
        quantise_samples([0.0, 0.3], U10, "targets")
    stored, report = quantise_samples([0.0, 0.3], U10, "targets", clip=True)
    assert stored.tolist() == [0, 0]
    assert (report.clipped, report.largest_error) == (0, 0.3)


def test_all_stored_values_of_a_format_are_exact():
    every = np.arange(S22.minimum, S22.maximum + 1)
    stored, report = quantise_samples(S22.to_real(every), S22, "inputs")
    assert stored.tolist() == every.tolist()
    assert (report.clipped, report.largest_error) == (0, 0.0)


def test_the_report_agrees_with_a_count_by_hand(random_seed):
    values = np.random.default_rng(random_seed).normal(scale=1.5, size=(50, 4))
    stored, report = quantise_samples(values, S22, "inputs", clip=True)
    flat = [(real, integer / 4) for real, integer in zip(values.flat, stored.flat, strict=True)]
    # Up to half a step beyond a bound still rounds to it; at 1.875, ties go to the even 2.
    assert report.clipped == sum(real < -2.125 or real >= 1.875 for real, _ in flat)
    assert report.largest_error == max(abs(real - held) for real, held in flat)
    assert (report.minimum, report.maximum) == (min(values.flat), max(values.flat))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.empty((0, 2)), "inputs must be at least one number, not none"),
        ([0.0, np.nan], r"inputs must be finite numbers, not nan at index \(1,\)"),
        (["a"], "inputs must be an array of real numbers"),
    ],
)
def test_what_are_no_numbers_is_refused_with_or_without_clipping(values, message):
    for clip in (False, True):
        with pytest.raises(DataError, match=message):
            quantise_samples(values, U08, "inputs", clip=clip)


def test_a_report_is_one_line_for_people_and_plain_values_for_json():
    _, report = quantise_samples(np.linspace(0, 1, 1797), U08, "inputs", clip=True)
    assert report.describe() == (
        "inputs: 1,797 value(s) from 0 to 1 stored as U0.8, 4 clipped, largest error 0.00391"
    )
    assert json.loads(json.dumps(report.to_mapping())) == {
        "what": "inputs",
        "format": "U0.8",
        "minimum": 0.0,
        "maximum": 1.0,
        "clipped": 4,
        "total": 1797,
        "largest_error": 0.00390625,
    }
