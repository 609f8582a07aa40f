"""The perturber against the specification's shift register, over whole periods."""

import random

import pytest
from datapath import clocked, from_bits, play, rotate, shift, to_bits
from datapath_model import next_lfsr

from pmgd.gateware.lfsr_perturber import LfsrPerturber
from pmgd.sim.testbench import simulate


@pytest.mark.parametrize("bits", [8, 9, 10, 11, 12])
def test_period_is_maximal(bits: int) -> None:
    period = 2**bits - 1
    dut = LfsrPerturber(bits)
    rows = [(1,)] * (period + bits)
    signs = [sign for (sign,) in play(dut, (dut.advance,), rows, (dut.positive,))]
    # The register shifts right, so that its state is the sign now and those to come.
    states = {from_bits(signs[k : k + bits], bits) for k in range(period)}
    assert states == {(state,) for state in range(1, 2**bits)}
    assert signs[period:] == signs[:bits]


@pytest.mark.parametrize("bits", range(8, 33))
def test_sequence(bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    seed = rng.randrange(1, 2**bits)
    advances = [rng.randrange(2) for _ in range(3 * bits)]
    dut = LfsrPerturber(bits)

    async def testbench(ctx):
        state = seed
        await shift(ctx, dut.scan, to_bits((seed, bits)))
        for advance in advances:
            assert ctx.get(dut.positive) == ctx.get(dut.own) == state & 1
            assert ctx.get(dut.active)
            ctx.set(dut.advance, advance)
            ctx.set(dut.neighbour, rng.randrange(2))
            await ctx.tick()
            state = next_lfsr(state, bits) if advance else state
        ctx.set(dut.advance, 0)
        assert from_bits(await rotate(ctx, dut.scan, bits), bits) == (state,)

    simulate(dut, testbench)


def test_never_starts_at_zero() -> None:
    # All zeros is the one state that a shift register does not leave.
    dut = LfsrPerturber(8)

    async def testbench(ctx):
        assert any(await rotate(ctx, dut.scan, 8))

    simulate(dut, testbench)


def test_scan_restores(random_seed: int) -> None:
    seed = random.Random(random_seed).randrange(1, 2**16)
    dut = LfsrPerturber(16)

    async def testbench(ctx):
        assert from_bits(await shift(ctx, dut.scan, to_bits((seed, 16))), 16) == (1,)
        for _ in range(2):
            assert await rotate(ctx, dut.scan, 16) == to_bits((seed, 16))
        assert ctx.get(dut.positive) == seed & 1

    simulate(clocked(dut), testbench)
