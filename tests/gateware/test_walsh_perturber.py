"""The perturber of the Walsh code: every row in every column, and that they are orthogonal."""

import gc

import pytest
from datapath import play

from pmgd.gateware.walsh_perturber import WalshPerturber


def row_of(row: int, bits: int) -> list[int]:
    """Return a row of the matrix as the perturber plays it, while its scan chain passes."""
    dut = WalshPerturber(row, bits)
    rows = [(code, code % 2, code // 2 % 2) for code in range(2**bits)]
    seen = play(
        dut,
        (dut.code, dut.advance, dut.scan.input),
        rows,
        (dut.positive, dut.own, dut.active, dut.scan.output),
    )
    assert [(own, active) for _, own, active, _ in seen] == [(sign, 1) for sign, *_ in seen]
    assert [passed for *_, passed in seen] == [scan_input for *_, scan_input in rows]
    return [1 if sign else -1 for sign, *_ in seen]


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
def test_rows_are_those_of_the_matrix(bits: int) -> None:
    matrix = [[1]]
    for _ in range(bits):
        top = [row + row for row in matrix]
        matrix = top + [row + [-value for value in row] for row in matrix]
    rows = [row_of(row, bits) for row in range(1, 2**bits)]
    assert rows == matrix[1:]
    # Over all columns they are orthogonal, in pairs and to the row of ones.
    for i, row in enumerate(rows):
        assert sum(row) == 0
        assert all(sum(a * b for a, b in zip(row, other, strict=True)) == 0 for other in rows[:i])


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("row", [0, 8, -1])
def test_row_must_exist(row: int) -> None:
    with pytest.raises(ValueError, match=f"row must be from 1 to 7, not {row}"):
        WalshPerturber(row, 3)
    gc.collect()  # what is left of it warns here
