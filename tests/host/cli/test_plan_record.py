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


IMPERFECT = {
    "formats.cost": "U7.10",
    "fabric.perturbation": "sine",
    "fabric.baseline": "highpass",
    "fabric.decay_shift": 4,
    "fabric.decay_every": "timestep",
    "fabric.cost_noise": True,
    "fabric.update_noise": "each",
    "fabric.defects": True,
    "training.sigma_c": 0.01,
    "training.sigma_theta": 0.5,
}


@pytest.mark.parametrize(
    "settings", [{}, VARIANT, IMPERFECT, {"fabric.pipeline": True, "fabric.perturbation": "walsh"}]
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
        "decay_every": "update",
        "frequencies": [],
        "cost_noise": False,
        "update_noise": "none",
        "defects": False,
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
        "blank": 0,
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


def test_an_imperfect_fabric():
    plan = Plan(presets.xor().with_settings(IMPERFECT))
    record = plan_record(plan)
    method, storage, widths = record["method"], record["storage_bits"], record["widths"]
    assert (method["gradient_kept"], method["decay_every"]) == (0.9375, "timestep")
    assert (method["cost_noise"], method["update_noise"], method["defects"]) == (True, "each", True)
    assert method["frequencies"] == [each / 512 for each in plan.increments]
    assert 0.0625 < min(method["frequencies"]) < max(method["frequencies"]) < 0.4375
    assert (storage["perturber"], storage["defects"]) == (9, 3 * 64)
    assert widths["measured_cost"] == widths["cost"] + 2
    assert widths["baseline"] == widths["measured_cost"] + 8
    assert record["scan"]["neurons"] == 3
    assert record["clocks_per_timestep"]["noise_of_update"] == plan.shake_cycles == 6 + 9
    run_time = record["run_time"]
    assert (run_time["mean_shift"], run_time["blank"]) == (4, 0)
    levels = plan.cost_noise_level(), plan.update_noise_level()
    assert (run_time["cost_noise"], run_time["update_noise"]) == levels
    assert min(levels) > 0


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
    clocks = record["clocks_per_timestep"]
    assert clocks.pop("noise_of_update") == 0
    assert {*clocks.values()} == {2}
    assert record["update_delay_timesteps"] == plan.update_delay > 0
    storage = record["storage_bits"]
    assert (storage["perturber"], storage["update_perturber"]) == (1, 1)
    assert storage["flight"] == 14 * plan.update_delay
    assert record["scan"] == {
        "words": 4,
        "padding_bits": 2,
        "planes": True,
        "offset_binary": True,
        "neurons": 0,
    }
    assert plan_record(Plan(presets.xor()))["pipeline"] is None


def test_several_outputs_have_no_threshold():
    plan = Plan(presets.xor().with_settings({"network.layers": [2, 3]}))
    assert plan_record(plan)["evaluation"]["class_threshold"] is None
