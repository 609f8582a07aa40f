"""The synapse of a sine, which takes its turn in what is broadcast, and that of update noise."""

import random

import pytest
from amaranth.hdl import unsigned
from datapath import drive, from_bits, rotate, shift, to_bits
from datapath_model import Rule, oscillation, scaled

from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import SYNAPSE_CYCLES
from pmgd.gateware.synapse import Synapse
from pmgd.sim.testbench import simulate

THETA, GRADIENT, AMPLITUDE, PHASE = 10, 16, 4, 7
LEVELS = range(8)
WIDTHS = -THETA, -GRADIENT, PHASE
INCREMENT = 33


def synapse(operand_shift: int = 2, **kind) -> Synapse:
    """Return one whose operand and product hold every value, and no more."""
    bound, amplitude = 2 ** (THETA - 1), 2**AMPLITUDE - 1
    operand_bits = signed_bits(
        (-bound >> operand_shift) - amplitude, (bound - 1 >> operand_shift) + amplitude
    )
    return Synapse(
        **{
            "theta_bits": THETA,
            "gradient_bits": GRADIENT,
            "step_bits": THETA - 1,
            "dtheta_bits": AMPLITUDE,
            "operand_shift": operand_shift,
            "operand_bits": operand_bits,
            "input_shape": unsigned(1),
            "product_bits": operand_bits,
            "overflow": "clip",
            "perturbation": "sine",
            "perturber_bits": PHASE,
            "increment": INCREMENT,
            "level_bits": 3,
            **kind,
        }
    )


async def load(ctx, dut: Synapse, theta: int, gradient: int, phase: int) -> None:
    await shift(ctx, dut.scan, to_bits((theta, THETA), (gradient, GRADIENT), (phase, PHASE)))


async def state(ctx, dut: Synapse) -> tuple[int, ...]:
    return from_bits(await rotate(ctx, dut.scan, THETA + GRADIENT + PHASE), *WIDTHS)


async def product(ctx, dut: Synapse, perturb: int, opposite: int = 0) -> int:
    ctx.set(dut.x, 1)
    inputs = dut.perturb, dut.opposite
    await drive(ctx, inputs, [(perturb, opposite)] * SYNAPSE_CYCLES, ())
    return ctx.get(dut.product)


async def broadcast_amplitudes(ctx, dut: Synapse, amplitudes: list[int], load: int = 1) -> None:
    inputs = dut.broadcast.load, dut.broadcast.level, dut.broadcast.dtheta
    rows = [(load, level, amplitudes[level]) for level in LEVELS]
    # What is broadcast after the amplitudes is none.
    await drive(ctx, inputs, [*rows, (0, 7, 1), (0, 0, 2)], ())


