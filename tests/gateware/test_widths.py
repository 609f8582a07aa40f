"""Widths and layouts, against direct counting and what they must never exceed."""

import itertools
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import MEAN_FRACTION_BITS
from pmgd.gateware.oscillators import increments
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


def plan_of(settings: dict[str, Any]) -> Plan:
    return Plan(xor().with_settings(settings))


def test_parameters_and_operands() -> None:
    plan = Plan(xor())
    assert (plan.theta, plan.dtheta_bits) == (Format(True, 4, 8), 9)
    # Operands are theta +- dtheta: S4.8 reaches 8, an amplitude of 9 bits almost 2.
    assert plan.operand_range == (-2048 - 511, 2047 + 511)
    assert plan.operand_bits == 13
    narrow = plan_of({"formats.operand_fraction": 5})
    assert (narrow.operand_shift, narrow.operand_range) == (3, (-320, 319))


# -- Cost -----------------------------------------------------------------------------------------


def ends_of_error(y: Format, t: Format) -> list[Fraction]:
    return [
        Fraction(a, 1 << y.fraction_bits) - Fraction(b, 1 << t.fraction_bits)
        for a in (y.minimum, y.maximum)
        for b in (t.minimum, t.maximum)
    ]


@given(
    outputs=st.integers(1, 50),
    kind=st.sampled_from(
        [("sigmoid", "U0."), ("tanh", "S1."), ("relu", "U3."), ("identity", "S2.")]
    ),
    fraction=st.integers(1, 12),
    target=st.sampled_from(["U1.0", "U0.4", "U1.15", "S2.3"]),
    cost=st.sampled_from(["squared", "l1"]),
)
def test_cost_holds_its_largest_value(
    outputs: int, kind: tuple[str, str], fraction: int, target: str, cost: str
) -> None:
    settings = {
        "network.layers": [1, outputs],
        "network.activation": kind[0],
        "network.cost": cost,
        "formats.activation": f"{kind[1]}{fraction}",
        "formats.target": target,
        "training.eta": 0,
    }
    y, t = Format.parse(f"{kind[1]}{fraction}"), Format.parse(target)
    power = 2 if cost == "squared" else 1
    ends = ends_of_error(y, t)
    largest = outputs * max(abs(end) for end in ends) ** power
    stored_bits = int(largest * 2 ** (power * max(fraction, t.fraction_bits))).bit_length()
    if stored_bits > 32:
        with pytest.raises(SpecError) as caught:
            plan_of(settings)
        assert str(caught.value) == (
            f"the cost must fit 32 bits, not {stored_bits}; choose fewer fraction bits in "
            f"formats.cost"
        )
        return
    plan = plan_of(settings)
    scale = 1 << plan.error_fraction
    assert plan.error_range == (min(ends) * scale, max(ends) * scale)
    assert plan.full_cost_maximum == largest * 2**plan.full_cost_fraction
    stored = largest * 2**plan.cost_fraction
    assert stored.denominator == 1
    assert stored < 2**plan.cost_bits
    assert plan.cost_bits == 1 or stored >= 2 ** (plan.cost_bits - 1)
    assert plan.cost_shift == 0
    assert plan.squared == (cost == "squared")


def test_a_chosen_cost_format_drops_fraction_bits() -> None:
    plan = plan_of({"formats.cost": "U1.6"})
    assert (plan.cost_bits, plan.cost_fraction, plan.cost_shift) == (7, 6, 10)
    absolute = plan_of({"formats.cost": "U1.6", "network.cost": "l1"})
    assert (absolute.cost_bits, absolute.cost_fraction, absolute.cost_shift) == (7, 6, 2)


@pytest.mark.parametrize("samples", [1, 2, 15, 16, 1000])
def test_a_sum_of_costs_never_overflows(samples: int) -> None:
    plan = plan_of({"fabric.samples": samples})
    largest = samples * ((1 << plan.cost_bits) - 1)
    assert largest < 1 << plan.cost_sum_bits


def test_changes_and_baselines() -> None:
    plan = Plan(xor())
    assert (plan.cost_bits, plan.change_bits, plan.baseline_bits) == (17, 18, 17)
    for baseline, more in (("two_sided", 0), ("literal", 0), ("mean", 8), ("highpass", 8)):
        other = plan_of({"fabric.baseline": baseline})
        assert (other.change_bits, other.baseline_bits) == (18, 17 + more)
        assert other.filters == (more > 0)
        noisy = plan_of({"fabric.baseline": baseline, "fabric.cost_noise": True})
        assert (noisy.cost_bits, noisy.measured_bits, noisy.cost_noise_bits) == (17, 19, 17)
        assert (noisy.change_bits, noisy.baseline_bits) == (20, 19 + more)


