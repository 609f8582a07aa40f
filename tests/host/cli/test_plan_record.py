import json

import pytest

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import registers, windows
from pmgd.host.cli.plan_record import plan_record

VARIANT = {
    "network.activation": ["relu", "tanh"],
    "network.bias": False,
    "network.cost": "l1",
    "fabric.perturbation": "chain",
    "fabric.baseline": "mean",
    "fabric.correlator": "sign",
    "fabric.decay_shift": 2,
}


@pytest.mark.parametrize(
    "settings", [{}, VARIANT, {"fabric.pipeline": True, "fabric.perturbation": "walsh"}]
)
def test_it_is_plain_and_whole(settings):
    plan = Plan(presets.xor().with_settings(settings))
    record = plan_record(plan)
    assert json.loads(json.dumps(record)) == record
    assert record["plan_digest"] == f"{plan.digest:016x}"
    assert record["spec"] == plan.spec.to_mapping()
    assert [each["name"] for each in record["registers"]] == [r.name for r in registers(plan)]
    assert [each["address"] for each in record["windows"]] == [w.address for w in windows(plan)]
    assert record["storage_bits"]["per_parameter"] == plan.scan.synapse_bits


def test_xor():
    record = plan_record(Plan(presets.xor()))
    assert record["method"] == {
        "perturbation": "lfsr",
        "baseline": "sample",
        "correlator": "full",
        "gradient_kept": 0,
        "cost": "squared",
        "stochastic_rounding": True,
    }
    assert record["run_time"] == {
        "dtheta_last_bits": 16,
        "scale_mantissa": 1 << 15,
        "scale_shift": 20,
    }
    assert record["evaluation"] == {"samples": 16, "cost_sum_bits": 22, "class_threshold": 0.5}
    assert record["storage_bits"]["perturber"] == 16
    assert record["storage_bits"]["shared_perturber"] == 0
    assert [layer["segments"] for layer in record["layers"]] == [32, 32]


def test_another_fabric():
    record = plan_record(Plan(presets.xor().with_settings(VARIANT)))
    assert record["method"]["gradient_kept"] == 0.75
    assert not record["method"]["stochastic_rounding"]
    assert record["run_time"] == {
        "dtheta_last_bits": 16,
        "sign_step_last_bits": 128,
        "mean_shift": 4,
    }
    assert record["storage_bits"]["perturber"] == 1
    assert record["storage_bits"]["shared_perturber"] == 16
    layers = record["layers"]
    assert [layer["activation"] for layer in layers] == ["relu", "tanh"]
    assert [layer["output_format"] for layer in layers] == ["U4.8", "S1.8"]
    assert [layer["segments"] for layer in layers] == [None, 32]
    assert [layer["bias"] for layer in layers] == [False, False]
    assert record["widths"]["baseline"] == record["widths"]["cost"] + 8
    assert record["widths"]["cost_change"] == record["widths"]["cost"] + 1


def test_a_pipelined_fabric():
    plan = Plan(
        presets.xor().with_settings(
            {
                "fabric.pipeline": True,
                "fabric.perturbation": "chain",
                "fabric.tau_theta_bits": 1,
                "formats.overflow": "hold",
            }
        )
    )
    record = plan_record(plan)
    assert record["pipeline"] == {
        "copies": 1,
        "interval_cycles": 2,
        "step_bits": 12,
        "advance_bit": 12,
        "ends_bit": 13,
    }
    assert {*record["clocks_per_timestep"].values()} == {2}
    assert record["update_delay_timesteps"] == plan.update_delay > 0
    storage = record["storage_bits"]
    assert (storage["perturber"], storage["update_perturber"]) == (1, 1)
    assert storage["flight"] == 14 * plan.update_delay
    assert record["scan"] == {
        "words": 4,
        "padding_bits": 2,
        "planes": True,
        "offset_binary": True,
    }
    assert plan_record(Plan(presets.xor()))["pipeline"] is None


def test_several_outputs_have_no_threshold():
    plan = Plan(presets.xor().with_settings({"network.layers": [2, 3]}))
    assert plan_record(plan)["evaluation"]["class_threshold"] is None
