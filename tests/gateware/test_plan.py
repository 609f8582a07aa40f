"""What is derived from a spec, against direct counting and exact extremes."""

import dataclasses
import itertools
import math
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import PRESETS, xor
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training


def spec(layers: tuple[int, ...] = (2, 2, 1), **settings: Any) -> Spec:
    """XOR's spec with dotted keys replaced, dots written as ``__``."""
    return (
        xor()
        .replace(network=Network(layers=layers))
        .with_settings({key.replace("__", "."): value for key, value in settings.items()})
    )


def test_layers_of_the_xor_network() -> None:
    plan = Plan(xor())
    hidden, output = plan.layers
    assert (plan.parameters, hidden.parameters, output.parameters) == (9, 6, 3)
    assert (hidden.first_parameter, output.first_parameter) == (0, 6)
    assert (hidden.input_format, output.input_format) == (Format(False, 1, 0), Format(False, 0, 8))
    # Operands are theta +- dtheta: S4.8 reaches 8, an amplitude of 9 bits almost 2.
    assert plan.operand_range == (-2048 - 511, 2047 + 511)
    assert plan.operand_bits == 13
    narrow = Plan(spec(formats__operand_fraction=5))
    assert (narrow.operand_shift, narrow.operand_range) == (3, (-320, 319))
    # One-bit inputs: a product is the operand itself, and a neuron sums three of them.
    assert (hidden.product_bits, hidden.sum_bits, hidden.sum_shift) == (13, 14, 0)
    assert (output.product_bits, output.sum_bits, output.sum_shift) == (21, 22, 8)
    assert (plan.cost_bits, plan.cost_fraction, plan.step_bits) == (17, 16, 11)
    assert plan.gradient_bits == 11 + 8 + 1
    assert plan.update_delay == 0


def extremes(plan: Plan, layer: LayerPlan) -> tuple[list[int], list[int]]:
    """Extreme products, that of the bias with one included, and extreme sums."""
    source = layer.input_format
    weights = [
        operand * value
        for operand in plan.operand_range
        for value in (source.minimum, source.maximum)
    ]
    biases = [operand << source.fraction_bits for operand in plan.operand_range]
    sums = [
        layer.inputs * min(weights) + min(biases),
        layer.inputs * max(weights) + max(biases),
    ]
    return weights + biases, sums


@given(
    layers=st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple),
    source=st.sampled_from(["U1.0", "U0.1", "U0.8", "S1.7", "S4.4", "S2.0"]),
    fraction=st.integers(0, 12),
    dropped=st.integers(0, 12),
)
def test_widths_hold_the_extremes_and_no_more(
    layers: tuple[int, ...], source: str, fraction: int, dropped: int
) -> None:
    formats = Formats(
        parameter=Format(True, 4, fraction),
        operand_fraction=max(0, fraction - dropped),
        input=Format.parse(source),
    )
    plan = Plan(
        Spec(
            name="any",
            network=Network(layers=layers),
            formats=formats,
            fabric=Fabric(lfsr_bits=32),
            training=Training(dtheta=1.0, eta=0.0),
        )
    )
    assert plan.parameters == sum((a + 1) * b for a, b in itertools.pairwise(layers))
    first = 0
    for layer in plan.layers:
        assert layer.first_parameter == first
        first += layer.parameters
        products, sums = extremes(plan, layer)
        for bits, values in ((layer.product_bits, products), (layer.sum_bits, sums)):
            half = 1 << (bits - 1)
            assert -half <= min(values)
            assert max(values) < half
            assert min(values) < -half // 2 or max(values) >= half // 2
        sum_fraction = formats.operand_fraction + layer.input_format.fraction_bits
        assert sum_fraction - layer.sum_shift == formats.preactivation.fraction_bits
    assert first == plan.parameters


