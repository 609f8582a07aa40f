"""The sign-only transmitter: every change, back to back."""

import random
from itertools import product

import pytest
from datapath import assert_pipelined, play

from pmgd.gateware.latency import SIGN_TRANSMITTER_CYCLES
from pmgd.gateware.sign_transmitter import SignTransmitter


@pytest.mark.parametrize("change_bits", [2, 4, 33])
def test_every_change(change_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    bound = 1 << (change_bits - 1)
    changes = range(-bound, bound) if change_bits < 8 else [-bound, -1, 0, 1, bound - 1] * 20
    for sign_step, masked in product((0, 1, 31), (0, 1)):
        dut = SignTransmitter(change_bits=change_bits, step_bits=5)
        rows = [(rng.randrange(2), change, masked, sign_step) for change in changes]
        rng.shuffle(rows)
        rows = [(1, 1, masked, sign_step), *rows, (0, 0, masked, sign_step)]
        expected = [
            (valid, sign_step, change < 0, change != 0 and not masked)
            for valid, change, _, _ in rows
        ]
        seen = play(
            dut,
            (dut.valid, dut.change, dut.masked, dut.sign_step),
            rows + [(1, 0, masked, sign_step)] * SIGN_TRANSMITTER_CYCLES,
            (dut.arrived, dut.step.magnitude, dut.step.negative, dut.step.nonzero),
        )
        assert_pipelined(seen, expected, SIGN_TRANSMITTER_CYCLES)
