"""The transmitter against step 5 of the specification's timestep: scale, round, clip."""

import random
from itertools import product

import pytest
from datapath import assert_pipelined, drive

from pmgd.gateware.latency import TRANSMITTER_CYCLES
from pmgd.gateware.transmitter import Transmitter
from pmgd.sim.testbench import simulate


def step(
    change: int, mantissa: int, shift: int, word: int, stochastic: bool, step_bits: int
) -> tuple[int, bool]:
    """Return the step's magnitude and whether it is negative."""
    q = word % 2**shift if stochastic else 2**shift >> 1
    largest = 2**step_bits - 1
    u = max(-largest, min(largest, (change * mantissa + q) >> shift))
    return abs(u), u < 0


def transmitter(
    *, change: int, mantissa: int, shift: int, step: int, stochastic: bool
) -> Transmitter:
    return Transmitter(
        change_bits=change,
        mantissa_bits=mantissa,
        shift_bits=shift,
        step_bits=step,
        stochastic=stochastic,
    )


async def check(ctx, dut: Transmitter, setting: tuple, changes: list[int], valids: list) -> list:
    """Send a change in every cycle at one setting; return the steps."""
    for signal, value in zip((dut.mantissa, dut.shift, dut.word), setting, strict=True):
        ctx.set(signal, value)
    await ctx.tick()  # the transmitter keeps a copy of its settings
    rows = list(zip(valids, changes, strict=True)) + [(0, 0)] * TRANSMITTER_CYCLES
    step = dut.step
    observed = dut.arrived, step.magnitude, step.negative, step.nonzero
    seen = await drive(ctx, (dut.valid, dut.change), rows, observed)
    assert all(nonzero == (magnitude != 0) for _, magnitude, _, nonzero in seen)
    return [each[:-1] for each in seen]


@pytest.mark.parametrize("stochastic", [True, False], ids=["stochastic", "nearest"])
@pytest.mark.parametrize("step_bits", [2, 5])
def test_every_step(stochastic: bool, step_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = transmitter(change=4, mantissa=3, shift=2, step=step_bits, stochastic=stochastic)

    async def testbench(ctx):
        reached = set()
        # The word's low bits are all that matter; beyond them anything may stand.
        words = [rng.getrandbits(29) << 3 | low for low in (range(8) if stochastic else [5])]
        for mantissa, shift, word in product(range(8), range(4), words):
            changes = list(range(-8, 8))
            rng.shuffle(changes)
            seen = await check(ctx, dut, (mantissa, shift, word), changes, [1] * 16)
            expected = [
                (1, *step(change, mantissa, shift, word, stochastic, step_bits))
                for change in changes
            ]
            assert seen[TRANSMITTER_CYCLES:] == expected
            reached |= set(expected)
        assert (1, 2**step_bits - 1, False) in reached
        assert (1, 2**step_bits - 1, True) in reached
        assert (1, 0, True) not in reached

    simulate(dut, testbench)


@pytest.mark.parametrize("stochastic", [True, False], ids=["stochastic", "nearest"])
@pytest.mark.parametrize(("change_bits", "step_bits"), [(18, 11), (33, 23), (2, 2)])
def test_wide_steps(change_bits: int, step_bits: int, stochastic: bool, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = transmitter(
        change=change_bits, mantissa=16, shift=5, step=step_bits, stochastic=stochastic
    )
    bound = 2 ** (change_bits - 1)

    async def testbench(ctx):
        shifts = [0, 31, *(rng.randrange(32) for _ in range(18))]
        for shift in shifts:
            mantissa = rng.choice([0, 2**16 - 1, rng.getrandbits(16)])
            word = rng.choice([0, 2**32 - 1, rng.getrandbits(32)])
            changes = [-bound, bound - 1, 0, -1]
            changes += [
                rng.randrange(-bound, bound) >> rng.randrange(change_bits) for _ in range(40)
            ]
            valids = [rng.randrange(2) for _ in changes]
            seen = await check(ctx, dut, (mantissa, shift, word), changes, valids)
            expected = [
                (valid, *step(change, mantissa, shift, word, stochastic, step_bits))
                for valid, change in zip(valids, changes, strict=True)
            ]
            assert_pipelined(seen, expected, TRANSMITTER_CYCLES)

    simulate(dut, testbench)


def test_stochastic_rounding_is_fair() -> None:
    """Over all words, a step's mean is the exact quotient: the floor takes nothing away."""
    dut = transmitter(change=5, mantissa=2, shift=2, step=6, stochastic=True)

    async def testbench(ctx):
        changes = list(range(-16, 16))
        totals = [0] * len(changes)
        for word in range(8):
            seen = await check(ctx, dut, (3, 3, word), changes, [1] * len(changes))
            for k, (_, magnitude, negative) in enumerate(seen[TRANSMITTER_CYCLES:]):
                totals[k] += -magnitude if negative else magnitude
        assert totals == [3 * change for change in changes]

    simulate(dut, testbench)


@pytest.mark.parametrize("stochastic", [True, False], ids=["stochastic", "nearest"])
def test_a_masked_step_is_0(stochastic: bool, random_seed: int) -> None:
    """Whatever the change, and the next one that is not masked is as always."""
    rng = random.Random(random_seed)
    dut = transmitter(change=6, mantissa=4, shift=2, step=5, stochastic=stochastic)

    async def testbench(ctx):
        for _ in range(40):
            changes = [rng.randrange(-32, 32) for _ in range(6)]
            setting = rng.randrange(1, 16), rng.randrange(4), rng.getrandbits(32)
            masked = rng.randrange(2)
            ctx.set(dut.masked, masked)
            seen = await check(ctx, dut, setting, changes, [1] * len(changes))
            expected = [
                (1, *((0, False) if masked else step(change, *setting, stochastic, 5)))
                for change in changes
            ]
            assert seen[TRANSMITTER_CYCLES:] == expected

    simulate(dut, testbench)
