"""Run-time settings as register values, against exact fractions."""

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
from pmgd.gateware.gaussian import DEVIATION
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


def plan_of(settings: dict[str, Any]) -> Plan:
    return Plan(xor().with_settings(settings))


# -- The scale of the full correlator -------------------------------------------------------------


@given(
    eta=st.floats(2.0**-8, 2.0**7),
    dtheta=st.integers(1, 511),
    outputs=st.integers(1, 5),
    convention=st.sampled_from(["eq4", "table4"]),
    baseline=st.sampled_from(["sample", "two_sided", "mean", "highpass", "literal"]),
    cost=st.sampled_from(["squared", "l1"]),
    decay=st.sampled_from([(0, "update"), (3, "update"), (3, "timestep"), (8, "timestep")]),
)
def test_scale_is_eta_over_dtheta_and_outputs(
    eta: float,
    dtheta: int,
    outputs: int,
    convention: str,
    baseline: str,
    cost: str,
    decay: tuple[int, str],
) -> None:
    plan = plan_of(
        {
            "network.layers": [2, 2, outputs],
            "network.cost": cost,
            "fabric.baseline": baseline,
            "fabric.decay_shift": decay[0],
            "fabric.decay_every": decay[1],
            "training.eta": eta,
            "training.eta_convention": convention,
            "training.dtheta": dtheta / 256,
        }
    )
    mantissa, shift = plan.scale()
    wanted = Fraction(eta) / (Fraction(dtheta, 256) * outputs)
    wanted *= Fraction(2) ** (plan.theta.fraction_bits - plan.cost_fraction)
    if convention == "table4":
        wanted /= plan.parameters
    if baseline == "two_sided":
        wanted /= 2  # from -dtheta to +dtheta
    if decay[1] == "timestep":
        wanted /= 2 ** decay[0]  # by which an integrator of gain 1 sums every step
    given_factor = Fraction(mantissa) / 2**shift
    # Half a unit of the mantissa, and the rounding of a few products in double precision.
    assert abs(given_factor - wanted) <= Fraction(1, 2 ** (shift + 1)) + wanted / 2**50
    assert 1 <= mantissa < 1 << 16
    assert shift == 31 or mantissa >= 1 << 15


def test_scale_of_the_xor_preset() -> None:
    # 0.5 / 0.0625, from 16 fraction bits of cost to 8 of a parameter: 8 * 2^-8 = 2^15 / 2^20.
    assert Plan(xor()).scale() == (1 << 15, 20)
    assert plan_of({"fabric.baseline": "two_sided"}).scale() == (1 << 15, 21)
    assert plan_of({"network.cost": "l1"}).scale() == (1 << 15, 12)
    assert plan_of({"training.eta": 0}).scale() == (0, 31)
    # Momentum has a gain; a leaky integrator has none, and neither does the code matter.
    decay = {"fabric.decay_shift": 4}
    assert plan_of(decay).scale() == (1 << 15, 20)
    assert plan_of({**decay, "fabric.decay_every": "timestep"}).scale() == (1 << 15, 24)
    assert plan_of({"fabric.perturbation": "sine"}).scale() == (1 << 15, 20)


def test_scale_at_its_bounds() -> None:
    per_eta = 2.0**-4  # 1 / 0.0625 * 2^-8
    assert plan_of({"training.eta": 65535 / per_eta}).scale() == (65535, 0)
    assert plan_of({"training.eta": 2.0**-31 / per_eta}).scale() == (1, 31)
    # 65535.5 would round up to a 17th bit.
    assert plan_of({"training.eta": 65535.5 / 2 / per_eta}).scale() == (32768, 0)


