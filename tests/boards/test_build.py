"""What is refused before any tool runs, and a real build."""

import hashlib
import json

import pytest

from pmgd.boards.build import MANIFEST, build
from pmgd.boards.catalog import BOARDS, board
from pmgd.gateware import presets
from pmgd.gateware.errors import DataError, SpecError
from pmgd.gateware.plan import Plan
from pmgd.host.cli import main


def test_every_board_is_found_by_its_name():
    assert [board(each.name) for each in BOARDS] == list(BOARDS)
    assert {each.name for each in BOARDS} == {"ulx3s_85f", "icebreaker"}


def test_another_board_is_refused():
    with pytest.raises(SpecError, match="one of ulx3s_85f, icebreaker, not 'arty'"):
        board("arty")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be from 0"),
        ({"baud": 5_000_000}, "baud must be from 1 to 1500000 for a clock of 12 MHz"),
        ({"baud": 1_300_000}, "choose 1333333"),
    ],
)
def test_a_build_that_cannot_be_is_refused_at_once(tmp_path, arguments, message):
    with pytest.raises(SpecError, match=message):
        build(presets.xor(), board("icebreaker"), tmp_path / "out", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match=r".*another folder|.*another build"):
        build(presets.xor(), board("icebreaker"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_command_names_the_boards(capsys):
    assert main(["boards"]) == 0
    out = capsys.readouterr().out
    assert all(each.name in out and each.title in out for each in BOARDS)
    assert main(["build", "xor", "--board", "arty"]) == 2
    assert "not 'arty'" in capsys.readouterr().err


@pytest.mark.synth
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s_85f"])
def test_a_bitstream_meets_its_clock_and_comes_again_from_the_cache(tmp_path, name):
    chosen = board(name)
    first, second = (
        build(presets.xor(), chosen, tmp_path / out, cache=tmp_path / "cache")
        for out in ("first", "second")
    )
    assert not first.cached
    assert second.cached
    assert first.report.fmax_hz >= chosen.clock_hz
    manifest = json.loads((first.folder / MANIFEST).read_text())
    assert manifest["plan_digest"] == f"{Plan(presets.xor()).digest:016x}"
    for file, digest in manifest["files"].items():
        assert hashlib.sha256((first.folder / file).read_bytes()).hexdigest() == digest
        assert (first.folder / file).read_bytes() == (second.folder / file).read_bytes()
