"""Latencies add up; that each is what the gateware takes is for the components' tests to show."""

import pytest

from pmgd.gateware.latency import (
    AMPLITUDE_CYCLES,
    CLIP_CYCLES,
    COST_CYCLES,
    DEFECTS_CYCLES,
    FILTER_CYCLES,
    HIGHPASS_CYCLES,
    LEAD_CYCLES,
    LEVELS_CYCLES,
    LOAD_CYCLES,
    MANTISSA_CYCLES,
    MEASURE_CYCLES,
    PERTURB_CYCLES,
    PRODUCT_CYCLES,
    SIGN_TRANSMITTER_CYCLES,
    SYNAPSE_CYCLES,
    TABLE_CYCLES,
    TRANSMITTER_CYCLES,
    Latency,
    PipelineLatency,
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


def test_a_tree_of_one_level_to_a_stage() -> None:
    assert [tree_cycles(leaves, levels_per_stage=1) for leaves in range(1, 10)] == [
        0, 1, 2, 2, 3, 3, 3, 3, 4,
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    ("settings", "transmitter", "change"),
    [
        ({"fabric.baseline": "mean"}, TRANSMITTER_CYCLES, FILTER_CYCLES),
        ({"fabric.baseline": "highpass"}, TRANSMITTER_CYCLES, HIGHPASS_CYCLES),
        ({"fabric.perturbation": "square"}, TRANSMITTER_CYCLES, FILTER_CYCLES),
        (
            {"fabric.perturbation": "sine"},
            LEVELS_CYCLES + MANTISSA_CYCLES + TRANSMITTER_CYCLES,
            FILTER_CYCLES,
        ),
        (
            {"fabric.perturbation": "sine", "fabric.correlator": "sign"},
            SIGN_TRANSMITTER_CYCLES,
            FILTER_CYCLES,
        ),
        ({"fabric.cost_noise": True}, TRANSMITTER_CYCLES, MEASURE_CYCLES + FILTER_CYCLES),
        (
            {"fabric.cost_noise": True, "fabric.baseline": "highpass"},
            TRANSMITTER_CYCLES,
            MEASURE_CYCLES + HIGHPASS_CYCLES,
        ),
        ({"fabric.update_noise": "each"}, TRANSMITTER_CYCLES, FILTER_CYCLES),
        ({"fabric.defects": True}, TRANSMITTER_CYCLES, FILTER_CYCLES),
    ],
)
def test_what_a_fabric_adds_to_a_step(
    settings: dict[str, object], transmitter: int, change: int
) -> None:
    plan = Plan(xor().with_settings(settings))
    activation = TABLE_CYCLES + DEFECTS_CYCLES * plan.spec.fabric.defects
    assert plan.latency == Latency((3, 3), (activation,) * 2, 1, transmitter, change)
    assert plan.latency.step == plan.latency.evaluation + change + transmitter


def test_from_stage_to_stage_of_a_pipeline() -> None:
    """Both sums of a layer are ready with the later of them; products are added level by level."""
    latency = PipelineLatency(
        fan_ins=(3, 17), activations=(4, 2), outputs=5, transmitter=4, multiplied=(False, True)
    )
    trees = (1, 3)
    assert latency.sums == (
        trees[0] + max(0, AMPLITUDE_CYCLES),
        PRODUCT_CYCLES + 5,
    )
    around = LOAD_CYCLES + PERTURB_CYCLES
    assert latency.layers == (around + latency.sums[0] + 4, around + latency.sums[1] + 2)
    assert latency.network == sum(latency.layers) + LEAD_CYCLES
    assert latency.evaluation == latency.network + COST_CYCLES + 3
    assert latency.step == latency.evaluation + FILTER_CYCLES + 4


@pytest.mark.parametrize(
    ("inputs", "multiplied"), [("U1.0", False), ("S1.0", True), ("U0.8", True)]
)
def test_latency_of_a_pipelined_plan(inputs: str, multiplied: bool) -> None:
    """Only inputs that are a bit need no multiplier."""
    plan = Plan(
        xor().with_settings(
            {
                "network.layers": [4, 4, 2],
                "network.activation": ["tanh", "relu"],
                "formats.input": inputs,
                "fabric.pipeline": True,
                "fabric.perturbation": "walsh",
            }
        )
    )
    assert plan.latency == PipelineLatency(
        fan_ins=(5, 5),
        activations=(TABLE_CYCLES, CLIP_CYCLES),
        outputs=2,
        transmitter=TRANSMITTER_CYCLES,
        multiplied=(multiplied, True),
    )
