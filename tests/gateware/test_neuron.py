"""The neuron: its output for an evaluation in every cycle, and the order of its parameters."""

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
from datapath_model import PERTURBATIONS, Perturbers, Rule, neuron

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
            network=Network(layers=(5, 3, 1), segments=16, activation=("sigmoid", "tanh")),
            formats=Formats(operand_fraction=5, input="S3.4", activation=["U0.6", "S1.7"]),
            fabric=Fabric(perturbation="walsh"),
        )
    ),
    "zeros appended": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(4, 1, 1), activation="tanh"),
            formats=Formats(operand_fraction=3, input="U2.1", preactivation="S4.7"),
            fabric=Fabric(tau_theta_bits=1, lfsr_bits=9, correlator="sign"),
            training=Training(dtheta=0.5),
        )
    ),
    "no bias": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(3, 2, 1), bias=False, activation=("relu", "identity")),
            formats=Formats(activation=("U3.6", "S4.8")),
            fabric=Fabric(perturbation="chain", decay_shift=3),
        )
    ),
    "a single parameter": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(1, 1, 1), bias=False, activation=("identity", "relu")),
            formats=Formats(input="S2.5", overflow="hold", activation=("S3.6", "U2.9")),
            fabric=Fabric(perturbation="sequential", tau_theta_bits=1),
        )
    ),
    "levels": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(2, 3, 1)),
            formats=Formats(operand_fraction=6, input="S2.2"),
            fabric=Fabric(perturbation="sine", decay_shift=4, decay_every="timestep"),
            training=Training(dtheta=0.25),
        )
    ),
    "defects": Plan(
        Spec(
            name="neuron",
            network=Network(layers=(2, 2, 1)),
            formats=Formats(activation="S2.7"),
            fabric=Fabric(perturbation="sine", correlator="sign", defects=True),
        )
    ),
}


@pytest.fixture(params=PLANS.items(), ids=lambda item: item[0])
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.param[1]


class State:
    """State of a whole fabric, random but for given parameters; a neuron sees its part of it."""

    def __init__(
        self, plan: Plan, layer: LayerPlan, rng: random.Random, theta: int | None = None
    ) -> None:
        fabric = plan.spec.fabric
        self.perturbers = Perturbers(plan, rng)
        self.widths = [plan.theta.bits, plan.gradient_bits, plan.perturber_bits]
        self.part = slice(layer.first_parameter, layer.first_parameter + layer.fan_in)
        # Within a quarter of the range, where the activation is not flat.
        quarter = plan.theta.maximum // 4
        self.thetas = [
            rng.randint(-quarter, quarter) if theta is None else theta for _ in range(layer.fan_in)
        ]
        most = 3 if fabric.correlator == "sign" else 500
        self.gradients = [rng.randint(-most, most) * bool(self.widths[1]) for _ in self.thetas]
        # Beta, c, alpha and b of each neuron; c and b of up to a half.
        half = layer.output_format.fraction_bits - 1
        self.defects = (
            *(rng.randint(100, 400), rng.randint(-128, 128)),
            *(rng.randint(-400, 400), rng.randint(-(1 << half), 1 << half)),
        )

    @property
    def signs(self) -> list[int]:
        return self.perturbers.signs[self.part]

    @property
    def bits(self) -> list[int]:
        synapses = zip(self.thetas, self.gradients, self.perturbers.own[self.part], strict=True)
        return to_bits(*(field for row in synapses for field in zip(row, self.widths, strict=True)))


