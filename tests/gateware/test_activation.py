"""The activation against the specification's formula, for every weighted sum there is."""

import random

import pytest
from datapath import assert_pipelined, play, preactivation, sigmoid

from pmgd.gateware.activation import Activation
from pmgd.gateware.formats import Format
from pmgd.gateware.latency import ACTIVATION_CYCLES
from pmgd.gateware.pwl import PiecewiseLinear


@pytest.mark.parametrize(
    ("argument", "result", "segments", "sum_bits", "sum_shift"),
    [
        ("S4.8", "U0.8", 32, 13, 0),
        ("S4.4", "U0.5", 8, 12, 3),
        ("S3.3", "U0.6", 64, 10, 3),
        ("S3.5", "U0.16", 4, 7, -2),
        ("S1.0", "U0.2", 2, 4, -3),
        ("S5.2", "U0.3", 16, 9, 1),
    ],
    ids=["recommended", "floor", "one value a segment", "zeros appended", "least", "coarse result"],
)
def test_every_sum(
    argument: str, result: str, segments: int, sum_bits: int, sum_shift: int, random_seed: int
) -> None:
    table = PiecewiseLinear(Format.parse(argument), Format.parse(result), segments)
    dut = Activation(table, sum_bits=sum_bits, sum_shift=sum_shift)
    sums = list(range(-(2 ** (sum_bits - 1)), 2 ** (sum_bits - 1))) * (1 + 256 // 2**sum_bits)
    random.Random(random_seed).shuffle(sums)
    arguments = [preactivation(total, sum_shift, table) for total in sums]
    expected = [(sigmoid(z, table),) for z in arguments]
    rows = [(total,) for total in [*sums, *sums[:ACTIVATION_CYCLES]]]
    assert_pipelined(play(dut, (dut.sum,), rows, (dut.y,)), expected, ACTIVATION_CYCLES)

    # The sums reach both ends of the table and beyond.
    least, most = table.preactivation.minimum, table.preactivation.maximum
    scaled = sorted(total / 2**sum_shift for total in sums)
    assert scaled[0] < least
    assert scaled[-1] > most
    assert len(set(arguments)) == 2**table.preactivation.bits or sum_shift < 0


def test_result_is_clipped() -> None:
    """A sigmoid that rounds to 1 becomes the largest number below."""
    table = PiecewiseLinear(Format.parse("S5.2"), Format.parse("U0.3"), 16)
    z = table.preactivation.maximum
    unclipped = table.knots[-1] * 2**table.remainder_bits + table.slopes[-1] * (
        2**table.remainder_bits - 1
    )
    assert (unclipped + 2 ** (table.shift - 1)) >> table.shift == 8
    dut = Activation(table, sum_bits=8, sum_shift=0)
    assert play(dut, (dut.sum,), [(z,)] * 4, (dut.y,))[ACTIVATION_CYCLES] == (7,)
