"""The golden model of a pipelined fabric: its steps arrive D timesteps late."""

from typing import Any

import numpy as np
import pytest
from golden_plans import adder_of, lane_state, plans, scramble
from golden_scalar import Scalar
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Fabric
from pmgd.sim.golden import Golden

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]


def begun(settings: dict[str, Any], lanes: int = 2, kernel: str = "numpy") -> Golden:
    defaults = {"fabric.pipeline": True, "fabric.perturbation": "chain"}
    golden = Golden(Plan(xor().with_settings({**defaults, **settings})), lanes, kernel)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin(range(lanes))
    return golden


@settings(max_examples=100)
@given(plan=plans(pipeline=True), seed=st.integers(0, 2**32 - 1))
def test_every_lane_follows_the_specification(plan: Plan, seed: int) -> None:
    """In any state, until the steps that began it have arrived and others follow them."""
    golden = Golden(plan, lanes=2)
    scramble(golden, seed)
    scalars = [Scalar(golden, lane) for lane in range(2)]
    for _ in range(plan.update_delay + 6):
        trace = golden.trace(1)
        for lane, scalar in enumerate(scalars):
            numbers = (trace.cost[0, lane], trace.baseline[0, lane], trace.step[0, lane])
            assert numbers == scalar.execute_pipelined()
            assert trace.parameters[0, lane].tolist() == scalar.theta
            expected, state = scalar.state(), lane_state(golden, lane)
            assert {name: state[name] for name in expected} == expected


def adder(changed: dict[str, Any]) -> Golden:
    """y = theta_0 + theta_1, in sixteenths: parameters 16 and 8, target 10, dtheta 2.

    The step is C~ / 32, rounded to nearest. The Walsh code of two parameters begins with column 0;
    its signs are ++, -+, +-, --.
    """
    golden = adder_of(Fabric(pipeline=True, samples=2, perturbation="walsh"), changed)
    golden.perturber_state[:] = golden.update_state[:] = 3  # of two bits: the next is 0
    golden.dtheta[:], golden.scale_mantissa[:], golden.scale_shift[:] = 2, 1, 5
    golden.sample_count[:], golden.order[:] = 2, 1
    return golden


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("tau_theta_bits", [1, 8])
@pytest.mark.parametrize(
    ("baseline", "costs", "baselines", "steps"),
    [
        # y = 28, 24, 24, 20 against 24: (18^2 - 14^2 + 16) / 32, and (10^2 - 14^2 + 16) / 32.
        ("sample", [324, 196, 196, 100], [196, 196, 196, 196], [4, 0, 0, -3]),
        # The same against y = 20, 24, 24, 28: (324 - 100 + 16) / 32, (100 - 324 + 16) / 32.
        ("two_sided", [324, 196, 196, 100], [100, 196, 196, 324], [7, 0, 0, -7]),
    ],
)
def test_a_step_reaches_the_parameters_of_the_timestep_that_is_d_later(
    baseline: str,
    costs: list[int],
    baselines: list[int],
    steps: list[int],
    tau_theta_bits: int,
    copies: int,
) -> None:
    changed = {"fabric.baseline": baseline, "fabric.tau_theta_bits": tau_theta_bits}
    golden = adder({**changed, "fabric.copies": copies})
    delay = golden.plan.update_delay
    assert delay > 4
    trace = golden.trace(delay + 4)
    for n in range(delay):  # the parameters stay, so that the code repeats itself
        assert trace.cost[n, 0] == costs[n % 4]
        assert trace.baseline[n, 0] == baselines[n % 4]
        assert trace.step[n, 0] == steps[n % 4]
        assert trace.parameters[n, 0].tolist() == [16, 8]
    # The signs were ++ at 0 and -- at 3, so that both steps take from both parameters.
    first, last = steps[0], steps[3]
    moved = [16 - first, 8 - first]
    assert trace.parameters[delay : delay + 3, 0].tolist() == [moved] * 3
    assert trace.parameters[delay + 3, 0].tolist() == [moved[0] + last, moved[1] + last]


def test_a_timestep_uses_the_parameters_that_its_late_update_leaves() -> None:
    """A step put in flight by hand, under the position: y = 16, with its perturbation 20."""
    golden = adder({})
    golden.flight_position[:] = 3
    golden.flight[0, 3] = [4, 1, 1]
    trace = golden.trace(1)
    assert trace.parameters[0, 0].tolist() == [12, 4]
    assert [int(trace.cost[0, 0]), int(trace.baseline[0, 0])] == [100, 36]
    assert int(trace.step[0, 0]) == 2  # (64 + 16) / 32
    assert golden.flight[0, 3].tolist() == [2, 1, 1]
    assert (int(golden.flight_position[0]), int(golden.update_state[0])) == (4, 0)


def test_steps_in_flight_keep_the_windows_and_perturbations_that_they_began_with() -> None:
    """tau_theta = 2, tau_p = 2: timesteps 0 and 1 with ++, then -+; later settings change nothing.

    u = 4, 4 and 0, 0, so that G is 4 after the first and theta is less by 8 after the second.
    """
    golden = adder({"fabric.tau_theta_bits": 8})
    golden.tau_theta[:] = golden.tau_p[:] = 2
    golden.run(4)
    flight = golden.flight[0, :4].tolist()
    assert flight == [[4, 1, 0], [4, 0, 1], [0, 1, 0], [0, 0, 1]]
    golden.tau_theta[:], golden.tau_p[:], golden.scale_mantissa[:] = 9, 1, 0
    golden.run(golden.plan.update_delay - 4)
    states = []
    for _ in range(4):
        golden.run(1)
        states.append((golden.theta[0].tolist(), golden.gradient[0].tolist()))
    assert states == [([16, 8], [4, 4])] + [([8, 0], [0, 0])] * 3
    assert golden.update_state.tolist() == [1]


