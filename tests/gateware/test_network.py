"""The network datapath against f(x; theta), an evaluation in every cycle, for any network."""

import random

import pytest
from datapath import assert_pipelined, drive, from_bits, operand, outputs, rotate, shift, to_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.network import Network as Datapath
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.testbench import simulate

WIDE = Spec(
    name="wide",
    network=Network(layers=(2, 2, 1, 3), segments=16),
    formats=Formats(parameter="S3.7", operand_fraction=4, input="S2.2", activation="U0.7"),
    fabric=Fabric(lfsr_bits=8, tau_theta_bits=3),
)


class Case:
    """A datapath in a random state."""

    def __init__(self, spec: Spec, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.spec = spec
        self.plan = plan = Plan(spec)
        self.dut = Datapath(plan)
        count = range(plan.parameters)
        self.widths = [plan.theta.bits, plan.gradient_bits, spec.fabric.lfsr_bits]
        bounds = plan.theta.minimum, plan.theta.maximum
        self.thetas = [rng.choice([*bounds, *[rng.randint(*bounds)] * 6]) for _ in count]
        self.gradients = [rng.randrange(-3, 4) * bool(plan.gradient_bits) for _ in count]
        self.lfsrs = [rng.randrange(1, 2 ** self.widths[2]) for _ in count]
        self.dtheta = rng.randrange(1, 2**plan.dtheta_bits)

    @property
    def bits(self) -> list[int]:
        synapses = zip(self.thetas, self.gradients, self.lfsrs, strict=True)
        return to_bits(*(field for row in synapses for field in zip(row, self.widths, strict=True)))

    def outputs(self, perturb: int, x: list[int]) -> tuple[int, ...]:
        operand_shift = self.plan.theta.fraction_bits - self.spec.formats.operand_fraction
        operands = [
            operand(theta, (1 if lfsr & 1 else -1) * self.dtheta * perturb, operand_shift)
            for theta, lfsr in zip(self.thetas, self.lfsrs, strict=True)
        ]
        return outputs(self.spec, self.plan.activation, operands, tuple(x))

    async def check_evaluations(self, ctx, count: int) -> None:
        """Start evaluations at random, most of them in cycles that follow each other."""
        rng, dut, source = self.rng, self.dut, self.spec.formats.input
        latency = self.plan.latency.network
        ctx.set(dut.broadcast.dtheta, self.dtheta)
        rows, expected = [], []
        for _ in range(count):
            valid, perturb = rng.random() < 0.8, rng.randrange(2)
            x = [
                rng.choice(
                    [source.minimum, source.maximum, rng.randint(source.minimum, source.maximum)]
                )
                for _ in range(self.plan.sample.inputs)
            ]
            packed, _ = from_bits(
                to_bits(*((value, source.bits) for value in x)), source.bits * len(x), 0
            )
            rows.append((valid, perturb, packed))
            expected.append((valid, perturb, *self.outputs(perturb, x)))
        observed = dut.arrived.valid, dut.arrived.perturb, *(dut.y[k] for k in range(len(dut.y)))
        inputs = dut.wave.valid, dut.wave.perturb, dut.x
        seen = await drive(ctx, inputs, rows + [(0, 0, 0)] * latency, observed)
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
    return Spec(
        name="drawn",
        network=Network(
            layers=draw(st.lists(st.integers(1, 3), min_size=2, max_size=3)),
            segments=2 ** draw(st.integers(1, min(6, sum(preactivation)))),
        ),
        formats=Formats(
            parameter=f"S{integer}.{fraction}",
            operand_fraction=draw(st.integers(0, fraction)),
            input=f"{'S' if signed_input else 'U'}{input_integer}.{input_fraction}",
            preactivation=f"S{preactivation[0]}.{preactivation[1]}",
            activation=f"U0.{draw(st.integers(1, 12))}",
        ),
        fabric=Fabric(tau_theta_bits=draw(st.sampled_from([1, 3])), lfsr_bits=10),
        training=Training(eta=0, dtheta=2.0**-fraction),
    )


@settings(max_examples=10)
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_any_network(spec: Spec, seed: int) -> None:
    case = Case(spec, seed)

    async def testbench(ctx):
        await shift(ctx, case.dut.scan, case.bits)
        await case.check_evaluations(ctx, 40)

    simulate(case.dut, testbench)


@pytest.mark.parametrize("spec", [xor(), WIDE], ids=lambda spec: spec.name)
def test_evaluate_and_train(spec: Spec, random_seed: int) -> None:
    """State is by layer, neuron and input; what a broadcast moves, the next evaluation uses."""
    case = Case(spec, random_seed)
    plan, dut, rng = case.plan, case.dut, case.rng
    step = dut.broadcast.step
    broadcast = dut.broadcast.apply, dut.broadcast.update, step.magnitude, step.negative
    magnitudes = rng.randrange(20, 100), rng.randrange(20)

    async def testbench(ctx):
        await shift(ctx, dut.scan, case.bits)
        assert case.parameters(ctx) == case.thetas
        await case.check_evaluations(ctx, 150)
        assert case.parameters(ctx) == case.thetas

        rows = [(1, 0, magnitudes[0], 1), (1, 1, magnitudes[1], 0), (0, 0, 0, 0)]
        await drive(ctx, broadcast, rows, ())
        synapses = zip(case.thetas, case.gradients, case.lfsrs, strict=True)
        moved = [
            theta - (gradient + (1 if lfsr & 1 else -1) * (magnitudes[1] - magnitudes[0]))
            for theta, gradient, lfsr in synapses
        ]
        case.thetas = [max(plan.theta.minimum, min(plan.theta.maximum, theta)) for theta in moved]
        case.gradients = [0] * len(moved)
        assert case.parameters(ctx) == case.thetas
        await case.check_evaluations(ctx, 50)

        assert await rotate(ctx, dut.scan, len(case.bits)) == case.bits
        assert case.parameters(ctx) == case.thetas

    simulate(dut, testbench)
