"""G approaches the gradient as theory says: cos(angle) = sqrt(N / (N + P - 1)) after N codes."""

import importlib.util
from pathlib import Path

import pytest

from pmgd.gateware.plan import Plan
from pmgd.host.open_device import open_device

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gradient_angle.py"
TOLERANCE = 2.0
"""Degrees. The mean of 50 draws, each with a spread of up to 2.1, is uncertain by 0.3; the law
itself takes the signs of different codes as independent, which costs some tenths more."""


@pytest.fixture(scope="module")
def script():
    loaded = importlib.util.spec_from_file_location("gradient_angle", SCRIPT)
    module = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(module)
    return module


@pytest.mark.parametrize("device", ["golden", pytest.param("rtl", marks=pytest.mark.slow)])
def test_the_angle_follows_the_law(script, device):
    spec = script.fine_spec()
    plan = Plan(spec)
    opened = open_device(device, plan)
    found = script.angles(opened, spec, 50, script.CODES)
    opened.close()
    for k, codes in enumerate(script.CODES):
        expected = script.law(codes, plan.parameters)
        assert abs(found[:, k].mean() - expected) < TOLERANCE, (codes, found[:, k].mean())


def test_the_walsh_code_is_exact_after_one_period(script):
    """Signs that are orthogonal leave no noise of the other parameters: the angle is that of
    rounding and curvature alone."""
    spec = script.fine_spec("walsh")
    opened = open_device("golden", Plan(spec))
    found = script.angles(opened, spec, 5, (128, 256))
    opened.close()
    assert found[:, 0].mean() > 30
    assert found[:, 1].max() < 2
