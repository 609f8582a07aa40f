"""The updater where G leaks and where noise comes, against the specification's step 7."""

import random
from itertools import product

import pytest
from datapath import drive, from_bits, rotate, shift, to_bits
from datapath_model import Rule
from updaters import check_run, updater

from pmgd.gateware.updater import Updater
from pmgd.sim.testbench import simulate

OVERFLOWS = ("clip", "hold")


def inputs(dut: Updater) -> tuple:
    return (
        *(dut.apply, dut.update, dut.active, dut.magnitude, dut.error_positive),
        *(dut.dither, dut.noise),
    )


def leaky_bits(correlator: str, step_bits: int, decay_shift: int) -> int:
    """As wide as a plan makes G: for 2**k of the largest steps, or of counts of 2**k."""
    return (step_bits if correlator == "full" else decay_shift) + decay_shift + 1


KINDS = [
    ("full", 1, 1, True),
    ("full", 2, 1, True),
    ("full", 1, 2, True),
    ("full", 2, 1, False),
    ("full", 1, 2, False),
    ("sign", 2, 1, False),
    ("sign", 1, 2, False),
]
"""Correlator, width of the step, decay shift and whether there is a dither."""


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize(("correlator", "step_bits", "decay_shift", "dithered"), KINDS)
def test_every_state(
    correlator: str, step_bits: int, decay_shift: int, dithered: bool, overflow: str
) -> None:
    rule = Rule(3, overflow, correlator, decay_shift, leaky=True)
    gradient_bits = leaky_bits(correlator, step_bits, decay_shift)
    dut = updater(rule, gradient_bits, step_bits, dithered=dithered)
    assert len(dut.dither) == decay_shift * dithered
    # What is left of the largest G; rounding takes a little more of counts.
    most = (2**decay_shift - 1) * (2 ** (step_bits if correlator == "full" else decay_shift) - 1)
    widths = -3, -gradient_bits

    async def testbench(ctx):
        expected = None
        cases = list(
            product(
                range(-4, 4),
                range(-most, most + 1),
                range(2**step_bits),
                (-1, 0, 1),
                (0, 1),
                range(2**decay_shift) if dithered else [None],
            )
        )
        for theta, gradient, magnitude, direction, update, dither in cases:
            if direction == 0 and magnitude != 2**step_bits - 1:
                continue  # nothing is added, and the largest magnitude would show most
            # Loading a state shifts out what became of the one before.
            bits = to_bits((theta, 3), (gradient, gradient_bits))
            before = await shift(ctx, dut.scan, bits)
            assert expected in (None, from_bits(before, *widths))
            row = (1, update, direction != 0, magnitude, direction > 0, dither or 0, 0)
            await drive(ctx, inputs(dut), [row], ())
            ctx.set(dut.apply, 0)
            expected = rule.apply(theta, gradient, 1, direction, magnitude, update, dither)
            assert ctx.get(dut.theta) == expected[0]
            assert abs(expected[1]) <= most
        assert from_bits(await rotate(ctx, dut.scan, 3 + gradient_bits), *widths) == expected

    simulate(dut, testbench, deadline_cycles=200_000)


def pick_row(rng: random.Random, dither_bits: int, noisy: bool, number: int) -> tuple:
    noise = noisy and rng.random() < 0.2
    return (
        noise or rng.random() < 0.8,
        noise or rng.random() < 0.2,
        noise or rng.random() < 0.95,
        rng.choice([2047, rng.randrange(2048), rng.randrange(16)]) >> (2 * noise),
        # Runs of one sign take G and theta to their bounds.
        rng.random() < (0.95 if number // 300 % 2 else 0.05),
        rng.getrandbits(dither_bits) if dither_bits else 0,
        noise,
    )


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize(
    ("correlator", "gradient_bits", "decay_shift", "leaky", "dithered", "noisy"),
    [
        ("full", 20, 8, True, True, False),
        ("full", 15, 3, True, True, True),
        ("full", 14, 2, True, False, True),
        ("full", 24, 0, False, False, True),
        ("full", 26, 3, False, False, True),
        ("full", 0, 0, False, False, True),
        ("sign", 18, 8, True, False, False),
        ("sign", 8, 3, True, False, True),
        ("sign", 13, 0, False, False, True),
        ("sign", 16, 3, False, False, True),
        ("sign", 0, 0, False, False, True),
    ],
)
def test_runs(
    correlator: str,
    gradient_bits: int,
    decay_shift: int,
    leaky: bool,
    dithered: bool,
    noisy: bool,
    overflow: str,
    random_seed: int,
) -> None:
    """With pauses, full steps among the others, and noise between timesteps that leaves G alone."""
    rng = random.Random(random_seed)
    rule = Rule(12, overflow, correlator, decay_shift, leaky)
    dut = updater(rule, gradient_bits, 11, dithered=dithered, noisy=noisy)
    rows, thetas, gradients = [], [], [0]
    theta = gradient = 0
    for number in range(3000):
        thetas.append((theta,))
        row = pick_row(rng, decay_shift * dithered, noisy, number)
        rows.append(row)
        apply, update, active, magnitude, positive, dither, noise = row
        if noise:
            theta = rule.moved(theta, -magnitude if positive else magnitude)
        elif apply:
            direction = (1 if positive else -1) * active
            ends, given = update or not gradient_bits, dither if dithered else None
            theta, gradient = rule.apply(theta, gradient, 1, direction, magnitude, ends, given)
        gradients.append(gradient)

    check_run(dut, inputs(dut), rows, thetas, (theta, gradient), -12, -gradient_bits)
    assert overflow == "hold" or {(-2048,), (2047,)} <= set(thetas)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("correlator", ["full", "sign"])
def test_an_integrator_forgets_and_reaches_zero(correlator: str, positive: int) -> None:
    """Without a dither, in every timestep, whether its window ends or not."""
    rule = Rule(12, "clip", correlator, 3, leaky=True)
    dut = updater(rule, leaky_bits(correlator, 11, 3), 11)
    gradient = theta = 0
    for active in [1] * 100 + [0] * 120:
        theta, gradient = rule.apply(theta, gradient, 1, active, 2047, False)
    assert (theta, gradient) == (0, 0)

    async def testbench(ctx):
        row = (1, 0, 1, 2047, positive, 0, 0)
        await drive(ctx, inputs(dut), [row] * 100, ())
        ctx.set(dut.apply, 0)
        bits = leaky_bits(correlator, 11, 3)
        state = from_bits(await rotate(ctx, dut.scan, 12 + bits), -12, -bits)
        # Seven eighths of what was there and a step: a sum of nearly 8 of them, all told.
        step = 2047 if correlator == "full" else 8
        assert state[0] == 0
        assert 6 * step < (state[1] if positive else -state[1]) <= 7 * step
        await drive(ctx, inputs(dut), [(1, 0, 0, 2047, positive, 0, 0)] * 120, ())
        ctx.set(dut.apply, 0)
        assert not any(await rotate(ctx, dut.scan, 12 + bits))

    simulate(dut, testbench)


def test_a_dither_keeps_the_mean_of_a_small_leak() -> None:
    """Over all dithers what leaks is exactly g / 2**k, which rounding away from 0 is not."""
    rule = Rule(12, "clip", "full", 4, leaky=True)
    for g in range(-40, 41):
        left = [rule.apply(0, g, 1, 0, 0, False, dither)[1] for dither in range(16)]
        assert sum(g - value for value in left) == g
