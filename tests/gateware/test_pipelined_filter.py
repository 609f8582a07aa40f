"""The filter where costs come in pairs: the change between the two of each timestep."""

import random

import pytest
from datapath import play
from pipelines import make

from pmgd.gateware.latency import FILTER_CYCLES
from pmgd.gateware.pipelined_filter import PipelinedFilter
from pmgd.gateware.plan import Plan


def inputs(dut: PipelinedFilter) -> tuple:
    return dut.wave.valid, dut.wave.baseline, dut.wave.perturb, dut.wave.opposite, dut.costs


def outputs(dut: PipelinedFilter) -> tuple:
    return dut.arrived, dut.change, dut.perturbed_cost, dut.baseline


@pytest.mark.parametrize("rate", [1.0, 0.6])
@pytest.mark.parametrize("copies", [1, 2])
def test_every_pair(copies: int, rate: float, random_seed: int) -> None:
    """Back to back, or with gaps that belong to no timestep; what arrives is of one and all."""
    rng = random.Random(random_seed)
    plan = Plan(make({"fabric.copies": copies}))
    dut = PipelinedFilter(plan)
    largest = (1 << plan.cost_bits) - 1

    def cost() -> int:
        return rng.choice([0, largest, rng.randint(0, largest)])

    rows, expected = [], []
    for _ in range(800):
        baseline, perturbed = cost(), cost()
        if copies == 2:
            pair = [(1, 1, 1, 1, (baseline, perturbed))]
        else:
            signs = rng.getrandbits(1), rng.getrandbits(1)
            pair = [(1, 1, *signs, (baseline,)), (1, 0, 1, 0, (perturbed,))]
        for evaluation in pair:
            while rng.random() > rate:
                idle = tuple(cost() for _ in range(copies))
                rows.append((0, *(rng.getrandbits(1) for _ in range(3)), idle))
                expected.append(None)
            rows.append(evaluation)
            expected.append(None)
        expected[-1] = (1, perturbed - baseline, perturbed, baseline)
    seen = play(
        dut, inputs(dut), rows + [(0, 0, 0, 0, (0,) * copies)] * FILTER_CYCLES, outputs(dut)
    )
    for after, row in zip(seen[FILTER_CYCLES:], expected, strict=True):
        assert after[0] == 0 if row is None else after == row
