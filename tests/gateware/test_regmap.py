"""The register map is consistent, and one write of any reset value or constant is legal."""

import itertools

import pytest

from pmgd.gateware.errors import SpecError
from pmgd.gateware.layout import REGION_SHIFT, WORD_BITS
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import (
    MAGIC,
    Access,
    Condition,
    Reg,
    Region,
    every_register,
    registers,
    windows,
)
from pmgd.gateware.spec import Fabric, Network, Spec, Training

PLANS = [
    Plan(xor()),
    Plan(xor().with_settings({"fabric.tau_bits": 32, "fabric.tau_theta_bits": 1})),
    Plan(Spec(name="odd", network=Network(layers=(3, 5, 2)), fabric=Fabric(samples=1 << 20))),
    Plan(
        xor().with_settings(
            {
                "network.layers": [300, 3],
                "fabric.lfsr_bits": 24,
                "formats.activation": "U0.15",
                "fabric.samples": 1,
            }
        )
    ),
    Plan(
        xor().with_settings(
            {
                "fabric.perturbation": "walsh",
                "fabric.baseline": "mean",
                "fabric.correlator": "sign",
                "fabric.shuffle": True,
            }
        )
    ),
    Plan(
        xor().with_settings(
            {
                "network.layers": [2, 255],
                "network.activation": "identity",
                "fabric.perturbation": "chain",
                "fabric.lfsr_bits": 32,
                "fabric.baseline": "literal",
                "formats.rounding": "nearest",
                "formats.activation": "S4.12",
                "formats.cost": "U15.17",
                "fabric.samples": 1 << 20,
            }
        )
    ),
    Plan(
        xor().with_settings(
            {"fabric.pipeline": True, "fabric.copies": 2, "fabric.perturbation": "walsh"}
        )
    ),
    Plan(
        xor().with_settings(
            {
                "fabric.pipeline": True,
                "fabric.perturbation": "chain",
                "fabric.lfsr_bits": 32,
                "fabric.baseline": "two_sided",
                "formats.overflow": "hold",
                "fabric.tau_theta_bits": 1,
            }
        )
    ),
    Plan(
        xor().with_settings(
            {
                "formats.activation": "S2.8",
                "fabric.perturbation": "sine",
                "fabric.baseline": "highpass",
                "fabric.decay_shift": 4,
                "fabric.decay_every": "timestep",
                "fabric.cost_noise": True,
                "fabric.update_noise": "shared",
                "fabric.defects": True,
            }
        )
    ),
]

CONDITIONAL = {
    Reg.SCALE_MANTISSA,
    Reg.SCALE_SHIFT,
    Reg.ROUNDING_STATE,
    Reg.BASELINE,
    Reg.BASELINE_VALID,
    Reg.MEAN_SHIFT,
    Reg.PERTURBED,
    Reg.PERTURBER_STATE,
    Reg.ORDER_POSITION,
    Reg.SIGN_STEP,
    Reg.UPDATE_STATE,
    Reg.FLIGHT_POSITION,
    Reg.BLANK,
    Reg.COST_NOISE,
    Reg.UPDATE_NOISE,
    Reg.NOISE_STATE,
}


@pytest.mark.parametrize("plan", PLANS)
def test_every_register_once_in_order(plan: Plan) -> None:
    assert [register.reg for register in every_register(plan)] == sorted(Reg)
    assert max(Reg) < 1 << REGION_SHIFT
    assert [register.name for register in every_register(plan)] == [r.name.lower() for r in Reg]
    found = registers(plan)
    assert [register for register in every_register(plan) if register in found] == list(found)
    assert {register.reg for register in found} >= set(Reg) - CONDITIONAL


def present(plan: Plan) -> set[Reg]:
    return {register.reg for register in registers(plan)} & CONDITIONAL


