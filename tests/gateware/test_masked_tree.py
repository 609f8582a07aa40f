"""The tree whose first level masks, against a sum, for every number of leaves that changes it."""

import random
from itertools import product

import pytest
from datapath import assert_pipelined, play

from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import tree_cycles
from pmgd.gateware.masked_tree import MaskedTree


def total(numbers: list[int], masks: int) -> int:
    return sum(number for i, number in enumerate(numbers) if masks >> i & 1)


@pytest.mark.parametrize("offset_binary", [False, True])
@pytest.mark.parametrize("leaves", [*range(1, 10), 15, 16, 17, 33, 50])
@pytest.mark.parametrize("leaf_bits", [1, 13])
def test_sum(leaves: int, leaf_bits: int, offset_binary: bool, random_seed: int) -> None:
    rng = random.Random(random_seed)
    least, most = -(2 ** (leaf_bits - 1)), 2 ** (leaf_bits - 1) - 1
    dut = MaskedTree(
        leaves=leaves,
        leaf_bits=leaf_bits,
        sum_bits=signed_bits(leaves * least, leaves * most),
        offset_binary=offset_binary,
    )
    everything = (1 << leaves) - 1
    cases = [([least] * leaves, everything), ([most] * leaves, everything)]
    # One leaf at a time, since a sum of random numbers may miss one that is left out.
    cases += [([least] * leaves, 1 << k) for k in range(leaves)]
    cases += [
        ([rng.randint(least, most) for _ in range(leaves)], rng.getrandbits(leaves))
        for _ in range(60)
    ]

    def shown(number: int) -> int:
        return number - least if number < 0 else number + least  # its highest bit inverted

    rows = [([shown(n) for n in row] if offset_binary else row, masks) for row, masks in cases]
    assert dut.latency == tree_cycles(leaves)
    seen = play(dut, (dut.numbers, dut.masks), rows + rows[:8], (dut.sum,))
    assert_pipelined(seen, [(total(*case),) for case in cases], dut.latency)


@pytest.mark.parametrize("leaves", [2, 3])
def test_every_sum(leaves: int, random_seed: int) -> None:
    cases = list(product(product(range(-4, 4), repeat=leaves), range(1 << leaves)))
    random.Random(random_seed).shuffle(cases)
    dut = MaskedTree(leaves=leaves, leaf_bits=3, sum_bits=5)
    seen = play(dut, (dut.numbers, dut.masks), [*cases, cases[0]], (dut.sum,))
    assert_pipelined(seen, [(total(*case),) for case in cases], 1)
