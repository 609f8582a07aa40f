import math

import numpy as np
import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.initial import initial_defects, initial_parameters
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


# -- Defects --------------------------------------------------------------------------------------


def defective(sigma_a: float, **settings) -> Plan:
    chosen = {"fabric.defects": True, "training.sigma_a": sigma_a, **settings}
    return Plan(xor().with_settings(chosen))


def test_without_a_sigma_there_is_nothing_wrong():
    rng = np.random.default_rng(3)
    found = initial_defects(defective(0.0), rng.normal(size=(3, 4)))
    assert found.tolist() == [[256, 0, 256, 0]] * 3


def test_defects_are_those_of_a_general_logistic_function():
    """Beta about 1, -beta a in a preactivation's last bits, alpha about 1, b in an output's."""
    formats = {"formats.preactivation": "S4.6", "formats.activation": ["S3.8", "S2.5"]}
    plan = defective(0.5, **formats)
    normal = np.array([[1.0, -0.5, 0.25, 2.0], [-1.0, 1.0, -4.0, -0.5], [0.0, 1.0, 0.0, 1.0]])
    assert initial_defects(plan, normal).tolist() == [
        [384, 24, 288, 256],  # 1.5; 1.5 * 0.25 in 64ths; 1.125; 1 in 256ths
        [128, -16, -256, -64],  # 0.5; 0.5 * -0.5; 1 - 2; -0.25
        [256, -32, 256, 16],  # of the output layer, 0.5 in 32nds
    ]


def test_defects_are_clipped_to_their_bits():
    plan = defective(
        1.0,
        **{
            "formats.preactivation": "S4.12",
            "formats.activation": "S1.15",
            "formats.cost": "U4.20",
        },
    )
    normal = np.array([[200.0, 200.0, -200.0, 200.0]] * 3)
    lowest, highest = -(1 << 15), (1 << 15) - 1
    assert initial_defects(plan, normal).tolist() == [[highest, lowest, lowest, highest]] * 3


def test_a_fabric_without_defects_has_none():
    assert initial_defects(Plan(xor()), np.empty((0, 4))).shape == (0, 4)
