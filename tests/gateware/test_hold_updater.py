"""The updater in one carry chain: its rule, its ring, and the cells that it is made of."""

import random
from itertools import product

import pytest
from datapath import drive, rotate, shift
from netlist import cells, prove_equal

from pmgd.gateware.hold_updater import HoldUpdater
from pmgd.sim.testbench import simulate


def following(theta: int, step: int, positive: int, bits: int) -> int:
    moved = theta - step if positive else theta + step
    return moved if -(2 ** (bits - 1)) <= moved < 2 ** (bits - 1) else theta


def to_ring(theta: int, bits: int) -> list[int]:
    """Return the bits of offset binary, most significant first."""
    offset = theta + 2 ** (bits - 1)
    return [offset >> i & 1 for i in reversed(range(bits))]


async def load(ctx, dut: HoldUpdater, theta: int, bits: int) -> list[int]:
    ctx.set(dut.step, -1)
    left = await shift(ctx, dut.scan, to_ring(theta, bits))
    ctx.set(dut.step, 0)
    return left


def requirement(dut: HoldUpdater):
    return ~dut.scan.shift | (dut.step == -1)


@pytest.mark.parametrize("bits", [2, 4])
def test_every_move(bits: int) -> None:
    dut = HoldUpdater(bits)
    values = range(-(2 ** (bits - 1)), 2 ** (bits - 1))

    async def testbench(ctx):
        expected = 0
        for theta, step, positive in product(values, values, (0, 1)):
            # Loading a state shifts out what became of the one before.
            assert await load(ctx, dut, theta, bits) == to_ring(expected, bits)
            seen = await drive(ctx, (dut.step, dut.positive), [(step, positive)], (dut.theta,))
            assert seen == [(theta,)]
            expected = following(theta, step, positive, bits)
            assert ctx.get(dut.theta) == expected
            ctx.set(dut.step, 0)

    simulate(dut, testbench)


def test_walk(random_seed: int) -> None:
    """Long runs in one direction, to the bounds, with small steps and large ones."""
    rng = random.Random(random_seed)
    dut = HoldUpdater(16)
    rows, thetas = [], []
    theta = 0
    for k in range(4000):
        step = rng.choice([0, rng.randrange(-64, 64), rng.randrange(-(2**15) + 1, 2**15)])
        if rng.random() < 0.5:
            step = abs(step)
        positive = rng.random() < (0.9 if k // 500 % 2 else 0.1)
        rows.append((step, positive))
        thetas.append((theta,))
        theta = following(theta, step, positive, 16)

    async def testbench(ctx):
        assert await drive(ctx, (dut.step, dut.positive), rows, (dut.theta,)) == thetas
        ctx.set(dut.step, -1)
        assert await rotate(ctx, dut.scan, 16) == to_ring(theta, 16)
        ctx.set(dut.step, 0)
        assert ctx.get(dut.theta) == theta

    simulate(dut, testbench)


def test_step_while_shifting_is_caught() -> None:
    dut = HoldUpdater(4)

    async def testbench(ctx):
        await shift(ctx, dut.scan, [1])

    with pytest.raises(AssertionError, match="the step is all ones while the ring shifts"):
        simulate(dut, testbench)


@pytest.mark.parametrize(
    ("family", "bits"), [("ecp5", 2), ("ecp5", 5), ("ecp5", 16), ("ice40", 5), ("ice40", 16)]
)
def test_cells_are_equal(family: str, bits: int, tmp_path) -> None:
    prove_equal(lambda: HoldUpdater(bits), family, tmp_path, requirement)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [("_STORED", 0x000C), ("_FIRST", 0xE00A), ("_MOVED", 0x96AA), ("_FITS", 0xC3AA)],
)
def test_wrong_cells_are_caught(table: str, wrong: int, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(f"pmgd.gateware.hold_updater.{table}", wrong)
    with pytest.raises(AssertionError, match="proof did fail"):
        prove_equal(lambda: HoldUpdater(4), "ecp5", tmp_path, requirement)


def test_cells_require_the_step_while_shifting(tmp_path) -> None:
    with pytest.raises(AssertionError, match="proof did fail"):
        prove_equal(lambda: HoldUpdater(4), "ecp5", tmp_path)


def test_area(tmp_path) -> None:
    """18 places of a chain, and LUTs for bit 0 and two inverters.

    That of `scan.shift` is shared by all synapses, and that of theta's sign may be taken in by what
    reads it.
    """
    expected = {"CCU2C": 9, "LUT4": 3, "TRELLIS_FF": 16}
    assert cells(HoldUpdater(16), "ecp5", tmp_path) == expected
