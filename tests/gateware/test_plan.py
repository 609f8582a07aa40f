"""What a plan adds to widths, checks and settings: time, and identity."""

import dataclasses
import os
import subprocess
import sys
from typing import Any

import pytest

from pmgd.gateware.latency import BEGIN_CYCLES, FETCH_CYCLES, FINISH_CYCLES
from pmgd.gateware.mapping import setting_keys
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import PRESETS, xor
from pmgd.gateware.spec import Spec
from pmgd.gateware.widths import Widths


def plan_of(settings: dict[str, Any]) -> Plan:
    return Plan(xor().with_settings(settings))


def test_a_plan_is_all_there_is_to_know_of_a_spec() -> None:
    plan = Plan(xor())
    assert isinstance(plan, Widths)
    assert plan == Plan(xor())
    assert hash(plan) == hash(Plan(xor()))
    assert plan != plan_of({"training.eta": 0.25})
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.spec = xor()  # type: ignore[misc]


# -- Time -----------------------------------------------------------------------------------------


AROUND_CYCLES = BEGIN_CYCLES + FETCH_CYCLES + FINISH_CYCLES
"""What a timestep takes beyond its step."""


def test_clocks_per_timestep_of_xor() -> None:
    plan = Plan(xor())
    same = plan.clocks_per_timestep(new_sample=False, new_baseline=False)
    assert same == AROUND_CYCLES + plan.latency.step
    assert plan.clocks_per_timestep(new_sample=False) == same + 1
    # An index takes a cycle for each of the 5 bits of up to 16 samples, and one more.
    assert plan.index_cycles == 6
    assert plan.clocks_per_timestep() == same + 1 + 6
    assert plan.update_delay == 0


@pytest.mark.parametrize(
    ("baseline", "evaluated"),
    [
        ("sample", (0, 1)),
        ("two_sided", (1, 1)),
        ("mean", (0, 0)),
        ("highpass", (0, 0)),
        ("literal", (0, 1)),
    ],
)
def test_a_baseline_takes_a_cycle_where_it_is_evaluated(
    baseline: str, evaluated: tuple[int, int]
) -> None:
    plan = plan_of({"fabric.baseline": baseline})
    for new_sample in (False, True):
        expected = AROUND_CYCLES + plan.latency.step + plan.index_cycles * new_sample
        clocks = tuple(
            plan.clocks_per_timestep(new_sample=new_sample, new_baseline=new_baseline) - expected
            for new_baseline in (False, True)
        )
        assert clocks == evaluated


@pytest.mark.parametrize(
    ("settings", "cycles"),
    [
        ({"fabric.perturbation": "sine"}, 10 + 11),  # of amplitudes, then of steps
        ({"fabric.perturbation": "sine", "fabric.correlator": "sign"}, 10 - 3),
        ({"fabric.perturbation": "square"}, 0),
        ({"fabric.baseline": "highpass"}, 2 - 1),  # and no baseline
        ({"fabric.cost_noise": True}, 1),
        ({"fabric.defects": True}, 2 * 7),
        ({"fabric.decay_shift": 4, "fabric.decay_every": "timestep"}, 0),
        ({"fabric.update_noise": "each"}, 6 + 9),
        ({"fabric.update_noise": "shared"}, 6),
    ],
)
def test_what_a_fabric_adds_to_a_timestep_of_xor(settings: dict[str, Any], cycles: int) -> None:
    plan = plan_of(settings)
    assert plan.clocks_per_timestep() - Plan(xor()).clocks_per_timestep() == cycles
    without = plan.clocks_per_timestep() - plan.clocks_per_timestep(update=False)
    assert without == plan.shake_cycles == cycles * ("fabric.update_noise" in settings)


PIPELINED = {"fabric.pipeline": True, "fabric.perturbation": "chain"}


def test_a_pipelined_timestep_takes_its_interval_whatever_it_begins_with() -> None:
    for copies, interval in ((1, 2), (2, 1)):
        plan = plan_of({**PIPELINED, "fabric.copies": copies})
        assert plan.interval == interval
        for new_sample in (False, True):
            for new_baseline in (False, True):
                for update in (False, True):
                    chosen = {
                        "new_sample": new_sample,
                        "new_baseline": new_baseline,
                        "update": update,
                    }
                    assert plan.clocks_per_timestep(**chosen) == interval


@pytest.mark.parametrize(
    ("settings", "step", "delays"),
    [
        # Of each layer load 1, sums 1 + 2, perturb 1, table 4; lead 1; cost 2, filter 1, step 4.
        # With one copy the step is that of the evaluation a cycle later, and a timestep takes two:
        # 1 + 26 + 2 cycles are 14 of them and a half.
        ({}, 2 * 10 + 1 + 2 + 1 + 4, (16, 30)),
        # Clipped in 2 cycles.
        (
            {"network.activation": "identity", "formats.activation": "S4.4"},
            2 * 8 + 1 + 2 + 1 + 4,
            (14, 26),
        ),
        # 50 and 5 numbers to sum take 3 and 2 cycles, as products are not waited for; 4 squared
        # errors take another two.
        ({"network.layers": [49, 4, 4], "fabric.lfsr_bits": 32}, 12 + 11 + 1 + 4 + 1 + 4, (18, 35)),
        # One number to sum takes none.
        ({"network.layers": [1, 1], "network.bias": False}, 9 + 1 + 2 + 1 + 4, (10, 19)),
    ],
)
def test_update_delay_of_pipelined_fabrics(
    settings: dict[str, Any], step: int, delays: tuple[int, int]
) -> None:
    for copies, delay in zip((1, 2), delays, strict=True):
        plan = plan_of({**PIPELINED, **settings, "fabric.copies": copies})
        assert plan.latency.step == step
        assert plan.update_delay == delay