@pytest.mark.parametrize("eta", [65536 * 16.0, 1e308, 2.0**-33 * 16, 5e-324])
def test_scale_beyond_its_bounds_is_refused(eta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({"training.eta": eta})
    assert str(caught.value) == (
        "training.eta must be from 3.73e-09 to 1.04e+06 for these formats and dtheta 0.0625, "
        f"or 0, not {eta!r}; change it, or formats.parameter"
    )


@pytest.mark.parametrize("settings", [{}, {"fabric.correlator": "sign"}])
def test_the_bounds_that_are_told_are_accepted(settings: dict[str, object]) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**settings, "training.eta": 1e300})
    bounds = re.search(r"must be from (\S+) to (\S+) for", str(caught.value))
    assert bounds
    for bound in bounds.groups():
        plan_of({**settings, "training.eta": float(bound)})


# -- The step of the sign-only correlator ---------------------------------------------------------

SIGN = {"fabric.correlator": "sign"}


@given(last_bits=st.integers(1, 2047 * 8), convention=st.sampled_from(["eq4", "table4"]))
def test_sign_step_is_eta_in_last_bits(last_bits: int, convention: str) -> None:
    divisor = 9 if convention == "table4" else 1
    wanted = Fraction(last_bits, 8)
    settings = {"training.eta": float(wanted) / 256 * divisor}
    if not Fraction(1, 2) <= wanted <= 2047:
        with pytest.raises(SpecError, match=r"^training\.eta must be from "):
            plan_of({**SIGN, **settings, "training.eta_convention": convention})
        return
    step = plan_of({**SIGN, **settings, "training.eta_convention": convention}).sign_step()
    assert abs(step - wanted) <= Fraction(1, 2) + Fraction(1, 10**9)
    assert 1 <= step < 1 << Plan(xor()).step_bits


def test_sign_step_does_not_depend_on_dtheta_outputs_or_baseline() -> None:
    others = {"training.dtheta": 0.125, "fabric.baseline": "two_sided", "network.layers": [2, 3]}
    assert plan_of({**SIGN, "training.eta": 0.5}).sign_step() == 128
    assert plan_of({**SIGN, **others, "training.eta": 0.5}).sign_step() == 128


def test_sign_step_at_its_bounds() -> None:
    for last_bits, step in ((2047, 2047), (0.5, 1), (0, 0), (1.5, 2), (2.5, 3)):
        assert plan_of({**SIGN, "training.eta": last_bits / 256}).sign_step() == step
    table4 = {"training.eta_convention": "table4", "training.eta": 2047 * 9 / 256}
    assert plan_of({**SIGN, **table4}).sign_step() == 2047


@pytest.mark.parametrize("eta", [8.0, 2047.25 / 256, 1e308, 0.49 / 256, 5e-324])
def test_sign_step_beyond_its_bounds_is_refused(eta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**SIGN, "training.eta": eta})
    assert str(caught.value) == (
        "training.eta must be from 0.00196 to 7.99 for a sign-only update of parameters in "
        f"S4.8, or 0, not {eta!r}; change it, or formats.parameter"
    )


@pytest.mark.parametrize("eta", [72.0, 1e308, 5e-324])
def test_sign_step_beyond_its_bounds_is_refused_in_the_users_convention(eta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**SIGN, "training.eta": eta, "training.eta_convention": "table4"})
    assert str(caught.value) == (
        "training.eta must be from 0.0176 to 71.9 for a sign-only update of parameters in "
        f"S4.8, or 0, not {eta!r}; change it, or formats.parameter"
    )


def test_only_the_registers_that_exist_limit_eta() -> None:
    tiny, huge = 2.0**-20, 100.0  # too little for a sign-only update, and too much
    for eta in (tiny, huge):
        plan_of({"training.eta": eta})
        with pytest.raises(SpecError, match="for a sign-only update"):
            plan_of({**SIGN, "training.eta": eta})
    # The other way round: a scale that would be too small.
    coarse = {"formats.parameter": "S4.0", "formats.operand_fraction": 0, "training.dtheta": 1.0}
    fine = {**coarse, "formats.activation": "U0.15", "training.eta": 1.0}
    small = {**fine, "training.eta": 2.0**-3}
    plan_of(fine)
    with pytest.raises(SpecError, match="for these formats and dtheta 1"):
        plan_of(small)
    plan_of({**fine, **SIGN})


