"""The synapse: its product, its training, and the order of its state in the scan chain."""

import random
from dataclasses import dataclass
from itertools import product

import pytest
from amaranth.hdl import Shape, signed, unsigned
from datapath import assert_pipelined, drive, from_bits, rotate, shift, to_bits
from datapath_model import PERTURBATIONS, Rule, next_lfsr, operand, oscillation

from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import SYNAPSE_CYCLES
from pmgd.gateware.synapse import Synapse
from pmgd.sim.testbench import simulate

CODES = [kind for kind in PERTURBATIONS if kind != "sine"]
"""Perturbations of one magnitude; for the other see test_sine_synapse."""

INCREMENT = 33

Case = tuple[int, int, int, int]
"""Perturb, opposite, dtheta, x."""


@dataclass(frozen=True)
class Kind:
    """Of a synapse whose operand and product hold every value, and no more; parameter 1 of 3."""

    theta: int
    gradient: int
    dtheta: int
    operand_shift: int
    x: Shape
    perturbation: str = "lfsr"
    correlator: str = "full"
    decay_shift: int = 0

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
            perturber_bits=8,
            increment=INCREMENT,
            code_bits=2 if self.perturbation == "walsh" else 0,
            parameter=1,
            operand_shift=self.operand_shift,
            operand_bits=signed_bits(*operands),
            input_shape=self.x,
            product_bits=signed_bits(min(products), max(products)),
            overflow="clip",
            perturbation=self.perturbation,
            correlator=self.correlator,
            decay_shift=self.decay_shift,
        )

    @property
    def rule(self) -> Rule:
        return Rule(self.theta, "clip", self.correlator, self.decay_shift)

    @property
    def xs(self) -> range:
        least = -(2 ** (self.x.width - 1)) if self.x.signed else 0
        return range(least, least + 2**self.x.width)

    @property
    def perturber_bits(self) -> int:
        return {"lfsr": 8, "square": 8, "walsh": 0}.get(self.perturbation, 1)

    @property
    def widths(self) -> tuple[int, int, int]:
        return -self.theta, -self.gradient, self.perturber_bits

    def bits(self, theta: int, gradient: int, own: int) -> list[int]:
        return to_bits((theta, self.theta), (gradient, self.gradient), (own, self.perturber_bits))

    def perturbations(self, rng: random.Random) -> list[tuple[int, int, int]]:
        """Return one (own state, code, s) for each s that there is."""
        if self.perturbation == "lfsr":
            return [(2 * rng.randrange(1, 128) + bit, 0, 2 * bit - 1) for bit in (0, 1)]
        if self.perturbation == "square":
            return [(128 * half + rng.randrange(128), 0, 1 - 2 * half) for half in (0, 1)]
        if self.perturbation == "walsh":
            # Row 2 of four.
            return [(0, code, -1 if code & 2 else 1) for code in range(4)]
        return [
            (bit, 0, bit if self.perturbation == "sequential" else 2 * bit - 1) for bit in (0, 1)
        ]


async def evaluate(ctx, dut: Synapse, cases: list[Case]) -> list[tuple[int]]:
    """Start a case in every cycle; its x follows one cycle later."""
    inputs = dut.perturb, dut.opposite, dut.broadcast.dtheta, dut.x
    padding = [(0, 0, 0, 0)] * SYNAPSE_CYCLES
    early = [case[:3] for case in cases + padding]
    xs = [0] + [x for *_, x in cases + padding]
    rows = [(*first, x) for first, x in zip(early, xs, strict=False)]
    return await drive(ctx, inputs, rows, (dut.product,))


def expected_products(
    cases: list[Case], theta: int, s: int, operand_shift: int
) -> list[tuple[int]]:
    sigmas = [perturb * (-1 if opposite else 1) for perturb, opposite, *_ in cases]
    return [
        (operand(theta, sigma * s * dtheta, operand_shift) * x,)
        for sigma, (*_, dtheta, x) in zip(sigmas, cases, strict=True)
    ]


@pytest.mark.parametrize("operand_shift", [0, 2])
@pytest.mark.parametrize(
    ("perturbation", "x"),
    [
        *(("lfsr", x) for x in (unsigned(1), signed(1), unsigned(2), signed(2))),
        ("chain", unsigned(1)),
        ("walsh", unsigned(1)),
        ("sequential", unsigned(1)),
        ("square", unsigned(1)),
    ],
    ids=repr,
)
def test_every_product(perturbation: str, x: Shape, operand_shift: int, random_seed: int) -> None:
    kind = Kind(
        theta=3, gradient=0, dtheta=2, operand_shift=operand_shift, x=x, perturbation=perturbation
    )
    dut = kind.synapse()
    cases = list(product((0, 1), (0, 1), range(4), kind.xs))
    rng = random.Random(random_seed)

    async def testbench(ctx):
        for theta, (own, code, s) in product(range(-4, 4), kind.perturbations(rng)):
            await shift(ctx, dut.scan, kind.bits(theta, 0, own))
            ctx.set(dut.broadcast.code, code)
            rng.shuffle(cases)
            seen = await evaluate(ctx, dut, cases)
            expected = expected_products(cases, theta, s, operand_shift)
            assert seen[SYNAPSE_CYCLES:] == expected

    simulate(dut, testbench)