def test_a_fabric_has_the_registers_that_it_needs() -> None:
    scale = {Reg.SCALE_MANTISSA, Reg.SCALE_SHIFT}
    baseline, mean = {Reg.BASELINE, Reg.BASELINE_VALID}, {Reg.MEAN_SHIFT, Reg.BLANK}
    costs, updates = {Reg.COST_NOISE, Reg.NOISE_STATE}, {Reg.UPDATE_NOISE, Reg.NOISE_STATE}
    leaky = {"fabric.decay_shift": 1, "fabric.decay_every": "timestep"}
    for settings, expected in (
        ({}, {*scale, Reg.ROUNDING_STATE}),
        ({"formats.rounding": "nearest"}, scale),
        ({"fabric.correlator": "sign"}, {Reg.SIGN_STEP}),
        ({"fabric.correlator": "sign", "formats.rounding": "nearest"}, {Reg.SIGN_STEP}),
        ({"fabric.baseline": "two_sided"}, {*scale, Reg.ROUNDING_STATE}),
        ({"fabric.baseline": "mean"}, {*scale, Reg.ROUNDING_STATE, *mean}),
        ({"fabric.baseline": "highpass"}, {*scale, Reg.ROUNDING_STATE, *mean}),
        ({"fabric.baseline": "literal"}, {*scale, Reg.ROUNDING_STATE, Reg.PERTURBED}),
        ({"fabric.perturbation": "chain"}, {*scale, Reg.ROUNDING_STATE, Reg.PERTURBER_STATE}),
        ({"fabric.perturbation": "walsh"}, {*scale, Reg.ROUNDING_STATE, Reg.PERTURBER_STATE}),
        ({"fabric.perturbation": "sequential"}, {*scale, Reg.ROUNDING_STATE}),
        ({"fabric.perturbation": "square"}, {*scale, Reg.ROUNDING_STATE}),
        ({"fabric.perturbation": "sine"}, {*scale, Reg.ROUNDING_STATE}),
        (leaky, {*scale, Reg.ROUNDING_STATE}),
        ({"fabric.cost_noise": True}, {*scale, Reg.ROUNDING_STATE, *costs}),
        ({"fabric.update_noise": "each"}, {*scale, Reg.ROUNDING_STATE, *updates}),
        ({"fabric.update_noise": "shared"}, {*scale, Reg.ROUNDING_STATE, *updates}),
        ({"fabric.defects": True}, {*scale, Reg.ROUNDING_STATE}),
        ({"fabric.shuffle": True}, {*scale, Reg.ROUNDING_STATE, Reg.ORDER_POSITION}),
    ):
        assert present(Plan(xor().with_settings(settings))) == expected | baseline, settings
    late = {Reg.PERTURBER_STATE, Reg.UPDATE_STATE, Reg.FLIGHT_POSITION}
    for perturbation in ("chain", "walsh"):
        settings = {"fabric.pipeline": True, "fabric.perturbation": perturbation}
        assert present(Plan(xor().with_settings(settings))) == {*scale, Reg.ROUNDING_STATE, *late}


CHOICES = {
    "fabric.perturbation": ("lfsr", "chain", "walsh", "sequential", "square", "sine"),
    "fabric.baseline": ("sample", "two_sided", "mean", "highpass", "literal"),
    "fabric.correlator": ("full", "sign"),
    "fabric.shuffle": (False, True),
    "formats.rounding": ("stochastic", "nearest"),
    "fabric.cost_noise": (False, True),
    "fabric.update_noise": ("none", "each", "shared"),
}


def test_conditions_say_what_the_plan_says() -> None:
    """The conditions are told to readers; what a fabric needs is in the plan. Every combination."""
    for values in itertools.product(*CHOICES.values()):
        plan = Plan(xor().with_settings(dict(zip(CHOICES, values, strict=True))))
        found = present(plan)
        assert (Reg.PERTURBER_STATE in found) == (plan.perturber_state_bits > 0)
        assert (Reg.ROUNDING_STATE in found) == plan.stochastic
        assert (Reg.SCALE_SHIFT in found) == (Reg.SCALE_MANTISSA in found)
        assert (Reg.SIGN_STEP in found) != (Reg.SCALE_SHIFT in found)
        assert (Reg.MEAN_SHIFT in found) == (Reg.BLANK in found) == plan.filters
        assert (Reg.NOISE_STATE in found) == plan.noisy
        assert (Reg.COST_NOISE in found) == plan.spec.fabric.cost_noise
        assert (Reg.UPDATE_NOISE in found) == (plan.shake_cycles > 0)


