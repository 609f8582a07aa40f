"""Relu and identity against the specification, for every weighted sum there is."""

import random

import pytest
from datapath import assert_pipelined, play
from datapath_model import linear, preactivation

from pmgd.gateware.clip_activation import ClipActivation
from pmgd.gateware.formats import Format
from pmgd.gateware.latency import CLIP_CYCLES


@pytest.mark.parametrize(
    ("argument", "result", "sum_bits", "sum_shift"),
    [
        ("S4.8", "U4.8", 13, 0),
        ("S4.8", "S4.8", 13, 0),
        ("S4.4", "U2.2", 12, 3),
        ("S4.4", "S2.2", 12, 3),
        ("S3.3", "U5.6", 10, 3),
        ("S3.3", "S5.6", 10, 3),
        ("S2.5", "U1.0", 6, -3),
        ("S2.5", "S1.0", 6, -3),
        ("S3.5", "U0.3", 4, 0),
        ("S3.5", "S1.7", 4, 0),
        ("S2.0", "U1.3", 5, 2),
        ("S1.0", "S1.4", 4, 2),
    ],
)
def test_every_sum(
    argument: str, result: str, sum_bits: int, sum_shift: int, random_seed: int
) -> None:
    formats = Format.parse(argument), Format.parse(result)
    dut = ClipActivation(*formats, sum_bits=sum_bits, sum_shift=sum_shift)
    sums = list(range(-(2 ** (sum_bits - 1)), 2 ** (sum_bits - 1))) * (1 + 256 // 2**sum_bits)
    random.Random(random_seed).shuffle(sums)
    expected = [(linear(preactivation(total, sum_shift, formats[0]), *formats),) for total in sums]
    rows = [(total,) for total in [*sums, *sums[:CLIP_CYCLES]]]
    assert_pipelined(play(dut, (dut.sum,), rows, (dut.y,)), expected, CLIP_CYCLES)


def test_relu_is_zero_below_zero() -> None:
    """And what lies beyond either format ends at the nearest bound, the preactivation's first."""
    dut = ClipActivation(Format.parse("S3.1"), Format.parse("U1.2"), sum_bits=8, sum_shift=1)
    expected = {-128: 0, -1: 0, 0: 0, 1: 0, 2: 2, 3: 2, 6: 6, 8: 7, 127: 7}
    rows = [(total,) for total in [*expected, 0, 0]]
    assert play(dut, (dut.sum,), rows, (dut.y,))[CLIP_CYCLES:] == [(y,) for y in expected.values()]
