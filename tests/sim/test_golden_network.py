"""The network in integers: activations, widths beyond 64 bits, classes."""

from typing import Any

import numpy as np
import pytest
from golden_plans import lane_state

from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim import golden_network as network_module
from pmgd.sim.golden import Golden
from pmgd.sim.reference import Dense

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]


@pytest.mark.parametrize(
    ("activation", "fmt", "outputs"),
    [
        # z = -3, -1/16, 1/16, 3 in S4.4.
        ("identity", "S4.4", [-48, -1, 1, 48]),
        ("identity", "S4.2", [-12, -1, 0, 12]),
        ("identity", "S2.6", [-128, -4, 4, 127]),
        ("relu", "U4.4", [0, 0, 1, 48]),
        ("relu", "U1.4", [0, 0, 1, 31]),
        ("tanh", "S1.4", [-16, -1, 1, 15]),
        ("sigmoid", "U0.4", [1, 8, 8, 15]),
    ],
)
def test_activations(activation: str, fmt: str, outputs: list[int]) -> None:
    spec = xor().with_settings(
        {
            "network.layers": [1, 1],
            "network.bias": False,
            "network.activation": activation,
            "formats.input": "S4.4",
            "formats.parameter": "S2.6",
            "formats.operand_fraction": 4,
            "formats.preactivation": "S4.4",
            "formats.activation": fmt,
        }
    )
    golden = Golden(Plan(spec))
    golden.theta[:] = 64
    y, _ = golden.evaluate([[-48], [-1], [1], [48]], [[0]] * 4)
    assert y[0, :, 0].tolist() == outputs


def test_sums_beyond_64_bits_are_exact() -> None:
    """4096 products of 55 bits, and eight zeros appended: wrapped, either would change its sign."""
    spec = Spec(
        name="wide",
        network=Network(layers=(4096, 1)),
        formats=Formats(
            parameter=Format(True, 24, 0),
            operand_fraction=0,
            input=Format(False, 32, 0),
            preactivation=Format(True, 4, 8),
        ),
        fabric=Fabric(lfsr_bits=32),
        training=Training(dtheta=1.0),
    )
    plan = Plan(spec)
    assert plan.layers[0].sum_bits - plan.layers[0].sum_shift > 64
    golden = Golden(plan, lanes=2)
    golden.theta[0], golden.theta[1] = plan.theta.maximum, plan.theta.minimum
    y, _ = golden.evaluate(np.full((1, 4096), 2**32 - 1), [[0]])
    assert y.ravel().tolist() == [255, 0]


def test_squares_beyond_64_bits_are_exact() -> None:
    settings = {
        "network.layers": [1, 3],
        "formats.target": "U0.32",
        "formats.cost": "U2.28",
    }
    plan = Plan(xor().with_settings(settings))
    assert plan.full_cost_maximum >= 2**64
    golden = Golden(plan)
    golden.theta[:] = plan.theta.minimum
    target = 2**32 - 1
    y, cost = golden.evaluate([[1]], [[target] * 3])
    assert y.ravel().tolist() == [0, 0, 0]
    assert cost.ravel().tolist() == [3 * target**2 >> 36]


def test_tabulated_and_interpolated_sigmoid_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(xor())
    tabulated = Golden(plan, kernel="numpy")
    monkeypatch.setattr(network_module, "TABLE_BITS", 0)
    interpolated = Golden(plan, kernel="numpy")
    for golden in (tabulated, interpolated):
        golden.load_samples(XOR_X, XOR_T)
        golden.begin([3])
        golden.run(300)
    assert lane_state(tabulated, 0) == lane_state(interpolated, 0)