@given(
    outputs=st.integers(1, 50),
    fraction=st.integers(1, 12),
    target=st.sampled_from(["U1.0", "U0.4", "U1.15", "S2.3"]),
)
def test_cost_holds_its_largest_value(outputs: int, fraction: int, target: str) -> None:
    settings = {"formats__activation": f"U0.{fraction}", "formats__target": target}
    layers = (1, outputs)
    y, t = Format(False, 0, fraction), Format.parse(target)
    ends = [
        (Fraction(a, 1 << y.fraction_bits) - Fraction(b, 1 << t.fraction_bits)) ** 2
        for a in (y.minimum, y.maximum)
        for b in (t.minimum, t.maximum)
    ]
    largest = outputs * max(ends)
    stored_bits = int(largest * 4 ** max(y.fraction_bits, t.fraction_bits)).bit_length()
    if stored_bits > 32:
        with pytest.raises(SpecError) as caught:
            Plan(spec(layers, **settings))
        assert str(caught.value) == (
            f"the cost must fit 32 bits, not {stored_bits}; choose fewer fraction bits in "
            f"formats.cost"
        )
        return
    plan = Plan(spec(layers, **settings))
    stored = largest * 2**plan.cost_fraction
    assert stored.denominator == 1
    assert stored < 2**plan.cost_bits
    assert plan.cost_bits == 1 or stored >= 2 ** (plan.cost_bits - 1)
    assert plan.cost_shift == 0


def test_a_chosen_cost_format_drops_fraction_bits() -> None:
    plan = Plan(spec(formats__cost="U1.6"))
    assert (plan.cost_bits, plan.cost_fraction, plan.cost_shift) == (7, 6, 10)


@given(step_bits=st.integers(2, 23), tau_theta_bits=st.integers(2, 24), data=st.data())
def test_gradient_register_never_overflows(
    step_bits: int, tau_theta_bits: int, data: st.DataObject
) -> None:
    plan = Plan(
        spec(
            formats__parameter=f"S{step_bits + 1}.0",
            formats__operand_fraction=0,
            fabric__tau_theta_bits=tau_theta_bits,
            training__dtheta=1.0,
            training__eta=0,
        )
    )
    assert plan.step_bits == step_bits
    largest = ((1 << step_bits) - 1) * ((1 << tau_theta_bits) - 1)
    assert largest < 1 << (plan.gradient_bits - 1)


def test_without_tau_theta_there_is_no_gradient_register() -> None:
    plan = Plan(spec(fabric__tau_theta_bits=1))
    assert plan.gradient_bits == 0
    assert plan.scan.synapse_bits == 12 + 16


@pytest.mark.parametrize("layers", [(2, 2, 1), (3, 5, 2), (1, 1), (40, 3), (33, 31, 1)])
def test_layouts_hold_every_bit_and_no_word_more(layers: tuple[int, ...]) -> None:
    plan = Plan(spec(layers, formats__input="S2.6", fabric__samples=5, fabric__lfsr_bits=22))
    scan, sample = plan.scan, plan.sample
    assert 0 <= scan.padding_bits < 32
    assert 32 * scan.words == plan.parameters * scan.synapse_bits + scan.padding_bits
    assert sample.bits == 8 * layers[0] + layers[-1]
    assert 32 * (sample.words - 1) < sample.bits <= 32 * sample.words
    assert sample.stride == 1 << math.ceil(math.log2(sample.words))
    assert (sample.index_bits, sample.count_bits) == (3, 3)


def test_index_and_count_of_samples() -> None:
    for samples, index, count in [(1, 1, 1), (2, 1, 2), (4, 2, 3), (5, 3, 3), (16, 4, 5)]:
        layout = Plan(spec(fabric__samples=samples)).sample
        assert (layout.index_bits, layout.count_bits) == (index, count)


# -- Run-time settings ----------------------------------------------------------------------------