# -- The others -----------------------------------------------------------------------------------


def test_dtheta_in_last_bits() -> None:
    assert Plan(xor()).dtheta_steps() == 16
    for steps in (1, 511):
        assert plan_of({"training.dtheta": steps / 256}).dtheta_steps() == steps


@pytest.mark.parametrize("dtheta", [2.0, 0.1, 1 / 512, 0.06250001, 1e308, 5e-324])
def test_other_dtheta_is_refused(dtheta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({"training.dtheta": dtheta})
    assert str(caught.value) == (
        "training.dtheta must be a multiple of 0.00390625 (a parameter's last bit in S4.8) below "
        f"2, not {dtheta!r}; change it, or widen formats.parameter"
    )


PIPELINED = {"fabric.pipeline": True, "fabric.perturbation": "chain"}


def test_dtheta_of_a_pipelined_fabric_is_a_multiple_of_what_the_multipliers_see() -> None:
    narrow = {**PIPELINED, "formats.operand_fraction": 5}
    for dtheta in (1 / 32, 1 / 16, 63 / 32):
        assert plan_of({**narrow, "training.dtheta": dtheta}).dtheta_steps() == dtheta * 256
    assert plan_of({**PIPELINED, "training.dtheta": 1 / 256}).dtheta_steps() == 1


@pytest.mark.parametrize("dtheta", [2.0, 1 / 64, 3 / 64, 1 / 256, 0.1, 1e308, 5e-324])
def test_other_dtheta_of_a_pipelined_fabric_is_refused(dtheta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**PIPELINED, "formats.operand_fraction": 5, "training.dtheta": dtheta})
    assert str(caught.value) == (
        "training.dtheta must be a multiple of 0.03125 (the last bit of formats.operand_fraction "
        f"5) below 2 in a pipelined fabric, not {dtheta!r}; change it, or raise "
        "formats.operand_fraction"
    )


SINE = {"fabric.perturbation": "sine"}


def test_dtheta_of_a_sine_has_room_for_its_magnitudes() -> None:
    """Eight of the multipliers' last bits at least, and a multiple of them."""
    for fraction in (8, 5, 3):
        narrow = {**SINE, "formats.operand_fraction": fraction}
        for steps in (8, 9, 15, (2 << fraction) - 1):
            dtheta = steps / (1 << fraction)
            if dtheta < 2:
                plan = plan_of({**narrow, "training.dtheta": dtheta})
                assert plan.dtheta_steps() == dtheta * 256
    # A square has one, which may be smaller and finer.
    square = {"fabric.perturbation": "square", "formats.operand_fraction": 5}
    assert plan_of({**square, "training.dtheta": 1 / 256}).dtheta_steps() == 1


@pytest.mark.parametrize("dtheta", [7 / 32, 17 / 64, 1 / 256, 65 / 256])
def test_other_dtheta_of_a_sine_is_refused(dtheta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**SINE, "formats.operand_fraction": 5, "training.dtheta": dtheta})
    assert str(caught.value) == (
        "training.dtheta must be a multiple of 0.03125 (the last bit of formats.operand_fraction "
        f"5) from 0.25 for a sine, whose magnitudes it scales, not {dtheta!r}; change it, or raise "
        "formats.operand_fraction"
    )


def test_a_sine_for_which_no_dtheta_is_fine_enough() -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**SINE, "formats.operand_fraction": 2, "training.dtheta": 1.5})
    assert str(caught.value).endswith("not 1.5; raise formats.operand_fraction")


# -- Noise ----------------------------------------------------------------------------------------

COST_NOISE = {"fabric.cost_noise": True}
UPDATE_NOISE = {"fabric.update_noise": "each"}


