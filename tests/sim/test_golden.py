"""The golden model against a scalar transcription of the specification, and on its own."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.errors import DataError, SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.seeds import lfsr_taps
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim import golden as golden_module
from pmgd.sim.golden import Golden, lfsr_next, xorshift32
from pmgd.sim.reference import Dense, pmgd

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]
STATE = (
    "theta", "gradient", "lfsr", "timestep", "phase_x", "phase_p", "phase_theta", "sample_index",
    "order_state", "rounding_state", "baseline", "baseline_valid",
)  # fmt: skip
SETTINGS = (
    "tau_x", "tau_p", "tau_theta", "dtheta", "scale_mantissa", "scale_shift", "order",
    "sample_count",
)  # fmt: skip


class Scalar:
    """One lane of a golden model, in Python integers without arrays: the specification, retold."""

    def __init__(self, golden: Golden, lane: int) -> None:
        self.plan = golden.plan
        for name in STATE + SETTINGS:
            setattr(self, name, getattr(golden, name)[lane].tolist())
        self.x, self.t = golden.x[lane].tolist(), golden.t[lane].tolist()

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STATE}

    def outputs(self, theta: list[int], x: list[int]) -> list[int]:
        plan, formats = self.plan, self.plan.spec.formats
        remaining = iter(theta)
        values, fraction = x, formats.input.fraction_bits
        for size in plan.spec.network.layers[1:]:
            preactivations = []
            for _ in range(size):
                total = 0
                for value in [*values, 1 << fraction]:
                    total += (next(remaining) >> plan.operand_shift) * value
                drop = formats.operand_fraction + fraction - formats.preactivation.fraction_bits
                z = total >> drop if drop >= 0 else total << -drop
                bounds = formats.preactivation.minimum, formats.preactivation.maximum
                preactivations.append(max(bounds[0], min(bounds[1], z)))
            values, fraction = [self.sigmoid(z) for z in preactivations], formats.activation.bits
        assert next(remaining, None) is None
        return values

    def sigmoid(self, z: int) -> int:
        table = self.plan.activation
        k, r = divmod(z - table.preactivation.minimum, 1 << table.remainder_bits)
        value = table.knots[k] * 2**table.remainder_bits + table.slopes[k] * r
        return min((value + 2 ** (table.shift - 1)) >> table.shift, 2**table.activation.bits - 1)

    def cost(self, y: list[int], t: list[int]) -> int:
        formats, fraction = self.plan.spec.formats, self.plan.error_fraction
        total = 0
        for output, target in zip(y, t, strict=True):
            error = output * 2 ** (fraction - formats.activation.fraction_bits)
            error -= target * 2 ** (fraction - formats.target.fraction_bits)
            total += error**2
        return total >> self.plan.cost_shift

    def execute(self) -> tuple[int, int]:
        plan, formats = self.plan, self.plan.spec.formats
        if self.phase_x == 0:
            if self.order == 0:
                self.order_state = scalar_xorshift32(self.order_state)
                self.sample_index = (self.order_state * self.sample_count) >> 32
            elif self.sample_index + 1 >= self.sample_count:
                self.sample_index = 0
            else:
                self.sample_index += 1
            self.baseline_valid = 0
        x, t = self.x[self.sample_index], self.t[self.sample_index]
        if self.phase_p == 0:
            self.lfsr = [scalar_lfsr(s, plan.spec.fabric.lfsr_bits) for s in self.lfsr]
        signs = [1 if state % 2 else -1 for state in self.lfsr]
        if not self.baseline_valid:
            self.baseline, self.baseline_valid = self.cost(self.outputs(self.theta, x), t), 1
        moved = [v + s * self.dtheta for v, s in zip(self.theta, signs, strict=True)]
        cost = self.cost(self.outputs(moved, x), t)
        if formats.rounding == "stochastic":
            self.rounding_state = scalar_xorshift32(self.rounding_state)
            q = self.rounding_state % 2**self.scale_shift
        else:
            q = 2**self.scale_shift // 2
        u = ((cost - self.baseline) * self.scale_mantissa + q) >> self.scale_shift
        limit = 2 ** (formats.parameter.bits - 1)
        u = max(1 - limit, min(limit - 1, u))
        g = [v + s * u for v, s in zip(self.gradient, signs, strict=True)]
        if self.phase_theta + 1 >= self.tau_theta:
            for i, old in enumerate(self.theta):
                new = old - g[i]
                if not -limit <= new < limit:
                    clipped = limit - 1 if new > 0 else -limit
                    new = clipped if formats.overflow == "clip" else old
                self.theta[i] = new
            self.gradient, self.baseline_valid = [0] * len(g), 0
        else:
            self.gradient = g
        for phase, tau in (
            ("phase_x", self.tau_x), ("phase_p", self.tau_p), ("phase_theta", self.tau_theta)
        ):  # fmt: skip
            ended = getattr(self, phase) + 1 >= tau
            setattr(self, phase, 0 if ended else getattr(self, phase) + 1)
        self.timestep += 1
        return cost, u


def scalar_lfsr(state: int, bits: int) -> int:
    feedback = sum(state >> (bits - tap) & 1 for tap in lfsr_taps(bits)) % 2
    return state // 2 + feedback * 2 ** (bits - 1)


def scalar_xorshift32(x: int) -> int:
    x ^= (x << 13) % 2**32
    x ^= x >> 17
    return x ^ (x << 5) % 2**32


@st.composite
def fixed_point(draw: st.DrawFn, signed: str, bits: tuple[int, int]) -> Format:
    width = draw(st.integers(*bits))
    kind = draw(st.sampled_from(signed))
    integer = draw(st.integers(int(kind == "S"), width))
    return Format(kind == "S", integer, width - integer)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any small plan, its numbers from a few bits up to more than 64 bits of sum."""
    parameter = draw(fixed_point("S", (3, 24)))
    fraction = parameter.fraction_bits
    target = draw(fixed_point("SU", (1, 12)))
    formats = Formats(
        parameter=parameter,
        operand_fraction=draw(st.integers(0, fraction)),
        input=draw(fixed_point("SU", (1, 32))),
        target=target,
        preactivation=draw(fixed_point("S", (3, 20))),
        activation=Format(False, 0, draw(st.integers(1, 16))),
        rounding=draw(st.sampled_from(("stochastic", "nearest"))),
        overflow=draw(st.sampled_from(("clip", "hold"))),
    )
    spec = Spec(
        name="random",
        network=Network(
            layers=tuple(draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))),
            segments=2 ** draw(st.integers(1, 3)),
        ),
        formats=formats,
        fabric=Fabric(
            samples=5,
            lfsr_bits=draw(st.integers(12, 32)),
            tau_theta_bits=draw(st.sampled_from((1, 8))),
        ),
        training=Training(dtheta=2.0**-fraction, eta=0.0),
    )
    try:
        return Plan(spec)
    except SpecError:  # a cost beyond 32 bits: drop what does not fit, as the message advises
        integer = 2 * target.integer_bits + 4
        cost = Format(False, integer, 32 - integer)
        return Plan(spec.replace(formats=dataclasses.replace(formats, cost=cost)))


