"""The compiled kernel does what NumPy does, and only that."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from golden_plans import lane_state, plans, scramble
from hypothesis import given, settings
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError, ToolError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import preset, xor
from pmgd.sim import golden_engine
from pmgd.sim.golden import Golden
from pmgd.sim.golden_engine import Engine

XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]
TRACED = ("cost", "baseline", "step", "parameters")
PIPELINED = {"fabric.pipeline": True, "fabric.perturbation": "chain"}


def pair(plan: Plan, lanes: int) -> tuple[Golden, Golden]:
    """The same model twice; by NumPy, and by the kernel if it can do the plan."""
    try:
        return Golden(plan, lanes, kernel="numpy"), Golden(plan, lanes, kernel="numba")
    except SpecError:
        return Golden(plan, lanes, kernel="numpy"), Golden(plan, lanes)


def assert_same_state(plain: Golden, fast: Golden) -> None:
    for name in (*Golden.STATE, *Golden.SETTINGS):
        assert np.array_equal(getattr(plain, name), getattr(fast, name)), name


def assert_equal_runs(plain: Golden, fast: Golden, steps: int) -> None:
    """Compare every timestep of some, and what others leave."""
    expected, actual = plain.trace(steps), fast.trace(steps)
    for field in TRACED:
        of_plain, of_fast = getattr(expected, field), getattr(actual, field)
        assert of_plain.shape == of_fast.shape
        assert np.array_equal(of_plain, of_fast), field
    assert_same_state(plain, fast)
    plain.run(steps)
    fast.run(steps)
    assert_same_state(plain, fast)


def begun(plan: Plan, seeds: range, kernel: str) -> Golden:
    golden = Golden(plan, len(seeds), kernel)
    golden.load_samples(XOR_X, XOR_T)
    golden.begin(seeds)
    return golden


@settings(max_examples=200)
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_any_plan_in_any_state(plan: Plan, seed: int) -> None:
    plain, fast = pair(plan, 3)
    for golden in (plain, fast):
        scramble(golden, seed)
    assert_equal_runs(plain, fast, 15)


@settings(max_examples=100)
@given(plan=plans(pipeline=True), seed=st.integers(0, 2**32 - 1))
def test_any_pipelined_plan_in_any_state(plan: Plan, seed: int) -> None:
    """Until steps that it put in flight have arrived, twice."""
    plain, fast = pair(plan, 3)
    for golden in (plain, fast):
        scramble(golden, seed)
    assert_equal_runs(plain, fast, plan.update_delay + 5)


def test_plans_of_both_widths_are_drawn_and_supported() -> None:
    """Else the tests above would compare NumPy with itself."""
    wide = xor().with_settings({"fabric.tau_theta_bits": 24, "formats.parameter": "S12.12"})
    for spec in (xor(), wide):
        plain, fast = pair(Plan(spec), 2)
        for golden in (plain, fast):
            scramble(golden, 1)
        assert golden._engine._kernel == "numba"
        assert_equal_runs(plain, fast, 50)
    assert fast._engine._fast._kind is np.int64
    assert pair(Plan(xor()), 1)[1]._engine._loaded()._kind is np.int32


@pytest.mark.parametrize("kinds", [{}, {"fabric.defects": True, "training.sigma_a": 0.2}])
@pytest.mark.parametrize(("decay_shift", "kind"), [(4, np.int32), (8, np.int32), (8, np.int64)])
def test_32_bits_hold_a_leaky_integrator_and_outputs_with_defects(
    kinds: dict[str, object], decay_shift: int, kind: type, random_seed: int
) -> None:
    """Parameters of 20 or 24 bits: G has 24, 28 or 32, all of which it is given."""
    spec = xor().with_settings(
        {
            "formats.parameter": "S4.16" if kind is np.int32 else "S8.16",
            "formats.operand_fraction": 10,
            "formats.rounding": "nearest",
            "fabric.decay_every": "timestep",
            "fabric.decay_shift": decay_shift,
            "fabric.perturbation": "sine",
            **kinds,
        }
    )
    plan = Plan(spec)
    assert plan.gradient_bits == plan.step_bits + decay_shift + 1
    models = pair(plan, 3)
    for golden in models:
        scramble(golden, random_seed)
        golden.gradient[:, ::2] = ((1 << plan.step_bits) - 1) * ((1 << decay_shift) - 1)
        golden.gradient[:, 1::2] = -golden.gradient[:, :1]
    assert_equal_runs(*models, 100)
    assert models[1]._engine._loaded()._kind is kind


@pytest.mark.parametrize("layers", [(49, 4, 4), (31, 17, 2), (33, 1), (64, 8, 10), (3, 40, 5)])
@pytest.mark.parametrize(
    ("perturbation", "pipeline"),
    [
        ("lfsr", False), ("chain", False), ("walsh", False), ("sequential", False),
        ("square", False), ("sine", False), ("chain", True), ("walsh", True),
    ],
)  # fmt: skip
def test_sizes_about_those_of_vectors(
    layers: tuple[int, ...], perturbation: str, pipeline: bool, random_seed: int
) -> None:
    """Where sums reach over a neuron's last parameter, in one case the network's last."""
    spec = preset("nist7x7").with_settings(
        {
            "network.layers": list(layers),
            "fabric.perturbation": perturbation,
            "fabric.pipeline": pipeline,
            "fabric.lfsr_bits": 32,
            "fabric.samples": 9,
            "formats.input": "U0.8" if perturbation == "walsh" else "S1.4",
            "training.tau_theta": 3,
        }
    )
    plan = Plan(spec)
    rng = np.random.default_rng(random_seed)
    fmt = plan.spec.formats.input
    x = rng.integers(fmt.minimum, fmt.maximum + 1, (9, layers[0]))
    t = rng.integers(0, 2, (9, layers[-1]))
    models = pair(plan, 2)
    for golden in models:
        golden.load_samples(x, t)
        golden.begin([random_seed, random_seed + 1])
        golden.order[:] = [0, 1]
        golden.tau_p[:] = [1, 2]
    assert_equal_runs(*models, 60)


def test_lanes_with_settings_of_their_own() -> None:
    plan = Plan(xor().with_settings({"fabric.shuffle": True, "fabric.decay_shift": 1}))
    models = [begun(plan, range(5), kernel) for kernel in ("numpy", "numba")]
    for golden in models:
        golden.tau_x[:], golden.tau_p[:] = [1, 2, 3, 4, 5], [5, 1, 2, 3, 1]
        golden.tau_theta[:], golden.order[:] = [1, 4, 7, 2, 3], [0, 1, 2, 0, 2]
        golden.dtheta[:] = [8, 16, 32, 64, 128]
        golden.sample_count[:] = [4, 3, 3, 2, 4]
    assert_equal_runs(*models, 300)


@pytest.mark.parametrize("perturbation", ["chain", "walsh"])
def test_settings_that_change_while_steps_are_in_flight(perturbation: str) -> None:
    plan = Plan(xor().with_settings({**PIPELINED, "fabric.perturbation": perturbation}))
    models = [begun(plan, range(3), kernel) for kernel in ("numpy", "numba")]
    for taus in ((1, 2, 3), (7, 1, 2), (3, 5, 1), (1, 1, 1)):
        for golden in models:
            golden.tau_x[:], golden.tau_p[:] = taus, taus[::-1]
            golden.tau_theta[:], golden.dtheta[:] = taus[1:] + taus[:1], 16 * np.array(taus)
        assert_equal_runs(*models, plan.update_delay // 2 + 3)


def test_samples_of_their_own_for_every_lane_and_loaded_again() -> None:
    x = np.array([XOR_X, XOR_X[::-1], [[1, 1]] * 4])
    models = [begun(Plan(xor()), range(3), kernel) for kernel in ("numpy", "numba")]
    for golden in models:
        golden.load_samples(x, XOR_T)
    assert_equal_runs(*models, 50)
    for golden in models:
        golden.load_samples(XOR_X, np.array([XOR_T, XOR_T, [[1]] * 4]))
    assert_equal_runs(*models, 50)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_run_in_parts_is_the_whole_run(lanes: int) -> None:
    plan = Plan(xor().with_settings({"training.tau_theta": 7, "training.tau_x": 4}))
    whole, parts = (begun(plan, range(lanes), "numba") for _ in range(2))
    whole.run(2_000)
    for steps in (0, 1, 2, 697, 0, 1_300):
        parts.run(steps)
    assert_same_state(whole, parts)
    assert whole.timestep.tolist() == [2_000] * lanes


def test_a_copy_is_independent() -> None:
    golden = begun(Plan(xor()), range(2), "numba")
    before = lane_state(golden, 0)
    twin = golden.copy()
    twin.load_samples(XOR_X[:2], XOR_T[:2])
    twin.sample_count[:] = 2
    twin.run(100)
    assert lane_state(golden, 0) == before
    golden.run(100)
    plain = begun(Plan(xor()), range(2), "numpy")
    plain.run(100)
    assert_same_state(plain, golden)


@pytest.mark.parametrize("name", ["sample_count", "sample_index"])
def test_an_index_beyond_the_samples_is_refused_and_not_read(name: str) -> None:
    golden = begun(Plan(xor()), range(1), "numba")
    golden.load_samples(XOR_X[:2], XOR_T[:2])
    golden.sample_count[:], golden.order[:], golden.phase_x[:] = 2, 1, 1
    getattr(golden, name)[:] = 100
    golden.sample_index[:] = max(1, golden.sample_index[0])
    golden.tau_x[:] = 2
    with pytest.raises(IndexError):
        golden.run(8)


@pytest.mark.parametrize("value", [2, -1])
def test_samples_beyond_their_format_are_left_to_numpy(value: int) -> None:
    models = [begun(Plan(xor()), range(1), kernel) for kernel in ("numpy", "numba")]
    for golden in models:
        golden.load_samples(np.array(XOR_X) * value, XOR_T)
    assert_equal_runs(*models, 20)


@pytest.mark.parametrize("changed", [{}, PIPELINED])
@pytest.mark.parametrize("lanes", [1, 3])
def test_an_interrupt_leaves_a_state_between_two_timesteps(
    lanes: int, changed: dict[str, object]
) -> None:
    plan = Plan(xor().with_settings(changed))
    golden = begun(plan, range(lanes), "numba")
    golden.run(1)  # compiled, so that the interrupt falls into the run
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        golden.run(1 << 40)
    timer.join()
    reached = int(golden.timestep[0])
    assert reached > 1_000
    whole = begun(plan, range(lanes), "numba")
    whole.run(reached)
    assert_same_state(whole, golden)


def test_auto_begins_with_numpy_and_goes_on_with_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_engine, "FEW_TIMESTEPS", 30)
    auto, plain = (begun(Plan(xor()), range(2), kernel) for kernel in ("auto", "numpy"))
    auto.run(29)
    assert auto._engine._fast is None
    auto.copy().run(1)
    assert auto._engine._fast is not None
    plain.run(29)
    assert_equal_runs(plain, auto, 40)


def test_without_numba_auto_is_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pmgd.sim.golden_fast", None)
    monkeypatch.setattr(golden_engine, "FEW_TIMESTEPS", 0)
    auto, plain = (begun(Plan(xor()), range(1), kernel) for kernel in ("auto", "numpy"))
    assert_equal_runs(plain, auto, 10)
    with pytest.raises(ToolError, match=r"needs numba, which is not installed; pip install 'pmgd"):
        begun(Plan(xor()), range(1), "numba").run(1)


def test_a_kernel_that_does_not_exist_or_cannot_is_refused() -> None:
    with pytest.raises(SpecError, match="a kernel must be one of auto, numpy, numba, not 'cuda'"):
        Engine(Plan(xor()), "cuda")
    spec = xor().with_settings(
        {
            "network.layers": [300, 1],
            "formats.input": "U32.0",
            "formats.parameter": "S24.0",
            "formats.operand_fraction": 0,
            "fabric.lfsr_bits": 32,
            "training.dtheta": 1.0,
        }
    )
    with pytest.raises(SpecError, match=r"a plan whose numbers fit 64 bits, not 7\d; choose numpy"):
        Engine(Plan(spec), "numba")


READ_ONLY = """
import numba, pathlib, sys
from numba.core import caching
caching._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError("read only"))
from pmgd.sim import golden_kernel
assert type(golden_kernel.run_lanes._cache).__name__ == "NullCache"
"""


def test_it_is_compiled_without_a_cache_where_no_folder_can_be_written() -> None:
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", READ_ONLY], check=True, cwd=root, timeout=120)
