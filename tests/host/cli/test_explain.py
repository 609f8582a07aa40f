import json

import pytest

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import registers, windows
from pmgd.gateware.regmap_document import register_map
from pmgd.host.cli import main

WIDE = """
name = "wide"
[network]
layers = [49, 4, 4]
[formats]
parameter = "S4.12"
cost = "U3.10"
[fabric]
lfsr_bits = 32
tau_theta_bits = 1
[training]
eta = 0.004
"""


@pytest.fixture
def wide(tmp_path):
    path = tmp_path / "wide.toml"
    path.write_text(WIDE)
    return str(path)


def test_the_plan_of_xor_is_told(capsys):
    assert main(["explain", "xor"]) == 0
    text = capsys.readouterr().out
    plan = Plan(presets.xor())
    for wanted in (
        "xor: 2-2-1, sigmoid, 9 parameters, spatial fabric",
        f"plan digest {plan.digest:016x}",
        f"with a new sample          {plan.clocks_per_timestep()}",
        "update delay D: 0 timesteps",
        "one parameter        48",  # theta 12, G 20, LFSR 16
        "0.0625 = 16 last bits of a parameter",
        "32768 / 2^20",  # eta / dtheta = 8 = 2^-5 * 2^8, from steps of 2^-16 to 2^-8
    ):
        assert wanted in text
    for register in registers(plan):
        assert f" {register.name} " in text
        assert register.doc in text
    for window in windows(plan):
        assert f"{window.address:#010x}" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_gradient_register_that_is_not_there_is_not_told(capsys, wide):
    assert main(["explain", wide]) == 0
    text = capsys.readouterr().out
    assert "gradient G" not in text
    assert "cost, summed over outputs  U3.10" in text
    assert "perturbed operand          S5.8 " in text


VARIANT = """
name = "variant"
[network]
layers = [4, 3, 3, 1]
activation = ["relu", "tanh", "sigmoid"]
bias = false
cost = "l1"
[formats]
activation = ["U2.6", "S1.5", "U0.4"]
[fabric]
perturbation = "walsh"
baseline = "mean"
correlator = "sign"
decay_shift = 3
shuffle = true
[training]
order = "shuffled"
"""


@pytest.fixture
def variant(tmp_path):
    path = tmp_path / "variant.toml"
    path.write_text(VARIANT)
    return str(path)


def lines(text):
    """Lines with single spaces, which alignment widens."""
    return {" ".join(line.split()) for line in text.splitlines()}


def test_how_xor_trains_is_told(capsys):
    assert main(["explain", "xor"]) == 0
    assert lines(capsys.readouterr().out) > {
        "perturbation lfsr: a random code, from a generator for every parameter",
        "baseline sample: the unperturbed cost of the same sample and parameters",
        "correlator full: adds up the cost change times the perturbation, in units of dtheta",
        "after an update G is cleared",
        "cost squared error, summed over the outputs",
        (
            "evaluation hits and cost of up to 16 samples on the device; an output from 0.5 up is "
            "class 1"
        ),
        "0 2 2 yes 6 U1.0 13 bits 14 bits sigmoid U0.8 7",
        "baseline C0 U1.16 17 0 1.99998 2^-16",
        "rounding of the step: stochastic; overflow of a parameter: clip; sigmoid: 32 segments",
        "perturbation LFSR 16",
        "with a new baseline alone 28",
    }


def test_another_fabric_is_told_as_what_it_is(capsys, variant):
    assert main(["explain", variant]) == 0
    text = capsys.readouterr().out
    assert text.startswith("variant: 4-3-3-1, relu, tanh, sigmoid, 24 parameters, spatial fabric\n")
    told = lines(text)
    assert told > {
        "perturbation walsh: an orthogonal code, Walsh-Hadamard",
        "baseline mean: the running mean of the cost",
        "after an update G keeps 0.875 of itself, momentum with a gain of 8",
        "cost absolute error, summed over the outputs",
        "output of layer 0 U2.6 8 0 3.98438 2^-6",
        "output of layer 1 S1.5 6 -1 0.96875 2^-5",
        "output of layer 2 U0.4 4 0 0.9375 2^-4",
        "baseline C0 U1.12 13 0 1.99976 2^-12",
        "gradient G, a count 15 -2040 2040 2^-3",
        (
            "rounding of the step: none, it is a sign; overflow of a parameter: clip; tanh: 32 "
            "segments; sigmoid: 32 segments"
        ),
        "1 3 3 no 9 U2.6 21 bits 22 bits tanh S1.5 7",
        "with a new sample 35",
        "with the same sample 29",
        "a new sample in shuffled order: 6 for each position tried, instead of 6",
        "shared by all perturbers 5",
        "step 128 last bit(s) of a parameter",
        "time constant of the mean 16 timesteps",
        "sample order shuffled",
    }
    assert "theta, G of each parameter" in text
    assert not any(line.startswith(("perturbation LFSR", "scale of the step")) for line in told)


