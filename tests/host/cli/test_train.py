import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.host import Trainer, run_folder
from pmgd.host.cli import main
from pmgd.host.result import parameters_sha256
from pmgd.host.spec_file import load_spec

X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
FILES = {"spec.toml", "history.csv", "parameters.csv", "result.json", "curves.png"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(*arguments):
    return main(["train", "xor", "--device", "golden", *map(str, arguments)])


def test_a_training_prints_its_result_and_writes_its_folder(capsys, tmp_path):
    assert train("--steps", 100) == 0
    out, err = capsys.readouterr()
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.name.startswith("xor-")
    for text in ("timesteps    100", "not solved", "accuracy", f"runs/{folder.name}", "targets"):
        assert text in out
    assert "training xor (2-2-1, 9 parameters) on golden, seed 0" in err
    assert "100%  100/100" in err
    assert "\r" not in err  # no terminal, no line that overwrites itself
    assert len(err.splitlines()) == 3 + 11  # inputs, targets, network; every tenth and the start


def test_json_is_all_that_is_printed(capsys):
    assert train("--steps", 120, "--seed", 3, "--json", "--out", "here") == 0
    record = json.loads(capsys.readouterr().out)
    spec = presets.xor().with_settings({"training.seed": 3})
    with Trainer(spec, "golden") as trainer:
        trainer.fit(X, Y, steps=120)
    speed = record.pop("timesteps_per_s")
    assert speed > 0
    assert record == {
        "name": "xor",
        "device": "golden",
        "seed": 3,
        "steps": 120,
        "cost": trainer.cost_,
        "accuracy": trainer.accuracy_,
        "samples": 4,
        "clipped": 0,
        "solved": False,
        "interrupted": False,
        "params_sha256": parameters_sha256(trainer.params_stored_),
        "plan_digest": f"{Plan(spec).digest:016x}",
        "out": "here",
    }


def test_a_run_folders_specification_repeats_the_run(capsys, tmp_path):
    assert train("--steps", 90, "--set", "training.tau_theta=4", "--seed=5", "--out=a") == 0
    arguments = ["train", "a/spec.toml", "--device", "golden", "--out", "b", "--json"]
    assert main(arguments) == 0
    first, second = (json.loads((tmp_path / name / "result.json").read_text()) for name in "ab")
    assert first["params_sha256"] == second["params_sha256"]
    assert (tmp_path / "a/history.csv").read_text() == (tmp_path / "b/history.csv").read_text()


def test_settings_are_toml_values_or_words(tmp_path):
    settings = ["network.layers=[2, 3, 1]", "training.order=sequential", "formats.cost=U1.9"]
    options = [option for setting in settings for option in ("--set", setting)]
    assert train("--steps", 5, "--out", "run", *options) == 0
    spec = load_spec("run/spec.toml")
    assert spec.network.layers == (2, 3, 1)
    assert spec.training.order == "sequential"
    assert str(spec.formats.cost) == "U1.9"


def test_data_comes_from_a_file(capsys, tmp_path):
    (tmp_path / "and.csv").write_text("0,0,0\n0,1,0\n1,0,0\n1,1,1\n")
    assert train("--steps", 3000, "--data", "and.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0


def test_a_trace_holds_every_timestep(capsys):
    assert train("--steps", 60, "--trace", "t.npz", "--json") == 0
    digest = json.loads(capsys.readouterr().out)["params_sha256"]
    with np.load("t.npz") as trace:
        assert set(trace) == {"cost", "baseline", "step", "parameters"}
        assert trace["cost"].shape == (60,)
        assert parameters_sha256(trace["parameters"][-1]) == digest


@pytest.mark.parametrize("out", [[], ["--out", "run"]], ids=["default", "out"])
@pytest.mark.parametrize("broken", ["trace", "run"])
def test_a_full_disk_leaves_nothing_of_what_it_has_no_room_for(
    capsys, monkeypatch, tmp_path, broken, out
):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    target, name = (np, "savez") if broken == "trace" else (run_folder, "dump_spec")
    monkeypatch.setattr(target, name, fail)
    assert train("--steps", 5, "--trace", "t.npz", *out) == 2
    error = capsys.readouterr().err
    assert "there is room for it, not to " in error
    assert "No space left on device; make room or choose another folder" in error
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert ("history.csv" in left) == (broken == "trace")
    assert not [name for name in left if name.endswith(".npz")]
    assert broken == "trace" or left in ([], ["runs"])


def test_an_earlier_run_is_replaced_with_a_word(capsys):
    assert train("--steps", 5, "--out", "run") == 0
    assert "replacing" not in capsys.readouterr().err
    assert train("--steps", 5, "--out", "run") == 0
    assert "pmgd: replacing the run in run\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "fpga"], "serial:PORT[@BAUD], not 'fpga'"),
        (["--device", "serial:/dev/none"], "port must exist, but /dev/none does not"),
        (["--trace", "x.vcd"], "rtl or pysim, not golden"),
        (["--trace", "x.txt"], ".vcd file for a waveform or an .npz file for timesteps"),
        (["--trace", "gone/x.npz"], "folder that exists"),
        (["--steps", "many"], "training.steps must be an integer"),
        (["--seed", "-1"], "training.seed must be from 0"),
        (["--set", "training.tau_x=1.5"], "training.tau_x must be an integer"),
        (["--set", "training.colour=1"], "not 'training.colour'"),
        (["--set", "training.eta"], "KEY=VALUE"),
        (["--set", "formats.cost=U0.4"], "choose U1.4"),
        (["--set", "network.layers=[3, 1]"], "shape (samples, 3)"),
        (["--data", "gone.csv"], "gone.csv: No such file"),
        (["--data", "nan.csv"], "finite numbers, not nan"),
        (["--data", "wide.csv"], "2 inputs and 1 target(s), separated by commas, not 4"),
        (["--data", "large.csv"], "from 0 to 1"),
        (["--out", "."], "choose another folder"),
    ],
)
def test_an_error_is_one_sentence_and_writes_nothing(capsys, tmp_path, arguments, message):
    (tmp_path / "nan.csv").write_text("0,nan,1\n")
    (tmp_path / "wide.csv").write_text("0,1,1,1\n")
    (tmp_path / "large.csv").write_text("0,2,1\n")
    before = set(tmp_path.iterdir())
    assert train(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("pmgd: error: ")
    assert message in last
    assert "Traceback" not in err
    left = set(tmp_path.rglob("*")) - before
    assert all(path.name == "runs" for path in left)


def start(*arguments):
    code = "import sys; from pmgd.host.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            code,
            "train",
            "xor",
            "--device",
            "golden",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interrupted_training_writes_what_it_has(tmp_path):
    with start("--steps", "100000000", "--out", "run", "--json") as process:
        for line in process.stderr:
            if "%" in line:  # it trains
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    record = json.loads(out)
    assert record["interrupted"]
    assert record["steps"] < 100_000_000
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    # It is the run that the wanted steps would have begun with.
    with Trainer(presets.xor(), "golden") as trainer:
        trainer.fit(X, Y, steps=record["steps"])
        assert parameters_sha256(trainer.params_stored_) == record["params_sha256"]
        assert trainer.cost_ == record["cost"]


def test_an_interrupt_before_the_training_ends_the_command(capsys, monkeypatch, tmp_path):
    def interrupted(*args):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("pmgd.host.trainer.open_device", interrupted)
    assert train("--out", "run") == 130
    assert capsys.readouterr().err.endswith("pmgd: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_the_signal_handler_is_given_back():
    before = signal.getsignal(signal.SIGINT)
    assert train("--steps", 20) == 0
    assert signal.getsignal(signal.SIGINT) is before
