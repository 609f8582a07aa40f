"""The adder tree against a sum, for every number of leaves that changes its shape."""

import random
from itertools import product

import pytest
from datapath import assert_pipelined, play

from pmgd.gateware.adder_tree import AdderTree
from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import tree_cycles


@pytest.mark.parametrize("leaves", [*range(1, 10), 15, 16, 17, 33])
@pytest.mark.parametrize("leaf_bits", [1, 13])
@pytest.mark.parametrize("levels_per_stage", [1, 2])
def test_sum(levels_per_stage: int, leaves: int, leaf_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    least, most = -(2 ** (leaf_bits - 1)), 2 ** (leaf_bits - 1) - 1
    dut = AdderTree(
        leaves=leaves,
        leaf_bits=leaf_bits,
        sum_bits=signed_bits(leaves * least, leaves * most),
        levels_per_stage=levels_per_stage,
    )
    numbers = [[least] * leaves, [most] * leaves]
    # One leaf at a time, since a sum of random numbers may miss one that is left out.
    numbers += [[least if i == k else 0 for i in range(leaves)] for k in range(leaves)]
    numbers += [[rng.randint(least, most) for _ in range(leaves)] for _ in range(60)]
    rows = [(row,) for row in numbers]
    assert dut.latency == tree_cycles(leaves, levels_per_stage)
    seen = play(dut, (dut.numbers,), rows + rows[:8], (dut.sum,))
    assert_pipelined(seen, [(sum(row),) for row in numbers], dut.latency)


@pytest.mark.parametrize("leaves", [2, 3])
def test_every_sum(leaves: int) -> None:
    numbers = list(product(range(-4, 4), repeat=leaves))
    dut = AdderTree(leaves=leaves, leaf_bits=3, sum_bits=5)
    seen = play(dut, (dut.numbers,), [(row,) for row in [*numbers, numbers[0]]], (dut.sum,))
    assert_pipelined(seen, [(sum(row),) for row in numbers], 1)


def test_latency_grows_every_second_level() -> None:
    assert [tree_cycles(leaves) for leaves in (1, 2, 4, 5, 16, 17, 64, 65)] == [
        0, 1, 1, 2, 2, 3, 3, 4,
    ]  # fmt: skip
