"""Real bitstreams, of the tools that users have."""

import hashlib
import json

import pytest

from pmgd.boards.build import MANIFEST, build
from pmgd.boards.catalog import BOARDS, board
from pmgd.boards.design import NETLIST_REPORT, REPORT, prepare
from pmgd.boards.make import make
from pmgd.boards.pll import find_pll
from pmgd.boards.tools import find_tool
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Network, Spec

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


@pytest.mark.parametrize(
    ("name", "mhz"), [("ulx3s_85f", 50), ("ulx3s_85f", 45), ("icebreaker", 18)]
)
def test_the_tools_know_the_clock_that_a_pll_makes(tmp_path, name, mhz):
    chosen = board(name)
    pll = find_pll(chosen.family.plls(chosen.clock_hz), chosen.clock_hz, mhz * 1_000_000)
    plan = Plan(Spec(name="tiny", network=Network(layers=(1, 1))))
    design = prepare(plan, chosen, mhz, 1, pll=pll)
    tools = {tool: find_tool(tool, "yowasp") for tool in design.tools}
    products, _ = make(design, tools, tmp_path, lambda stage: None)
    clocks = json.loads(products[REPORT])["fmax"]
    # nextpnr keeps periods in whole picoseconds.
    assert [clock["constraint"] for clock in clocks.values()] == [pytest.approx(mhz, rel=1e-3)]
    assert len(products[design.bitstream]) > 10_000
    cells = json.loads(products[NETLIST_REPORT])["design"]["num_cells_by_type"]
    assert cells.get("EHXPLLL", 0) + cells.get("SB_PLL40_PAD", 0) == 1
    assert pll.output_hz == mhz * 1_000_000
