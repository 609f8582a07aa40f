"""Run-time settings as register values, against exact fractions."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
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
    baseline=st.sampled_from(["sample", "two_sided", "mean", "literal"]),
    cost=st.sampled_from(["squared", "l1"]),
)
def test_scale_is_eta_over_dtheta_and_outputs(
    eta: float, dtheta: int, outputs: int, convention: str, baseline: str, cost: str
) -> None:
    plan = plan_of(
        {
            "network.layers": [2, 2, outputs],
            "network.cost": cost,
            "fabric.baseline": baseline,
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
        "training.eta must be from 3.73e-09 to 1.05e+06 for these formats and dtheta 0.0625, "
        f"or 0, not {eta!r}"
    )


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
        "training.eta must be from 0.00195312 to 7.99609 for a sign-only update of parameters in "
        f"S4.8, or 0, not {eta!r}"
    )


@pytest.mark.parametrize("eta", [72.0, 1e308, 5e-324])
def test_sign_step_beyond_its_bounds_is_refused_in_the_users_convention(eta: float) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of({**SIGN, "training.eta": eta, "training.eta_convention": "table4"})
    assert str(caught.value) == (
        "training.eta must be from 0.0175781 to 71.9648 for a sign-only update of parameters in "
        f"S4.8, or 0, not {eta!r}"
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
        f"2, not {dtheta!r}"
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
        f"5) below 2 in a pipelined fabric, not {dtheta!r}"
    )


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
    ],
)
def test_settings_that_just_fit(settings: dict[str, Any]) -> None:
    plan_of(settings).check_training()
