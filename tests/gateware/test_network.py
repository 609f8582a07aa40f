"""The network datapath against f(x; theta), an evaluation in every cycle, for any network."""

import random
from copy import copy

import pytest
from datapath import (
    assert_pipelined,
    broadcast_amplitude,
    broadcast_step,
    drive,
    from_bits,
    rotate,
    shift,
    to_bits,
)
from datapath_model import PERTURBATIONS, Perturbers, Rule, outputs
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.network import Network as Datapath
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import ACTIVATIONS, Fabric, Formats, Network, Spec, Training
from pmgd.sim.testbench import simulate

WIDE = Spec(
    name="wide",
    network=Network(layers=(2, 2, 1, 3), segments=16),
    formats=Formats(parameter="S3.7", operand_fraction=4, input="S2.2", activation="U0.7"),
    fabric=Fabric(lfsr_bits=8, tau_theta_bits=3),
)
MIXED = Spec(
    name="mixed",
    network=Network(layers=(3, 2, 2, 2), activation=("tanh", "relu", "identity"), bias=False),
    formats=Formats(overflow="hold", activation=("S1.6", "U4.5", "S3.4")),
    fabric=Fabric(perturbation="walsh", baseline="two_sided", correlator="sign", decay_shift=2),
)
TWO_SIDED = Spec(
    name="two_sided",
    network=Network(layers=(1, 1), bias=False),
    fabric=Fabric(perturbation="sequential", baseline="two_sided"),
)

DEFECTIVE = Spec(
    name="defective",
    network=Network(layers=(2, 3, 1), segments=16),
    formats=Formats(operand_fraction=5, activation=("S2.6", "S3.5")),
    fabric=Fabric(
        perturbation="sine",
        baseline="two_sided",
        decay_shift=4,
        decay_every="timestep",
        defects=True,
    ),
    training=Training(dtheta=0.25),
)


