"""The scaling by every level of a sine, against the specification's a_k."""

import random

import pytest
from datapath import Row, play
from datapath_model import MAGNITUDES, scaled

from pmgd.gateware.latency import LEVELS_CYCLES
from pmgd.gateware.levels import Levels

COUNT = len(MAGNITUDES)


def run(bits: int, starts: list[tuple[int, int]]) -> list[Row]:
    """Start in these cycles with these values, which stay while they must; the last one stays."""
    dut = Levels(bits)
    cycles = starts[-1][0] + LEVELS_CYCLES + 5
    rows = [[0, (1 << bits) - 1 - cycle % 2] for cycle in range(cycles)]
    for first, value in starts:
        rows[first][0] = 1
        for cycle in range(first, cycles if first == starts[-1][0] else first + COUNT):
            rows[cycle][1] = value
    outputs = dut.valid, dut.level, dut.scaled
    return play(dut, (dut.start, dut.value), [tuple(row) for row in rows], outputs)


def check(bits: int, starts: list[tuple[int, int]]) -> None:
    seen = run(bits, starts)
    expected = {}
    for first, value in starts:
        for level in range(COUNT):
            expected[first + LEVELS_CYCLES - COUNT + 1 + level] = (1, level, scaled(value, level))
    for cycle, row in enumerate(seen):
        if cycle in expected:
            assert row == expected[cycle], cycle
        else:
            assert not row[0], cycle
    # The last result stays, as its value does.
    assert seen[-1][2] == seen[max(expected)][2]


@pytest.mark.parametrize("bits", [1, 2, 7, 9, 16])
def test_every_level(bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    largest = (1 << bits) - 1
    values = [largest, 0, 1, 1 << (bits - 1), *(rng.randint(0, largest) for _ in range(20))]
    first, starts = 0, []
    for value in values:
        starts.append((first, value))
        first += COUNT + rng.choice([0, 0, 1, 2, 3, 10])
    check(bits, starts)


def test_starts_that_follow_each_other_directly(random_seed: int) -> None:
    """One begins in the cycle in which the last level of the one before has been taken."""
    rng = random.Random(random_seed)
    check(16, [(COUNT * k, rng.getrandbits(16)) for k in range(20)])


def test_nothing_is_valid_before_a_start() -> None:
    dut = Levels(4)
    assert play(dut, (dut.start,), [(0,)] * 20, (dut.valid,)) == [(0,)] * 20


def test_latency_is_the_declared_one() -> None:
    """To the last of them, all of which follow each other."""
    valid = [row[0] for row in run(8, [(0, 200)])]
    assert valid == [0] * (LEVELS_CYCLES - COUNT + 1) + [1] * COUNT + [0] * 4
    assert valid[LEVELS_CYCLES : LEVELS_CYCLES + 2] == [1, 0]
