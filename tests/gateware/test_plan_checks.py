"""Parts of a spec that do not fit each other are refused, and those that just fit are not."""

import itertools
from typing import Any

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.seeds import chain_is_independent

REFUSED = [
    (
        {"formats.cost": "U1.17"},
        (
            "formats.cost must have at most 16 fraction bits, those of the sum over the outputs, "
            "not U1.17; lower them"
        ),
    ),
    (
        {"formats.cost": "U1.9", "network.cost": "l1"},
        (
            "formats.cost must have at most 8 fraction bits, those of the sum over the outputs, "
            "not U1.9; lower them"
        ),
    ),
    (
        {"formats.cost": "U0.8"},
        (
            "formats.cost must hold the largest cost of 1 output(s), 1, not U0.8, which ends at "
            "0.996094; choose U1.8"
        ),
    ),
    (
        {"network.layers": [2, 5], "formats.cost": "U2.4"},
        (
            "formats.cost must hold the largest cost of 5 output(s), 5, not U2.4, which ends at "
            "3.9375; choose U3.4"
        ),
    ),
    (
        # An output from -8 to 8 errs by up to 9, whose square is 81.
        {"network.activation": "identity", "formats.cost": "U6.4"},
        (
            "formats.cost must hold the largest cost of 1 output(s), 81, not U6.4, which ends at "
            "63.9375; choose U7.4"
        ),
    ),
    (
        {"formats.activation": "U0.16"},
        "the cost must fit 32 bits, not 33; choose fewer fraction bits in formats.cost",
    ),
    (
        {"formats.target": "U32.0", "formats.cost": "U32.0"},
        (
            "the cost must fit 32 bits, not 64; choose fewer integer bits in formats.target and "
            "formats.activation"
        ),
    ),
    (
        {"fabric.decay_every": "timestep"},
        (
            "fabric.decay_shift must be at least 1 where G decays in every timestep, which else "
            "keeps nothing, not 0; raise it, or set fabric.decay_every to update"
        ),
    ),
    (
        {"fabric.defects": True, "network.activation": "tanh"},
        (
            "network.activation must be sigmoid in a fabric with defects, which are those of the "
            "logistic function, not tanh; or set fabric.defects to false"
        ),
    ),
    (
        {"formats.activation": "U0.11", "fabric.baseline": "highpass", "fabric.cost_noise": True},
        (
            "a baseline must fit 32 bits, not 33; choose fewer fraction bits in formats.cost, or "
            "another fabric.baseline, or no fabric.cost_noise"
        ),
    ),
    (
        {"formats.target": "U0.16", "fabric.cost_noise": True},
        (
            "a baseline must fit 32 bits, not 34; choose fewer fraction bits in formats.cost, or "
            "no fabric.cost_noise"
        ),
    ),
    (
        {"formats.activation": "U0.12", "fabric.baseline": "mean"},
        (
            "a baseline must fit 32 bits, not 33; choose fewer fraction bits in formats.cost, or "
            "another fabric.baseline"
        ),
    ),
    (
        {"network.segments": 1024, "formats.preactivation": "S4.5"},
        (
            "network.segments must be at most 512, one for each value of formats.preactivation "
            "S4.5, not 1024; lower the segments or widen the format"
        ),
    ),
    (
        {"formats.activation": ["U0.8", "U0.8", "U0.8"]},
        ("formats.activation must be one format, or one for each of 2 layer(s) of neurons, not 3"),
    ),
    (
        # 65 inputs of a byte and a target: 17 words, which are addressed as 32.
        {"network.layers": [65, 1], "formats.input": "S4.4", "fabric.samples": 524289},
        (
            "fabric.samples must be at most 524288, since each takes 32 of the 16777216 addresses "
            "of the sample memory, not 524289; lower it"
        ),
    ),
    (
        {"network.layers": [49, 4, 4], "fabric.lfsr_bits": 15},
        (
            "fabric.lfsr_bits must be at least 16 for independent perturbations of 220 parameters, "
            "not 15; raise it"
        ),
    ),
    (
        {"fabric.perturbation": "chain", "fabric.lfsr_bits": 9, "network.layers": [9, 1]},
        (
            "fabric.lfsr_bits must be such that no sign in a chain of 10 parameters is the product "
            "of two others, not 9; choose 10"
        ),
    ),
    (
        {"fabric.perturbation": "chain", "network.layers": [469, 1]},
        (
            "fabric.lfsr_bits must be such that no sign in a chain of 470 parameters is the "
            "product of two others, not 16; choose 19"
        ),
    ),
    *(
        (
            {
                "network.layers": [255, 257],
                "fabric.lfsr_bits": 32,
                "fabric.perturbation": perturbation,
            },
            (
                "a spatial fabric must have at most 65536 parameters, not 65792; choose smaller "
                "network.layers"
            ),
        )
        for perturbation in ("lfsr", "chain", "walsh", "sequential", "square", "sine")
    ),
]

