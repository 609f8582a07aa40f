"""The filter: a baseline from the evaluations that are to be one, a change from every other."""

import random

import pytest
from datapath import drive, play

from pmgd.gateware.filter import Filter
from pmgd.gateware.latency import FILTER_CYCLES
from pmgd.sim.testbench import simulate

INPUTS = (
    "enable", "invalidate", "load_baseline", "load_valid", "loaded", "cost",
)  # fmt: skip


def inputs(dut: Filter) -> tuple:
    return dut.wave.valid, dut.wave.baseline, *(getattr(dut, name) for name in INPUTS)


def outputs(dut: Filter) -> tuple:
    return dut.baseline, dut.baseline_valid, dut.arrived, dut.change, dut.perturbed_cost


def test_every_change() -> None:
    """All pairs of costs of 3 bits, of which either may be the larger, back to back."""
    dut = Filter(cost_bits=3)
    rows, expected = [], []
    for baseline in range(8):
        rows.append((1, 1, 1, 0, 0, 0, 0, baseline))
        rows += [(1, 0, 1, 0, 0, 0, 0, cost) for cost in range(8)]
        expected.append(None)
        expected += [(baseline, 1, 1, cost - baseline, cost) for cost in range(8)]
    rows.append((0,) * len(rows[0]))
    seen = play(dut, inputs(dut), rows, outputs(dut))
    for row, after in zip(expected, seen[FILTER_CYCLES:], strict=True):
        assert row is None or row == after


@pytest.mark.parametrize("cost_bits", [1, 12, 32])
def test_any_order_of_events(cost_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut = Filter(cost_bits=cost_bits)
    rows, expected = [], []
    baseline = valid = change = perturbed_cost = 0
    for _ in range(2000):
        evaluation, to_baseline, enable = rng.random() < 0.7, rng.randrange(2), rng.random() < 0.8
        # Nothing else touches the baseline while an evaluation is under way.
        invalidate, load_baseline, load_valid = (
            not evaluation and rng.random() < 0.3 for _ in range(3)
        )
        load_valid &= not invalidate
        loaded, cost = rng.getrandbits(cost_bits), rng.getrandbits(cost_bits)
        rows.append(
            (evaluation, to_baseline, enable, invalidate, load_baseline, load_valid, loaded, cost)
        )
        arrived = evaluation and enable and not to_baseline
        if arrived:
            change, perturbed_cost = cost - baseline, cost
        elif evaluation and enable:
            baseline, valid = cost, 1
        if invalidate:
            valid = 0
        if load_baseline:
            baseline = loaded
        if load_valid:
            valid = loaded & 1
        expected.append((baseline, valid, int(arrived), change, perturbed_cost))
    rows.append((0,) * len(rows[0]))
    assert play(dut, inputs(dut), rows, outputs(dut))[FILTER_CYCLES:] == expected


@pytest.mark.parametrize("cost_bits", [1, 6])
def test_signs_of_the_perturbation_do_not_matter(cost_bits: int, random_seed: int) -> None:
    """Those of a two-sided pair, and the unperturbed ones, are told apart by `baseline` alone."""
    rng = random.Random(random_seed)
    dut = Filter(cost_bits=cost_bits)
    rows, expected, baseline, change = [], [], 0, 0
    for _ in range(200):
        wave = rng.randrange(2), rng.randrange(2), rng.randrange(2)
        cost = rng.getrandbits(cost_bits)
        rows.append((1, 1, *wave, cost))
        if wave[0]:
            baseline = cost
        else:
            change = cost - baseline
        expected.append((1 - wave[0], baseline, change))
    flags = dut.wave.baseline, dut.wave.perturb, dut.wave.opposite
    seen = play(
        dut,
        (dut.wave.valid, dut.enable, *flags, dut.cost),
        [*rows, (0,) * 6],
        (dut.arrived, dut.baseline, dut.change),
    )
    assert seen[FILTER_CYCLES:] == expected


def test_starts_without_baseline() -> None:
    dut = Filter(cost_bits=8)

    async def testbench(ctx):
        assert not ctx.get(dut.baseline_valid)
        await drive(ctx, inputs(dut), [(1, 0, 1, 0, 0, 0, 0, 9), (1, 1, 0, 0, 0, 0, 0, 9)], ())
        assert not ctx.get(dut.baseline_valid), "neither evaluation was a baseline to take"

    simulate(dut, testbench)
