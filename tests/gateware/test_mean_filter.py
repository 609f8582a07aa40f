"""The filter with a running mean, against the specification's two lines."""

import random

import pytest
from datapath import play

from pmgd.gateware.latency import FILTER_CYCLES
from pmgd.gateware.mean_filter import MeanFilter

FRACTION_BITS, SHIFT_BITS = 8, 4


class Model:
    """Step 4 of the specification's timestep."""

    def __init__(self) -> None:
        self.baseline = self.valid = self.change = self.cost = 0

    def take(self, cost: int, mean_shift: int) -> None:
        if not self.valid:
            self.baseline, self.valid = cost << FRACTION_BITS, 1
        self.cost = cost
        self.change = cost - (self.baseline >> FRACTION_BITS)
        self.baseline += ((cost << FRACTION_BITS) - self.baseline) >> mean_shift

    def shown(self) -> tuple:
        return self.baseline, self.valid, self.change, self.cost


def make(cost_bits: int) -> MeanFilter:
    return MeanFilter(cost_bits=cost_bits, fraction_bits=FRACTION_BITS, shift_bits=SHIFT_BITS)


@pytest.mark.parametrize("cost_bits", [1, 12, 24])
def test_any_order_of_events(cost_bits: int, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut, model = make(cost_bits), Model()
    names = (
        "enable", "invalidate", "load_baseline", "load_valid", "loaded", "cost", "mean_shift",
    )  # fmt: skip
    inputs = dut.wave.valid, *(getattr(dut, name) for name in names)
    outputs = dut.baseline, dut.baseline_valid, dut.change, dut.perturbed_cost, dut.arrived
    rows, expected = [], []  # of every third cycle, in which all has settled
    mean_shift, rest = 0, (0,) * len(inputs)
    for number in range(1500):
        if number % 50 == 0:
            mean_shift = rng.choice([0, 1, 4, 15])
        cost = rng.choice([0, (1 << cost_bits) - 1, rng.getrandbits(cost_bits)])
        event = rng.choices(["cost", "other", "load", "valid", "forget"], [20, 3, 2, 1, 1])[0]
        loaded = rng.getrandbits(cost_bits) << FRACTION_BITS | rng.getrandbits(FRACTION_BITS)
        rows += [
            (
                event in ("cost", "other"),
                event != "other",
                event == "forget",
                event == "load",
                event == "valid",
                loaded,
                cost,
                mean_shift,
            ),
            (*rest[:-2], rng.getrandbits(cost_bits), mean_shift),
        ]
        if event == "cost":
            model.take(cost, mean_shift)
        elif event == "load":
            model.baseline = loaded
        elif event == "valid":
            model.valid = loaded & 1
        elif event == "forget":
            model.valid = 0
        expected.append((model.shown(), event == "cost"))
    seen = play(dut, inputs, [*rows, rest, rest], outputs)
    for number, (shown, arrives) in enumerate(expected):
        first, second = seen[2 * number + 1], seen[2 * number + 2]
        assert first[-1] == arrives, "a change arrives one cycle after its cost"
        assert first[2:4] == shown[2:4]
        assert second == (*shown, 0), "the mean has moved in the next cycle"


def test_latency_is_the_declared_one() -> None:
    dut = make(8)
    rows = [(1, 1, 200), *[(0, 0, 0)] * 3]
    seen = play(dut, (dut.wave.valid, dut.enable, dut.cost), rows, (dut.arrived,))
    assert [arrived for (arrived,) in seen].index(1) == FILTER_CYCLES


@pytest.mark.parametrize("mean_shift", [0, 1, 15])
def test_mean_reaches_a_constant_cost(mean_shift: int) -> None:
    """From above exactly, by its floor; from below up to what the floor takes away."""
    dut = make(3)
    inputs = dut.wave.valid, dut.enable, dut.cost, dut.mean_shift
    costs = [7] + [0] * 12 + [7] * 12
    rows = [row for cost in costs for row in ((1, 1, cost, mean_shift), (0, 1, 0, mean_shift))]
    seen = play(dut, inputs, [*rows, (0,) * 4], (dut.baseline,))
    model = Model()
    for number, cost in enumerate(costs):
        model.take(cost, mean_shift)
        assert seen[2 * number + 2] == (model.baseline,)
    if mean_shift == 1:
        lowest = min(baseline for (baseline,) in seen[2:26])
        assert lowest == 0
        assert seen[-1] == ((7 << FRACTION_BITS) - 1,)
