"""The layers, against direct counting and exact extremes."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.layers import plan_layers
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.output_formats import USUAL_FORMATS
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.pwl import FUNCTIONS
from pmgd.gateware.spec import ACTIVATIONS, Fabric, Formats, Network, Spec, Training


def plan_of(settings: dict[str, Any]) -> Plan:
    return Plan(xor().with_settings(settings))


def test_layers_of_the_xor_network() -> None:
    plan = Plan(xor())
    hidden, output = plan.layers
    assert (plan.parameters, hidden.parameters, output.parameters) == (9, 6, 3)
    assert (hidden.first_parameter, output.first_parameter) == (0, 6)
    assert (hidden.input_format, output.input_format) == (Format(False, 1, 0), Format(False, 0, 8))
    assert (hidden.fan_in, output.fan_in, hidden.bias) == (3, 3, True)
    assert hidden.activation == output.activation == "sigmoid"
    assert hidden.output_format == output.output_format == plan.output_format
    # One-bit inputs: a product is the operand itself, of 13 bits, and a neuron sums three of them.
    assert (hidden.product_bits, hidden.sum_bits, hidden.sum_shift) == (13, 14, 0)
    assert (output.product_bits, output.sum_bits, output.sum_shift) == (21, 22, 8)


def test_without_biases() -> None:
    plan = plan_of({"network.bias": False})
    hidden, output = plan.layers
    assert (plan.parameters, hidden.parameters, output.parameters) == (6, 4, 2)
    assert (hidden.first_parameter, output.first_parameter) == (0, 4)
    assert (hidden.fan_in, output.fan_in, hidden.bias) == (2, 2, False)
    # An operand of 13 bits times up to 255; the bias, 256 times it, is what needed another bit.
    assert (output.product_bits, output.sum_bits) == (21, 22)


def test_an_activation_and_a_format_for_each_layer() -> None:
    plan = plan_of(
        {
            "network.layers": [2, 3, 4, 2, 1],
            "network.activation": ["relu", "tanh", "identity", "sigmoid"],
            "formats.activation": ["U3.5", "S1.6", "S2.7", "U0.9"],
        }
    )
    assert [layer.activation for layer in plan.layers] == list(plan.spec.network.activations)
    formats = [Format.parse(text) for text in ("U1.0", "U3.5", "S1.6", "S2.7", "U0.9")]
    assert [layer.input_format for layer in plan.layers] == formats[:-1]
    assert [layer.output_format for layer in plan.layers] == formats[1:]
    assert plan.output_format == Format.parse("U0.9")
    # The sum's fraction is that of an operand, 8, and of an input; the preactivation keeps 8.
    assert [layer.sum_shift for layer in plan.layers] == [0, 5, 6, 7]
    assert [layer.table is None for layer in plan.layers] == [True, False, True, False]


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_tables_are_of_the_layers_activation(kind: str) -> None:
    plan = plan_of({"network.activation": kind, "network.segments": 64})
    for layer in plan.layers:
        assert layer.output_format == USUAL_FORMATS[kind]
        if kind not in FUNCTIONS:
            assert layer.table is None
            continue
        assert layer.table is not None
        assert (layer.table.function, layer.table.segments) == (kind, 64)
        assert layer.table.preactivation == plan.spec.formats.preactivation
        assert layer.table.activation == layer.output_format


@pytest.mark.parametrize("chosen", [None, "S2.5", ["S3.8", "S1.6"]])
def test_tables_of_neurons_with_defects_have_the_fraction_of_their_outputs(chosen: Any) -> None:
    plan = plan_of({"fabric.defects": True, "formats.activation": chosen})
    for layer in plan.layers:
        assert layer.defective
        assert layer.output_format.signed
        assert layer.table is not None
        assert layer.table.activation == Format(False, 0, layer.output_format.fraction_bits)
    assert plan.layers[1].input_format == plan.layers[0].output_format
    assert not any(layer.defective for layer in Plan(xor()).layers)


def extremes(plan: Plan, layer: LayerPlan) -> tuple[list[int], list[int]]:
    """Extreme products, that of the bias with one included, and extreme sums."""
    source = layer.input_format
    weights = [
        operand * value
        for operand in plan.operand_range
        for value in (source.minimum, source.maximum)
    ]
    biases = [
        operand << source.fraction_bits for operand in plan.operand_range for _ in range(layer.bias)
    ]
    sums = [
        layer.inputs * min(weights) + min(biases, default=0),
        layer.inputs * max(weights) + max(biases, default=0),
    ]
    return weights + biases, sums


@given(
    layers=st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple),
    source=st.sampled_from(["U1.0", "U0.1", "U0.8", "S1.7", "S4.4", "S2.0"]),
    fraction=st.integers(0, 12),
    dropped=st.integers(0, 12),
    bias=st.booleans(),
    data=st.data(),
)
def test_widths_hold_the_extremes_and_no_more(
    layers: tuple[int, ...],
    source: str,
    fraction: int,
    dropped: int,
    bias: bool,
    data: st.DataObject,
) -> None:
    each = st.lists(st.sampled_from(ACTIVATIONS), min_size=len(layers) - 1)
    formats = Formats(
        parameter=Format(True, 4, fraction),
        operand_fraction=max(0, fraction - dropped),
        input=Format.parse(source),
    )
    network = Network(
        layers=layers,
        bias=bias,
        activation=data.draw(each.map(lambda kinds: kinds[: len(layers) - 1])),
    )
    plan = Plan(
        Spec(
            name="any",
            network=network,
            formats=formats,
            fabric=Fabric(lfsr_bits=32),
            training=Training(dtheta=1.0, eta=0.0, init_range=0.0),
        )
    )
    assert plan.layers == plan_layers(network, formats, plan.operand_range)
    assert plan.parameters == sum((a + bias) * b for a, b in itertools.pairwise(layers))
    first = 0
    for layer in plan.layers:
        assert layer.first_parameter == first
        assert layer.parameters == layer.outputs * layer.fan_in
        first += layer.parameters
        products, sums = extremes(plan, layer)
        for bits, values in ((layer.product_bits, products), (layer.sum_bits, sums)):
            half = 1 << (bits - 1)
            assert -half <= min(values)
            assert max(values) < half
            assert min(values) < -half // 2 or max(values) >= half // 2
        sum_fraction = formats.operand_fraction + layer.input_format.fraction_bits
        assert sum_fraction - layer.sum_shift == formats.preactivation.fraction_bits
    assert first == plan.parameters


def test_what_does_not_suit_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^formats\.activation must be one format, or one for "):
        plan_of({"formats.activation": ["U0.8"]})
    with pytest.raises(SpecError, match=r"^formats\.activation must be signed for tanh, like S1"):
        plan_of({"network.activation": "tanh", "formats.activation": "U0.8"})
    too_many = {"network.segments": 1024, "formats.preactivation": "S4.5"}
    with pytest.raises(SpecError, match=r"^network\.segments must be at most 512, one for each "):
        plan_of(too_many)
    plan_of({**too_many, "network.activation": "relu"})  # has no segments