@pytest.mark.parametrize("operand_shift", [0, 2])
def test_amplitude_is_that_of_its_level(operand_shift: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = synapse(operand_shift)

    async def testbench(ctx):
        kept = 0
        for phase in random.Random(random_seed).sample(range(128), 128):
            theta = rng.randrange(-(2 ** (THETA - 1)), 2 ** (THETA - 1))
            s, level = oscillation(phase, PHASE)
            await load(ctx, dut, theta, 0, phase)
            amplitudes = [rng.randrange(16) for _ in LEVELS]
            await broadcast_amplitudes(ctx, dut, amplitudes, load=0)
            assert await product(ctx, dut, 1) == (theta >> operand_shift) + s * kept, "not loaded"
            await broadcast_amplitudes(ctx, dut, amplitudes)
            kept = amplitudes[level]
            for perturb, opposite, sigma in ((1, 0, 1), (1, 1, -1), (0, 0, 0), (0, 1, 0)):
                expected = (theta >> operand_shift) + sigma * s * kept
                assert await product(ctx, dut, perturb, opposite) == expected

    simulate(dut, testbench, deadline_cycles=40_000)


@pytest.mark.parametrize(("correlator", "leaky"), [("full", False), ("full", True), ("sign", True)])
def test_step_is_that_of_its_level(correlator: str, leaky: bool, random_seed: int) -> None:
    """One of eight; but a sign has none, so that every synapse takes it."""
    rng = random.Random(random_seed)
    decay_shift = 4 if leaky else 0
    rule = Rule(THETA, "clip", correlator, decay_shift, leaky)
    dithered = leaky and correlator == "full"
    dut = synapse(
        correlator=correlator,
        decay_shift=decay_shift,
        leaky=leaky,
        dither_bits=4 * dithered,
    )
    step = dut.broadcast.step
    inputs = (
        *(dut.broadcast.apply, dut.broadcast.update, dut.broadcast.level),
        *(step.magnitude, step.negative, step.nonzero),
    )

    async def testbench(ctx):
        theta, g, phase = 0, 0, rng.randrange(128)
        await load(ctx, dut, theta, g, phase)
        for timestep in range(120):
            ctx.set(dut.broadcast.advance, 1)
            await ctx.tick()
            ctx.set(dut.broadcast.advance, 0)
            phase = (phase + INCREMENT) % 128
            s, level = oscillation(phase, PHASE)
            dither = rng.randrange(16) if dithered else None
            ctx.set(dut.broadcast.dither, dither or 0)
            ends = timestep % 3 == 2
            magnitudes = [rng.randrange(512) for _ in LEVELS]
            signs = [rng.randrange(2) for _ in LEVELS]
            # Pauses between the turns, in which the level stands.
            rows = []
            turns = LEVELS if correlator == "full" else [rng.choice(LEVELS)]
            for k in turns:
                rows += [(1, ends, k, magnitudes[k], signs[k], 1)]
                rows += [(0, ends, k, 0, 0, 1)] * rng.randrange(2)
            await drive(ctx, inputs, [*rows, (0,) * 6], ())
            k = level if correlator == "full" else turns[0]
            direction = -1 if signs[k] else 1
            theta, g = rule.apply(theta, g, s, direction, magnitudes[k], ends, dither)
            assert ctx.get(dut.theta) == theta, timestep
        assert await state(ctx, dut) == (theta, g, phase)

    simulate(dut, testbench)


# -- Noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("perturbation", ["sine", "sequential", "walsh"])
@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("kind", ["each", "shared"])
def test_noise_moves_the_parameter_in_its_turn(
    kind: str, correlator: str, perturbation: str, random_seed: int
) -> None:
    """By itself, whatever the sign and the level are and whether it is perturbed; G stays."""
    rng = random.Random(random_seed)
    own = {"sine": PHASE, "sequential": 1, "walsh": 0}[perturbation]
    dut = synapse(
        correlator=correlator,
        perturbation=perturbation,
        level_bits=3 if perturbation == "sine" else 0,
        code_bits=2 if perturbation == "walsh" else 0,
        update_noise=kind,
    )
    step = dut.broadcast.step
    rule = Rule(THETA, "clip", correlator)

    async def testbench(ctx):
        theta, g = 300, rng.randrange(-200, 200)
        own_state = rng.randrange(1 << own)
        bits = to_bits((theta, THETA), (g, GRADIENT), (own_state, own))
        await shift(ctx, dut.scan, bits)
        before = 0
        for _ in range(60):
            turn = rng.randrange(2)
            magnitude, negative = rng.choice([0, 127, rng.randrange(128)]), rng.randrange(2)
            ctx.set(dut.turn, turn)
            ctx.set(step.magnitude, magnitude)
            ctx.set(step.negative, negative)
            ctx.set(step.nonzero, rng.randrange(2))
            if perturbation == "sine":
                ctx.set(dut.broadcast.level, rng.randrange(8))
            assert ctx.get(dut.turned) == (before if kind == "each" else turn)
            await ctx.tick()
            before = turn
            if turn:
                theta = rule.moved(theta, magnitude if negative else -magnitude)
            assert ctx.get(dut.theta) == theta
        ctx.set(dut.turn, 0)
        fields = from_bits(await rotate(ctx, dut.scan, len(bits)), -THETA, -GRADIENT, own)
        assert fields == (theta, g, own_state)

    simulate(dut, testbench)


def test_amplitudes_by_hand() -> None:
    """Of an amplitude of 16 in a multiplier's last bits."""
    assert [scaled(16, level) for level in LEVELS] == [2, 5, 8, 10, 12, 14, 15, 16]
