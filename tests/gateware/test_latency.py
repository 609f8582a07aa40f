"""Latencies add up; that each is what the gateware takes is for the components' tests to show."""

import pytest

from pmgd.gateware.latency import (
    CLIP_CYCLES,
    COST_CYCLES,
    FILTER_CYCLES,
    SIGN_TRANSMITTER_CYCLES,
    SYNAPSE_CYCLES,
    TABLE_CYCLES,
    TRANSMITTER_CYCLES,
    Latency,
    tree_cycles,
)
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


def test_a_tree_halves_at_every_level_and_stores_every_other() -> None:
    assert [tree_cycles(leaves) for leaves in range(1, 6)] == [0, 1, 1, 1, 2]
    for leaves in range(1, 300):
        left, levels = leaves, 0
        while left > 1:
            left, levels = (left + 1) // 2, levels + 1
        assert tree_cycles(leaves) == (levels + 1) // 2


def test_from_stage_to_stage() -> None:
    latency = Latency(fan_ins=(3, 17), activations=(3, 2), outputs=5, transmitter=1)
    assert latency.layers == (SYNAPSE_CYCLES + 1 + 3, SYNAPSE_CYCLES + 3 + 2)
    assert latency.network == sum(latency.layers)
    assert latency.cost == COST_CYCLES + 2
    assert latency.evaluation == latency.network + latency.cost
    assert latency.step == latency.evaluation + FILTER_CYCLES + 1


@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("bias", [True, False])
def test_latency_of_a_plan(correlator: str, bias: bool) -> None:
    plan = Plan(
        xor().with_settings(
            {
                "network.layers": [4, 4, 4, 4, 2],
                "network.activation": ["sigmoid", "tanh", "relu", "identity"],
                "network.bias": bias,
                "fabric.correlator": correlator,
            }
        )
    )
    full = correlator == "full"
    assert plan.latency == Latency(
        fan_ins=(4 + bias,) * 4,
        activations=(TABLE_CYCLES, TABLE_CYCLES, CLIP_CYCLES, CLIP_CYCLES),
        outputs=2,
        transmitter=TRANSMITTER_CYCLES if full else SIGN_TRANSMITTER_CYCLES,
    )
    # A fifth number to sum takes another level of the tree, and with it another register.
    assert plan.latency.layers[0] == SYNAPSE_CYCLES + (2 if bias else 1) + TABLE_CYCLES
