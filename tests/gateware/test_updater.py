"""The updater against steps 6 and 7 of the specification's timestep, from every state."""

import gc
import random
from itertools import product

import pytest
from datapath import drive, from_bits, rotate, shift, to_bits

from pmgd.gateware.updater import Updater
from pmgd.sim.testbench import simulate

OVERFLOWS = ("clip", "hold")


def inputs(dut: Updater) -> tuple:
    return dut.apply, dut.update, dut.magnitude, dut.error_positive


def timestep(
    theta: int, gradient: int, error: int, update: bool, bits: int, overflow: str
) -> tuple[int, int]:
    """Return theta and G after one timestep."""
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    g = gradient + error
    if not update:
        return theta, g
    moved = theta - g
    if not lowest <= moved <= highest:
        nearest = highest if moved > 0 else lowest
        moved = nearest if overflow == "clip" else theta
    return moved, 0


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize(
    ("theta_bits", "gradient_bits", "step_bits"),
    [(3, 4, 2), (4, 3, 1), (3, 0, 2), (5, 0, 3)],
    ids=["G beyond theta", "G within theta", "no G", "no G, short steps"],
)
def test_every_state(theta_bits: int, gradient_bits: int, step_bits: int, overflow: str) -> None:
    dut = Updater(
        theta_bits=theta_bits, gradient_bits=gradient_bits, step_bits=step_bits, overflow=overflow
    )
    widths = -theta_bits, -gradient_bits
    gradients = range(-(2**gradient_bits // 2), 2**gradient_bits // 2) if gradient_bits else [0]
    thetas = range(-(2**theta_bits // 2), 2**theta_bits // 2)

    async def testbench(ctx):
        expected = None
        cases = product(thetas, gradients, range(2**step_bits), (0, 1), (0, 1))
        for theta, gradient, magnitude, positive, update in cases:
            error = magnitude if positive else -magnitude
            ends = update or not gradient_bits
            if gradient_bits and gradient + error not in gradients:
                continue  # G is to be wide enough; see below
            # Loading a state shifts out what became of the one before.
            before = await shift(
                ctx, dut.scan, to_bits((theta, theta_bits), (gradient, gradient_bits))
            )
            assert expected in (None, from_bits(before, *widths))
            assert ctx.get(dut.theta) == theta
            await drive(ctx, inputs(dut), [(1, update, magnitude, positive)], ())
            ctx.set(dut.apply, 0)
            expected = timestep(theta, gradient, error, ends, theta_bits, overflow)
            assert ctx.get(dut.theta) == expected[0]
        after = await rotate(ctx, dut.scan, theta_bits + gradient_bits)
        assert from_bits(after, *widths) == expected

    simulate(dut, testbench, deadline_cycles=40_000)


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize("gradient_bits", [0, 20])
def test_windows(overflow: str, gradient_bits: int, random_seed: int) -> None:
    """Windows of up to 255 timesteps, with idle cycles, full steps among the others."""
    rng = random.Random(random_seed)
    dut = Updater(theta_bits=12, gradient_bits=gradient_bits, step_bits=11, overflow=overflow)
    rows, thetas = [], []
    theta = gradient = applied = 0
    for _ in range(3000):
        thetas.append((theta,))
        apply = rng.random() < 0.7
        update = rng.random() < 0.02 or applied == 254
        magnitude = rng.choice([2047, rng.randrange(2048), rng.randrange(16)])
        # Runs of one sign take G and theta to their bounds.
        positive = rng.random() < (0.9 if len(rows) // 500 % 2 else 0.1)
        rows.append((apply, update, magnitude, positive))
        if apply:
            error = magnitude if positive else -magnitude
            ends = update or not gradient_bits
            theta, gradient = timestep(theta, gradient, error, ends, 12, overflow)
            applied = 0 if ends else applied + 1

    async def testbench(ctx):
        assert await drive(ctx, inputs(dut), rows, (dut.theta,)) == thetas
        ctx.set(dut.apply, 0)
        state = await rotate(ctx, dut.scan, 12 + gradient_bits)
        assert from_bits(state, -12, -gradient_bits) == (theta, gradient)

    assert overflow == "hold" or {(-2048,), (2047,)} <= set(thetas)
    simulate(dut, testbench)


@pytest.mark.parametrize("gradient_bits", [0, 9])
def test_scan_restores(gradient_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    theta, gradient = rng.randrange(64), rng.randrange(2**gradient_bits)
    dut = Updater(theta_bits=6, gradient_bits=gradient_bits, step_bits=5, overflow="clip")
    bits = to_bits((theta, 6), (gradient, gradient_bits))

    async def testbench(ctx):
        assert not any(await shift(ctx, dut.scan, bits))
        for _ in range(2):
            assert await rotate(ctx, dut.scan, len(bits)) == bits
        assert ctx.get(dut.theta) % 64 == theta

    simulate(dut, testbench)


@pytest.mark.parametrize("positive", [0, 1])
def test_gradient_overflow_is_caught(positive: int) -> None:
    """Three steps of 3 do not fit 4 bits; two do."""
    dut = Updater(theta_bits=3, gradient_bits=4, step_bits=2, overflow="clip")
    applied = []

    async def testbench(ctx):
        for count in range(1, 4):
            applied.append(count)
            await drive(ctx, inputs(dut), [(1, 0, 3, positive)], ())

    with pytest.raises(AssertionError, match="G must not overflow"):
        simulate(dut, testbench)
    assert applied == [1, 2, 3]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_overflow_must_be_known() -> None:
    with pytest.raises(ValueError, match="overflow must be 'clip' or 'hold', not 'wrap'"):
        Updater(theta_bits=3, gradient_bits=0, step_bits=2, overflow="wrap")
    gc.collect()  # what is left of it warns here