PIPELINED = ["--set", "fabric.pipeline=true", "--set", "fabric.copies=2"]
CHAIN, WALSH = (["--set", f"fabric.perturbation={name}"] for name in ("chain", "walsh"))


def test_a_pipelined_fabric_is_told_as_what_it_is(capsys):
    held = ["--set", "fabric.tau_theta_bits=1", "--set", "formats.overflow=hold"]
    assert main(["explain", "xor", *PIPELINED, *CHAIN, *held]) == 0
    text = capsys.readouterr().out
    spec = presets.xor().with_settings({"fabric.pipeline": True, "fabric.perturbation": "chain"})
    latency = Plan(spec).latency
    assert text.startswith("xor: 2-2-1, sigmoid, 9 parameters, pipelined spatial fabric\n")
    assert lines(text) > {
        f"sample to broadcast step {latency.step}",
        "initiation interval: a timestep starts every 1",
        "copies of the network 2",
        "update delay D: 30 timesteps",
        "perturbation bit p 1",
        "perturbation bit p for late updates 1",
        "one parameter 14",
        "shared by all perturbers for late updates 16",
        "30 steps in flight 420",
        (
            "scan ring: 4 words; from bit 0 up, theta (offset binary, most significant bit first) "
            "of each parameter, then bit p of each parameter, the last one first, then bit p for "
            "late updates of each parameter, the last one first, then 2 bits of padding"
        ),
        (
            "flight: 30 words; from bit 0 up, u in 12 bits, whether its perturbation was new, "
            "whether its window ended"
        ),
    }
    assert "with a new sample" not in text
    assert main(["explain", "xor", *PIPELINED, *WALSH]) == 0
    assert "from bit 0 up, theta, G of each parameter, then 0 bits of" in capsys.readouterr().out


def test_json_tells_another_fabric_too(capsys, variant):
    assert main(["explain", variant, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["run_time"]["sign_step_last_bits"] == 128
    assert [layer["output_format"] for layer in record["layers"]] == ["U2.6", "S1.5", "U0.4"]


def test_a_cost_without_a_notation_is_told(capsys, tmp_path):
    path = tmp_path / "coarse.toml"
    path.write_text(
        'name = "coarse"\nnetwork.layers = [2, 1]\n'
        'formats.activation = "U0.1"\nformats.target = "U0.1"\n'
    )
    assert main(["explain", str(path)]) == 0
    # An error of at most 1/2, squared: one bit, that is worth 1/4.
    assert "cost, summed over outputs 1 0 0.25 2^-2" in lines(capsys.readouterr().out)


def test_json_tells_the_same(capsys, wide):
    assert main(["explain", wide, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["parameters"] == 220
    assert record["spec"]["formats"]["cost"] == "U3.10"
    assert [layer["parameters"] for layer in record["layers"]] == [200, 20]
    assert record["storage_bits"]["per_parameter"] == 16 + 0 + 32
    assert record["storage_bits"]["all_parameters"] == 220 * 48
    assert record["sample"]["words"] == 2  # 49 inputs and 4 targets of a bit each
    clocks = record["clocks_per_timestep"]
    assert clocks["new_sample"] > clocks["new_baseline"] > clocks["same_baseline"] > 0
    assert record["update_delay_timesteps"] == 0
    assert [register["name"] for register in record["registers"]][:2] == ["magic", "version"]


def test_a_specification_that_cannot_be_built_is_refused(capsys, tmp_path):
    path = tmp_path / "narrow.toml"
    path.write_text(WIDE.replace("U3.10", "U1.10"))
    assert main(["explain", str(path)]) == 2
    assert "formats.cost must hold the largest cost" in capsys.readouterr().err


def test_the_register_map_is_printed_alone(capsys):
    assert main(["explain", "xor", "--registers"]) == 0
    assert capsys.readouterr().out == register_map(Plan(presets.xor()))
    assert main(["explain", "xor", "--registers", "--json"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_setting_is_changed(capsys):
    changes = ["--set", "network.layers=[2, 3, 1]", "--set", "formats.overflow=hold"]
    assert main(["explain", "xor", "--json", *changes]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["parameters"] == 13
    assert record["spec"]["formats"]["overflow"] == "hold"
    assert main(["explain", "xor", "--registers", *changes]) == 0
    changed = presets.xor().with_settings({"network.layers": [2, 3, 1], "formats.overflow": "hold"})
    assert capsys.readouterr().out == register_map(Plan(changed))