def scramble(golden: Golden, seed: int) -> None:
    """Put arbitrary values, different in each lane, into everything that can be written."""
    plan, rng = golden.plan, np.random.default_rng(seed)
    theta, lanes = plan.theta, golden.lanes

    def pick(low: int, high: int, shape: tuple[int, ...] = (lanes,)) -> np.ndarray:
        return rng.integers(low, high, shape, endpoint=True)

    each = (lanes, plan.parameters)
    golden.theta[:] = pick(theta.minimum, theta.maximum, each)
    golden.theta[rng.random(each) < 0.2] = theta.maximum
    golden.theta[rng.random(each) < 0.2] = theta.minimum
    if plan.gradient_bits:
        golden.gradient[:] = pick(theta.minimum, theta.maximum, each)
    golden.lfsr[:] = pick(1, (1 << plan.spec.fabric.lfsr_bits) - 1, each)
    longest = 5 if plan.gradient_bits else 1
    golden.tau_x[:], golden.tau_p[:], golden.tau_theta[:] = pick(0, 5), pick(0, 5), pick(0, longest)
    golden.phase_x[:], golden.phase_p[:] = pick(0, 6), pick(0, 6)
    golden.phase_theta[:] = pick(0, longest)
    golden.dtheta[:] = pick(0, (1 << plan.dtheta_bits) - 1)
    golden.scale_mantissa[:], golden.scale_shift[:] = pick(0, 65535), pick(0, 31)
    golden.order[:] = pick(0, 1)
    golden.sample_count[:] = pick(1, 5)
    golden.sample_index[:] = pick(0, 4)
    golden.order_state[:], golden.rounding_state[:] = pick(1, 2**32 - 1), pick(1, 2**32 - 1)
    golden.baseline[:] = pick(0, (1 << plan.cost_bits) - 1)
    golden.baseline_valid[:] = pick(0, 1)
    source, target = plan.spec.formats.input, plan.spec.formats.target
    golden.load_samples(
        pick(source.minimum, source.maximum, (lanes, 5, plan.sample.inputs)),
        pick(target.minimum, target.maximum, (lanes, 5, plan.outputs)),
    )