@pytest.mark.parametrize(
    ("changed", "y", "t", "hits"),
    [
        ({}, [[127], [128], [0], [255]], [[0], [1], [1], [1]], 3),
        ({"network.activation": "tanh", "formats.target": "S1.3"}, [[0], [-1]], [[0], [7]], 1),
        ({"network.activation": "relu", "formats.activation": "U4.0"}, [[1], [0]], [[1], [0]], 2),
        ({"network.layers": [2, 3]}, [[5, 9, 9], [0, 0, 0]], [[0, 1, 1], [0, 0, 1]], 1),
    ],
)
def test_hits(changed: dict[str, Any], y: list[list[int]], t: list[list[int]], hits: int) -> None:
    golden = Golden(Plan(xor().with_settings(changed)), lanes=2)
    assert golden.hits([y, y], t).tolist() == [hits, hits]


@pytest.mark.parametrize(
    ("defects", "outputs"),
    [
        # z = -16, 0, 16 and 40 in S4.4, sigmoids of 4 bits: 4, 8, 12 and 15.
        ([256, 0, 256, 0], [4, 8, 12, 15]),
        # z' = z / 2 + 8: 0, 8, 16, 28; F = 8, 10, 12, 14 (13.6).
        ([128, 8, 256, 0], [8, 10, 12, 14]),
        # Reversed: z' = 16, 0, -16, -40; F = 12, 8, 4, 1 (1.2).
        ([-256, 0, 256, 0], [12, 8, 4, 1]),
        # -3 halves of F, rounded up, and 20: -6, -12, -18, -22 (-22.5), plus 20.
        ([256, 0, -384, 20], [14, 8, 2, -2]),
        # Of S3.4, the outputs end at 63 and -64, and z' at 127 and -128.
        ([256, 0, 32767, 0], [63, 63, 63, 63]),
        ([256, 0, 256, -32768], [-64] * 4),
        ([32767, 0, 256, 0], [0, 8, 15, 15]),
        ([0, -32768, 256, 1], [1] * 4),
    ],
)
def test_defects(defects: list[int], outputs: list[int]) -> None:
    """Of the second of two neurons; the first, perfect, gives it nothing."""
    spec = xor().with_settings(
        {
            "network.layers": [1, 1, 1],
            "network.bias": False,
            "formats.input": "S4.4",
            "formats.parameter": "S2.6",
            "formats.operand_fraction": 4,
            "formats.preactivation": "S4.4",
            "formats.activation": "S3.4",
            "fabric.defects": True,
        }
    )
    golden = Golden(Plan(spec))
    golden.theta[:] = 64
    # The first neuron as a wire: its sigmoid gives 0, and its offset is the second's input.
    ends = []
    for z in (-16, 0, 16, 40):
        golden.defects[0] = [[0, -128, 256, z], defects]
        y, _ = golden.evaluate([[0]], [[0]])
        ends.append(int(y[0, 0, 0]))
    assert ends == outputs


def test_outputs_stay_near_those_of_real_numbers() -> None:
    """The formats' own error, bounded: no neuron is off by more than its table and roundings.

    A neuron of xor errs by at most 0.0031 (a chord under a piece 0.5 wide: 0.5**2 / 8 times the
    largest curvature 0.0963), 1/512 + 1/8192 (its output and its knots rounded), and a quarter of
    1/256 (its preactivation, floored) or 0.0004 (a sum beyond +-8, clipped); an output below 1
    ends at 1 - 1/256. The second layer adds a quarter of its two weights, up to 8 each, times the
    error of the first.
    """
    neuron = 0.0031 + 1 / 512 + 1 / 8192 + 0.25 / 256 + 0.0004 + 1 / 256
    golden = Golden(Plan(xor()), lanes=2000)
    golden.theta[:] = np.random.default_rng(1).integers(-2048, 2048, golden.theta.shape)
    y, _ = golden.evaluate(XOR_X, XOR_T)
    theta = golden.plan.theta.to_real(golden.theta)[:, None]
    exact = Dense((2, 2, 1)).outputs(theta, np.array(XOR_X, float))
    assert np.abs(y / 256 - exact).max() <= neuron + 0.25 * 2 * 8 * neuron
    assert np.abs(y / 256 - exact).mean() <= neuron