PIPELINED = {"fabric.pipeline": True, "fabric.perturbation": "chain"}

REFUSED_IN_A_PIPELINE = [
    (
        {"fabric.copies": 2, "fabric.pipeline": False},
        (
            "fabric.copies must be 1 in a fabric that is not pipelined, not 2; or set "
            "fabric.pipeline to true"
        ),
    ),
    *(
        (
            {"fabric.perturbation": perturbation},
            (
                "fabric.perturbation must be chain or walsh in a pipelined fabric, whose "
                "generators, doubled, give the sign that a late update needs, not "
                f"{perturbation}; or set fabric.pipeline to false"
            ),
        )
        for perturbation in ("lfsr", "sequential", "square", "sine")
    ),
    *(
        (
            {"fabric.baseline": baseline},
            (
                "fabric.baseline must be sample or two_sided in a pipelined fabric, which need "
                f"nothing of the timestep before, not {baseline}; or set fabric.pipeline to false"
            ),
        )
        for baseline in ("mean", "highpass", "literal")
    ),
    (
        {"fabric.correlator": "sign"},
        (
            "fabric.correlator must be full in a pipelined fabric, since steps, not their signs "
            "alone, wait in the queue, not sign; or set fabric.pipeline to false"
        ),
    ),
    (
        {"fabric.decay_shift": 1, "fabric.decay_every": "timestep"},
        (
            "fabric.decay_every must be update in a pipelined fabric, since the word that rounds a "
            "leak does not wait in the queue, not timestep; or set fabric.pipeline to false"
        ),
    ),
    (
        {"fabric.cost_noise": True},
        (
            "fabric.cost_noise must be false in a pipelined fabric, since both costs of a timestep "
            "would need a random number at once, not true; or set fabric.pipeline to false"
        ),
    ),
    *(
        (
            {"fabric.update_noise": kind},
            (
                "fabric.update_noise must be none in a pipelined fabric, since the parameters take "
                f"their noise in turn, after a timestep, not {kind}; or set fabric.pipeline to "
                "false"
            ),
        )
        for kind in ("each", "shared")
    ),
    (
        {"fabric.defects": True},
        (
            "fabric.defects must be false in a pipelined fabric, since they lie in the ring of a "
            "fabric that waits, not true; or set fabric.pipeline to false"
        ),
    ),
    (
        {"fabric.shuffle": True},
        (
            "fabric.shuffle must be false in a pipelined fabric, since a shuffled order may take "
            "several tries for a sample, not true; or set fabric.pipeline to false"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED_IN_A_PIPELINE)
def test_what_a_pipeline_cannot_do_is_refused_with_the_reason(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        Plan(xor().with_settings({**PIPELINED, **settings}))
    assert str(caught.value) == message


@pytest.mark.parametrize("perturbation", ["chain", "walsh"])
@pytest.mark.parametrize("baseline", ["sample", "two_sided"])
@pytest.mark.parametrize("copies", [1, 2])
def test_what_a_pipeline_can_do(perturbation: str, baseline: str, copies: int) -> None:
    others = {"formats.overflow": "hold", "fabric.decay_shift": 1, "formats.rounding": "nearest"}
    for changed in ({}, others, {"fabric.tau_theta_bits": 1}):
        settings = {
            "fabric.perturbation": perturbation,
            "fabric.baseline": baseline,
            "fabric.copies": copies,
        }
        Plan(xor().with_settings({**PIPELINED, **settings, **changed}))


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_parts_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Plan(xor().with_settings(settings))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        {"formats.cost": "U1.16"},
        {"formats.cost": "U1.0"},
        {"formats.cost": "U1.8", "network.cost": "l1"},
        {"formats.cost": "U7.4", "network.activation": "identity"},
        {"formats.activation": "U0.15"},
        {"formats.activation": "U0.16", "formats.cost": "U1.31"},
        {"formats.activation": "U0.16", "network.cost": "l1"},
        {"formats.activation": "U0.11", "fabric.baseline": "mean"},
        {"formats.activation": "U0.12", "fabric.baseline": "mean", "formats.cost": "U1.23"},
        {"network.segments": 512, "formats.preactivation": "S4.5"},
        {"network.layers": [49, 4, 4], "fabric.lfsr_bits": 16},
        {"network.layers": [255, 256], "fabric.lfsr_bits": 32},
        {"network.layers": [255, 256], "fabric.lfsr_bits": 32, "fabric.perturbation": "chain"},
        {"network.layers": [255, 256], "fabric.lfsr_bits": 8, "fabric.perturbation": "walsh"},
        {"network.layers": [255, 256], "fabric.lfsr_bits": 8, "fabric.perturbation": "sequential"},
        {"network.layers": [468, 1], "fabric.perturbation": "chain"},
        {"network.layers": [65, 1], "formats.input": "S4.4", "fabric.samples": 524288},
        {"fabric.lfsr_bits": 8},
        {"fabric.decay_shift": 1, "fabric.decay_every": "timestep"},
        {"formats.activation": "U0.11", "fabric.baseline": "highpass"},
        {"formats.activation": "U0.10", "fabric.baseline": "highpass", "fabric.cost_noise": True},
    ],
)
def test_parts_that_just_fit(settings: dict[str, Any]) -> None:
    Plan(xor().with_settings(settings))


@pytest.mark.parametrize("bits", [9, 16, 17, 31])
def test_a_chain_that_is_refused_is_told_the_next_width_that_will_do(bits: int) -> None:
    inputs = next(n for n in itertools.count(1) if not chain_is_independent(bits, n + 1))
    settings = {"network.layers": [inputs, 1], "fabric.perturbation": "chain"}
    with pytest.raises(SpecError, match=f"not {bits}; choose \\d+$") as caught:
        Plan(xor().with_settings({**settings, "fabric.lfsr_bits": bits}))
    chosen = int(str(caught.value).rsplit(" ", 1)[1])
    assert not any(chain_is_independent(n, inputs + 1) for n in range(bits, chosen))
    Plan(xor().with_settings({**settings, "fabric.lfsr_bits": chosen}))


def test_the_longest_scan_ring_fits_its_region() -> None:
    """Of as many parameters as there may be, each with as much state as there may be."""
    plan = Plan(
        xor().with_settings(
            {
                "network.layers": [255, 256],
                "formats.parameter": "S8.16",
                "fabric.lfsr_bits": 32,
                "fabric.decay_shift": 8,
                "fabric.tau_theta_bits": 24,
            }
        )
    )
    assert plan.scan.synapse_bits == 24 + (23 + 24 + 8 + 1) + 32
    assert plan.scan.words <= 1 << 24