def lane_state(golden: Golden, lane: int) -> dict[str, Any]:
    return {name: getattr(golden, name)[lane].tolist() for name in STATE}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_every_lane_follows_the_specification(plan: Plan, seed: int) -> None:
    golden = Golden(plan, lanes=3)
    scramble(golden, seed)
    scalars = [Scalar(golden, lane) for lane in range(3)]
    for _ in range(12):
        cost, step = golden.execute_timestep()
        for lane, scalar in enumerate(scalars):
            assert (cost[lane], step[lane]) == scalar.execute()
            assert lane_state(golden, lane) == scalar.state()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_evaluation_is_that_of_the_specification_and_changes_nothing(plan: Plan, seed: int) -> None:
    golden = Golden(plan, lanes=2)
    scramble(golden, seed)
    before = [lane_state(golden, lane) for lane in range(2)]
    x, t = golden.x[0], golden.t[0]
    y, cost = golden.evaluate(x, t)
    assert [lane_state(golden, lane) for lane in range(2)] == before
    for lane in range(2):
        scalar = Scalar(golden, lane)
        for n in range(len(x)):
            expected = scalar.outputs(scalar.theta, x[n].tolist())
            assert y[lane, n].tolist() == expected
            assert cost[lane, n] == scalar.cost(expected, t[n].tolist())


def test_sums_beyond_64_bits_are_exact() -> None:
    """4096 products of 55 bits, and eight zeros appended: wrapped, either would change its sign."""
    spec = Spec(
        name="wide",
        network=Network(layers=(4096, 1)),
        formats=Formats(
            parameter=Format(True, 24, 0),
            operand_fraction=0,
            input=Format(False, 32, 0),
            preactivation=Format(True, 4, 8),
        ),
        fabric=Fabric(lfsr_bits=32),
        training=Training(dtheta=1.0),
    )
    plan = Plan(spec)
    assert plan.layers[0].sum_bits - plan.layers[0].sum_shift > 64
    golden = Golden(plan, lanes=2)
    golden.theta[0], golden.theta[1] = plan.theta.maximum, plan.theta.minimum
    y, _ = golden.evaluate(np.full((1, 4096), 2**32 - 1), [[0]])
    assert y.ravel().tolist() == [255, 0]


def test_squares_beyond_64_bits_are_exact() -> None:
    settings = {
        "network.layers": [1, 3],
        "formats.target": "U0.32",
        "formats.cost": "U2.28",
    }
    plan = Plan(xor().with_settings(settings))
    assert plan.full_cost_maximum >= 2**64
    golden = Golden(plan)
    golden.theta[:] = plan.theta.minimum
    target = 2**32 - 1
    y, cost = golden.evaluate([[1]], [[target] * 3])
    assert y.ravel().tolist() == [0, 0, 0]
    assert cost.ravel().tolist() == [3 * target**2 >> 36]


def test_tabulated_and_interpolated_sigmoid_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(xor())
    tabulated = Golden(plan)
    monkeypatch.setattr(golden_module, "TABLE_BITS", 0)
    interpolated = Golden(plan)
    for golden in (tabulated, interpolated):
        golden.load_samples(XOR_X, XOR_T)
        golden.begin([3])
        golden.run(300)
    assert lane_state(tabulated, 0) == lane_state(interpolated, 0)


