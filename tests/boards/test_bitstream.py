"""Real bitstreams, of the tools that users have."""

import hashlib
import json

import pytest

from pmgd.boards.build import MANIFEST, build
from pmgd.boards.catalog import BOARDS
from pmgd.gateware.presets import xor

pytestmark = pytest.mark.synth


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_the_clock_is_that_of_the_platform(board):
    assert board.platform().default_clk_frequency == board.clock_hz
    assert board.platform().device == board.device


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_xor_fits_and_meets_the_clock_and_comes_out_the_same_twice(tmp_path, board):
    made = [
        build(xor(), board, tmp_path / name / "out", cache=tmp_path / name) for name in ("a", "b")
    ]
    assert not any(result.cached for result in made)
    first, second = ({p.name: p.read_bytes() for p in r.folder.iterdir()} for r in made)
    assert first == second
    manifest = json.loads(first.pop(MANIFEST))
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in first.items()
    }
    report = made[0].report
    assert report.available == board.capacity
    assert report.fmax_hz >= board.clock_hz
    assert report.used.ff > 9 * (12 + 20 + 16)  # the state of nine synapses
