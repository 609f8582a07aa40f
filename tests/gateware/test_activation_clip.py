"""The clip of all activations: every number, to formats wider and narrower, finer and coarser."""

from itertools import product

import pytest
from datapath import play
from datapath_model import clipped, rescaled

from pmgd.gateware.activation_clip import ActivationClip
from pmgd.gateware.formats import Format


@pytest.mark.parametrize("fmt", ["S1.0", "S3.0", "S2.3", "S6.2", "U1.0", "U2.1", "U0.4", "U7.0"])
@pytest.mark.parametrize("number_bits", [1, 4, 6])
def test_every_number(number_bits: int, fmt: str) -> None:
    numbers = range(-(2 ** (number_bits - 1)), 2 ** (number_bits - 1))
    for shift in (-3, -1, 0, 1, 3, 7):
        format_ = Format.parse(fmt)
        dut = ActivationClip(number_bits=number_bits, shift=shift, fmt=format_)
        expected = [(clipped(rescaled(number, shift), format_),) for number in numbers]
        rows = [(number,) for number in [*numbers, 0]]
        assert play(dut, (dut.number,), rows, (dut.clipped,))[1:] == expected


def test_latency_is_one_cycle() -> None:
    dut = ActivationClip(number_bits=4, shift=0, fmt=Format.parse("S4.0"))
    rows = [(number,) for number, _ in product((3, -5, 0, 7), range(1))]
    seen = play(dut, (dut.number,), [*rows, (0,)], (dut.clipped,))
    assert seen == [(0,), *rows]
