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
