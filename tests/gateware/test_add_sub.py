"""The adder that also subtracts: its results, and those of the cells that it is made of."""

from itertools import product

import pytest
from datapath import play
from netlist import cells, prove_equal

from pmgd.gateware.add_sub import AddSub


def test_every_result() -> None:
    dut = AddSub(5)
    cases = {
        (a, b, subtract): (a - b if subtract else a + b,)
        for a, b, subtract in product(range(-16, 16), range(-16, 16), (0, 1))
    }
    fitting = {case: result for case, result in cases.items() if -16 <= result[0] < 16}
    seen = play(dut, (dut.a, dut.b, dut.subtract), list(fitting), (dut.result,))
    assert seen == list(fitting.values())


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
@pytest.mark.parametrize("bits", [1, 4, 5, 16])
def test_cells_are_equal(family: str, bits: int, tmp_path) -> None:
    prove_equal(lambda: AddSub(bits), family, tmp_path)


@pytest.mark.parametrize(
    ("family", "table", "wrong"),
    [("ecp5", "_CCU2C_SUM", 0x96AC), ("ice40", "_SB_SUM", 0x9669)],
)
def test_wrong_cells_are_caught(family: str, table: str, wrong: int, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(f"pmgd.gateware.add_sub.{table}", wrong)
    with pytest.raises(AssertionError, match="proof did fail"):
        prove_equal(lambda: AddSub(4), family, tmp_path)


@pytest.mark.parametrize(
    ("family", "expected"),
    [("ecp5", {"CCU2C": 9}), ("ice40", {"SB_LUT4": 33, "SB_CARRY": 17})],
)
def test_area(family: str, expected: dict, tmp_path) -> None:
    """18 places of a chain; on the iCE40 the first has no table, and 16 bits of b are inverted."""
    assert cells(AddSub(17), family, tmp_path) == expected
