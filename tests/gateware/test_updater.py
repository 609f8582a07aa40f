"""The updater against steps 6 and 7 of the specification's timestep, from every state."""

import gc
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
    return dut.apply, dut.update, dut.active, dut.magnitude, dut.error_positive


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize(
    ("correlator", "theta_bits", "gradient_bits", "step_bits", "decay_shift"),
    [
        ("full", 3, 5, 1, 0),
        ("full", 4, 3, 1, 0),
        ("full", 3, 0, 2, 0),
        ("full", 5, 0, 3, 0),
        ("full", 3, 5, 1, 1),
        ("full", 3, 4, 1, 2),
        ("full", 3, 4, 2, 3),
        ("full", 3, 3, 1, 4),
        ("sign", 3, 0, 2, 0),
        ("sign", 3, 3, 2, 0),
        ("sign", 3, 4, 2, 1),
        ("sign", 3, 6, 1, 3),
    ],
)
def test_every_state(
    correlator: str,
    theta_bits: int,
    gradient_bits: int,
    step_bits: int,
    decay_shift: int,
    overflow: str,
) -> None:
    rule = Rule(theta_bits, overflow, correlator, decay_shift)
    dut = updater(rule, gradient_bits, step_bits)
    widths = -theta_bits, -gradient_bits
    gradients = range(-(2**gradient_bits // 2), 2**gradient_bits // 2) if gradient_bits else [0]
    thetas = range(-(2**theta_bits // 2), 2**theta_bits // 2)

    async def testbench(ctx):
        expected = None
        cases = product(thetas, gradients, range(2**step_bits), (-1, 0, 1), (0, 1))
        for theta, gradient, magnitude, direction, update in cases:
            summand = direction * (magnitude if correlator == "full" else 2**decay_shift)
            ends = update or not gradient_bits
            if gradient_bits and gradient + summand not in gradients:
                continue  # G is to be wide enough; see below
            if direction == 0 and magnitude != 2**step_bits - 1:
                continue  # nothing is added, and the largest magnitude would show most
            # Loading a state shifts out what became of the one before.
            before = await shift(
                ctx, dut.scan, to_bits((theta, theta_bits), (gradient, gradient_bits))
            )
            assert expected in (None, from_bits(before, *widths))
            assert ctx.get(dut.theta) == theta
            # What the sign is of no step, or of no perturbation, is nobody's business.
            positive = direction > 0 if direction else (theta + magnitude) % 2
            row = (1, update, direction != 0, magnitude, positive)
            await drive(ctx, inputs(dut), [row], ())
            ctx.set(dut.apply, 0)
            expected = rule.apply(theta, gradient, 1, direction, magnitude, ends)
            assert ctx.get(dut.theta) == expected[0]
        after = await rotate(ctx, dut.scan, theta_bits + gradient_bits)
        assert from_bits(after, *widths) == expected

    simulate(dut, testbench, deadline_cycles=100_000)


@pytest.mark.parametrize("overflow", OVERFLOWS)
@pytest.mark.parametrize(
    ("correlator", "gradient_bits", "decay_shift"),
    [
        ("full", 0, 0),
        ("full", 20, 0),
        ("full", 23, 3),
        ("sign", 0, 0),
        ("sign", 9, 0),
        ("sign", 15, 3),
    ],
)
def test_windows(
    correlator: str, gradient_bits: int, decay_shift: int, overflow: str, random_seed: int
) -> None:
    """Windows of up to 255 timesteps, with idle cycles, full steps among the others."""
    rng = random.Random(random_seed)
    rule = Rule(12, overflow, correlator, decay_shift)
    dut = updater(rule, gradient_bits, 11)
    rows, thetas = [], []
    theta = gradient = applied = 0
    for _ in range(3000):
        thetas.append((theta,))
        apply = rng.random() < 0.7
        active = rng.random() < 0.95
        # Few updates, for long windows; then many, which reach the bounds.
        update = rng.random() < (0.02 if len(rows) % 500 < 300 else 0.1) or applied == 254
        magnitude = rng.choice([2047, rng.randrange(2048), rng.randrange(16)])
        # Runs of one sign take G and theta to their bounds.
        positive = rng.random() < (0.9 if len(rows) // 500 % 2 else 0.1)
        rows.append((apply, update, active, magnitude, positive))
        if apply:
            direction = (1 if positive else -1) * active
            ends = update or not gradient_bits
            theta, gradient = rule.apply(theta, gradient, 1, direction, magnitude, ends)
            applied = 0 if ends else applied + 1

    check_run(dut, inputs(dut), rows, thetas, (theta, gradient), -12, -gradient_bits)
    assert overflow == "hold" or {(-2048,), (2047,)} <= set(thetas)


@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("positive", [0, 1])
def test_momentum_reaches_zero(correlator: str, positive: int) -> None:
    """However small it is: what is taken away is rounded away from zero."""
    rule = Rule(8, "clip", correlator, 3)
    dut = updater(rule, 10, 7)
    expected, theta, gradient = [], 0, 0
    for active in [1] * 4 + [0] * 20:
        direction = (1 if positive else -1) * active
        theta, gradient = rule.apply(theta, gradient, 1, direction, 5, True)
        expected.append((theta,))
    assert gradient == 0

    async def testbench(ctx):
        rows = [(1, 1, 1, 5, positive)] * 4 + [(1, 1, 0, 5, positive)] * 20
        seen = await drive(ctx, inputs(dut), [*rows, (0, 0, 0, 0, 0)], (dut.theta,))
        assert seen[1:] == expected
        state = await rotate(ctx, dut.scan, 18)
        assert from_bits(state, -8, -10) == (theta, 0)

    simulate(dut, testbench)


@pytest.mark.parametrize("gradient_bits", [0, 9])
def test_scan_restores(gradient_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    theta, gradient = rng.randrange(64), rng.randrange(2**gradient_bits)
    dut = updater(Rule(6, "clip"), gradient_bits, 5)
    bits = to_bits((theta, 6), (gradient, gradient_bits))

    async def testbench(ctx):
        assert not any(await shift(ctx, dut.scan, bits))
        for _ in range(2):
            assert await rotate(ctx, dut.scan, len(bits)) == bits
        assert ctx.get(dut.theta) % 64 == theta

    simulate(dut, testbench)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize(("correlator", "gradient_bits"), [("full", 4), ("sign", 2)])
def test_gradient_overflow_is_caught(correlator: str, gradient_bits: int, positive: int) -> None:
    """Three steps of 3 do not fit 4 bits, nor do three counts 2 bits; two do, or one up."""
    dut = updater(Rule(3, "clip", correlator), gradient_bits, 2)
    applied = []

    async def testbench(ctx):
        for count in range(1, 4):
            applied.append(count)
            await drive(ctx, inputs(dut), [(1, 0, 1, 3, positive)], ())

    with pytest.raises(AssertionError, match="G must not overflow"):
        simulate(dut, testbench)
    last_fitting = 1 if correlator == "sign" and positive else 2
    assert applied == list(range(1, last_fitting + 2))


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"overflow": "wrap"}, "overflow must be 'clip' or 'hold', not 'wrap'"),
        ({"correlator": "half"}, "correlator must be 'full' or 'sign', not 'half'"),
        ({"decay_shift": 3}, "gradient_bits must not be 0 with a decay_shift of 3"),
    ],
)
def test_settings_must_be_known(setting: dict, message: str) -> None:
    widths = {"theta_bits": 3, "gradient_bits": 0, "step_bits": 2, "overflow": "clip"}
    with pytest.raises(ValueError, match=message):
        Updater(**{**widths, **setting})
    gc.collect()  # what is left of it warns here
