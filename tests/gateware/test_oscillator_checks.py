"""Oscillators that cannot be told apart, or heard, are refused; and what is advised helps."""

import random
import re
from math import ceil, log2, pi
from typing import Any

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.oscillator_checks import LONGEST_BEAT
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor

SINE = {"fabric.perturbation": "sine"}
HIGHPASS = {**SINE, "fabric.baseline": "highpass"}
LEAKY = {**SINE, "fabric.decay_every": "timestep"}


def plan_of(settings: dict[str, Any]) -> Plan:
    return Plan(xor().with_settings({**SINE, **settings}))


def refusal(settings: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        plan_of(settings)
    return str(caught.value)


def number_after(text: str, message: str) -> float:
    found = re.search(re.escape(text) + r" ?([0-9.e+-]*[0-9])", message)
    assert found, message
    return float(found[1])


REFUSED = [
    (
        {"training.tau_p": 100},
        (
            "fabric.band must be so wide that neighbouring ones of 9 oscillators beat within 2048 "
            "timesteps, not 2400; widen it to 0.44, or lower training.tau_p"
        ),
    ),
    (
        {"training.tau_p": 200},
        (
            "fabric.band must be so wide that neighbouring ones of 9 oscillators beat within 2048 "
            "timesteps, not 4800; lower training.tau_p"
        ),
    ),
    (
        {"network.layers": [31, 32]},
        (
            "fabric.band must be so wide that neighbouring ones of 1024 oscillators beat within "
            "2048 timesteps, not 2731; choose another perturbation"
        ),
    ),
    (
        {"network.layers": [49, 4, 4], "fabric.band": [0.125, 0.1875]},
        (
            "fabric.band must be so wide that neighbouring ones of 220 oscillators beat within "
            "2048 timesteps, not 3520; widen it to 0.108"
        ),
    ),
    (
        {**LEAKY, "fabric.decay_shift": 1},
        (
            "fabric.decay_shift must be such that a leaky integrator outlasts one over the "
            "bandwidth of the perturbations, 2.67 timesteps ([0063]), not 1; raise it to 2, or "
            "widen fabric.band"
        ),
    ),
    (
        {**HIGHPASS, "training.blank": True, "training.tau_x": 4},
        (
            "training.tau_x must be at least 8 where every sample begins anew, so that the slowest "
            "oscillator swings half a cycle within one, not 4; raise it, raise the low end of "
            "fabric.band to 0.125, or set training.blank to false"
        ),
    ),
    (
        {**HIGHPASS, "training.mean_shift": 1},
        (
            "training.mean_shift must be such that the filter lets the slowest oscillator pass, at "
            "least 2, not 1; raise it, or the low end of fabric.band"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_does_not_work_is_refused(settings: dict[str, Any], message: str) -> None:
    assert refusal(settings) == message
    # Nobody else has a band.
    if "fabric.decay_every" not in settings and not settings.get("training.blank"):
        Plan(xor().with_settings({**settings, "fabric.perturbation": "sequential"}))


@pytest.mark.parametrize(
    "settings",
    [
        {"training.tau_p": 85},
        {"network.layers": [31, 24]},
        {**LEAKY, "fabric.decay_shift": 2},
        {**HIGHPASS, "training.blank": True, "training.tau_x": 8},
        {**HIGHPASS, "training.mean_shift": 2},
        {**HIGHPASS, "training.mean_shift": 2, "fabric.perturbation": "square"},
    ],
)
def test_what_just_works(settings: dict[str, Any]) -> None:
    plan_of(settings)


def test_a_phase_never_becomes_too_wide() -> None:
    assert "widen it to" in refusal({"fabric.band": [0.25, 0.250001]})
    for inputs in (1, 8, 60):  # the narrowest band that each accepts
        width = (inputs + 1) / LONGEST_BEAT
        layers = {"network.layers": [inputs, 1]}
        plan = plan_of({**layers, "fabric.band": [0.25, 0.25 + 1.001 * width]})
        assert plan.perturber_bits <= LONGEST_BEAT.bit_length() + 4


# -- What is advised helps ------------------------------------------------------------------------


def test_a_band_as_wide_as_advised_is_wide_enough(random_seed: int) -> None:
    rng = random.Random(random_seed)
    for _ in range(60):
        inputs, tau_p = rng.randint(1, 40), rng.randint(1, 20)
        chosen = {"network.layers": [inputs, 1], "training.tau_p": tau_p}
        least = (inputs + 1) * tau_p / LONGEST_BEAT
        message = refusal({**chosen, "fabric.band": [0.001, 0.001 + 0.9 * min(least, 0.49)]})
        if least >= 0.5:
            assert "widen" not in message
            continue
        width = number_after("widen it to", message)
        assert width <= 1.01 * least
        if width < 0.499:
            plan_of({**chosen, "fabric.band": [0.0005, 0.0005 + width]})


def test_a_decay_as_slow_as_advised_is_slow_enough(random_seed: int) -> None:
    rng = random.Random(random_seed)
    for _ in range(60):
        width = rng.uniform(0.03, 0.4)
        chosen = {**LEAKY, "fabric.band": [0.01, 0.01 + width], "training.tau_p": rng.randint(1, 4)}
        needed = ceil(log2(chosen["training.tau_p"] / width))
        for shift in range(1, needed):
            message = refusal({**chosen, "fabric.decay_shift": shift})
            assert number_after("raise it to", message) == needed
        plan_of({**chosen, "fabric.decay_shift": max(1, needed)})


def test_samples_as_long_as_advised_are_long_enough(random_seed: int) -> None:
    """Or a band that begins as high as advised."""
    rng = random.Random(random_seed)
    blank = {**HIGHPASS, "training.blank": True, "training.mean_shift": 12}
    for _ in range(60):
        low, tau_p = rng.uniform(0.01, 0.1), rng.randint(1, 5)
        chosen = {**blank, "fabric.band": [low, 0.5], "training.tau_p": tau_p}
        tau_x = rng.randint(tau_p + 1, 40)
        if 2 * tau_x * low >= tau_p:
            plan_of({**chosen, "training.tau_x": tau_x})
            continue
        message = refusal({**chosen, "training.tau_x": tau_x})
        needed = int(number_after("training.tau_x must be at least", message))
        plan_of({**chosen, "training.tau_x": needed})
        if tau_p % (needed - 1):
            assert "training.tau_x must be" in refusal({**chosen, "training.tau_x": needed - 1})
        raised = number_after("fabric.band to", message)
        if raised < 0.4:
            plan_of({**chosen, "training.tau_x": tau_x, "fabric.band": [raised, 0.5]})


def test_a_filter_as_slow_as_advised_is_slow_enough(random_seed: int) -> None:
    rng = random.Random(random_seed)
    for _ in range(60):
        low, tau_p = 10 ** rng.uniform(-4, -1), rng.randint(1, 4)
        baseline = rng.choice(["mean", "highpass"])
        chosen = {"fabric.baseline": baseline, "fabric.band": [low, 0.5], "training.tau_p": tau_p}
        needed = ceil(log2(1 + tau_p / (2 * pi * low)))
        plan_of({**chosen, "training.mean_shift": max(1, needed)})
        if needed > 1:
            message = refusal({**chosen, "training.mean_shift": needed - 1})
            assert number_after("at least", message) == needed