@pytest.mark.parametrize("settings", [{}, {"formats.cost": "U1.6"}, {"network.layers": [2, 5]}])
def test_a_measured_cost_is_neither_negative_nor_too_large(settings: dict[str, Any]) -> None:
    """At the largest and smallest cost, with the greatest noise of the greatest level."""
    plan = plan_of({**settings, "fabric.cost_noise": True})
    noise = (1 << plan.cost_noise_bits) - 1
    offset, largest = 1 << plan.cost_bits, (1 << plan.cost_bits) - 1
    assert offset - noise >= 0
    assert largest + offset + noise < 1 << plan.measured_bits
    assert largest + offset + noise >= 1 << (plan.measured_bits - 1)


def test_level_of_the_update_noise_leaves_room_for_a_step() -> None:
    assert not Plan(xor()).noisy
    for kind in ("each", "shared"):
        plan = plan_of({"fabric.update_noise": kind})
        assert plan.noisy
        assert plan.update_noise_bits == plan.step_bits - 2 == 9
    narrow = {
        "formats.parameter": "S2.1",
        "formats.operand_fraction": 1,
        "training.dtheta": 0.5,
        "training.eta": 0,
    }
    assert plan_of({**narrow, "fabric.update_noise": "each"}).update_noise_bits == 1
    assert plan_of({"fabric.cost_noise": True}).noisy


@given(
    costs=st.lists(st.integers(0, 255) | st.sampled_from([0, 255]), min_size=1, max_size=60),
    mean_shift=st.integers(0, 15),
)
def test_a_running_mean_stays_within_its_costs(costs: list[int], mean_shift: int) -> None:
    """So that it needs no more bits than they, and its own fraction."""
    baseline = costs[0] << MEAN_FRACTION_BITS
    for cost in costs:
        baseline += ((cost << MEAN_FRACTION_BITS) - baseline) >> mean_shift
        assert min(costs) << MEAN_FRACTION_BITS <= baseline
        assert baseline <= max(costs) << MEAN_FRACTION_BITS
        assert abs(cost - (baseline >> MEAN_FRACTION_BITS)) < 1 << 8


# -- Perturbation ---------------------------------------------------------------------------------


def test_state_of_perturbers() -> None:
    """Own, shared, and broadcast to all."""
    for perturbation, widths in {
        "lfsr": (20, 0, 0),
        "chain": (1, 20, 0),
        "walsh": (0, 4, 4),
        "sequential": (1, 0, 0),
        "square": (9, 0, 0),
        "sine": (9, 0, 0),
    }.items():
        plan = plan_of({"fabric.perturbation": perturbation, "fabric.lfsr_bits": 20})
        assert (plan.perturber_bits, plan.perturber_state_bits, plan.code_bits) == widths
        assert plan.scan.perturber_bits == plan.perturber_bits
        assert plan.scan.synapse_bits == 12 + 20 + plan.perturber_bits


def test_a_pipelined_fabric_has_its_perturbers_twice() -> None:
    for perturbation, own in {"chain": 1, "walsh": 0}.items():
        plan = plan_of({"fabric.pipeline": True, "fabric.perturbation": perturbation})
        assert (plan.perturber_bits, plan.update_perturber_bits) == (own, own)
        assert plan.scan.widths == (12, 20, own, own)
        assert plan.scan.planes
    assert Plan(xor()).update_perturber_bits == 0
    assert not Plan(xor()).scan.planes


def test_parameters_are_held_in_place_where_nothing_else_is_needed() -> None:
    settings = {
        "fabric.pipeline": True,
        "fabric.perturbation": "chain",
        "formats.overflow": "hold",
        "fabric.tau_theta_bits": 1,
    }
    assert plan_of(settings).holds_in_place
    assert plan_of(settings).scan.offset_binary
    for changed in (
        {"fabric.pipeline": False},
        {"formats.overflow": "clip"},
        {"fabric.tau_theta_bits": 2},
        {"fabric.decay_shift": 1},
    ):
        plan = plan_of({**settings, **changed})
        assert not plan.holds_in_place
        assert not plan.scan.offset_binary