@given(
    sigma=st.floats(0, 0.15),
    outputs=st.integers(1, 5),
    fraction=st.integers(4, 16),
)
def test_level_of_the_cost_noise(sigma: float, outputs: int, fraction: int) -> None:
    """Its deviation, averaged over the outputs, is sigma to half a last bit of the level."""
    settings = {
        **COST_NOISE,
        "network.layers": [2, outputs],
        "formats.cost": f"U4.{fraction}",
        "training.sigma_c": sigma,
    }
    unit = 2.0**-fraction / outputs
    if 0 < sigma < unit / 2:
        with pytest.raises(SpecError, match=r"^training\.sigma_c must be from "):
            plan_of(settings)
        return
    level = plan_of(settings).cost_noise_level()
    assert abs(level * DEVIATION * unit - sigma) <= DEVIATION * unit / 2 * (1 + 1e-9)
    assert 0 <= level < 1 << (4 + fraction)
    assert (level > 0) == (sigma > 0)


@given(sigma=st.floats(0.1, 4), steps=st.integers(8, 64), kind=st.sampled_from(["each", "shared"]))
def test_level_of_the_update_noise(sigma: float, steps: int, kind: str) -> None:
    """In units of dtheta; both kinds are as strong."""
    settings = {
        "fabric.update_noise": kind,
        "training.sigma_theta": sigma,
        "training.dtheta": steps / 256,
    }
    wanted = sigma * steps / DEVIATION
    if round(wanted) >= 512:
        with pytest.raises(SpecError, match=r"^training\.sigma_theta must be from "):
            plan_of(settings)
        return
    level = plan_of(settings).update_noise_level()
    assert abs(level - wanted) <= 0.5 + 1e-9
    assert 1 <= level < 1 << Plan(xor().with_settings(settings)).update_noise_bits


def test_levels_by_hand() -> None:
    assert (Plan(xor()).cost_noise_level(), Plan(xor()).update_noise_level()) == (0, 0)
    # 0.01 of a cost of 16 fraction bits is 655.36 of its last bits.
    noisy = {**COST_NOISE, "training.sigma_c": 0.01}
    assert plan_of(noisy).cost_noise_level() == round(655.36 / 0.154153) == 4251
    assert plan_of({**noisy, "network.layers": [2, 4]}).cost_noise_level() == 17005
    # A tenth of a dtheta of 16 last bits.
    moved = {**UPDATE_NOISE, "training.sigma_theta": 0.1}
    assert plan_of(moved).update_noise_level() == round(1.6 / 0.154153) == 10


@pytest.mark.parametrize(("cost", "bits"), [("U1.0", "1 bit"), ("U2.0", "2 bits")])
@pytest.mark.parametrize("sigma", [1e-9, 0.2, 1.0])
def test_a_noise_of_two_bits_has_no_level(sigma: float, cost: str, bits: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**COST_NOISE, "formats.cost": cost, "training.sigma_c": sigma})
    assert str(caught.value) == (
        f"training.sigma_c must be 0 here, as the level of this noise has no more than {bits}, not "
        f"{sigma!r}; change formats.cost"
    )


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"training.order": "shuffled"}, "fabric.shuffle to true"),
        ({"training.sigma_c": 0.1}, "fabric.cost_noise to true"),
        ({"training.blank": True}, "fabric.baseline to mean or highpass"),
    ],
)
def test_what_a_pipelined_fabric_would_refuse_is_not_advised_alone(
    settings: dict[str, object], advice: str
) -> None:
    with pytest.raises(SpecError, match=f"set {advice}$"):
        plan_of(settings)
    with pytest.raises(SpecError, match=f"set fabric.pipeline to false and {advice}$"):
        plan_of({**PIPELINED, **settings})