def test_conditions_read_well() -> None:
    where = {
        register.reg: [str(condition) for condition in register.where]
        for register in every_register(PLANS[0])
        if register.where
    }
    assert where == {
        Reg.SCALE_MANTISSA: ["fabric.correlator is full"],
        Reg.SCALE_SHIFT: ["fabric.correlator is full"],
        Reg.ROUNDING_STATE: ["fabric.correlator is full", "formats.rounding is stochastic"],
        Reg.MEAN_SHIFT: ["fabric.baseline is mean or highpass"],
        Reg.BLANK: ["fabric.baseline is mean or highpass"],
        Reg.COST_NOISE: ["fabric.cost_noise is true"],
        Reg.UPDATE_NOISE: ["fabric.update_noise is each or shared"],
        Reg.NOISE_STATE: ["fabric.cost_noise is true or fabric.update_noise is each or shared"],
        Reg.PERTURBED: ["fabric.baseline is literal"],
        Reg.PERTURBER_STATE: ["fabric.perturbation is chain or walsh"],
        Reg.ORDER_POSITION: ["fabric.shuffle is true"],
        Reg.SIGN_STEP: ["fabric.correlator is sign"],
        Reg.BASELINE: ["fabric.pipeline is false"],
        Reg.BASELINE_VALID: ["fabric.pipeline is false"],
        Reg.UPDATE_STATE: ["fabric.pipeline is true"],
        Reg.FLIGHT_POSITION: ["fabric.pipeline is true"],
    }
    assert set(where) == CONDITIONAL


def test_a_condition_holds_with_any_of_its_values() -> None:
    condition = Condition("fabric.perturbation", ("chain", "walsh"))
    for value in CHOICES["fabric.perturbation"]:
        spec = xor().with_settings({"fabric.perturbation": value})
        assert condition.holds(spec) == (value in ("chain", "walsh"))


@pytest.mark.parametrize("plan", PLANS)
def test_registers_fit_a_word_and_hold_their_reset(plan: Plan) -> None:
    for register in registers(plan):
        assert 1 <= register.bits <= WORD_BITS, register.name
        assert 0 <= register.reset < 1 << register.bits, register.name
        assert register.doc, register.name


@pytest.mark.parametrize("plan", PLANS)
def test_windows_once_in_order_and_apart(plan: Plan) -> None:
    found = windows(plan)
    others = {Region.REGISTERS} if plan.spec.fabric.pipeline else {Region.REGISTERS, Region.FLIGHT}
    assert [window.region for window in found] == sorted(set(Region) - others)
    for window in found:
        assert 1 <= window.words <= 1 << REGION_SHIFT
        assert window.address >> REGION_SHIFT == window.region
        assert (window.address + window.words - 1) >> REGION_SHIFT == window.region
        assert window.readable or window.writable


def test_identity_of_a_fabric() -> None:
    for plan in PLANS:
        value = {register.reg: register.reset for register in registers(plan)}
        assert value[Reg.MAGIC] == MAGIC == int.from_bytes(b"PMGD", "big")
        assert value[Reg.VERSION] == INTERFACE_VERSION
        assert value[Reg.DIGEST_HIGH] << 32 | value[Reg.DIGEST_LOW] == plan.digest
        constants = {Reg.MAGIC, Reg.VERSION, Reg.DIGEST_LOW, Reg.DIGEST_HIGH}
        access = {register.reg: register.access for register in registers(plan)}
        assert constants < {reg for reg in access if access[reg] is Access.READ}
    assert len({plan.digest for plan in PLANS}) == len(PLANS)


def test_who_may_write() -> None:
    by_access = {
        access: {register.reg for register in registers(PLANS[0]) if register.access is access}
        for access in Access
    }
    assert by_access[Access.WRITE] == {Reg.HALT}
    assert by_access[Access.READ] == {
        Reg.MAGIC,
        Reg.VERSION,
        Reg.DIGEST_LOW,
        Reg.DIGEST_HIGH,
        Reg.STATUS,
        Reg.LINK_ERRORS,
        Reg.HITS,
        Reg.COST_SUM_LOW,
        Reg.COST_SUM_HIGH,
    }


