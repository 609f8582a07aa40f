"""A product between registers, and the multiplier whose registers they are."""

import random
from pathlib import Path

import pytest
from amaranth.hdl import Shape, signed, unsigned
from datapath import play
from netlist import cells, prove_equal

from pmgd.gateware.multiplier import Multiplier

SHAPES = [
    (signed(4), unsigned(3)),
    (unsigned(4), signed(2)),
    (signed(3), signed(5)),
    (unsigned(4), unsigned(4)),
    # Only beyond the width of a factor does a product depend on the factors' signs.
    (signed(17), unsigned(2)),
    (unsigned(3), signed(16)),
]
MODEL = (Path(__file__).parents[1] / "mult18x18d.v").read_text()


def values(shape: Shape) -> range:
    low = -(1 << shape.width - 1) if shape.signed else 0
    return range(low, low + (1 << shape.width))


@pytest.mark.parametrize(
    ("a", "b"), [*SHAPES, (signed(18), unsigned(18)), (unsigned(1), signed(19))]
)
def test_a_product_every_cycle(a: Shape, b: Shape, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = Multiplier(a, b)
    cases = [(x, y) for x in (values(a)[0], values(a)[-1]) for y in (values(b)[0], values(b)[-1])]
    cases += [(rng.choice(values(a)), rng.choice(values(b))) for _ in range(200)]
    seen = play(dut, (dut.a, dut.b), [*cases, (0, 0), (0, 0)], (dut.product,))
    assert [product for (product,) in seen[2:]] == [x * y for x, y in cases]


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_cells_are_equal(a: Shape, b: Shape, tmp_path) -> None:
    prove_equal(lambda: Multiplier(a, b), "ecp5", tmp_path, models=MODEL)


def test_wrong_cells_are_caught(tmp_path) -> None:
    wrong = MODEL.replace("SIGNEDA & a_in[17]", "1'b0")
    assert wrong != MODEL
    with pytest.raises(AssertionError, match="proof did fail"):
        prove_equal(lambda: Multiplier(*SHAPES[-2]), "ecp5", tmp_path, models=wrong)


def test_registers_are_the_multipliers(tmp_path) -> None:
    found = cells(Multiplier(signed(17), unsigned(10)), "ecp5", tmp_path)
    assert found == {"MULT18X18D": 1}
