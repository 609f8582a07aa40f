"""The choice of a layer's activation, and that its latency is the planned one."""

import pytest
from datapath import assert_pipelined, play
from datapath_model import defective, interpolated, linear, preactivation

from pmgd.gateware.activation import make_activation
from pmgd.gateware.latency import DEFECTS_CYCLES, TABLE_CYCLES
from pmgd.gateware.layout import DEFECTS
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "relu", "identity"])
def test_usual_formats(kind: str) -> None:
    """Every preactivation there is, of the first layer's sum."""
    plan = Plan(Spec(name="usual", network=Network(layers=(2, 1), activation=kind)))
    (layer,) = plan.layers
    z_format = plan.spec.formats.preactivation
    dut = make_activation(layer, z_format)
    # A stride that has no factor in common with the range mixes the sums.
    count = 2**layer.sum_bits
    sums = [(n * 1009) % count - count // 2 for n in range(count)]
    latency = plan.latency.activations[0]
    arguments = [preactivation(total, layer.sum_shift, z_format) for total in sums]
    assert set(arguments) == set(range(z_format.minimum, z_format.maximum + 1))
    expected = [
        (
            interpolated(z, layer.table)
            if layer.table is not None
            else linear(z, z_format, layer.output_format),
        )
        for z in arguments
    ]
    rows = [(total,) for total in [*sums, *sums[:latency]]]
    assert_pipelined(play(dut, (dut.sum,), rows, (dut.y,)), expected, latency)
    values = {y for (y,) in expected}
    assert min(values) < 0 if layer.output_format.signed else min(values) == 0


def test_a_sigmoid_with_defects() -> None:
    spec = Spec(name="wrong", network=Network(layers=(2, 1)), fabric=Fabric(defects=True))
    plan = Plan(spec)
    (layer,) = plan.layers
    z_format = plan.spec.formats.preactivation
    dut = make_activation(layer, z_format)
    latency = plan.latency.activations[0]
    assert latency == TABLE_CYCLES + DEFECTS_CYCLES
    sums = [(n * 1009) % 8192 - 4096 for n in range(500)]
    row = (300, -100, -400, 50)
    inputs = dut.sum, *(dut.defects[name] for name in DEFECTS)
    rows = [(total, *row) for total in [*sums, *sums[:latency]]]
    arguments = [preactivation(total, layer.sum_shift, z_format) for total in sums]
    expected = [(defective(z, row, layer, z_format),) for z in arguments]
    assert_pipelined(play(dut, inputs, rows, (dut.y,)), expected, latency)
    assert min(expected) < (0,)
