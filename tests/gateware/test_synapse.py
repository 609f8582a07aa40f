"""The synapse: its product, its training, and the order of its state in the scan chain."""

import random
from dataclasses import dataclass
from itertools import product

import pytest
from amaranth.hdl import Shape, signed, unsigned
from datapath import assert_pipelined, drive, from_bits, operand, rotate, shift, to_bits

from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import SYNAPSE_CYCLES
from pmgd.gateware.seeds import lfsr_taps
from pmgd.gateware.synapse import Synapse
from pmgd.sim.testbench import simulate


@dataclass(frozen=True)
class Widths:
    """Of a synapse whose operand and product hold every value, and no more."""

    theta: int
    gradient: int
    dtheta: int
    operand_shift: int
    x: Shape
    lfsr: int = 8

    def synapse(self) -> Synapse:
        amplitude = 2**self.dtheta - 1
        bound = 2 ** (self.theta - 1)
        operands = [
            operand(-bound, -amplitude, self.operand_shift),
            operand(bound - 1, amplitude, self.operand_shift),
        ]
        products = [value * x for value in operands for x in (self.xs[0], self.xs[-1])]
        return Synapse(
            theta_bits=self.theta,
            gradient_bits=self.gradient,
            step_bits=self.theta - 1,
            dtheta_bits=self.dtheta,
            lfsr_bits=self.lfsr,
            operand_shift=self.operand_shift,
            operand_bits=signed_bits(*operands),
            input_shape=self.x,
            product_bits=signed_bits(min(products), max(products)),
            overflow="clip",
        )

    @property
    def xs(self) -> range:
        least = -(2 ** (self.x.width - 1)) if self.x.signed else 0
        return range(least, least + 2**self.x.width)

    @property
    def state(self) -> tuple[int, int, int]:
        return -self.theta, -self.gradient, self.lfsr

    def state_bits(self, theta: int, gradient: int, lfsr: int) -> list[int]:
        return to_bits((theta, self.theta), (gradient, self.gradient), (lfsr, self.lfsr))


async def evaluate(ctx, dut: Synapse, cases: list[tuple[int, int, int]]) -> list[tuple[int]]:
    """Start a case (perturb, dtheta, x) in every cycle; x follows one cycle later."""
    inputs = dut.perturb, dut.broadcast.dtheta, dut.x
    padding = [(0, 0, 0)] * SYNAPSE_CYCLES
    perturbs = [(perturb, dtheta) for perturb, dtheta, _ in cases + padding]
    xs = [0] + [x for *_, x in cases + padding]
    rows = [(*early, x) for early, x in zip(perturbs, xs, strict=False)]
    return await drive(ctx, inputs, rows, (dut.product,))


def expected_products(
    cases: list[tuple[int, int, int]], theta: int, sign: int, operand_shift: int
) -> list[tuple[int]]:
    return [
        (operand(theta, sign * dtheta if perturb else 0, operand_shift) * x,)
        for perturb, dtheta, x in cases
    ]


@pytest.mark.parametrize("operand_shift", [0, 2])
@pytest.mark.parametrize("x", [unsigned(1), signed(1), unsigned(2), signed(2)], ids=repr)
def test_every_product(x: Shape, operand_shift: int, random_seed: int) -> None:
    widths = Widths(theta=3, gradient=0, dtheta=2, operand_shift=operand_shift, x=x)
    dut = widths.synapse()
    cases = list(product((0, 1), range(4), widths.xs))
    rng = random.Random(random_seed)

    async def testbench(ctx):
        for theta, positive in product(range(-4, 4), (0, 1)):
            lfsr = 2 * rng.randrange(128) + positive
            await shift(ctx, dut.scan, widths.state_bits(theta, 0, lfsr))
            rng.shuffle(cases)
            seen = await evaluate(ctx, dut, cases)
            sign = 1 if positive else -1
            expected = expected_products(cases, theta, sign, operand_shift)
            assert seen[SYNAPSE_CYCLES:] == expected

    simulate(dut, testbench)