@pytest.mark.parametrize("x", [unsigned(9), signed(12)], ids=repr)
@pytest.mark.parametrize("operand_shift", [0, 5])
def test_wide_products(x: Shape, operand_shift: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    kind = Kind(theta=16, gradient=24, dtheta=13, operand_shift=operand_shift, x=x)
    dut = kind.synapse()

    async def testbench(ctx):
        for theta in (-(2**15), 2**15 - 1, rng.randrange(-(2**15), 2**15)):
            lfsr = rng.randrange(1, 256)
            await shift(ctx, dut.scan, kind.bits(theta, 0, lfsr))
            cases = [
                (
                    rng.randrange(2),
                    rng.randrange(2),
                    rng.choice([2**13 - 1, rng.randrange(2**13)]),
                    rng.choice(ends),
                )
                for ends in [kind.xs, (kind.xs[0], kind.xs[-1])] * 100
            ]
            seen = await evaluate(ctx, dut, cases)
            expected = expected_products(cases, theta, 2 * (lfsr & 1) - 1, operand_shift)
            assert_pipelined(seen, expected, SYNAPSE_CYCLES)

    simulate(dut, testbench)


@pytest.mark.parametrize("perturbation", CODES)
@pytest.mark.parametrize(
    ("correlator", "gradient", "decay_shift"),
    [("full", 0, 0), ("full", 14, 0), ("full", 16, 2), ("sign", 0, 0), ("sign", 8, 2)],
)
def test_training(
    perturbation: str, correlator: str, gradient: int, decay_shift: int, random_seed: int
) -> None:
    """Timesteps of advance, evaluate and apply; what the synapse learns is the broadcast alone."""
    rng = random.Random(random_seed)
    kind = Kind(
        theta=10,
        gradient=gradient,
        dtheta=4,
        operand_shift=0,
        x=unsigned(1),
        perturbation=perturbation,
        correlator=correlator,
        decay_shift=decay_shift,
    )
    dut = kind.synapse()
    step = dut.broadcast.step
    broadcast = (
        *(dut.broadcast.apply, dut.broadcast.update),
        *(step.magnitude, step.negative, step.nonzero),
    )

    async def testbench(ctx):
        theta, g = rng.randrange(-512, 512), 0
        own, code, s = rng.choice(kind.perturbations(rng))
        await shift(ctx, dut.scan, kind.bits(theta, g, own))
        for timestep in range(250):
            if timestep % 3 == 0:
                neighbour = rng.randrange(2)
                if perturbation == "walsh":
                    own, code, s = rng.choice(kind.perturbations(rng))
                elif perturbation == "square":
                    own = (own + INCREMENT) % 256
                    s, _ = oscillation(own, 8)
                else:
                    own = next_lfsr(own, 8) if perturbation == "lfsr" else neighbour
                    s = own & 1 if perturbation == "sequential" else 2 * (own & 1) - 1
                inputs = dut.broadcast.advance, dut.neighbour
                await drive(ctx, inputs, [(1, neighbour), (0, 1 - neighbour)], ())
                ctx.set(dut.broadcast.code, code)
            assert ctx.get(dut.own) == (s > 0 and perturbation != "square")
            cases = [(perturb, rng.randrange(2), rng.randrange(16), 1) for perturb in (0, 1)]
            seen = await evaluate(ctx, dut, cases)
            assert seen[SYNAPSE_CYCLES:] == expected_products(cases, theta, s, 0)

            # 7 timesteps of up to 511 are what 14 bits hold, and more.
            magnitude, negative = rng.choice([511, rng.randrange(64)]), rng.randrange(2)
            nonzero = rng.random() < 0.8 if correlator == "sign" else rng.randrange(2)
            ends = timestep % 7 == 6
            row = (1, ends, magnitude, negative, nonzero)
            await drive(ctx, broadcast, [row, (0, 0, 0, 0, 0)], ())
            direction = (-1 if negative else 1) * (nonzero if correlator == "sign" else 1)
            theta, g = kind.rule.apply(theta, g, s, direction, magnitude, ends or not gradient)
            assert ctx.get(dut.theta) == theta
        state = await rotate(ctx, dut.scan, sum(map(abs, kind.widths)))
        assert from_bits(state, *kind.widths) == (theta, g, own)

    simulate(dut, testbench)


@pytest.mark.parametrize("gradient", [0, 7])
@pytest.mark.parametrize("perturbation", CODES)
def test_scan(perturbation: str, gradient: int, random_seed: int) -> None:
    """Theta first, then G, then the perturber's state; a full turn restores all three."""
    rng = random.Random(random_seed)
    kind = Kind(5, gradient, dtheta=3, operand_shift=0, x=unsigned(1), perturbation=perturbation)
    dut = kind.synapse()

    async def testbench(ctx):
        reset = kind.bits(0, 0, 1 if perturbation == "lfsr" else 0)
        assert await rotate(ctx, dut.scan, len(reset)) == reset
        for own, code, s in kind.perturbations(rng):
            theta, g = rng.randrange(-16, 16), rng.randrange(2**gradient)
            bits = kind.bits(theta, g, own)
            await shift(ctx, dut.scan, bits)
            assert await rotate(ctx, dut.scan, len(bits)) == bits
            assert ctx.get(dut.theta) == theta
            ctx.set(dut.broadcast.code, code)
            seen = await evaluate(ctx, dut, [(1, 0, 7, 1)])
            assert seen[SYNAPSE_CYCLES] == (theta + 7 * s,)

    simulate(dut, testbench)
