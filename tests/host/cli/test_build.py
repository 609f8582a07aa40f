"""The command, with tools that take no time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_tools import BOARD, FakeTools

from pmgd.boards import catalog
from pmgd.host.cli import main

BUILD = ["build", "xor", "--board", "bench", "--tools", "native"]
LIMIT_S = 120


@pytest.fixture(autouse=True)
def tools(tmp_path, monkeypatch):
    made = FakeTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(catalog, "BOARDS", (*catalog.BOARDS, BOARD))
    monkeypatch.chdir(tmp_path)
    return made


def test_a_build_tells_its_stages_and_what_it_takes(capsys, tmp_path):
    assert main(BUILD) == 0
    out, err = capsys.readouterr()
    for stage in ("synthesis", "place and route", "pack"):
        assert f"{stage} for Test Bench" in err
    rows = [line.split() for line in out.splitlines()]
    assert ["LUT", "100", "5,280", "2%"] in rows
    assert ["FF", "34", "5,280", "1%"] in rows
    assert ["DSP", "2", "8", "25%"] in rows
    assert ["block", "RAM", "3", "30", "10%"] in rows
    assert "20.50 MHz; the clock is 12 MHz" in out
    assert {path.name for path in (tmp_path / "build" / "xor-bench").iterdir()} == {
        "xor.bin",
        "manifest.json",
    }


def test_a_second_build_says_where_it_comes_from(capsys):
    main(BUILD)
    assert "made in" in capsys.readouterr().out
    assert main([*BUILD, "--out", "other"]) == 0
    out, err = capsys.readouterr()
    assert "from the cache in" in out
    assert err == ""


def test_options_reach_the_manifest(capsys, tmp_path):
    options = ["--seed", "5", "--baud", "750000", "--out", "there", "--json"]
    assert main([*BUILD, *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("out") == str(tmp_path / "there")
    assert printed == json.loads((tmp_path / "there" / "manifest.json").read_text())
    assert (printed["nextpnr_seed"], printed["baud"]) == (5, 750_000)


def test_the_fabric_may_be_faster_than_the_oscillator(capsys):
    assert main([*BUILD, "--clock", "18"]) == 0
    assert "20.50 MHz; the clock is 18 MHz, from a PLL and 12 MHz" in capsys.readouterr().out
    assert main([*BUILD, "--clock", "31"]) == 2
    assert "not 31 MHz; choose 30.75 or 31.125" in capsys.readouterr().err
    for wrong in ("fast", "0", "-1", "nan", "33.3333333"):
        assert main([*BUILD, f"--clock={wrong}"]) == 2
        assert f"such as 100 or 62.5, not '{wrong}'" in capsys.readouterr().err


def test_the_verilog_is_written_when_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    assert main([*BUILD, "--verilog"]) == 0
    assert "module pmgd_serial_fabric(" in (tmp_path / "build/xor-bench/xor.v").read_text()


def test_a_failure_is_one_sentence_and_the_log(capsys, tools, tmp_path):
    tools.replace("icepack", "print('ERROR: bad bits'); sys.exit(1)")
    assert main(BUILD) == 2
    err = capsys.readouterr().err
    assert "pmgd: error: pack must succeed, but icepack failed: bad bits; " in err
    assert "Traceback" not in err
    assert not (tmp_path / "build").exists()


def test_a_slow_bitstream_is_refused(capsys, tools, tmp_path):
    tools.set_fmax(9)
    assert main(BUILD) == 2
    assert "12 MHz" in (err := capsys.readouterr().err)
    assert "9.00 MHz" in err
    assert not (tmp_path / "build").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names places of Linux")
@pytest.mark.parametrize(
    ("out", "why"),
    [("/proc/x", "No such file or directory"), ("/etc/passwd/x", "Not a directory")],
)
def test_a_folder_that_cannot_be_made_is_refused_at_once(capsys, tools, out, why):
    assert main([*BUILD, "--out", out]) == 2
    assert capsys.readouterr().err == (
        f"pmgd: error: a build must go to a folder that can be written, not {out}: {why}; choose "
        f"another folder\n"
    )
    assert tools.calls == []


def test_a_setting_is_changed(capsys):
    changes = ["--set", "training.eta=0.25", "--set", "network.layers=[2, 1, 1]", "--json"]
    assert main([*BUILD, *changes]) == 0
    spec = json.loads(capsys.readouterr().out)["spec"]
    assert spec["training"]["eta"] == 0.25
    assert spec["network"]["layers"] == [2, 1, 1]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_tool_and_leaves_nothing(tools, tmp_path, name):
    ready = tmp_path / "ready"
    tools.replace(
        "nextpnr-ice40",
        f"import time; pathlib.Path({str(ready)!r}).write_text(f'{{os.getpid()}} '); "
        f"time.sleep({10 * LIMIT_S})",
    )
    program = (
        "import signal, sys; from fake_tools import BOARD; from pmgd.boards import catalog; "
        "from pmgd.host.cli import main; catalog.BOARDS = (BOARD,); "
        # However these tests were started.
        f"signal.signal(signal.{name}, signal.SIG_DFL); sys.exit(main({BUILD!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + LIMIT_S
            while not (ready.exists() and ready.read_text().endswith(" ")):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(getattr(signal, name))
            error = process.communicate(timeout=LIMIT_S)[1]
        finally:
            process.kill()
    tool = int(ready.read_text())
    try:
        with pytest.raises(ProcessLookupError):
            os.kill(tool, 0)
    except BaseException:
        os.kill(tool, signal.SIGKILL)
        raise
    assert process.returncode == 130
    assert error.splitlines()[-1] == "pmgd: interrupted"
    assert "Traceback" not in error
    assert not list((tmp_path / "cache" / "pmgd").iterdir())
    assert not (tmp_path / "build").exists()


def test_an_unknown_board_is_refused(capsys):
    assert main(["build", "xor", "--board", "arty"]) == 2
    assert "one of ulx3s_85f, icebreaker, bench, not 'arty'" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["amaranth_boards", "amaranth"])
def test_a_missing_package_comes_with_the_command_that_installs_it(package):
    done = without(package, "build", "xor", "--board", "icebreaker")
    assert done.returncode == 2
    assert f"needs the package {package}, which" in done.stderr
    assert "pip install 'pmgd[build]'" in done.stderr


def test_the_boards_are_listed_without_amaranth():
    assert without("amaranth", "boards").stdout.count("iCE40UP5K") == 1


def without(package, *arguments):
    """Run the command in a process that lacks a package."""
    program = (
        f"import sys; sys.modules[{package!r}] = None; from pmgd.host.cli import main; "
        f"sys.exit(main({arguments!r}))"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