def test_addresses_and_resets() -> None:
    """Hosts and bitstreams of one `INTERFACE_VERSION` agree on these.

    If they are meant to change, raise the version, put the new ones here, and say so in the
    changelog.
    """
    assert {reg.name.lower(): reg.value for reg in Reg} == {
        "magic": 0,
        "version": 1,
        "digest_low": 2,
        "digest_high": 3,
        "status": 4,
        "link_errors": 5,
        "halt": 6,
        "stop_at_low": 8,
        "stop_at_high": 9,
        "timestep_low": 10,
        "timestep_high": 11,
        "tau_x": 16,
        "tau_p": 17,
        "tau_theta": 18,
        "dtheta": 19,
        "scale_mantissa": 20,
        "scale_shift": 21,
        "order": 22,
        "sample_count": 23,
        "sample_index": 24,
        "phase_x": 25,
        "phase_p": 26,
        "phase_theta": 27,
        "order_state": 28,
        "rounding_state": 29,
        "baseline": 30,
        "baseline_valid": 31,
        "mean_shift": 32,
        "perturbed": 33,
        "perturber_state": 34,
        "order_position": 35,
        "sign_step": 36,
        "update_state": 37,
        "flight_position": 38,
        "blank": 39,
        "evaluate": 40,
        "hits": 41,
        "cost_sum_low": 42,
        "cost_sum_high": 43,
        "cost_noise": 44,
        "update_noise": 45,
        "noise_state": 46,
    }
    assert {region.name.lower(): region.value for region in Region} == {
        "registers": 0,
        "scan": 1,
        "samples": 2,
        "probe": 3,
        "outputs": 4,
        "flight": 5,
    }
    assert REGION_SHIFT == 24
    resets = {
        register.reg: register.reset
        for register in every_register(PLANS[0])
        if register.reset and register.access is not Access.READ
    }
    ones = (Reg.TAU_X, Reg.TAU_P, Reg.TAU_THETA, Reg.SAMPLE_COUNT)
    generators = (Reg.ORDER_STATE, Reg.ROUNDING_STATE, Reg.NOISE_STATE)
    assert resets == dict.fromkeys((*ones, *generators), 1)


def test_words_of_one_number_are_neighbours() -> None:
    # Both halves travel in one access, low word first.
    pairs = [(low, high) for low, high in itertools.pairwise(Reg) if high.name.endswith("_HIGH")]
    assert len(pairs) == 4
    for low, high in pairs:
        assert high == low + 1
        assert low.name.removesuffix("_LOW") == high.name.removesuffix("_HIGH")


