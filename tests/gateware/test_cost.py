"""The cost estimator against the specification's sums, outputs in every cycle."""

import random
from itertools import product

import pytest
from datapath import Row, assert_pipelined, play
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.cost import Cost
from pmgd.gateware.formats import Format
from pmgd.gateware.latency import COST_CYCLES, TREE_LEVELS_PER_STAGE, tree_cycles
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training


def plan_of(
    outputs: int,
    formats: Formats,
    kind: str = "squared",
    activation: str = "sigmoid",
    *,
    pipeline: bool = False,
) -> Plan:
    """Return a plan whose outputs are signed with the activations tanh and identity."""
    network = Network(layers=(1, outputs), cost=kind, activation=activation, segments=2)
    fabric = Fabric(pipeline=pipeline, perturbation="chain" if pipeline else "lfsr")
    training = Training(eta=0)
    spec = Spec(name="cost", network=network, formats=formats, fabric=fabric, training=training)
    return Plan(spec)


def cost(plan: Plan, y: Row, t: Row) -> int:
    formats = plan.spec.formats
    fractions = plan.output_format.fraction_bits, formats.target.fraction_bits
    fraction = max(fractions)
    errors = [
        a * 2 ** (fraction - fractions[0]) - b * 2 ** (fraction - fractions[1])
        for a, b in zip(y, t, strict=True)
    ]
    if plan.spec.network.cost == "squared":
        total, fraction = sum(error**2 for error in errors), 2 * fraction
    else:
        total = sum(abs(error) for error in errors)
    kept = fraction if formats.cost is None else formats.cost.fraction_bits
    return total >> (fraction - kept)


def check(plan: Plan, cases: list[tuple[Row, Row]], rng: random.Random) -> None:
    """Evaluate the cases, a few of whose waves are no evaluations, and their costs and waves."""
    dut = Cost(plan)
    waves = [(rng.random() < 0.8, rng.randrange(2)) for _ in cases]
    expected = [(*wave, cost(plan, *case)) for wave, case in zip(waves, cases, strict=True)]
    rows = [(*wave, *case) for wave, case in zip(waves, cases, strict=True)]
    levels_per_stage = 1 if plan.spec.fabric.pipeline else TREE_LEVELS_PER_STAGE
    latency = COST_CYCLES + tree_cycles(plan.outputs, levels_per_stage)
    assert plan.latency.cost == latency
    seen = play(
        dut,
        (dut.wave.valid, dut.wave.perturb, dut.y, dut.target),
        rows + [(0, 0, *cases[0])] * latency,
        (dut.arrived.valid, dut.arrived.perturb, dut.cost),
    )
    assert_pipelined(seen, expected, latency)


@pytest.mark.parametrize("kind", ["squared", "l1"])
def test_every_pair(kind: str, random_seed: int) -> None:
    """Every output and target of one and of two neurons, in formats of few bits."""
    rng = random.Random(random_seed)
    for outputs, activation, y, t, kept in (
        (1, "sigmoid", "U0.6", "U1.0", None),
        (1, "sigmoid", "U0.3", "S2.2", "U4.3"),
        (1, "sigmoid", "U0.2", "U1.4", None),
        (2, "sigmoid", "U0.2", "S1.1", "U4.1"),
        (2, "sigmoid", "U0.3", "U1.0", None),
        (1, "tanh", "S1.4", "S1.3", None),
        (1, "identity", "S3.2", "U1.3", "U7.2"),
        (1, "relu", "U2.3", "S3.0", None),
        (2, "identity", "S2.1", "S2.1", "U7.0"),
        (2, "tanh", "S1.2", "U1.0", None),
    ):
        plan = plan_of(outputs, Formats(activation=y, target=t, cost=kept), kind, activation)
        ys, ts = plan.output_format, plan.spec.formats.target
        values = range(ys.minimum, ys.maximum + 1), range(ts.minimum, ts.maximum + 1)
        cases = [tuple(zip(*row, strict=True)) for row in product(product(*values), repeat=outputs)]
        rng.shuffle(cases)
        check(plan, cases, rng)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    signed = draw(st.booleans())
    integer = draw(st.integers(int(signed), 3))
    target = Format(signed, integer, draw(st.integers(0 if integer else 1, 6)))
    activation, output = draw(
        st.sampled_from(
            [
                ("sigmoid", Format(False, 0, draw(st.integers(1, 10)))),
                ("tanh", Format(True, 1, draw(st.integers(1, 10)))),
                ("relu", Format(False, draw(st.integers(1, 4)), draw(st.integers(0, 8)))),
                ("identity", Format(True, draw(st.integers(1, 4)), draw(st.integers(0, 8)))),
            ]
        )
    )
    kind = draw(st.sampled_from(["squared", "l1"]))
    outputs, pipeline = draw(st.integers(1, 6)), draw(st.booleans())
    full = plan_of(
        outputs, Formats(activation=output, target=target), kind, activation, pipeline=pipeline
    )
    # Any cost format with room for the largest cost: some of the fraction bits.
    dropped = draw(st.none() | st.integers(0, full.cost_fraction))
    if dropped is None:
        return full
    fraction = full.cost_fraction - dropped
    largest = full.full_cost_maximum >> dropped
    integer = max(0, largest.bit_length() - fraction, 1 - fraction) + draw(st.integers(0, 2))
    formats = Formats(activation=output, target=target, cost=Format(False, integer, fraction))
    return plan_of(outputs, formats, kind, activation, pipeline=pipeline)


@settings(max_examples=40)
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_any_format(plan: Plan, seed: int) -> None:
    rng = random.Random(seed)
    y, t = plan.output_format, plan.spec.formats.target

    def draw(fmt: Format) -> Row:
        bounds = fmt.minimum, fmt.maximum
        return tuple(rng.choice([*bounds, rng.randint(*bounds)]) for _ in range(plan.outputs))

    corners = product((y.minimum, y.maximum), (t.minimum, 0, t.maximum))
    extremes = [tuple((value,) * plan.outputs for value in corner) for corner in corners]
    check(plan, extremes + [(draw(y), draw(t)) for _ in range(50)], rng)