@given(
    eta=st.floats(2.0**-8, 2.0**8),
    dtheta=st.integers(1, 511),
    outputs=st.integers(1, 5),
    convention=st.sampled_from(["eq4", "table4"]),
)
def test_scale_is_eta_over_dtheta_and_outputs(
    eta: float, dtheta: int, outputs: int, convention: str
) -> None:
    settings = {"training__eta": eta, "training__dtheta": dtheta / 256}
    plan = Plan(spec((2, 2, outputs), training__eta_convention=convention, **settings))
    mantissa, shift = plan.scale()
    wanted = Fraction(eta) / (Fraction(dtheta, 256) * outputs)
    wanted *= Fraction(2) ** (plan.theta.fraction_bits - plan.cost_fraction)
    if convention == "table4":
        wanted /= plan.parameters
    given_factor = Fraction(mantissa) / 2**shift
    # Half a unit of the mantissa, and the rounding of a few products in double precision.
    assert abs(given_factor - wanted) <= Fraction(1, 2 ** (shift + 1)) + wanted / 2**50
    assert 1 <= mantissa < 1 << 16
    assert shift == 31 or mantissa >= 1 << 15


def test_scale_of_the_xor_preset() -> None:
    # 0.5 / 0.0625, from 16 fraction bits of cost to 8 of a parameter: 8 * 2^-8 = 2^15 / 2^20.
    assert Plan(xor()).scale() == (1 << 15, 20)
    assert Plan(spec(training__eta=0)).scale() == (0, 31)


def test_scale_at_its_bounds() -> None:
    per_eta = 2.0**-4  # 1 / 0.0625 * 2^-8
    assert Plan(spec(training__eta=65535 / per_eta)).scale() == (65535, 0)
    assert Plan(spec(training__eta=2.0**-31 / per_eta)).scale() == (1, 31)
    # 65535.5 would round up to a 17th bit.
    assert Plan(spec(training__eta=65535.5 / 2 / per_eta)).scale() == (32768, 0)


@pytest.mark.parametrize("eta", [65536 * 16.0, 1e308, 2.0**-33 * 16, 5e-324])
def test_scale_beyond_its_bounds_is_refused(eta: float) -> None:
    with pytest.raises(SpecError) as caught:
        Plan(spec(training__eta=eta))
    assert str(caught.value) == (
        "training.eta must be from 3.73e-09 to 1.05e+06 for these formats and dtheta 0.0625, "
        f"or 0, not {eta!r}"
    )


def test_dtheta_in_last_bits() -> None:
    assert Plan(xor()).dtheta_steps() == 16
    for steps in (1, 511):
        assert Plan(spec(training__dtheta=steps / 256)).dtheta_steps() == steps


@pytest.mark.parametrize("dtheta", [2.0, 0.1, 1 / 512, 0.06250001, 1e308, 5e-324])
def test_other_dtheta_is_refused(dtheta: float) -> None:
    with pytest.raises(SpecError) as caught:
        Plan(spec(training__dtheta=dtheta))
    assert str(caught.value) == (
        "training.dtheta must be a multiple of 0.00390625 (a parameter's last bit in S4.8) below "
        f"2, not {dtheta!r}"
    )