@pytest.mark.parametrize("bits", range(8, 21))
def test_perturber_visits_every_state_but_zero(bits: int) -> None:
    following = lfsr_next(np.arange(1 << bits), bits).tolist()
    state, period = 1, 0
    while True:
        state, period = following[state], period + 1
        if state == 1:
            break
    assert period == (1 << bits) - 1
    assert following[0] == 0


def test_xorshift32_gives_its_authors_sequence() -> None:
    state = np.array([2463534242])
    words = []
    for _ in range(3):
        state = xorshift32(state)
        words.append(int(state[0]))
    assert words == [723471715, 2497366906, 2064144800]


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_parameters_clip_or_hold_at_their_bounds(overflow: str, bound: str) -> None:
    plan = Plan(xor().with_settings({"formats.overflow": overflow}))
    golden = Golden(plan)
    golden.load_samples([[1, 1]], [[1]])
    golden.begin([1])
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 16, 65535, 0
    near = getattr(plan.theta, bound) + (1 if bound == "minimum" else -1)
    golden.theta[:] = 0
    golden.theta[0, 0] = near
    held = 0
    for _ in range(50):
        before = golden.theta.copy()
        golden.baseline[:], golden.baseline_valid[:] = 0, 0
        _, step = golden.execute_timestep()
        sign = 2 * (golden.lfsr & 1) - 1
        wanted = before - sign * step
        beyond = (wanted > plan.theta.maximum) | (wanted < plan.theta.minimum)
        held += int(beyond.sum())
        expected = (
            before
            if overflow == "hold"
            else np.clip(wanted, plan.theta.minimum, plan.theta.maximum)
        )
        assert np.array_equal(golden.theta, np.where(beyond, expected, wanted))
        golden.theta[:] = 0
        golden.theta[0, 0] = near
    assert held > 10


def test_a_lane_is_a_run_of_its_own() -> None:
    plan = Plan(xor().with_settings({"training.tau_theta": 4, "training.tau_x": 4}))
    seeds = [5, 11, 7]
    together = Golden(plan, lanes=3)
    together.load_samples(XOR_X, XOR_T)
    together.begin(seeds)
    together.tau_p[:], together.order[:], together.dtheta[:] = [1, 2, 3], [0, 1, 0], [16, 8, 32]
    trace = together.trace(200)
    for lane, seed in enumerate(seeds):
        alone = Golden(plan)
        alone.load_samples(XOR_X, XOR_T)
        alone.begin([seed])
        for name in ("tau_p", "order", "dtheta"):
            getattr(alone, name)[0] = getattr(together, name)[lane]
        single = alone.trace(200)
        for field in ("cost", "baseline", "step", "parameters"):
            assert np.array_equal(getattr(trace, field)[:, lane], getattr(single, field)[:, 0])
        assert lane_state(together, lane) == lane_state(alone, 0)


def test_samples_may_differ_between_lanes() -> None:
    plan = Plan(xor())
    x = np.array([XOR_X, XOR_X[::-1]])
    t = np.array([XOR_T, [[1], [1], [1], [0]]])
    together = Golden(plan, lanes=2)
    together.load_samples(x, t)
    together.begin([1, 1])
    together.run(100)
    for lane in range(2):
        alone = Golden(plan)
        alone.load_samples(x[lane], t[lane])
        alone.begin([1])
        alone.run(100)
        assert lane_state(together, lane) == lane_state(alone, 0)
    assert lane_state(together, 0) != lane_state(together, 1)


@pytest.mark.parametrize(
    "shape", [((4, 3), (4, 1)), ((4, 2), (3, 1)), ((2,), (4, 1)), ((5, 4, 2), (4, 1))]
)
def test_samples_of_another_shape_are_refused(shape: tuple[tuple[int, ...], ...]) -> None:
    golden = Golden(Plan(xor()), lanes=2)
    with pytest.raises(DataError, match="samples must have 2 inputs and 1 targets each"):
        golden.load_samples(np.zeros(shape[0]), np.zeros(shape[1]))


@pytest.mark.parametrize("first", [0, 1, 5, 137])
def test_two_runs_are_one_run(first: int) -> None:
    plan = Plan(xor().with_settings({"training.tau_theta": 7, "training.tau_x": 4}))
    whole = Golden(plan, lanes=2)
    whole.load_samples(XOR_X, XOR_T)
    whole.begin([1, 2])
    parts = whole.copy()
    whole.run(200)
    parts.run(first)
    parts.run(200 - first)
    for lane in range(2):
        assert lane_state(whole, lane) == lane_state(parts, lane)


