"""Sigmoid and tanh against the specification's formula, for every weighted sum there is."""

import random

import pytest
from datapath import assert_pipelined, play
from datapath_model import interpolated, preactivation

from pmgd.gateware.formats import Format
from pmgd.gateware.latency import TABLE_CYCLES
from pmgd.gateware.pwl import PiecewiseLinear
from pmgd.gateware.table_activation import TableActivation


def make_table(function: str, argument: str, result: str, segments: int) -> PiecewiseLinear:
    return PiecewiseLinear(function, Format.parse(argument), Format.parse(result), segments)


@pytest.mark.parametrize(
    ("function", "argument", "result", "segments", "sum_bits", "sum_shift"),
    [
        ("sigmoid", "S4.8", "U0.8", 32, 13, 0),
        ("sigmoid", "S4.4", "U0.5", 8, 12, 3),
        ("sigmoid", "S3.3", "U0.6", 64, 10, 3),
        ("sigmoid", "S3.5", "U0.16", 4, 7, -2),
        ("sigmoid", "S1.0", "U0.2", 2, 4, -3),
        ("sigmoid", "S5.2", "U0.3", 16, 9, 1),
        ("tanh", "S4.8", "S1.8", 32, 13, 0),
        ("tanh", "S4.4", "S1.5", 8, 12, 3),
        ("tanh", "S3.3", "S1.6", 64, 10, 3),
        ("tanh", "S2.5", "S1.15", 4, 6, -2),
        ("tanh", "S1.0", "S1.2", 2, 4, -3),
        ("tanh", "S5.2", "S1.0", 16, 9, 1),
    ],
)
def test_every_sum(
    function: str,
    argument: str,
    result: str,
    segments: int,
    sum_bits: int,
    sum_shift: int,
    random_seed: int,
) -> None:
    table = make_table(function, argument, result, segments)
    dut = TableActivation(table, sum_bits=sum_bits, sum_shift=sum_shift)
    sums = list(range(-(2 ** (sum_bits - 1)), 2 ** (sum_bits - 1))) * (1 + 256 // 2**sum_bits)
    random.Random(random_seed).shuffle(sums)
    arguments = [preactivation(total, sum_shift, table.preactivation) for total in sums]
    expected = [(interpolated(z, table),) for z in arguments]
    rows = [(total,) for total in [*sums, *sums[:TABLE_CYCLES]]]
    assert_pipelined(play(dut, (dut.sum,), rows, (dut.y,)), expected, TABLE_CYCLES)

    # The sums reach both ends of the table and beyond.
    least, most = table.preactivation.minimum, table.preactivation.maximum
    scaled = sorted(total / 2**sum_shift for total in sums)
    assert scaled[0] < least
    assert scaled[-1] > most
    assert len(set(arguments)) == 2**table.preactivation.bits or sum_shift < 0


@pytest.mark.parametrize(
    ("function", "result", "largest"), [("sigmoid", "U0.3", 7), ("tanh", "S1.3", 7)]
)
def test_result_is_clipped(function: str, result: str, largest: int) -> None:
    """What rounds to 1 becomes the largest number below; the -1 of tanh exists."""
    table = make_table(function, "S5.2", result, 16)
    ends = table.preactivation.minimum, table.preactivation.maximum
    unclipped = table.knots[-1] * 2**table.remainder_bits + table.slopes[-1] * (
        2**table.remainder_bits - 1
    )
    assert (unclipped + 2 ** (table.shift - 1)) >> table.shift == largest + 1
    dut = TableActivation(table, sum_bits=8, sum_shift=0)
    rows = [(z,) for z in ends for _ in range(5)]
    seen = play(dut, (dut.sum,), rows, (dut.y,))
    assert seen[TABLE_CYCLES] == (-8 if function == "tanh" else 0,)
    assert seen[5 + TABLE_CYCLES] == (largest,)