class Case:
    """A datapath in a random state."""

    def __init__(self, spec: Spec, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.spec = spec
        self.plan = plan = Plan(spec)
        self.dut = Datapath(plan)
        self.perturbers = Perturbers(plan, rng)
        count = range(plan.parameters)
        self.widths = [plan.theta.bits, plan.gradient_bits, plan.perturber_bits]
        bounds = plan.theta.minimum, plan.theta.maximum
        self.thetas = [rng.choice([*bounds, *[rng.randint(*bounds)] * 6]) for _ in count]
        self.gradients = [rng.randrange(-3, 4) * bool(plan.gradient_bits) for _ in count]
        self.dtheta = rng.randrange(1, 2**plan.dtheta_bits)
        # Not so wrong that all outputs are clipped.
        self.defects = [
            (rng.randint(100, 400), *(rng.randint(-300, 300) for _ in range(3)))
            for _ in range(plan.scan.neurons)
        ]

    @property
    def bits(self) -> list[int]:
        """The scan ring's."""
        synapses = zip(self.thetas, self.gradients, self.perturbers.own, strict=True)
        fields = [field for row in synapses for field in zip(row, self.widths, strict=True)]
        return to_bits(*fields, *((number, 16) for row in self.defects for number in row))

    def outputs(self, perturb: int, opposite: int, x: list[int]) -> tuple[int, ...]:
        operand_shift = self.plan.theta.fraction_bits - self.spec.formats.operand_fraction
        # Where no baseline is of the opposite perturbation, nobody hears of it.
        heard = opposite and self.spec.fabric.baseline == "two_sided"
        sigma = perturb * (-1 if heard else 1)
        operands = self.perturbers.operands(self.thetas, sigma, self.dtheta, operand_shift)
        return outputs(self.plan, operands, x, self.defects)

    def share(self, ctx) -> None:
        """Set what a code generator would, before and after an advance."""
        after = copy(self.perturbers)
        after.advance()
        ctx.set(self.dut.broadcast.code, self.perturbers.shared)
        if self.perturbers.kind == "chain":
            ctx.set(self.dut.entering, after.own[0])

    async def check_evaluations(self, ctx, count: int) -> None:
        """Start evaluations at random, most of them in cycles that follow each other."""
        rng, dut, source = self.rng, self.dut, self.spec.formats.input
        latency = self.plan.latency.network
        await broadcast_amplitude(ctx, dut.broadcast, self.dtheta, self.plan.operand_shift)
        self.share(ctx)
        rows, expected = [], []
        for _ in range(count):
            wave = rng.random() < 0.8, *(rng.randrange(2) for _ in range(3))
            x = [
                rng.choice(
                    [source.minimum, source.maximum, rng.randint(source.minimum, source.maximum)]
                )
                for _ in range(self.plan.sample.inputs)
            ]
            packed, _ = from_bits(
                to_bits(*((value, source.bits) for value in x)), source.bits * len(x), 0
            )
            rows.append((*wave, packed))
            _, perturb, opposite, _ = wave
            expected.append((*wave, *self.outputs(perturb, opposite, x)))
        fields = "valid", "perturb", "opposite", "baseline"
        observed = [dut.arrived[field] for field in fields] + [dut.y[k] for k in range(len(dut.y))]
        inputs = [dut.wave[field] for field in fields] + [dut.x]
        seen = await drive(ctx, inputs, rows + [(0,) * 5] * latency, observed)
        assert_pipelined(seen, expected, latency)

    def parameters(self, ctx) -> list[int]:
        width = self.plan.theta.bits
        packed = to_bits((ctx.get(self.dut.theta), self.plan.parameters * width))
        return list(from_bits(packed, *[-width] * self.plan.parameters))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Small networks of any formats; nothing in them trains."""
    fraction = draw(st.integers(0, 9))
    integer = draw(st.integers(max(1, 3 - fraction), 4))
    signed_input = draw(st.booleans())
    input_integer = draw(st.integers(int(signed_input), 3))
    input_fraction = draw(st.integers(0 if input_integer else 1, 4))
    preactivation = draw(st.tuples(st.integers(2, 5), st.integers(0, 9)))
    layers = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
    defects = draw(st.sampled_from([False, False, True]))
    kinds = [draw(st.sampled_from(["sigmoid"] if defects else ACTIVATIONS)) for _ in layers[1:]]
    perturbation = draw(st.sampled_from(PERTURBATIONS))
    operand_fraction = draw(st.integers(0, fraction))
    if operand_fraction < 4 and perturbation == "sine":
        perturbation = "square"  # too few bits for eight magnitudes
    sigmoid = f"S{draw(st.integers(1, 4))}" if defects else "U0"
    results = {
        "sigmoid": f"{sigmoid}.{draw(st.integers(1, 10))}",
        "tanh": f"S1.{draw(st.integers(0, 10))}",
        "relu": f"U{draw(st.integers(1, 5))}.{draw(st.integers(0, 5))}",
        "identity": f"S{draw(st.integers(1, 5))}.{draw(st.integers(0, 5))}",
    }
    return Spec(
        name="drawn",
        network=Network(
            layers=layers,
            activation=kinds,
            bias=draw(st.booleans()),
            segments=2 ** draw(st.integers(1, min(6, sum(preactivation)))),
        ),
        formats=Formats(
            parameter=f"S{integer}.{fraction}",
            operand_fraction=operand_fraction,
            input=f"{'S' if signed_input else 'U'}{input_integer}.{input_fraction}",
            preactivation=f"S{preactivation[0]}.{preactivation[1]}",
            activation=[results[kind] for kind in kinds],
        ),
        fabric=Fabric(
            perturbation=perturbation,
            defects=defects,
            baseline=draw(st.sampled_from(["sample", "two_sided"])),
            tau_theta_bits=draw(st.sampled_from([1, 3])),
            lfsr_bits=16,
        ),
        training=Training(eta=0, dtheta=1.0 if perturbation == "sine" else 2.0**-fraction),
    )


@settings(max_examples=15)
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_any_network(spec: Spec, seed: int) -> None:
    case = Case(spec, seed)

    async def testbench(ctx):
        await shift(ctx, case.dut.scan, case.bits)
        await case.check_evaluations(ctx, 40)

    simulate(case.dut, testbench)


@pytest.mark.parametrize(
    "spec", [xor(), WIDE, MIXED, TWO_SIDED, DEFECTIVE], ids=lambda spec: spec.name
)
def test_evaluate_and_train(spec: Spec, random_seed: int) -> None:
    """State is by layer, neuron and input; what a broadcast moves, the next evaluation uses."""
    case = Case(spec, random_seed)
    plan, dut, rng = case.plan, case.dut, case.rng
    dither = rng.randrange(16) if plan.dithered else None
    magnitudes = rng.randrange(20, 100), rng.randrange(20)
    rule = Rule.of(plan)

    async def testbench(ctx):
        await shift(ctx, dut.scan, case.bits)
        assert case.parameters(ctx) == case.thetas
        await case.check_evaluations(ctx, 150)
        assert case.parameters(ctx) == case.thetas

        for magnitude, direction, ends in ((magnitudes[0], -1, 0), (magnitudes[1], 1, 1)):
            ctx.set(dut.broadcast.dither, dither or 0)
            await broadcast_step(
                ctx,
                dut.broadcast,
                magnitude,
                direction=direction,
                ends=ends,
                turns=plan.step_levels,
            )
            synapses = zip(case.thetas, case.gradients, case.perturbers.signs, strict=True)
            learnt = [
                rule.apply(theta, g, s, direction, magnitude, ends, dither)
                for theta, g, s in synapses
            ]
            case.thetas, case.gradients = map(list, zip(*learnt, strict=True))
        assert case.parameters(ctx) == case.thetas
        await case.check_evaluations(ctx, 50)

        assert await rotate(ctx, dut.scan, len(case.bits)) == case.bits
        assert case.parameters(ctx) == case.thetas

    simulate(dut, testbench)


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_perturbations_in_parameter_order(kind: str, random_seed: int) -> None:
    """Over all neurons and layers, for more advances than there are parameters."""
    network = Network(layers=(2, 2, 1), bias=kind != "walsh")
    spec = Spec(name="order", network=network, fabric=Fabric(perturbation=kind, tau_theta_bits=1))
    case = Case(spec.with_settings({"training.dtheta": 0.25}), random_seed)
    plan, dut = case.plan, case.dut

    async def testbench(ctx):
        case.thetas = [0] * plan.parameters
        await shift(ctx, dut.scan, case.bits)
        for _ in range(2 * plan.parameters + 3):
            case.share(ctx)
            await drive(ctx, (dut.broadcast.advance,), [(1,), (0,)], ())
            case.perturbers.advance()
            case.share(ctx)
            await broadcast_step(ctx, dut.broadcast, 1, turns=plan.step_levels)
            signs = case.perturbers.signs
            case.thetas = [theta - s for theta, s in zip(case.thetas, signs, strict=True)]
            assert case.parameters(ctx) == case.thetas
        assert await rotate(ctx, dut.scan, len(case.bits)) == case.bits

    simulate(dut, testbench)


@pytest.mark.parametrize("kind", ["each", "shared"])
def test_noise_in_parameter_order(kind: str, random_seed: int) -> None:
    """Over all neurons and layers: one a cycle, or all at once."""
    spec = Spec(name="turns", network=Network(layers=(2, 2, 1)), fabric=Fabric(update_noise=kind))
    case = Case(spec, random_seed)
    plan, dut, rng = case.plan, case.dut, case.rng
    step, rule = dut.broadcast.step, Rule.of(plan)

    async def testbench(ctx):
        await shift(ctx, dut.scan, case.bits)
        moves = [rng.randint(-1000, 1000) for _ in range(plan.parameters)]
        rows = [(k == 0, abs(move), move > 0) for k, move in enumerate(moves)]
        inputs = dut.turn, step.magnitude, step.negative
        seen = await drive(ctx, inputs, [*rows, (0, 0, 0)], (dut.turned,))
        taken = moves if kind == "each" else moves[:1] * plan.parameters
        case.thetas = [rule.moved(*pair) for pair in zip(case.thetas, taken, strict=True)]
        assert case.parameters(ctx) == case.thetas
        last = plan.parameters if kind == "each" else 0
        assert [k for k, (turned,) in enumerate(seen) if turned] == [last]
        assert await rotate(ctx, dut.scan, len(case.bits)) == case.bits, "G and perturbers stay"

    simulate(dut, testbench)


def test_defects_are_the_end_of_the_ring(random_seed: int) -> None:
    """Of every neuron in order, where the layout says."""
    case = Case(DEFECTIVE, random_seed)
    plan, dut = case.plan, case.dut
    positions, defects = plan.scan.defect_positions(), plan.scan.state_bits - len(case.defects) * 64

    async def testbench(ctx):
        await shift(ctx, dut.scan, case.bits)
        ring = await rotate(ctx, dut.scan, plan.scan.state_bits)
        for neuron, row in enumerate(case.defects):
            own = [ring[position] for position in positions[neuron]]
            assert from_bits(own, *[-16] * 4) == row
        assert ring[defects:] == to_bits(*((n, 16) for row in case.defects for n in row))

    simulate(dut, testbench)