@pytest.mark.parametrize("number", [0, 1], ids=["first layer", "second layer"])
@pytest.mark.parametrize("thetas", ["random", "lowest", "highest"])
def test_output(plan: Plan, number: int, thetas: str, random_seed: int) -> None:
    rng = random.Random(random_seed)
    layer, formats = plan.layers[number], plan.spec.formats
    source = formats.input if number == 0 else plan.layers[number - 1].output_format
    operand_shift = plan.theta.fraction_bits - formats.operand_fraction
    dut = Neuron(plan, layer)
    bound = {"random": None, "lowest": plan.theta.minimum, "highest": plan.theta.maximum}[thetas]
    state = State(plan, layer, rng, bound)
    dtheta = rng.randrange(2 ** (plan.dtheta_bits - 1), 2**plan.dtheta_bits)

    def output(perturb: int, opposite: int, x: list[int]) -> int:
        sigma = perturb * (-1 if opposite else 1)
        operands = state.perturbers.operands(state.thetas, sigma, dtheta, operand_shift, state.part)
        return neuron(plan.spec, layer, operands, x, state.defects)

    async def testbench(ctx):
        await shift(ctx, dut.scan, state.bits)
        await shift(ctx, dut.defects_scan, to_bits(*((number, 16) for number in state.defects)))
        await broadcast_amplitude(ctx, dut.broadcast, dtheta, operand_shift)
        ctx.set(dut.broadcast.code, state.perturbers.shared)
        cases = [
            (
                *(rng.randrange(2), rng.randrange(2)),
                [rng.randint(source.minimum, source.maximum) for _ in range(layer.inputs)],
            )
            for _ in range(150)
        ]
        cases += [
            (perturb, 0, [x] * layer.inputs)
            for perturb in (0, 1)
            for x in (source.minimum, source.maximum)
        ]
        latency = plan.latency.layers[number]
        idle = [0] * layer.inputs
        later = [(0, 0, idle)] * latency
        early = [case[:2] for case in cases + later]
        xs = [idle] + [x for *_, x in cases + later]
        rows = [(*first, x) for first, x in zip(early, xs, strict=False)]
        seen = await drive(ctx, (dut.perturb, dut.opposite, dut.x), rows, (dut.y,))
        expected = [(output(*case),) for case in cases]
        if len(set(expected)) > 1 and thetas == "random":
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
        await shift(ctx, dut.scan, state.bits)
        assert list(ctx.get(dut.theta)) == state.thetas
        assert await rotate(ctx, dut.scan, len(state.bits)) == state.bits
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
        await shift(ctx, dut.scan, state.bits)
        broadcast = dut.broadcast
        ctx.set(broadcast.code, state.perturbers.shared)
        dither = 5 if plan.dithered else None
        ctx.set(broadcast.dither, dither or 0)
        await broadcast_step(ctx, broadcast, step, turns=plan.step_levels)
        rule = Rule.of(plan)
        synapses = zip(state.thetas, state.gradients, state.signs, strict=True)
        moved = [rule.apply(theta, g, s, 1, step, True, dither) for theta, g, s in synapses]
        thetas, gradients = map(list, zip(*moved, strict=True))
        assert list(ctx.get(dut.theta)) == thetas

        # What leaves the last parameter of another neuron, or the code generator, is the sign that
        # the perturbers' model gives to this neuron's first.
        state.perturbers.advance()
        own = state.perturbers.own[state.part]
        ctx.set(dut.neighbour, own[0])
        await drive(ctx, (broadcast.advance,), [(1,), (0,)], ())
        ctx.set(broadcast.code, state.perturbers.shared)
        assert ctx.get(dut.own) == (state.signs[-1] > 0 and not plan.increments)
        widths = [-state.widths[0], -state.widths[1], state.widths[2]]
        fields = from_bits(await rotate(ctx, dut.scan, len(state.bits)), *widths * len(thetas))
        assert list(fields[0::3]) == thetas
        assert list(fields[1::3]) == gradients
        assert list(fields[2::3]) == own

    simulate(dut, testbench)


@pytest.mark.parametrize("perturbation", PERTURBATIONS)
def test_parameters_of_a_later_neuron(perturbation: str, random_seed: int) -> None:
    """The second neuron of a layer has the rows, or the oscillators, of its own parameters."""
    rng = random.Random(random_seed)
    spec = Spec(
        name="rows",
        network=Network(layers=(2, 3, 1)),
        fabric=Fabric(perturbation=perturbation),
        training=Training(dtheta=0.25),
    )
    plan = Plan(spec)
    layer = plan.layers[0]
    dut = Neuron(plan, layer, 1)
    perturbers = Perturbers(plan, rng)
    width = plan.theta.bits + plan.gradient_bits

    async def testbench(ctx):
        for _ in range(9):
            perturbers.advance()
            own = [(state, perturbers.own_bits) for state in perturbers.own[3:6]]
            await shift(ctx, dut.scan, to_bits(*(f for last in own for f in ((0, width), last))))
            ctx.set(dut.broadcast.code, perturbers.shared)
            await broadcast_step(ctx, dut.broadcast, 5, turns=plan.step_levels)
            assert list(ctx.get(dut.theta)) == [-5 * s for s in perturbers.signs[3:6]]
            if perturbers.increments:
                # What is scanned out has advanced as the model's do.
                await drive(ctx, (dut.broadcast.advance,), [(1,), (0,)], ())
                length = 3 * (width + perturbers.own_bits)
                fields = from_bits(
                    await rotate(ctx, dut.scan, length), *[width, perturbers.own_bits] * 3
                )
                after = copy(perturbers)
                after.advance()
                assert list(fields[1::2]) == after.own[3:6]

    simulate(dut, testbench)


@pytest.mark.parametrize("kind", ["each", "shared"])
def test_noise_goes_from_parameter_to_parameter(kind: str, random_seed: int) -> None:
    """In their order, the bias last, a cycle apart; or to all at once."""
    rng = random.Random(random_seed)
    spec = Spec(name="turns", network=Network(layers=(3, 1)), fabric=Fabric(update_noise=kind))
    plan = Plan(spec)
    dut = Neuron(plan, plan.layers[0])
    step = dut.broadcast.step

    async def testbench(ctx):
        moves = [rng.randint(-500, 500) for _ in range(plan.parameters)]
        for cycle, move in enumerate(moves):
            ctx.set(dut.turn, cycle == 0)
            ctx.set(step.magnitude, abs(move))
            ctx.set(step.negative, move < 0)
            assert ctx.get(dut.turned) == (kind == "shared" and cycle == 0)
            await ctx.tick()
        assert ctx.get(dut.turned) == (kind == "each")
        expected = moves if kind == "each" else [moves[0]] * plan.parameters
        assert list(ctx.get(dut.theta)) == [-move for move in expected]

    simulate(dut, testbench)


def test_defects_are_scanned_apart(random_seed: int) -> None:
    plan = PLANS["defects"]
    dut = Neuron(plan, plan.layers[0])
    bits = [random.Random(random_seed).getrandbits(1) for _ in range(64)]

    async def testbench(ctx):
        assert not any(await shift(ctx, dut.defects_scan, bits))
        for _ in range(2):
            assert await rotate(ctx, dut.defects_scan, 64) == bits

    simulate(dut, testbench)
