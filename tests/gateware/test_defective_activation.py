"""The sigmoid with defects against the specification's two lines, for every preactivation."""

import random

import pytest
from datapath import Row, assert_pipelined, drive, play
from datapath_model import defective, interpolated, preactivation

from pmgd.gateware.defective_activation import DefectiveActivation, DefectsLayout
from pmgd.gateware.latency import DEFECTS_CYCLES, TABLE_CYCLES
from pmgd.gateware.layout import DEFECT_BITS, DEFECTS, LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.testbench import simulate

LATENCY = TABLE_CYCLES + DEFECTS_CYCLES
NONE = (256, 0, 256, 0)
"""The defects of a neuron that has none."""
LOWEST, HIGHEST = -(1 << (DEFECT_BITS - 1)), (1 << (DEFECT_BITS - 1)) - 1


def plan_of(
    argument: str, result: str, segments: int, operand_fraction: int = 8, inputs: int = 1
) -> Plan:
    return Plan(
        Spec(
            name="defects",
            network=Network(layers=(inputs, 1), segments=segments),
            formats=Formats(
                preactivation=argument, activation=result, operand_fraction=operand_fraction
            ),
            fabric=Fabric(defects=True),
            training=Training(eta=0),
        )
    )


PLANS = {
    "small": plan_of("S3.3", "S3.4", 8, operand_fraction=4),
    "no integer bits": plan_of("S4.2", "S1.6", 16, operand_fraction=3),
    "zeros appended": plan_of("S3.4", "S2.5", 4, operand_fraction=2),
    "usual": plan_of("S4.8", "S3.8", 32),
}


def random_defects(rng: random.Random, layer: LayerPlan, sigma: float) -> Row:
    """About those of no defect, so that outputs are not mostly clipped."""
    one = 1 << layer.output_format.fraction_bits
    return (
        round(256 * rng.gauss(1, sigma)),
        round(one * rng.gauss(0, sigma)),
        round(256 * rng.gauss(1, sigma)),
        round(one * rng.gauss(0, sigma)),
    )


def sums(layer: LayerPlan, plan: Plan, rng: random.Random) -> list[int]:
    """Return sums of which every preactivation is one, if there are so few, and beyond."""
    bound = 1 << (layer.sum_bits - 1)
    chosen = list(range(-bound, bound))
    rng.shuffle(chosen)
    arguments = {preactivation(s, layer.sum_shift, layer.table.preactivation) for s in chosen}
    assert len(arguments) == 1 << plan.spec.formats.preactivation.bits or layer.sum_shift < 0
    return chosen if len(chosen) < 1000 else [*chosen[:300], -bound, bound - 1, 0]


@pytest.mark.parametrize("name", PLANS)
def test_every_preactivation(name: str, random_seed: int) -> None:
    plan, rng = PLANS[name], random.Random(random_seed)
    argument, (layer,) = plan.spec.formats.preactivation, plan.layers
    dut = DefectiveActivation(layer, argument)
    chosen = sums(layer, plan, rng)
    extremes = [
        NONE,
        (0, 0, 0, 0),
        (LOWEST, HIGHEST, LOWEST, HIGHEST),
        (HIGHEST, LOWEST, HIGHEST, LOWEST),
        (LOWEST, LOWEST, LOWEST, LOWEST),
        (HIGHEST, HIGHEST, HIGHEST, HIGHEST),
        (-256, 1, -256, -1),
    ]
    extremes += [
        tuple(rng.choice([LOWEST, HIGHEST, -1, 0, rng.randint(LOWEST, HIGHEST)]) for _ in DEFECTS)
        for _ in range(5)
    ]
    drawn = [random_defects(rng, layer, sigma) for sigma in [0.1, 0.5] * 10]

    async def testbench(ctx):
        for defects in extremes + drawn:
            ctx.set(dut.defects, dict(zip(DEFECTS, defects, strict=True)))
            rows = [(total,) for total in chosen + chosen[:LATENCY]]
            seen = await drive(ctx, (dut.sum,), rows, (dut.y,))
            arguments = [preactivation(s, layer.sum_shift, argument) for s in chosen]
            expected = [(defective(z, defects, layer, argument),) for z in arguments]
            assert seen[LATENCY:] == expected, defects

    simulate(dut, testbench, deadline_cycles=60_000)


def test_without_defects_it_is_the_table_but_for_its_format() -> None:
    plan = PLANS["small"]
    argument, (layer,) = plan.spec.formats.preactivation, plan.layers
    for z in range(argument.minimum, argument.maximum + 1):
        assert defective(z, NONE, layer, argument) == interpolated(z, layer.table)
    # The largest result of the table stays below 1, and the defects may lift it further.
    top = interpolated(argument.maximum, layer.table)
    assert top == (1 << layer.output_format.fraction_bits) - 1
    assert defective(argument.maximum, (256, 0, 512, 3), layer, argument) == 2 * top + 3


def test_latency_is_the_declared_one(random_seed: int) -> None:
    plan, rng = PLANS["small"], random.Random(random_seed)
    argument, (layer,) = plan.spec.formats.preactivation, plan.layers
    assert plan.latency.activations == (LATENCY,)
    dut = DefectiveActivation(layer, argument)
    chosen = sums(layer, plan, rng)
    defects = (300, 5, -200, 9)
    layout = dict(zip(DEFECTS, defects, strict=True))
    packed = DefectsLayout.const(layout).as_value().value
    rows = [(total, packed) for total in chosen + chosen[:LATENCY]]
    arguments = [preactivation(s, layer.sum_shift, argument) for s in chosen]
    expected = [(defective(z, defects, layer, argument),) for z in arguments]
    inputs = dut.sum, dut.defects.as_value()
    assert_pipelined(play(dut, inputs, rows, (dut.y,)), expected, LATENCY)