def test_oscillators_of_a_plan() -> None:
    """Their phases have room for as many increments as there are parameters in the band."""
    for kind, levels in (("square", 1), ("sine", 8)):
        plan = plan_of({"fabric.perturbation": kind})
        assert plan.increments == increments(9, (0.0625, 0.4375))
        assert (plan.levels, plan.level_bits) == (levels, (levels - 1).bit_length())
        assert plan.step_levels == levels
        counting = plan_of({"fabric.perturbation": kind, "fabric.correlator": "sign"})
        assert (counting.levels, counting.step_levels) == (levels, 1)
        wide = {"fabric.perturbation": kind, "network.layers": [49, 4, 4]}
        assert plan_of(wide).perturber_bits == 14
        assert plan_of({**wide, "fabric.band": [0.001, 0.5]}).perturber_bits == 13
    for kind in ("lfsr", "chain", "walsh", "sequential"):
        plan = plan_of({"fabric.perturbation": kind})
        assert (plan.increments, plan.levels, plan.level_bits, plan.step_levels) == ((), 1, 0, 1)


@pytest.mark.parametrize("inputs", range(1, 40))
def test_a_walsh_code_has_a_row_for_everyone_but_that_of_ones(inputs: int) -> None:
    plan = plan_of({"network.layers": [inputs, 1], "fabric.perturbation": "walsh"})
    length = 1 << plan.perturber_state_bits
    rows = {
        tuple((column & (i + 1)).bit_count() % 2 for column in range(length))
        for i in range(plan.parameters)
    }
    assert len(rows) == plan.parameters
    assert (0,) * length not in rows
    assert length <= 2 * plan.parameters  # half of it would not have enough rows


# -- Step and gradient ----------------------------------------------------------------------------


@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
def test_a_random_word_is_drawn_where_a_step_is_rounded_by_it(
    correlator: str, rounding: str
) -> None:
    plan = plan_of({"fabric.correlator": correlator, "formats.rounding": rounding})
    assert plan.stochastic == (correlator == "full" and rounding == "stochastic")
    assert plan.step_bits == 11


def decayed(g: int, shift: int) -> int:
    """The gradient that an update leaves, as the specification writes it."""
    return g - ((g + (1 << shift) - 1) >> shift) if g > 0 else g - (g >> shift)


@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("decay_shift", range(9))
@pytest.mark.parametrize("tau_theta_bits", range(1, 5))
@pytest.mark.parametrize("parameter_bits", [3, 6])
def test_gradient_register_never_overflows(
    correlator: str, decay_shift: int, tau_theta_bits: int, parameter_bits: int
) -> None:
    """The largest summand in every timestep and window, for every tau_theta, until G stands still.

    Larger summands make a larger G after every step and decay, which both are monotonic, so that no
    other course reaches further.
    """
    plan = plan_of(
        {
            "formats.parameter": f"S{parameter_bits}.0",
            "formats.operand_fraction": 0,
            "fabric.correlator": correlator,
            "fabric.decay_shift": decay_shift,
            "fabric.tau_theta_bits": tau_theta_bits,
            "training.dtheta": 1.0,
            "training.eta": 0,
            "training.init_range": 0,
        }
    )
    summand = (1 << plan.step_bits) - 1 if correlator == "full" else 1 << decay_shift
    reached = 0
    for sign in (1, -1):
        for tau_theta in range(1, 1 << tau_theta_bits):
            g = kept = 0
            while True:
                for _ in range(tau_theta):
                    g += sign * summand
                    reached = max(reached, abs(g))
                g = decayed(g, decay_shift)
                if g == kept:
                    break
                kept = g
    # A window of the most steps adds this; what a decay takes is rounded up, so that G stands
    # still as soon as the decay takes as much.
    window = summand * ((1 << tau_theta_bits) - 1)
    assert reached == ((window - 1) << decay_shift) + 1
    if plan.gradient_bits:
        assert reached < 1 << (plan.gradient_bits - 1)
    else:
        # Nothing outlasts a timestep: g is the summand itself, and an update clears it.
        assert (tau_theta_bits, decay_shift) == (1, 0)
        assert (reached, decayed(reached, 0), decayed(-reached, 0)) == (summand, 0, 0)


@given(st.lists(st.integers(-7, 7), max_size=200), st.integers(0, 3), st.integers(1, 3))
def test_gradient_register_never_overflows_on_other_courses(
    summands: list[int], decay_shift: int, tau_theta: int
) -> None:
    g = 0
    for timestep, summand in enumerate(summands):
        g += summand
        assert abs(g) <= 7 * tau_theta << decay_shift
        if (timestep + 1) % tau_theta == 0:
            g = decayed(g, decay_shift)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize("decay_shift", range(1, 9))
