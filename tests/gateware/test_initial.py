import math

import numpy as np
import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.initial import initial_parameters
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor

ONES = np.ones(9)


def plan_of(**training) -> Plan:
    return Plan(xor().with_settings({f"training.{key}": value for key, value in training.items()}))


def test_uniform_fills_its_range():
    plan = plan_of(init_range=0.5)
    assert initial_parameters(plan, ONES).tolist() == [128] * 9
    assert initial_parameters(plan, -ONES).tolist() == [-128] * 9


def test_the_bound_of_the_format_is_clipped_to_its_maximum():
    assert initial_parameters(plan_of(init_range=8.0), ONES).tolist() == [2047] * 9


def test_glorot_depends_on_the_layer_and_leaves_biases_at_zero():
    first, second = (round(256 * math.sqrt(6 / ends)) for ends in (2 + 2, 2 + 1))
    expected = [first, first, 0, first, first, 0, second, second, 0]
    assert initial_parameters(plan_of(init="glorot"), ONES).tolist() == expected


def test_glorot_without_biases():
    plan = Plan(xor().with_settings({"training.init": "glorot", "network.bias": False}))
    assert (initial_parameters(plan, np.ones(6)) > 0).all()


def test_glorot_beyond_the_format_is_refused():
    settings = {"training.init": "glorot", "formats.parameter": "S1.8"}
    with pytest.raises(
        SpecError, match=r"must be uniform where weights would start beyond 1.*1\.41"
    ):
        Plan(xor().with_settings(settings))