def test_a_copy_is_independent() -> None:
    golden = Golden(Plan(xor()))
    golden.load_samples(XOR_X, XOR_T)
    golden.begin([9])
    before = lane_state(golden, 0)
    twin = golden.copy()
    twin.tau_theta[:] = 3
    twin.run(10)
    assert lane_state(golden, 0) == before
    assert golden.tau_theta[0] == 1
    golden.run(10)
    assert lane_state(golden, 0) != lane_state(twin, 0)


def test_outputs_stay_near_those_of_real_numbers() -> None:
    """The formats' own error, bounded: no neuron is off by more than its table and roundings.

    A neuron of xor errs by at most 0.0031 (a chord under a piece 0.5 wide: 0.5**2 / 8 times the
    largest curvature 0.0963), 1/512 + 1/8192 (its output and its knots rounded), and a quarter of
    1/256 (its preactivation, floored) or 0.0004 (a sum beyond +-8, clipped); an output below 1
    ends at 1 - 1/256. The second layer adds a quarter of its two weights, up to 8 each, times the
    error of the first.
    """
    neuron = 0.0031 + 1 / 512 + 1 / 8192 + 0.25 / 256 + 0.0004 + 1 / 256
    golden = Golden(Plan(xor()), lanes=2000)
    golden.theta[:] = np.random.default_rng(1).integers(-2048, 2048, golden.theta.shape)
    y, _ = golden.evaluate(XOR_X, XOR_T)
    theta = golden.plan.theta.to_real(golden.theta)[:, None]
    exact = Dense((2, 2, 1)).outputs(theta, np.array(XOR_X, float))
    assert np.abs(y / 256 - exact).max() <= neuron + 0.25 * 2 * 8 * neuron
    assert np.abs(y / 256 - exact).mean() <= neuron


def deviation_from_table_1(activation_bits: int) -> tuple[float, float]:
    """Root mean square deviation of golden from real numbers, and movement, over 200 timesteps."""
    spec = xor().with_settings(
        {
            "network.segments": 1024,
            "formats.parameter": "S4.20",
            "formats.operand_fraction": 20,
            "formats.preactivation": "S4.16",
            "formats.activation": f"U0.{activation_bits}",
            "formats.cost": f"U4.{min(28, 2 * activation_bits)}",
            "training.tau_theta": 3,
            "training.tau_x": 6,
            "training.tau_p": 2,
        }
    )
    golden = Golden(Plan(spec), lanes=20)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin(range(20))
    start = golden.plan.theta.to_real(golden.theta)
    samples, signs = [], []
    for n in range(200):
        golden.execute_timestep()
        if n % 6 == 0:
            samples.append(golden.sample_index)
        if n % 2 == 0:
            signs.append(2.0 * (golden.lfsr & 1) - 1)
    exact = pmgd(
        Dense((2, 2, 1)), spec.training, start, (XOR_X, XOR_T), iter(samples), iter(signs), 200
    )
    end = golden.plan.theta.to_real(golden.theta)
    return float(np.sqrt(((end - exact) ** 2).mean())), float(np.sqrt(((end - start) ** 2).mean()))


def test_fine_formats_approach_the_float_reference() -> None:
    """Golden walks the path of Table 1 in real numbers, but for the roundings of its formats.

    Where an output's last bit is the coarsest of them, the deviation is proportional to it: 256
    times less with 16 bits than with 8. The other formats still have a part in the finer one, so
    that a 64th is asked for, and 1 % of the way that the parameters went.
    """
    coarse, _ = deviation_from_table_1(8)
    fine, movement = deviation_from_table_1(16)
    assert fine < coarse / 64
    assert fine < 0.01 * movement


def test_xor_trains() -> None:
    """At the recommended setting more than half of all seeds are solved by 1e4 timesteps."""
    plan = Plan(xor())
    golden = Golden(plan, lanes=40)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin(range(40))
    golden.run(10_000)
    _, cost = golden.evaluate(XOR_X, XOR_T)
    mean = cost.mean(axis=1) / 2**plan.cost_fraction / plan.outputs
    assert (mean < plan.spec.training.solved_cost).sum() >= 20