IMPERFECT = [
    (
        {"training.sigma_c": 0.1},
        (
            "training.sigma_c must be 0 in a fabric that was built without it, not 0.1; set "
            "fabric.cost_noise to true"
        ),
    ),
    (
        {"training.sigma_theta": 0.1},
        (
            "training.sigma_theta must be 0 in a fabric that was built without it, not 0.1; set "
            "fabric.update_noise to each or shared"
        ),
    ),
    (
        {"training.sigma_a": 0.1},
        (
            "training.sigma_a must be 0 in a fabric that was built without it, not 0.1; set "
            "fabric.defects to true"
        ),
    ),
    (
        {**COST_NOISE, "training.sigma_c": 0.5},
        (
            "training.sigma_c must be from 7.63e-06 to 0.308 here, or 0, not 0.5; change it, or "
            "formats.cost"
        ),
    ),
    (
        {**COST_NOISE, "training.sigma_c": 1e-6},
        (
            "training.sigma_c must be from 7.63e-06 to 0.308 here, or 0, not 1e-06; change it, or "
            "formats.cost"
        ),
    ),
    (
        {**UPDATE_NOISE, "training.sigma_theta": 5},
        (
            "training.sigma_theta must be from 0.0313 to 4.92 here, or 0, not 5.0; change it, or "
            "training.dtheta or formats.parameter"
        ),
    ),
    (
        {"fabric.baseline": "highpass", "training.mean_shift": 0},
        (
            "training.mean_shift must be at least 1 for a high-pass filter, which else has a time "
            "constant of 0 and lets nothing pass, not 0; raise it"
        ),
    ),
    (
        {"training.blank": True},
        (
            "training.blank must be false for the baseline sample, which no new sample disturbs, "
            "not true; or set fabric.baseline to mean or highpass"
        ),
    ),
    (
        {"fabric.baseline": "highpass", "training.blank": True},
        (
            "training.blank must be false where every timestep has a new sample, whose change is "
            "then always 0, not true; or raise training.tau_x"
        ),
    ),
    (
        {
            "fabric.baseline": "mean",
            "training.blank": True,
            "training.tau_x": 4,
            "training.tau_p": 8,
        },
        (
            "training.tau_p must not be a multiple of training.tau_x where every sample begins "
            "anew, since no perturbation then changes within one, not 8; lower it below 4, or set "
            "training.blank to false"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "message"), IMPERFECT)
def test_noise_and_filters_that_do_not_fit_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    chosen = xor().with_settings(settings)
    with pytest.raises(SpecError) as caught:
        Plan(chosen)
    assert str(caught.value) == message


REFUSED = [
    (
        {"training.tau_x": 65536},
        "training.tau_x must be from 1 to 65535, not 65536; or raise fabric.tau_bits to 17",
    ),
    (
        {"training.tau_p": 4, "fabric.tau_bits": 2},
        "training.tau_p must be from 1 to 3, not 4; or raise fabric.tau_bits to 3",
    ),
    (
        {"training.tau_theta": 1000},
        "training.tau_theta must be from 1 to 255, not 1000; or raise fabric.tau_theta_bits to 10",
    ),
    (
        {"training.order": "shuffled"},
        (
            "training.order must be random or sequential in a fabric that cannot shuffle, not "
            "shuffled; set fabric.shuffle to true"
        ),
    ),
    (
        {"training.init_range": 8.5},
        (
            "training.init_range must be at most 8, the bound of formats.parameter S4.8, not 8.5; "
            "lower it or widen the format"
        ),
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_settings_beyond_their_registers_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    chosen = xor().with_settings(settings)  # which each alone would allow
    with pytest.raises(SpecError) as caught:
        Plan(chosen)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        {"training.tau_x": 65535, "training.tau_theta": 255},
        {"training.tau_p": 3, "fabric.tau_bits": 2},
        {"training.order": "shuffled", "fabric.shuffle": True},
        {"training.order": "sequential", "fabric.shuffle": True},
        {"training.init_range": 8},
        {"training.mean_shift": 15},
        {"fabric.baseline": "highpass", "training.mean_shift": 1},
        {"fabric.baseline": "mean", "training.mean_shift": 0},
        {"fabric.baseline": "mean", "training.blank": True, "training.tau_x": 2},
        {**COST_NOISE, "training.sigma_c": 0.3},
        {**UPDATE_NOISE, "training.sigma_theta": 4.9},
        {"fabric.defects": True, "training.sigma_a": 1},
    ],
)
def test_settings_that_just_fit(settings: dict[str, Any]) -> None:
    plan_of(settings).check_training()
