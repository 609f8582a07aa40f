import pytest
from amaranth.hdl import ClockSignal, Module, Signal
from amaranth.sim import Simulator
from fake_tools import BOARD

from pmgd.boards.catalog import board
from pmgd.boards.clock import LockReset
from pmgd.boards.design import prepare
from pmgd.boards.pll import find_pll
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Network, Spec

PLAN = Plan(Spec(name="tiny", network=Network(layers=(1, 1))))
CYCLES = 5


def design(chosen, mhz=None, **options):
    pll = None
    if mhz is not None:
        pll = find_pll(chosen.family.plls(chosen.clock_hz), chosen.clock_hz, round(mhz * 1e6))
    return prepare(PLAN, chosen, 12, 1, pll=pll, **options)


def test_a_lock_must_last_and_its_loss_resets_again():
    m = Module()
    locked = Signal()
    m.submodules.reset = reset = LockReset(ClockSignal("sync"), locked, CYCLES)

    async def bench(ctx):
        for _ in range(3):
            await ctx.tick().repeat(20)
            assert not ctx.get(reset.ready)
            ctx.set(locked, 1)
            await ctx.tick().repeat(CYCLES)
            assert not ctx.get(reset.ready)
            ctx.set(locked, 0)  # too early
            await ctx.tick().repeat(20)
            assert not ctx.get(reset.ready)
            ctx.set(locked, 1)
            await ctx.tick().repeat(CYCLES + 5)
            assert ctx.get(reset.ready)
            ctx.set(locked, 0)
            await ctx.tick().repeat(2)
            assert not ctx.get(reset.ready)

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_the_oscillator_is_the_clock_unless_a_pll_is():
    text = design(BOARD).files["top.il"].decode()
    assert "PLL" not in text
    assert "SB_GB_IO" in text


def test_an_ice40_takes_its_pll_from_the_oscillators_pin():
    text = design(BOARD, 18).files["top.il"].decode()
    assert text.count("cell \\SB_PLL40_PAD") == 1
    assert "SB_GB_IO" not in text
    assert "connect \\PACKAGEPIN" in text
    for name, value in {"DIVR": 0, "DIVF": 47, "DIVQ": 5, "FILTER_RANGE": 1}.items():
        assert f"parameter \\{name} {value}\n" in text
    assert "clk12_0__io" in design(BOARD, 18).files["top.pcf"].decode()


@pytest.mark.parametrize(("mhz", "second"), [(100, False), (90, True)])
def test_an_ecp5_has_a_second_output_where_the_feedback_is_another_frequency(mhz, second):
    pytest.importorskip("amaranth_boards")
    files = design(board("ulx3s_85f"), mhz).files
    text = files["top.il"].decode()
    assert text.count("cell \\EHXPLLL") == 1
    assert ("connect \\CLKOS " in text) == second
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;' in files["top.lpf"].decode()


def test_a_target_is_told_to_the_tools_and_ends_with_place_and_route():
    plain, measured = design(BOARD), design(BOARD, target_hz=40_000_000)
    assert measured.bitstream == ""
    assert measured.commands == plain.commands[:2]
    assert "set_frequency clk12_0__io 12.0" in plain.files["top.pcf"].decode()
    assert "set_frequency clk12_0__io 40.0" in measured.files["top.pcf"].decode()
    # Platforms of a board share what lists the pins.
    assert design(BOARD).files == plain.files
