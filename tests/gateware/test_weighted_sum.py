"""The two parts of a neuron's weighted sum, for inputs of a bit and of several."""

import random

import pytest
from datapath import assert_pipelined, play
from pipelines import make

from pmgd.gateware.latency import tree_cycles
from pmgd.gateware.plan import Plan
from pmgd.gateware.weighted_sum import PerturbedSum, WeightedSum

AMPLIFIED = 2
"""Cycles from `amplifies` to the sum."""

LAYERS = {
    "bits": ({"network.layers": [5, 1]}, 0),
    "bits, no bias, fewer operand bits": (
        {"network.layers": [4, 1], "network.bias": False, "formats.operand_fraction": 5},
        0,
    ),
    "bits, held in place": ({"network.layers": [2, 1], "formats.overflow": "hold"}, 0),
    "a single bit": ({"network.layers": [1, 1], "network.bias": False}, 0),
    "signed": ({"network.layers": [3, 1], "formats.input": "S2.3"}, 0),
    "a signed bit": ({"network.layers": [3, 1], "formats.input": "S1.0"}, 0),
    "unsigned, held in place, fewer operand bits": (
        {
            "network.layers": [2, 1],
            "formats.input": "U1.4",
            "formats.overflow": "hold",
            "formats.operand_fraction": 6,
        },
        0,
    ),
    "second layer": ({"network.layers": [1, 17, 1]}, 1),
    "a single input": ({"network.layers": [1, 1, 1], "network.bias": False}, 1),
}


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def case(request: pytest.FixtureRequest):
    settings, number = request.param
    plan = Plan(make(settings))
    return plan, plan.layers[number], plan.latency.sums[number]


def draw(rng: random.Random, least: int, most: int, count: int) -> list[int]:
    """All at the same bound, or each anywhere: what may overflow, and what tells them apart."""
    if rng.random() < 0.1:
        return [rng.choice([least, most])] * count
    return [rng.choice([least, most, rng.randint(least, most), 0]) for _ in range(count)]


def test_weighted_sum(case, random_seed: int) -> None:
    plan, layer, latency = case
    rng = random.Random(random_seed)
    dut = WeightedSum(plan, layer)
    source, bits = layer.input_format, plan.theta.bits - plan.operand_shift
    bound = 1 << bits - 1
    rows, expected = [], []
    for _ in range(200):
        operands = draw(rng, -bound, bound - 1, layer.fan_in)
        x = draw(rng, source.minimum, source.maximum, layer.inputs)
        # In offset binary where the parameters are held in place.
        shown = [n + bound if plan.holds_in_place else n % (2 * bound) for n in operands]
        rows.append((sum(n << i * bits for i, n in enumerate(shown)), x))
        factors = [*x, 1 << source.fraction_bits][: layer.fan_in]
        expected.append((sum(a * b for a, b in zip(operands, factors, strict=True)),))
    seen = play(dut, (dut.operands, dut.x), rows + rows[:latency], (dut.sum,))
    assert_pipelined(seen, expected, latency)


def test_perturbed_sum(case, random_seed: int) -> None:
    """Amplified or not, as some cycle before the sum says; dtheta is constant."""
    plan, layer, latency = case
    rng = random.Random(random_seed)
    source = layer.input_format
    for dtheta in ((1 << plan.amplitude_bits) - 1, 1):
        dut = PerturbedSum(plan, layer)
        xs, signs, ones, expected = [], [], [], []
        amplified = [int(rng.random() < 0.7) for _ in range(200)]
        for amplifies in amplified:
            x = draw(rng, source.minimum, source.maximum, layer.inputs)
            s = draw(rng, 0, 1, layer.fan_in)
            xs.append(x)
            signs.append(sum(bit << i for i, bit in enumerate(s)))
            ones.append(-sum(x) - layer.bias if layer.binary_inputs else 0)
            factors = [*x, 1 << source.fraction_bits][: layer.fan_in]
            total = sum((2 * bit - 1) * a for bit, a in zip(s, factors, strict=True))
            expected.append((dtheta * total * amplifies,))

        def later(values: list, cycles: int) -> list:
            return [values[0]] * cycles + values + [values[0]] * (latency - cycles)

        rows = list(
            zip(
                later(signs, 0),
                later(xs, 0),
                later(ones, tree_cycles(layer.fan_in)),
                later(amplified, latency - AMPLIFIED),
                [dtheta] * (200 + latency),
                strict=True,
            )
        )
        inputs = dut.positive, dut.x, dut.ones, dut.amplifies, dut.dtheta
        assert_pipelined(play(dut, inputs, rows, (dut.sum,)), expected, latency)
