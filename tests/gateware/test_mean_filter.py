"""The filters with a running mean, against the specification's lines."""

import random

import pytest
from datapath import play

from pmgd.gateware.latency import FILTER_CYCLES, HIGHPASS_CYCLES
from pmgd.gateware.mean_filter import MeanFilter

FRACTION_BITS, SHIFT_BITS = 8, 4


class Model:
    """Step 4 of the specification's timestep."""

    def __init__(self, highpass: bool = False) -> None:
        self.highpass = highpass
        self.baseline = self.valid = self.change = self.cost = 0

    def take(self, cost: int, mean_shift: int) -> None:
        if not self.valid:
            self.baseline, self.valid = cost << FRACTION_BITS, 1
        self.cost = cost
        before = self.baseline
        self.baseline += ((cost << FRACTION_BITS) - self.baseline) >> mean_shift
        subtracted = self.baseline if self.highpass else before
        self.change = cost - (subtracted >> FRACTION_BITS)

    def shown(self) -> tuple:
        return self.baseline, self.valid, self.change, self.cost


def make(cost_bits: int, highpass: bool = False) -> MeanFilter:
    return MeanFilter(
        cost_bits=cost_bits,
        fraction_bits=FRACTION_BITS,
        shift_bits=SHIFT_BITS,
        highpass=highpass,
    )


@pytest.mark.parametrize("highpass", [False, True], ids=["mean", "highpass"])
@pytest.mark.parametrize("cost_bits", [1, 12, 24])
def test_any_order_of_events(cost_bits: int, highpass: bool, random_seed: int) -> None:
    rng = random.Random(random_seed)
    dut, model = make(cost_bits, highpass), Model(highpass)
    apart = 3 if highpass else 2
    names = (
        "enable", "invalidate", "load_baseline", "load_valid", "loaded", "cost", "mean_shift",
    )  # fmt: skip
    inputs = dut.wave.valid, *(getattr(dut, name) for name in names)
    outputs = dut.baseline, dut.baseline_valid, dut.change, dut.perturbed_cost, dut.arrived
    rows, expected = [], []  # as close as costs may be
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
            *((*rest[:-2], rng.getrandbits(cost_bits), mean_shift) for _ in range(apart - 1)),
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
    seen = play(dut, inputs, [*rows, rest, rest, rest], outputs)
    latency = HIGHPASS_CYCLES if highpass else FILTER_CYCLES
    for number, (shown, arrives) in enumerate(expected):
        first, second = (seen[apart * number + cycles] for cycles in (latency, 2))
        assert first[-1] == arrives, "a change arrives so many cycles after its cost"
        assert first[2:4] == shown[2:4]
        assert second[:2] == shown[:2], "the mean has moved two cycles after"
        assert second[3] == shown[3]
    strobes = sum(row[-1] for row in seen)
    assert strobes == sum(arrives for _, arrives in expected), "and at no other time"


@pytest.mark.parametrize("highpass", [False, True], ids=["mean", "highpass"])
def test_latency_is_the_declared_one(highpass: bool) -> None:
    dut = make(8, highpass)
    rows = [(1, 1, 200), *[(0, 0, 0)] * 5]
    seen = play(dut, (dut.wave.valid, dut.enable, dut.cost), rows, (dut.arrived,))
    strobes = [arrived for (arrived,) in seen]
    assert strobes.index(1) == (HIGHPASS_CYCLES if highpass else FILTER_CYCLES)
    assert sum(strobes) == 1


@pytest.mark.parametrize("highpass", [False, True], ids=["mean", "highpass"])
def test_first_cost_after_the_mean_was_forgotten_is_no_change(
    highpass: bool, random_seed: int
) -> None:
    rng = random.Random(random_seed)
    dut = make(12, highpass)
    inputs = dut.wave.valid, dut.enable, dut.cost, dut.mean_shift, dut.invalidate
    costs = [rng.getrandbits(12) for _ in range(60)]
    idle = (0, 1, 0, 3, 0)
    rows = []
    for number, cost in enumerate(costs):
        # Forgotten in a cycle of its own, before every third cost.
        rows += [(0, 1, 0, 3, number % 3 == 0), (1, 1, cost, 3, 0), *[idle] * 3]
    seen = play(dut, inputs, [*rows, idle], (dut.arrived, dut.change, dut.baseline))
    changes = [change for arrived, change, _ in seen if arrived]
    assert changes[::3] == [0] * 20
    assert any(changes)
    assert [seen[15 * k + 5][2] for k in range(20)] == [cost << 8 for cost in costs[::3]]


def test_high_pass_filter_is_line_8_of_table_2(random_seed: int) -> None:
    """C~ = (C - C' + C~') tau / (tau + 1) with tau = 2**mean_shift - 1, but for rounding."""
    rng, model = random.Random(random_seed), Model(highpass=True)
    for mean_shift in (1, 3, 8):
        filtered, before = 0.0, None
        tau, model.valid = 2**mean_shift - 1, 0
        for _ in range(500):
            cost = rng.getrandbits(16)
            model.take(cost, mean_shift)
            filtered = (filtered + cost - (cost if before is None else before)) * tau / (tau + 1)
            before = cost
            assert abs(model.change - filtered) < 2


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