def test_widths_follow_the_plan() -> None:
    bits = {register.reg: register.bits for register in registers(PLANS[0])}
    assert bits == {
        **dict.fromkeys((Reg.MAGIC, Reg.VERSION, Reg.DIGEST_LOW, Reg.DIGEST_HIGH), 32),
        **dict.fromkeys((Reg.STATUS, Reg.HALT, Reg.ORDER, Reg.BASELINE_VALID), 1),
        **dict.fromkeys((Reg.STOP_AT_LOW, Reg.TIMESTEP_LOW, Reg.COST_SUM_LOW), 32),
        **dict.fromkeys((Reg.STOP_AT_HIGH, Reg.TIMESTEP_HIGH), 16),
        **dict.fromkeys((Reg.TAU_X, Reg.TAU_P, Reg.PHASE_X, Reg.PHASE_P), 16),
        **dict.fromkeys((Reg.TAU_THETA, Reg.PHASE_THETA), 8),
        **dict.fromkeys((Reg.ORDER_STATE, Reg.ROUNDING_STATE), 32),
        **dict.fromkeys((Reg.SAMPLE_COUNT, Reg.EVALUATE, Reg.HITS), 5),
        Reg.LINK_ERRORS: 16,
        Reg.DTHETA: 9,
        Reg.SCALE_MANTISSA: 16,
        Reg.SCALE_SHIFT: 5,
        Reg.SAMPLE_INDEX: 4,
        Reg.BASELINE: 17,
        Reg.COST_SUM_HIGH: 1,  # 17 + 5 bits of a sum need none of it
    }
    words = {window.region: window.words for window in windows(PLANS[0])}
    # 9 synapses of 12 + 20 + 16 bits; 16 samples of 3 bits; a cost and an output.
    assert words == {Region.SCAN: 14, Region.SAMPLES: 16, Region.PROBE: 1, Region.OUTPUTS: 2}
    # Walsh, with a running mean, sign-only, shuffled.
    bits = {register.reg: register.bits for register in registers(PLANS[4])}
    assert bits[Reg.BASELINE] == 17 + 8
    assert bits[Reg.MEAN_SHIFT] == 4
    assert bits[Reg.PERTURBER_STATE] == 4
    assert bits[Reg.ORDER] == 2
    assert bits[Reg.ORDER_POSITION] == bits[Reg.SAMPLE_INDEX] == 4
    assert bits[Reg.SIGN_STEP] == 11
    words = {window.region: window.words for window in windows(PLANS[4])}
    assert words[Region.SCAN] == 6  # 9 of 12 + 9 + 0 bits
    # A chain, literal; the widest sum of costs.
    bits = {register.reg: register.bits for register in registers(PLANS[5])}
    assert bits[Reg.PERTURBER_STATE] == 32
    assert bits[Reg.PERTURBED] == 1
    assert bits[Reg.COST_SUM_HIGH] == 32 + 21 - 32
    # Pipelined: Walsh with G; a chain without, and 9 of 12 bits and two signs each.
    for plan, state_bits, scan_words in ((PLANS[6], 4, 9), (PLANS[7], 32, 4)):
        bits = {register.reg: register.bits for register in registers(plan)}
        assert bits[Reg.PERTURBER_STATE] == bits[Reg.UPDATE_STATE] == state_bits
        assert 1 << bits[Reg.FLIGHT_POSITION] >= plan.update_delay
        assert 1 << (bits[Reg.FLIGHT_POSITION] - 1) < plan.update_delay
        words = {window.region: window.words for window in windows(plan)}
        assert words[Region.FLIGHT] == plan.update_delay
        assert words[Region.SCAN] == scan_words
    # Noise: a cost of an S2.8 from -2 to almost 2 against 0 or 1 takes 20 bits, and two more.
    bits = {register.reg: register.bits for register in registers(PLANS[8])}
    assert bits[Reg.COST_NOISE] == 20
    assert bits[Reg.BASELINE] == 20 + 2 + 8
    assert bits[Reg.UPDATE_NOISE] == 11 - 2
    assert (bits[Reg.BLANK], bits[Reg.NOISE_STATE]) == (1, 32)
    # 9 of 12 + 16 + 9 bits, and 3 neurons with defects of 64.
    words = {window.region: window.words for window in windows(PLANS[8])}
    assert words[Region.SCAN] == -(-(9 * 37 + 3 * 64) // 32)


def test_every_setting_fits_its_register() -> None:
    bits = {register.reg: register.bits for register in every_register(PLANS[4])}
    noisy = PLANS[8].spec.with_settings({"training.sigma_c": 1.0, "training.sigma_theta": 2.0})
    widths = {register.reg: register.bits for register in registers(PLANS[8])}
    assert 0 < Plan(noisy).cost_noise_level() < 1 << widths[Reg.COST_NOISE]
    assert 0 < Plan(noisy).update_noise_level() < 1 << widths[Reg.UPDATE_NOISE]
    assert Training(mean_shift=15).mean_shift < 1 << bits[Reg.MEAN_SHIFT]
    with pytest.raises(SpecError):
        Training(mean_shift=1 << bits[Reg.MEAN_SHIFT])
    assert "2 shuffled" in {r.reg: r.doc for r in registers(PLANS[4])}[Reg.ORDER]
    assert "shuffled" not in {r.reg: r.doc for r in registers(PLANS[0])}[Reg.ORDER]