@pytest.mark.parametrize("tau_theta_bits", [1, 8])
def test_leaking_gradient_never_overflows(
    correlator: str, rounding: str, decay_shift: int, tau_theta_bits: int
) -> None:
    """The largest summand in every timestep, for ever, with the dithers that keep most of it."""
    plan = plan_of(
        {
            "formats.parameter": "S4.0",
            "formats.operand_fraction": 0,
            "formats.rounding": rounding,
            "fabric.correlator": correlator,
            "fabric.decay_shift": decay_shift,
            "fabric.decay_every": "timestep",
            "fabric.tau_theta_bits": tau_theta_bits,
            "training.dtheta": 1.0,
            "training.eta": 0,
            "training.init_range": 0,
        }
    )
    dithered = correlator == "full" and rounding == "stochastic"
    assert (plan.leaky, plan.dithered) == (True, dithered)
    assert plan.dither_bits == decay_shift * dithered
    summand = 7 if correlator == "full" else 1 << decay_shift
    for sign in (1, -1):
        g, reached = 0, 0
        for _ in range(3000):
            g += sign * summand
            reached = max(reached, abs(g))
            if dithered:
                g -= (g + (0 if sign > 0 else (1 << decay_shift) - 1)) >> decay_shift
            else:
                g = decayed(g, decay_shift)
        assert reached < 1 << (plan.gradient_bits - 1)
        # A window does not matter, nor is a bit wasted.
        assert reached >= 1 << (plan.gradient_bits - 2)


def test_decay_always_reaches_zero() -> None:
    for shift, start in itertools.product(range(9), (-3000, -1, 1, 3000)):
        g, updates = start, 0
        while g:
            smaller = decayed(g, shift)
            assert abs(smaller) < abs(g)
            assert smaller * g >= 0
            g, updates = smaller, updates + 1
        assert updates <= (1 << shift) * (math.log(3000) + 1)


def test_gradient_of_xor() -> None:
    assert Plan(xor()).gradient_bits == 11 + 8 + 1
    assert plan_of({"fabric.decay_shift": 3}).gradient_bits == 11 + 8 + 3 + 1
    assert plan_of({"fabric.correlator": "sign"}).gradient_bits == 8 + 1
    without = plan_of({"fabric.tau_theta_bits": 1})
    assert without.gradient_bits == 0
    assert without.scan.synapse_bits == 12 + 16
    assert plan_of({"fabric.tau_theta_bits": 1, "fabric.decay_shift": 1}).gradient_bits == 14
    leaky = {"fabric.decay_shift": 4, "fabric.decay_every": "timestep"}
    assert plan_of(leaky).gradient_bits == 11 + 4 + 1
    assert plan_of({**leaky, "fabric.correlator": "sign"}).gradient_bits == 4 + 4 + 1


# -- Layouts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [(2, 2, 1), (3, 5, 2), (1, 1), (40, 3), (33, 31, 1)])
@pytest.mark.parametrize("defects", [False, True])
@pytest.mark.parametrize("perturbation", ["lfsr", "chain", "walsh", "sequential"])
def test_layouts_hold_every_bit_and_no_word_more(
    layers: tuple[int, ...], perturbation: str, defects: bool
) -> None:
    plan = plan_of(
        {
            "fabric.defects": defects,
            "network.layers": layers,
            "formats.input": "S2.6",
            "fabric.samples": 5,
            "fabric.lfsr_bits": 32,
            "fabric.perturbation": perturbation,
        }
    )
    scan, sample = plan.scan, plan.sample
    assert 0 <= scan.padding_bits < 32
    assert plan.neurons == sum(layers[1:])
    assert scan.neurons == plan.neurons * defects
    assert scan.state_bits == plan.parameters * scan.synapse_bits + 64 * scan.neurons
    assert 32 * scan.words == scan.state_bits + scan.padding_bits
    assert sample.bits == 8 * layers[0] + layers[-1]
    assert 32 * (sample.words - 1) < sample.bits <= 32 * sample.words
    assert sample.stride == 1 << math.ceil(math.log2(sample.words))
    assert (sample.index_bits, sample.count_bits) == (3, 3)


def test_index_and_count_of_samples() -> None:
    for samples, index, count in [(1, 1, 1), (2, 1, 2), (4, 2, 3), (5, 3, 3), (16, 4, 5)]:
        layout = plan_of({"fabric.samples": samples}).sample
        assert (layout.index_bits, layout.count_bits) == (index, count)


def test_the_threshold_of_classes_lies_in_the_middle_of_the_targets() -> None:
    assert Plan(xor()).class_threshold == 0.5
    signed = plan_of({"network.activation": "tanh", "formats.target": "S2.0"})
    assert signed.class_threshold == 0.0
    # Signed for the sake of its defects alone, it still is about 0 or 1.
    defective = plan_of({"fabric.defects": True, "formats.target": "S2.0"})
    assert defective.output_format.signed
    assert defective.class_threshold == 0.5
