"""The neuron: its output for an evaluation in every cycle, and the order of its parameters."""

import random

import pytest
from datapath import (
    assert_pipelined,
    drive,
    from_bits,
    operand,
    preactivation,
    rotate,
    shift,
    sigmoid,
    to_bits,
)

from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.neuron import Neuron
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.testbench import simulate

PLANS = {
    "recommended": Plan(Spec(name="neuron", network=Network(layers=(2, 2, 1)))),
    "wide signed inputs, fewer operand bits": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(5, 3, 1), segments=16),
            formats=Formats(operand_fraction=5, input="S3.4", activation="U0.6"),
        )
    ),
    "zeros appended": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(4, 1, 1)),
            formats=Formats(operand_fraction=3, input="U2.1", preactivation="S4.7"),
            fabric=Fabric(tau_theta_bits=1, lfsr_bits=9),
            training=Training(dtheta=0.5),
        )
    ),
}


@pytest.fixture(params=PLANS.items(), ids=lambda item: item[0])
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.param[1]


class State:
    """State of a neuron's synapses, random but for given parameters; the signs are mixed."""

    def __init__(
        self, plan: Plan, layer: LayerPlan, rng: random.Random, thetas: list[int] | None = None
    ) -> None:
        self.widths = [plan.theta.bits, plan.gradient_bits, plan.spec.fabric.lfsr_bits]
        count = range(layer.inputs + 1)
        # Within a quarter of the range, where the sigmoid is not flat.
        quarter = plan.theta.maximum // 4
        self.thetas = thetas or [rng.randint(-quarter, quarter) for _ in count]
        self.gradients = [rng.randrange(-500, 500) * bool(self.widths[1]) for _ in count]
        self.lfsrs = [rng.randrange(1, 2 ** self.widths[2]) for _ in count]
        self.lfsrs[:2] = [self.lfsrs[0] | 1, self.lfsrs[1] & ~1]
        self.signs = [1 if lfsr & 1 else -1 for lfsr in self.lfsrs]

    def bits(self) -> list[int]:
        synapses = zip(self.thetas, self.gradients, self.lfsrs, strict=True)
        return to_bits(*(field for row in synapses for field in zip(row, self.widths, strict=True)))


@pytest.mark.parametrize("number", [0, 1], ids=["first layer", "second layer"])
@pytest.mark.parametrize("thetas", ["random", "lowest", "highest"])
def test_output(plan: Plan, number: int, thetas: str, random_seed: int) -> None:
    rng = random.Random(random_seed)
    layer, formats = plan.layers[number], plan.spec.formats
    source = formats.input if number == 0 else formats.activation
    operand_shift = plan.theta.fraction_bits - formats.operand_fraction
    sum_shift = formats.operand_fraction + source.fraction_bits
    sum_shift -= formats.preactivation.fraction_bits
    dut = Neuron(plan, layer)
    bound = {"random": None, "lowest": plan.theta.minimum, "highest": plan.theta.maximum}[thetas]
    state = State(plan, layer, rng, None if bound is None else [bound] * (layer.inputs + 1))
    dtheta = rng.randrange(1, 2**plan.dtheta_bits)

    def output(perturb: int, x: list[int]) -> int:
        operands = [
            operand(theta, sign * dtheta * perturb, operand_shift)
            for theta, sign in zip(state.thetas, state.signs, strict=True)
        ]
        total = operands[-1] * 2**source.fraction_bits
        total += sum(value * a for value, a in zip(operands, x, strict=False))
        return sigmoid(preactivation(total, sum_shift, plan.activation), plan.activation)

    async def testbench(ctx):
        await shift(ctx, dut.scan, state.bits())
        ctx.set(dut.broadcast.dtheta, dtheta)
        cases = [
            (rng.randrange(2), [rng.randint(source.minimum, source.maximum) for _ in range(n)])
            for n in [layer.inputs] * 150
        ]
        cases += [
            (perturb, [x] * layer.inputs)
            for perturb in (0, 1)
            for x in (source.minimum, source.maximum)
        ]
        latency = plan.latency.layers[number]
        idle = [0] * layer.inputs
        later = [(0, idle)] * latency
        perturbs = [perturb for perturb, _ in cases + later]
        xs = [idle] + [x for _, x in cases + later]
        rows = list(zip(perturbs, xs, strict=False))
        seen = await drive(ctx, (dut.perturb, dut.x), rows, (dut.y,))
        expected = [(output(*case),) for case in cases]
        if thetas == "random":
            assert_pipelined(seen, expected, latency)
        else:  # mostly saturated, hence all alike
            assert seen[latency:] == expected

    simulate(dut, testbench)


def test_scan(plan: Plan, random_seed: int) -> None:
    """Weights in input order, then the bias, each with theta, G and perturber."""
    layer = plan.layers[0]
    dut = Neuron(plan, layer)
    state = State(plan, layer, random.Random(random_seed))

    async def testbench(ctx):
        await shift(ctx, dut.scan, state.bits())
        assert list(ctx.get(dut.theta)) == state.thetas
        assert await rotate(ctx, dut.scan, len(state.bits())) == state.bits()
        assert list(ctx.get(dut.theta)) == state.thetas

    simulate(dut, testbench)


def test_every_synapse_learns(plan: Plan, random_seed: int) -> None:
    """One broadcast moves each parameter against its own sign, and moves the perturbers on."""
    rng = random.Random(random_seed)
    layer = plan.layers[0]
    dut = Neuron(plan, layer)
    state = State(plan, layer, rng)
    step = rng.randrange(1, 300)

    async def testbench(ctx):
        await shift(ctx, dut.scan, state.bits())
        broadcast = dut.broadcast
        inputs = broadcast.apply, broadcast.update, broadcast.step.magnitude
        await drive(ctx, inputs, [(1, 1, step), (0, 0, 0)], ())
        synapses = zip(state.thetas, state.gradients, state.signs, strict=True)
        moved = [theta - (gradient + sign * step) for theta, gradient, sign in synapses]
        bounds = plan.theta.minimum, plan.theta.maximum
        thetas = [max(bounds[0], min(bounds[1], theta)) for theta in moved]
        assert list(ctx.get(dut.theta)) == thetas

        await drive(ctx, (broadcast.advance,), [(1,), (0,)], ())
        widths = [-state.widths[0], -state.widths[1], state.widths[2]]
        bits = await rotate(ctx, dut.scan, len(state.bits()))
        fields = from_bits(bits, *widths * len(thetas))
        assert list(fields[0::3]) == thetas
        assert not any(fields[1::3])
        below = [lfsr % 2 ** (widths[2] - 1) for lfsr in fields[2::3]]
        assert below == [lfsr >> 1 for lfsr in state.lfsrs]

    simulate(dut, testbench)
