"""The sum of two numbers, each times one bit, and the cells that it is made of."""

import random
from itertools import product

import pytest
from datapath import play
from netlist import cells, prove_equal

from pmgd.gateware.masked_add import MaskedAdd


def sums(dut: MaskedAdd, cases: list) -> list[int]:
    seen = play(dut, (dut.a, dut.b, dut.x_a, dut.x_b), cases, (dut.sum,))
    return [total for (total,) in seen]


def test_every_sum() -> None:
    cases = list(product(range(-8, 8), range(-8, 8), (0, 1), (0, 1)))
    assert sums(MaskedAdd(4), cases) == [a * x_a + b * x_b for a, b, x_a, x_b in cases]


def test_wide_sums(random_seed: int) -> None:
    rng = random.Random(random_seed)
    numbers = list(product((-(2**15), -1, 0, 1, 2**15 - 1), repeat=2))
    numbers += [
        (rng.randrange(-(2**15), 2**15), rng.randrange(-(2**15), 2**15)) for _ in range(300)
    ]
    cases = [(a, b, x_a, x_b) for a, b in numbers for x_a, x_b in product((0, 1), repeat=2)]
    assert sums(MaskedAdd(16), cases) == [a * x_a + b * x_b for a, b, x_a, x_b in cases]


@pytest.mark.parametrize("bits", [1, 4, 5, 16])
def test_cells_are_equal(bits: int, tmp_path) -> None:
    prove_equal(lambda: MaskedAdd(bits), "ecp5", tmp_path)


def test_wrong_cells_are_caught(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("pmgd.gateware.masked_add._MASKED_SUM", 0xF888)
    with pytest.raises(AssertionError, match="proof did fail"):
        prove_equal(lambda: MaskedAdd(4), "ecp5", tmp_path)


def test_area(tmp_path) -> None:
    """12 places of a carry chain, and no LUT that masks."""
    assert cells(MaskedAdd(10), "ecp5", tmp_path) == {"CCU2C": 6}
