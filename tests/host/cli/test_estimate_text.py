"""What ``pmgd explain --board`` and a refused ``pmgd build`` tell."""

import json
import re

from pmgd.boards.catalog import BOARDS
from pmgd.boards.estimate import estimate
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import PRESETS, xor
from pmgd.host.cli import main


def test_size_and_speed_are_told(capsys):
    assert main(["explain", "xor", "--board", "ulx3s_85f"]) == 0
    text = capsys.readouterr().out
    expected = estimate(Plan(xor()), BOARDS[0])
    assert "Size on Radiona ULX3S-85F, estimated" in text
    assert re.search(rf"LUT +{expected.used.lut:,} +83,640 +4%", text)
    assert re.search(r"DSP +7 +156 +4%", text)
    assert re.search(r"block RAM +3 +208 +1%", text)
    assert "LUT and FF within 15% of what place and route reports; it fits" in text
    assert re.search(r"the oscillator +25 +735,000 +1.36 s", text)
    assert re.search(r"typical fmax of such fabrics +97 +2,850,000 +0.351 s", text)
    assert all(line == line.rstrip() for line in text.splitlines())


def test_what_does_not_fit_is_told_with_advice(capsys):
    assert main(["explain", "parity4", "--board", "icebreaker"]) == 0
    text = capsys.readouterr().out
    assert "it does not fit: it needs about 7,9" in text
    assert "choose the hidden layer at most 1 or the board ulx3s_85f" in text


def test_what_is_nearly_too_large_is_left_to_the_build(capsys):
    assert main(["explain", "xor_fast", "--board", "icebreaker"]) == 0
    text = capsys.readouterr().out
    assert "it may just fit, or just not: pmgd build tells" in text
    assert re.search(r"typical fmax of such fabrics +32 +16,000,000 ", text, re.MULTILINE)


def test_every_preset_is_told_as_plain_values(capsys):
    for board in BOARDS:
        for preset in PRESETS:
            name = preset.__name__
            assert main(["explain", name, "--board", board.name, "--json"]) == 0
            told = json.loads(capsys.readouterr().out)["estimate"]
            assert told["board"] == board.name
            assert told["utilisation"]["lut"]["available"] == board.capacity.lut
            assert told["oscillator"]["clock_hz"] == board.clock_hz
            assert bool(told["advice"]) == bool(told["excess"])
            assert told["oscillator"]["seconds_per_million_timesteps"] > 0
            # None where no such fabric was measured.
            typical = told["typical_fmax"]
            assert typical is None or typical["seconds_per_million_timesteps"] > 0


def test_without_a_board_nothing_is_estimated(capsys):
    assert main(["explain", "xor", "--json"]) == 0
    assert "estimate" not in json.loads(capsys.readouterr().out)


def test_an_unknown_board_is_refused(capsys):
    assert main(["explain", "xor", "--board", "none"]) == 2
    assert "a board must be one of" in capsys.readouterr().err


def test_a_build_that_cannot_fit_is_refused(capsys, tmp_path):
    out = tmp_path / "out"
    assert main(["build", "parity4", "--board", "icebreaker", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pmgd: error: parity4 must fit 1BitSquared iCEBreaker")
    assert not out.exists()
