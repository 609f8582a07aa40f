"""The command, with tools that take no time."""

import json
import re

import pytest
from fake_tools import BOARD, FakeTools

from pmgd.boards import catalog, references
from pmgd.boards.family import ICE40
from pmgd.boards.references import Reference
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.host.cli import main
from pmgd.host.cli.text import rate

CLOCKS = Plan(xor()).clocks_per_timestep()
BENCH = ["bench", "fabric", "--tools", "native"]


@pytest.fixture(autouse=True)
def tools(tmp_path, monkeypatch):
    made = FakeTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(catalog, "BOARDS", (*catalog.BOARDS, BOARD))
    watched = (
        Reference(xor().with_settings({"name": "small"}), BOARD),
        Reference(xor().with_settings({"name": "large", "fabric.samples": 8}), BOARD, small=False),
    )
    monkeypatch.setattr(references, "REFERENCES", watched)
    monkeypatch.chdir(tmp_path)
    return made


def test_a_fabric_is_measured_however_slow_it_is(capsys, tools):
    tools.set_fmax(9.9)
    assert main([*BENCH, "xor", "--board", "bench"]) == 0
    out, err = capsys.readouterr()
    assert "xor: synthesis" in err
    assert "pack" not in err
    assert tools.calls == ["yosys", "nextpnr-ice40"]
    rows = [line.split() for line in out.splitlines()]
    size = ["100", "/", "34", "/", "2", "/", "3"]
    speed = ["9.9", str(CLOCKS), rate(9_900_000 / CLOCKS), "0"]
    assert ["xor", "bench", *size, "11.1", *speed] in rows
    target = f"{ICE40.target_hz / 1e6:g} MHz"
    assert f"link.state -> cost  2.00 ns  10.00 ns      0  {target}" in out


def test_the_figures_as_json(capsys):
    assert main([*BENCH, "xor", "--board", "bench", "--target", "30", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["fabrics"]
    assert (row["lut"], row["ff"], row["fmax_hz"]) == (100, 34, 20_500_000)
    assert (row["constraint_hz"], row["clocks_per_timestep"]) == (30_000_000, CLOCKS)
    assert row["limit"] == {
        "start": "link.state",
        "end": "cost",
        "logic_ns": 2.0,
        "routing_ns": 10.0,
        "cells": 0,
    }


def test_a_clock_from_a_pll_is_what_the_tools_strive_for(capsys):
    assert main([*BENCH, "xor", "--board", "bench", "--clock", "24", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["fabrics"]
    assert row["constraint_hz"] == 24_000_000


def test_the_watched_fabrics_are_measured_and_kept(capsys, tools, tmp_path):
    assert main([*BENCH, "--small", "--write", "kept.json"]) == 0
    assert list(json.loads((tmp_path / "kept.json").read_text())["fabrics"]) == ["small"]
    assert main([*BENCH, "--write", "kept.json"]) == 0
    assert list(json.loads((tmp_path / "kept.json").read_text())["fabrics"]) == ["small", "large"]
    assert tools.calls == 2 * ["yosys", "nextpnr-ice40"]  # the first one comes from the cache
    capsys.readouterr()
    assert main([*BENCH, "--board", "icebreaker", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"fabrics": []}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["xor"], "--board must be given for xor; pmgd boards lists them"),
        (["xor", "--board", "arty"], "not 'arty'"),
        (["xor", "--write", "kept.json"], "--write must be used with the watched .* not with xor"),
        (["--seed", "2", "--write", "kept.json"], "not with another setting, board, clock or seed"),
        (["small", "--board", "icebreaker", "--write", "kept.json"], "not with another setting"),
        (["small", "--clock", "24", "--target", "30"], "but there are 30 and 24 MHz; leave one"),
        (["small", "--clock", "31"], "not 31 MHz; choose"),
        (["small", "--seed", "-1"], "seed must be from 0 to 2147483642, not -1"),
    ],
)
def test_what_cannot_be_is_refused_at_once(capsys, tools, tmp_path, options, message):
    assert main([*BENCH, *options]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert tools.calls == []
    assert not (tmp_path / "kept.json").exists()
