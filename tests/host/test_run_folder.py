import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import DataError
from pmgd.host import Trainer, run_folder
from pmgd.host.datasets import load
from pmgd.host.result import Result, parameters_sha256
from pmgd.host.run_folder import check_out, new_run_folder, write_run
from pmgd.host.spec_file import load_spec

FILES = {"spec.toml", "history.csv", "parameters.csv", "result.json", "curves.png"}


@pytest.fixture(scope="module")
def trained():
    spec = presets.xor().with_settings({"training.steps": 120})
    dataset = load(spec.data, spec.network)
    with Trainer(spec, "golden") as trainer:
        trainer.fit(dataset.x, dataset.y)
    return trainer, Result.of(trainer, "golden")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return {entry.name for entry in folder.iterdir()}


def test_a_run_can_be_read_without_this_project(trained, tmp_path):
    trainer, result = trained
    folder = tmp_path / "some" / "run"
    assert write_run(folder, trainer, result) == []
    assert names(folder) == FILES
    assert names(folder.parent) == {"run"}  # no draft stays behind

    history = rows(folder / "history.csv")
    assert [int(row["timestep"]) for row in history] == trainer.history_.timestep.tolist()
    assert [float(row["cost"]) for row in history] == trainer.history_.cost.tolist()
    assert [float(row["accuracy"]) for row in history] == trainer.history_.accuracy.tolist()

    parameters = rows(folder / "parameters.csv")
    assert [int(row["stored"]) for row in parameters] == trainer.params_stored_.tolist()
    assert [float(row["value"]) for row in parameters] == trainer.params_.tolist()
    places = [(row["layer"], row["neuron"], row["input"]) for row in parameters]
    assert places == [
        ("0", "0", "0"), ("0", "0", "1"), ("0", "0", "bias"),
        ("0", "1", "0"), ("0", "1", "1"), ("0", "1", "bias"),
        ("1", "0", "0"), ("1", "0", "1"), ("1", "0", "bias"),
    ]  # fmt: skip

    assert load_spec(str(folder / "spec.toml")) == trainer.spec
    written = json.loads((folder / "result.json").read_text())
    assert written == result.to_mapping()
    assert written["steps"] == 120
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_parameters_of_a_network_without_biases(tmp_path):
    spec = presets.xor().with_settings({"training.steps": 10, "network.bias": False})
    dataset = load(spec.data, spec.network)
    with Trainer(spec, "golden") as trainer:
        trainer.fit(dataset.x, dataset.y)
    write_run(tmp_path / "run", trainer, Result.of(trainer, "golden"))
    parameters = rows(tmp_path / "run" / "parameters.csv")
    assert [row["input"] for row in parameters] == ["0", "1"] * 3
    assert [int(row["stored"]) for row in parameters] == trainer.params_stored_.tolist()


def test_the_written_parameters_compute_the_written_cost(trained, tmp_path):
    trainer, result = trained
    write_run(tmp_path / "run", trainer, result)
    theta = np.array([float(row["value"]) for row in rows(tmp_path / "run" / "parameters.csv")])

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    hidden = sigmoid(x @ theta[:6].reshape(2, 3)[:, :2].T + theta[[2, 5]])
    output = sigmoid(hidden @ theta[6:8] + theta[8])
    # 8-bit activations and a 32-segment sigmoid move each output by less than 0.02.
    assert np.mean((output - y) ** 2) == pytest.approx(result.cost, abs=0.02)


def test_the_hash_is_that_of_little_endian_int32():
    # printf '\x01\x00\x00\x00\xff\xff\xff\xff' | sha256sum
    expected = "b15348c8f462384c01e83b6d499c6faf3f96808f5aa07c6bab4b65b36b4445d4"
    assert parameters_sha256(np.array([1, -1], dtype=np.int64)) == expected


def test_data_files_are_found_again_from_the_run_folder(trained, tmp_path, monkeypatch):
    trainer, result = trained
    monkeypatch.chdir(tmp_path)
    moved = Trainer(trainer.spec.with_settings({"data.source": "some.csv"}), "golden")
    for name in ("history_", "params_", "params_stored_"):
        setattr(moved, name, getattr(trainer, name))
    write_run(Path("run"), moved, result)
    written = load_spec(str(tmp_path / "run" / "spec.toml"))
    assert written.data.source == str(tmp_path / "some.csv")


def test_without_matplotlib_only_the_picture_is_missing(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (notice,) = write_run(tmp_path / "run", *trained)
    assert "curves.png" in notice
    assert "pip install 'pmgd[sim]'" in notice
    assert names(tmp_path / "run") == FILES - {"curves.png"}


def test_a_failure_leaves_nothing_behind(trained, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder, "plot_curves", fail)
    with pytest.raises(DataError, match=r"not to .*run: No space left on device; make room"):
        write_run(tmp_path / "run", *trained)
    assert names(tmp_path) == set()


def test_a_failure_leaves_an_earlier_run_alone(trained, tmp_path, monkeypatch):
    write_run(tmp_path / "run", *trained)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_folder, "plot_curves", fail)
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "run", *trained)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert names(tmp_path) == {"run"}


def test_a_run_is_replaced_only_with_a_word(trained, tmp_path, monkeypatch):
    trainer, result = trained
    folder = tmp_path / "run"
    assert check_out(folder) == ""
    write_run(folder, trainer, result)
    assert check_out(folder) == f"replacing the run in {folder}"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    again = Result(**{**result.to_mapping(), "seed": 5})
    write_run(folder, trainer, again)
    assert json.loads((folder / "result.json").read_text())["seed"] == 5
    assert names(folder) == FILES - {"curves.png"}  # the old picture is not of this run


def test_an_empty_folder_is_filled(trained, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    assert check_out(folder) == ""
    write_run(folder, *trained)
    assert names(folder) == FILES


def test_other_files_are_never_touched(trained, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("precious")
    for attempt in (check_out, lambda path: write_run(path, *trained)):
        with pytest.raises(DataError, match=r"thesis, which holds chapter\.tex; choose another"):
            attempt(folder)
        with pytest.raises(DataError, match=r"not to the file .*chapter\.tex"):
            attempt(folder / "chapter.tex")
    assert names(folder) == {"chapter.tex"}


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"folders can be made, not to .*file/run: File exists"):
        check_out(tmp_path / "file" / "run")


def test_default_folders_never_collide(tmp_path):
    """Not even if several are wanted in one second, and none of them is written yet."""
    folders = [new_run_folder("xor", tmp_path / "runs") for _ in range(4)]
    assert len(set(folders)) == 4
    for folder in folders:
        assert folder.name.startswith("xor-")
        assert not list(folder.iterdir())