# -- Identity -------------------------------------------------------------------------------------


def test_digest_of_the_xor_preset() -> None:
    """Every bitstream and every cached library of XOR carries this number.

    If a change of the specification, or of `INTERFACE_VERSION`, is meant to make them all stale,
    put the new number here and say so in the changelog. If it is not, the change must leave the
    digest as it was.
    """
    assert f"{Plan(xor()).digest:016x}" == "a9be345241b0f10e"


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_digest_is_the_same_in_every_process(hash_seed: str) -> None:
    code = (
        "from pmgd.gateware.plan import Plan; from pmgd.gateware.presets import PRESETS;"
        "print([Plan(make()).digest for make in PRESETS])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.strip() == str([Plan(make()).digest for make in PRESETS])


def test_digest_does_not_depend_on_the_order_of_settings() -> None:
    mapping = xor().to_mapping()
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(mapping.items())
    }
    assert list(turned) != list(mapping)
    assert Plan(Spec.from_mapping(turned)).digest == Plan(xor()).digest


GENERATION_TIME = {
    "network.layers": [2, 3, 1],
    "network.activation": "relu",
    "network.segments": 64,
    "network.bias": False,
    "network.cost": "l1",
    "formats.parameter": "S5.8",
    "formats.operand_fraction": 7,
    "formats.input": "U1.1",
    "formats.target": "U1.1",
    "formats.preactivation": "S4.7",
    "formats.activation": "U0.7",
    "formats.cost": "U1.16",
    "formats.rounding": "nearest",
    "formats.overflow": "hold",
    "fabric.perturbation": "walsh",
    "fabric.baseline": "mean",
    "fabric.correlator": "sign",
    "fabric.decay_shift": 1,
    "fabric.band": [0.0625, 0.375],
    "fabric.cost_noise": True,
    "fabric.update_noise": "each",
    "fabric.defects": True,
    "fabric.samples": 17,
    "fabric.shuffle": True,
    "fabric.lfsr_bits": 17,
    "fabric.tau_bits": 17,
    "fabric.tau_theta_bits": 7,
}


def test_digest_tells_generation_time_choices_apart() -> None:
    digests = [plan_of({key: value}).digest for key, value in GENERATION_TIME.items()]
    assert len({Plan(xor()).digest, *digests}) == 1 + len(GENERATION_TIME)


DECAY = {"fabric.decay_shift": 1}
"""Which another way of decaying needs."""


@pytest.mark.parametrize(
    "settings",
    [
        {"network.activation": ["relu", "sigmoid"]},
        {"network.activation": ["sigmoid", "relu"]},
        {"network.activation": "tanh"},
        {"formats.activation": ["U0.8", "U0.7"]},
        {"formats.activation": ["U0.7", "U0.8"]},
        {"fabric.perturbation": "chain"},
        {"fabric.perturbation": "sequential"},
        {"fabric.perturbation": "square"},
        {"fabric.perturbation": "sine"},
        {"fabric.baseline": "two_sided"},
        {"fabric.baseline": "highpass"},
        {"fabric.baseline": "literal"},
        {"fabric.update_noise": "shared"},
        {**DECAY, "fabric.decay_every": "timestep"},
        {"fabric.decay_shift": 2},
    ],
)
def test_digest_tells_the_other_values_apart(settings: dict[str, Any]) -> None:
    others = [plan_of({key: value}).digest for key, value in GENERATION_TIME.items()]
    assert plan_of(settings).digest not in {Plan(xor()).digest, *others}


PIPELINE = {"fabric.pipeline": True, "fabric.copies": 2}


def test_digest_tells_pipelined_fabrics_apart() -> None:
    chain, copies = plan_of({"fabric.perturbation": "chain"}), {"fabric.copies": 2}
    plans = (Plan(xor()), chain, plan_of(PIPELINED), plan_of({**PIPELINED, **copies}))
    assert len({plan.digest for plan in plans}) == 4


RUN_TIME = {
    "name": "other",
    "training.steps": 1,
    "training.tau_x": 4,
    "training.tau_p": 4,
    "training.tau_theta": 4,
    "training.eta": 0.25,
    "training.eta_convention": "table4",
    "training.dtheta": 0.125,
    "training.mean_shift": 5,
    "training.blank": True,
    "training.sigma_c": 0.01,
    "training.sigma_theta": 0.5,
    "training.sigma_a": 0.25,
    "training.order": "sequential",
    "training.init": "glorot",
    "training.init_range": 0.5,
    "training.seed": 1,
    "training.solved_cost": 0.5,
    "data.source": "task.npz",
    "data.clip": True,
}


NEEDED: dict[str, dict[str, Any]] = {
    "training.blank": {"fabric.baseline": "mean", "training.tau_x": 4},
    "training.sigma_c": {"fabric.cost_noise": True},
    "training.sigma_theta": {"fabric.update_noise": "each"},
    "training.sigma_a": {"fabric.defects": True},
}
"""What a fabric must have for a setting of its runs to be changed."""


@pytest.mark.parametrize(("key", "value"), RUN_TIME.items())
def test_digest_ignores_run_time_choices(key: str, value: Any) -> None:
    spec = xor().with_settings(NEEDED.get(key, {}))
    changed = spec.with_settings({key: value})
    assert changed != spec
    assert Plan(changed).digest == Plan(spec).digest


def test_every_setting_is_of_generation_or_of_run_time() -> None:
    """Another one must be told here, lest a bitstream pass for one that it is not."""
    told = {*GENERATION_TIME, *PIPELINE, *RUN_TIME, "fabric.decay_every"}
    assert {*setting_keys(Spec)} - told == {"fabric.kind"}
