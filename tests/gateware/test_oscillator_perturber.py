"""The oscillator against the specification's phase, over whole periods."""

import random

import pytest
from datapath import clocked, from_bits, play, rotate, shift, to_bits
from datapath_model import oscillation

from pmgd.gateware.oscillator_perturber import OscillatorPerturber
from pmgd.gateware.perturber_signature import PerturberSignature
from pmgd.sim.testbench import simulate

SIZES = [(6, 17), (7, 1), (9, 33), (11, 0x3F1)]
"""Widths and increments."""


@pytest.mark.parametrize("has_level", [False, True], ids=["square", "sine"])
@pytest.mark.parametrize(("bits", "increment"), SIZES)
def test_period(bits: int, increment: int, has_level: bool) -> None:
    dut = OscillatorPerturber(increment, bits, has_level=has_level)
    assert isinstance(dut.signature, PerturberSignature)
    assert len(dut.level) == (3 if has_level else 0)
    rows = [(1,)] * (2**bits + 3)
    expected = []
    for k in range(len(rows)):
        s, level = oscillation(increment * k % 2**bits, bits)
        expected.append((s > 0, level * has_level, 1, 0))
    outputs = dut.positive, dut.level, dut.active, dut.own
    assert play(dut, (dut.advance,), rows, outputs) == expected


@pytest.mark.parametrize("has_level", [False, True], ids=["square", "sine"])
@pytest.mark.parametrize(("bits", "increment"), SIZES)
def test_sequence(bits: int, increment: int, has_level: bool, random_seed: int) -> None:
    """From any phase that is scanned in, with pauses; and what is scanned out."""
    rng = random.Random(random_seed)
    seed = rng.randrange(2**bits)
    dut = OscillatorPerturber(increment, bits, has_level=has_level)

    async def testbench(ctx):
        phase = seed
        assert from_bits(await shift(ctx, dut.scan, to_bits((seed, bits))), bits) == (0,)
        for _ in range(100):
            s, level = oscillation(phase, bits)
            assert (ctx.get(dut.positive), ctx.get(dut.level)) == (s > 0, level * has_level)
            advance = rng.randrange(2)
            ctx.set(dut.advance, advance)
            ctx.set(dut.neighbour, rng.randrange(2))
            await ctx.tick()
            phase = (phase + increment * advance) % 2**bits
        ctx.set(dut.advance, 0)
        for _ in range(2):
            assert from_bits(await rotate(ctx, dut.scan, bits), bits) == (phase,)

    simulate(clocked(dut), testbench)


def test_a_cycle_by_hand() -> None:
    """Of 64 phases, two a point: up and down again, and then the same below zero."""
    dut = OscillatorPerturber(1, 6, has_level=True)
    seen = play(dut, (dut.advance,), [(1,)] * 64, (dut.positive, dut.level))
    half = [*range(8), *range(7, -1, -1)]
    cycle = [(1, level) for level in half] + [(0, level) for level in half]
    assert seen == [point for point in cycle for _ in range(2)]
