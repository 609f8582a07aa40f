"""The synapse of a pipelined fabric: late updates with the signs of their own perturber."""

import random

import pytest
from datapath import drive, from_bits, rotate, shift, to_bits
from datapath_model import Rule
from pipelines import make

from pmgd.gateware.pipelined_synapse import PipelinedSynapse
from pmgd.gateware.plan import Plan
from pmgd.sim.testbench import simulate

PARAMETER = 4
UPDATERS = [(1, "hold", 0), (1, "clip", 0), (4, "hold", 0), (4, "clip", 2)]


def plan_of(perturbation: str, tau_theta_bits: int, overflow: str, decay_shift: int) -> Plan:
    settings = {
        "fabric.perturbation": perturbation,
        "fabric.tau_theta_bits": tau_theta_bits,
        "formats.overflow": overflow,
        "fabric.decay_shift": decay_shift,
        "formats.operand_fraction": 6,
    }
    return Plan(make(settings))


@pytest.mark.parametrize("perturbation", ["chain", "walsh"])
@pytest.mark.parametrize("updater", UPDATERS, ids=str)
def test_updates_use_the_late_perturber_and_evaluations_their_own(
    updater: tuple, perturbation: str, random_seed: int
) -> None:
    """All of it at once, in every cycle, with pauses."""
    rng = random.Random(random_seed)
    plan = plan_of(perturbation, *updater)
    dut = PipelinedSynapse(plan, PARAMETER)
    rule = Rule.of(plan)
    largest = (1 << plan.step_bits) - 1
    bits, gradient_bits = plan.theta.bits, plan.gradient_bits
    inputs = (
        *(dut.advance, dut.neighbour, dut.code),
        *(dut.late_advance, dut.late_neighbour, dut.late_code),
        *(dut.late.applies, dut.late.ends, dut.late.step),
    )
    outputs = dut.own, dut.positive, dut.late_own, dut.theta, dut.operand

    def sign(code: int) -> int:
        """Of a column of the Walsh code: row P + 1."""
        return 1 - (code & (PARAMETER + 1)).bit_count() % 2

    rows, expected = [], []
    own = late = theta = gradient = since = 0
    for k in range(2000):
        advance, neighbour, code = rng.getrandbits(1), rng.getrandbits(1), rng.randrange(16)
        late_advance, late_code = rng.getrandbits(1), rng.randrange(16)
        # Runs of one sign take theta to its bounds.
        late_neighbour = int(rng.random() < (0.9 if k // 250 % 2 else 0.1))
        applies = rng.random() < 0.8
        ends = rng.random() < 0.3 or since == 14
        step = abs(rng.choice([largest, rng.randint(-largest, largest), rng.randint(-9, 9)]))
        step = step * applies * rng.choice([1, 1, 1, -1])
        if perturbation == "walsh":
            own, late = sign(code), sign(late_code)
        rows.append(
            (advance, neighbour, code, late_advance, late_neighbour, late_code, applies, ends, step)
        )
        seen_operand = theta >> plan.operand_shift
        if plan.holds_in_place:
            seen_operand += 1 << bits - plan.operand_shift - 1
        expected.append((own, own, late, theta, seen_operand % (1 << bits - plan.operand_shift)))
        if applies:
            direction = 1 if step >= 0 else -1
            window_ends = ends or not gradient_bits
            s = 1 if late else -1
            theta, gradient = rule.apply(theta, gradient, s, direction, abs(step), window_ends)
            since = 0 if ends else since + 1
        if perturbation == "chain":
            own = neighbour if advance else own
            late = late_neighbour if late_advance else late
    assert {-(1 << bits - 1), (1 << bits - 1) - 1} <= {row[3] for row in expected} or updater[
        1
    ] == "hold"

    async def testbench(ctx):
        seen = await drive(ctx, inputs, rows, outputs)
        assert seen == expected
        ctx.set(dut.late.applies, 0)
        ctx.set(dut.late.step, 0)
        assert ctx.get(dut.theta) == theta
        # While the ring shifts, the step is all ones and nothing moves.
        ctx.set(dut.late.step, -1)
        state = await rotate(ctx, dut.scan, bits + gradient_bits)
        ctx.set(dut.late.step, 0)
        if plan.holds_in_place:
            state = [*reversed(state)]
            state[-1] ^= 1
        assert from_bits(state, -bits, -gradient_bits) == (theta, gradient)
        assert ctx.get(dut.theta) == theta

    simulate(dut, testbench)


@pytest.mark.parametrize("updater", UPDATERS, ids=str)
def test_nothing_but_theta_and_g_is_in_the_ring(updater: tuple, random_seed: int) -> None:
    rng = random.Random(random_seed)
    plan = plan_of("chain", *updater)
    dut = PipelinedSynapse(plan, PARAMETER)
    theta, gradient = rng.getrandbits(plan.theta.bits), rng.getrandbits(plan.gradient_bits)
    bits = to_bits((theta, plan.theta.bits), (gradient, plan.gradient_bits))

    async def testbench(ctx):
        ctx.set(dut.late.step, -1)
        ctx.set(dut.late.applies, 1)  # as of a step in flight, which there is none of then
        await shift(ctx, dut.scan, bits)
        assert await rotate(ctx, dut.scan, len(bits)) == bits
        assert (ctx.get(dut.own), ctx.get(dut.late_own)) == (0, 0)

    simulate(dut, testbench)