@pytest.mark.parametrize(("overflow", "left"), [("clip", [-128, -120]), ("hold", [-126, -120])])
def test_a_late_update_beyond_the_bounds_clips_or_holds(overflow: str, left: list[int]) -> None:
    for bits in (1, 8):
        golden = adder({"formats.overflow": overflow, "fabric.tau_theta_bits": bits})
        golden.theta[:], golden.flight[0, 0] = [-126, -117], [3, 1, 1]
        golden.execute_timestep()
        assert golden.theta[0].tolist() == left


def test_without_g_every_step_is_an_update() -> None:
    for bits, theta, gradient in ((1, [12, 4], [0, 0]), (8, [16, 8], [4, 4])):
        golden = adder({"fabric.tau_theta_bits": bits})
        golden.flight[0, 0] = [4, 1, 0]  # of a window that goes on
        golden.execute_timestep()
        assert golden.theta[0].tolist() == theta
        assert golden.gradient[0].tolist() == gradient


def test_momentum_is_what_a_late_update_leaves() -> None:
    golden = adder({"fabric.decay_shift": 2, "fabric.tau_theta_bits": 1})
    golden.gradient[:], golden.flight[0, 0] = [4, -12], [4, 1, 1]
    golden.execute_timestep()
    assert golden.theta[0].tolist() == [16 - 8, 8 + 8]
    assert golden.gradient[0].tolist() == [6, -6]


def test_what_the_multipliers_do_not_see_of_dtheta_counts_as_0() -> None:
    """With 2 of 4 fraction bits, 7 is 4, whatever the last bits of the parameters are."""
    golden = adder({"formats.operand_fraction": 2, "training.dtheta": 0.25})
    golden.theta[:], golden.dtheta[:] = [17, 10], 7
    trace = golden.trace(1)
    # Operands (16 + 4) and (8 + 4) against 16 and 8: y = 32 and 24.
    assert [int(trace.cost[0, 0]), int(trace.baseline[0, 0])] == [22**2, 14**2]


@pytest.mark.parametrize("perturbation", ["chain", "walsh"])
@pytest.mark.parametrize("tau_p", [1, 3])
def test_the_update_perturbers_follow_the_perturbers_by_d(perturbation: str, tau_p: int) -> None:
    golden = begun({"fabric.perturbation": perturbation, "training.tau_p": tau_p})
    assert np.array_equal(golden.perturber, golden.update_perturber)
    delay = golden.plan.update_delay
    own, shared = [], []
    for n in range(3 * delay):
        golden.run(1)
        own.append(golden.perturber.tolist())
        shared.append(golden.perturber_state.tolist())
        if n >= delay:
            assert golden.update_perturber.tolist() == own[n - delay]
            assert golden.update_state.tolist() == shared[n - delay]
    assert len({tuple(each) for each in shared}) > delay // tau_p // 2


def test_beginning_again_forgets_the_steps_in_flight() -> None:
    golden = begun({})
    fresh = [lane_state(golden, lane) for lane in range(2)]
    assert not golden.flight.any()
    golden.run(41)
    assert golden.flight.any()
    golden.begin(range(2))
    assert [lane_state(golden, lane) for lane in range(2)] == fresh


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("first", [0, 1, 5, 17, 137])
def test_two_runs_are_one_run(first: int, kernel: str) -> None:
    schedule = {"training.tau_theta": 7, "training.tau_x": 4, "training.tau_p": 2}
    whole, parts = (begun({**schedule, "fabric.copies": 2}, kernel=kernel) for _ in range(2))
    whole.run(200)
    parts.run(first)
    parts.run(200 - first)
    for lane in range(2):
        assert lane_state(whole, lane) == lane_state(parts, lane)


def test_a_copy_is_independent() -> None:
    golden = begun({})
    golden.run(40)
    before = lane_state(golden, 0)
    golden.copy().run(10)
    assert lane_state(golden, 0) == before


def test_an_unpipelined_fabric_has_nothing_in_flight() -> None:
    golden = Golden(Plan(xor()))
    golden.load_samples(XOR_X, XOR_T)
    golden.begin([1])
    golden.run(20)
    assert golden.flight.shape == (1, 0, 3)
    assert not golden.update_perturber.any()
    assert (golden.update_state.tolist(), golden.flight_position.tolist()) == ([0], [0])


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
def test_a_position_beyond_the_entries_is_refused_and_not_read(kernel: str) -> None:
    golden = begun({}, kernel=kernel)
    golden.flight_position[:] = golden.plan.update_delay
    with pytest.raises(IndexError):
        golden.run(1)


def test_xor_trains() -> None:
    """At eta 1/4, late updates and all, most seeds are solved by 1e5 timesteps."""
    golden = begun({"fabric.baseline": "two_sided", "training.eta": 0.25}, 40, "numba")
    golden.run(100_000)
    _, cost = golden.evaluate(XOR_X, XOR_T)
    plan = golden.plan
    mean = cost.mean(axis=1) / 2**plan.cost_fraction / plan.outputs
    assert (mean < plan.spec.training.solved_cost).sum() >= 24