REFUSED = [
    (
        {"training__tau_x": 65536},
        "training.tau_x must be from 1 to 65535, not 65536; or raise fabric.tau_bits to 17",
    ),
    (
        {"training__tau_p": 4, "fabric__tau_bits": 2},
        "training.tau_p must be from 1 to 3, not 4; or raise fabric.tau_bits to 3",
    ),
    (
        {"training__tau_theta": 1000},
        "training.tau_theta must be from 1 to 255, not 1000; or raise fabric.tau_theta_bits to 10",
    ),
    (
        {"formats__cost": "U1.17"},
        (
            "formats.cost must have at most 16 fraction bits, twice those of an output's error, "
            "not U1.17"
        ),
    ),
    (
        {"formats__cost": "U0.8"},
        (
            "formats.cost must hold the largest cost of 1 output(s), 1, not U0.8, which ends at "
            "0.996094; choose U1.8"
        ),
    ),
    (
        {"network__layers": [2, 5], "formats__cost": "U2.4"},
        (
            "formats.cost must hold the largest cost of 5 output(s), 5, not U2.4, which ends at "
            "3.9375; choose U3.4"
        ),
    ),
    (
        {"formats__activation": "U0.16"},
        "the cost must fit 32 bits, not 33; choose fewer fraction bits in formats.cost",
    ),
    (
        {"network__segments": 1024, "formats__preactivation": "S4.5"},
        (
            "network.segments must be at most 512, one for each value of formats.preactivation "
            "S4.5, not 1024; lower the segments or widen the format"
        ),
    ),
    (
        # 65 inputs of a byte and a target: 17 words, which are addressed as 32.
        {"network__layers": [65, 1], "formats__input": "S4.4", "fabric__samples": 524289},
        (
            "fabric.samples must be at most 524288, since each takes 32 of the 16777216 addresses "
            "of the sample memory, not 524289"
        ),
    ),
    (
        {"network__layers": [49, 4, 4], "fabric__lfsr_bits": 15},
        (
            "fabric.lfsr_bits must be at least 16 for independent perturbations of 220 parameters, "
            "not 15"
        ),
    ),
    (
        {"network__layers": [255, 257], "fabric__lfsr_bits": 32},
        (
            "a spatial fabric must have at most 65536 parameters, not 65792; choose smaller "
            "network.layers"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_parts_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    chosen = xor().with_settings({key.replace("__", "."): v for key, v in settings.items()})
    with pytest.raises(SpecError) as caught:
        Plan(chosen)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        {"training__tau_x": 65535, "training__tau_theta": 255},
        {"formats__cost": "U1.16"},
        {"formats__cost": "U1.0"},
        {"formats__activation": "U0.15"},
        {"formats__activation": "U0.16", "formats__cost": "U1.31"},
        {"network__segments": 512, "formats__preactivation": "S4.5"},
        {"network__layers": [49, 4, 4], "fabric__lfsr_bits": 16},
        {"network__layers": [255, 256], "fabric__lfsr_bits": 32},
        {"network__layers": [65, 1], "formats__input": "S4.4", "fabric__samples": 524288},
        {"fabric__lfsr_bits": 8},
    ],
)
def test_parts_that_just_fit(settings: dict[str, Any]) -> None:
    Plan(xor().with_settings({key.replace("__", "."): value for key, value in settings.items()}))


# -- Identity -------------------------------------------------------------------------------------


def test_digest_of_the_xor_preset() -> None:
    """Every bitstream and every cached library of XOR carries this number.

    If a change of the specification, or of `INTERFACE_VERSION`, is meant to make them all stale,
    put the new number here and say so in the changelog. If it is not, the change must leave the
    digest as it was.
    """
    assert f"{Plan(xor()).digest:016x}" == "63f93568f865db83"


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
    "network__layers": [2, 3, 1],
    "network__segments": 64,
    "formats__parameter": "S5.8",
    "formats__operand_fraction": 7,
    "formats__input": "U1.1",
    "formats__target": "U1.1",
    "formats__preactivation": "S4.7",
    "formats__activation": "U0.7",
    "formats__cost": "U1.16",
    "formats__rounding": "nearest",
    "formats__overflow": "hold",
    "fabric__samples": 17,
    "fabric__lfsr_bits": 17,
    "fabric__tau_bits": 17,
    "fabric__tau_theta_bits": 7,
}


def test_digest_tells_generation_time_choices_apart() -> None:
    digests = [Plan(spec(**{key: value})).digest for key, value in GENERATION_TIME.items()]
    assert len({Plan(xor()).digest, *digests}) == 1 + len(GENERATION_TIME)
    every = {
        f"{section.name}__{item.name}"
        for section in dataclasses.fields(Spec)
        if section.name in ("network", "formats", "fabric")
        for item in dataclasses.fields(type(getattr(xor(), section.name)))
    }
    assert every - set(GENERATION_TIME) == {"network__activation", "fabric__kind"}  # of one choice


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "other"),
        ("training__steps", 1),
        ("training__tau_x", 4),
        ("training__eta", 0.25),
        ("training__eta_convention", "table4"),
        ("training__dtheta", 0.125),
        ("training__order", "sequential"),
        ("training__seed", 1),
        ("data__source", "task.npz"),
    ],
)
def test_digest_ignores_run_time_choices(key: str, value: Any) -> None:
    changed = spec(**{key: value})
    assert changed != xor()
    assert Plan(changed).digest == Plan(xor()).digest