@pytest.mark.parametrize("x", [unsigned(9), signed(12)], ids=repr)
@pytest.mark.parametrize("operand_shift", [0, 5])
def test_wide_products(x: Shape, operand_shift: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    widths = Widths(theta=16, gradient=24, dtheta=13, operand_shift=operand_shift, x=x)
    dut = widths.synapse()

    async def testbench(ctx):
        for theta in (-(2**15), 2**15 - 1, rng.randrange(-(2**15), 2**15)):
            lfsr = rng.randrange(1, 256)
            await shift(ctx, dut.scan, widths.state_bits(theta, 0, lfsr))
            cases = [
                (rng.randrange(2), rng.choice([2**13 - 1, rng.randrange(2**13)]), rng.choice(ends))
                for ends in [widths.xs, (widths.xs[0], widths.xs[-1])] * 100
            ]
            seen = await evaluate(ctx, dut, cases)
            expected = expected_products(cases, theta, 2 * (lfsr & 1) - 1, operand_shift)
            assert_pipelined(seen, expected, SYNAPSE_CYCLES)

    simulate(dut, testbench)


@pytest.mark.parametrize("gradient_bits", [0, 14])
def test_training(gradient_bits: int, random_seed: int) -> None:
    """Timesteps of advance, evaluate and apply; what the synapse learns is the broadcast alone."""
    rng = random.Random(random_seed)
    widths = Widths(theta=10, gradient=gradient_bits, dtheta=4, operand_shift=0, x=unsigned(1))
    dut = widths.synapse()
    step = dut.broadcast.step
    broadcast = dut.broadcast.apply, dut.broadcast.update, step.magnitude, step.negative

    async def testbench(ctx):
        theta, gradient, lfsr = rng.randrange(-512, 512), 0, rng.randrange(1, 256)
        await shift(ctx, dut.scan, widths.state_bits(theta, gradient, lfsr))
        for timestep in range(600):
            if timestep % 3 == 0:
                feedback = sum(lfsr >> (8 - tap) for tap in lfsr_taps(8)) % 2
                lfsr = lfsr >> 1 | feedback << 7
                await drive(ctx, (dut.broadcast.advance,), [(1,), (0,)], ())
            sign = 1 if lfsr & 1 else -1
            cases = [(perturb, rng.randrange(16), 1) for perturb in (0, 1)]
            seen = await evaluate(ctx, dut, cases)
            assert seen[SYNAPSE_CYCLES:] == expected_products(cases, theta, sign, 0)

            # 7 timesteps of up to 511 are what 14 bits hold, and more.
            magnitude, negative = rng.choice([511, rng.randrange(64)]), rng.randrange(2)
            ends = timestep % 7 == 6
            await drive(ctx, broadcast, [(1, ends, magnitude, negative), (0, 0, 0, 0)], ())
            gradient += sign * (-magnitude if negative else magnitude)
            if ends or not gradient_bits:
                theta, gradient = max(-512, min(511, theta - gradient)), 0
            assert ctx.get(dut.theta) == theta
        state = await rotate(ctx, dut.scan, sum(map(abs, widths.state)))
        assert from_bits(state, *widths.state) == (theta, gradient, lfsr)

    simulate(dut, testbench)


@pytest.mark.parametrize("gradient_bits", [0, 7])
def test_scan(gradient_bits: int, random_seed: int) -> None:
    """Theta first, then G, then the perturber's state; a full turn restores all three."""
    rng = random.Random(random_seed)
    widths = Widths(theta=5, gradient=gradient_bits, dtheta=3, operand_shift=0, x=unsigned(1))
    dut = widths.synapse()

    async def testbench(ctx):
        reset = widths.state_bits(0, 0, 1)
        assert await rotate(ctx, dut.scan, len(reset)) == reset
        for lfsr in (2 * rng.randrange(1, 128), 2 * rng.randrange(128) + 1):
            theta, gradient = rng.randrange(-16, 16), rng.randrange(2**gradient_bits)
            bits = widths.state_bits(theta, gradient, lfsr)
            await shift(ctx, dut.scan, bits)
            assert await rotate(ctx, dut.scan, len(bits)) == bits
            assert ctx.get(dut.theta) == theta
            seen = await evaluate(ctx, dut, [(1, 7, 1)])
            assert seen[SYNAPSE_CYCLES] == (theta + (7 if lfsr & 1 else -7),)

    simulate(dut, testbench)
