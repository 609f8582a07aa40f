"""The register map is consistent, and one write of any reset value or constant is legal."""

import itertools

import pytest

from pmgd.gateware.layout import REGION_SHIFT, WORD_BITS
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import MAGIC, Access, Reg, Region, registers, windows
from pmgd.gateware.spec import Fabric, Network, Spec

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
]


@pytest.mark.parametrize("plan", PLANS)
def test_every_register_once_in_order(plan: Plan) -> None:
    assert [register.reg for register in registers(plan)] == sorted(Reg)
    assert max(Reg) < 1 << REGION_SHIFT
    assert [register.name for register in registers(plan)] == [reg.name.lower() for reg in Reg]


@pytest.mark.parametrize("plan", PLANS)
def test_registers_fit_a_word_and_hold_their_reset(plan: Plan) -> None:
    for register in registers(plan):
        assert 1 <= register.bits <= WORD_BITS, register.name
        assert 0 <= register.reset < 1 << register.bits, register.name
        assert register.doc, register.name


@pytest.mark.parametrize("plan", PLANS)
def test_windows_once_in_order_and_apart(plan: Plan) -> None:
    found = windows(plan)
    assert [window.region for window in found] == sorted(set(Region) - {Region.REGISTERS})
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
        assert constants < {reg for reg in Reg if access[reg] is Access.READ}
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
    }
    assert {region.name.lower(): region.value for region in Region} == {
        "registers": 0,
        "scan": 1,
        "samples": 2,
        "probe": 3,
        "outputs": 4,
    }
    assert REGION_SHIFT == 24
    resets = {
        register.reg: register.reset
        for register in registers(PLANS[0])
        if register.reset and register.access is not Access.READ
    }
    ones = (Reg.TAU_X, Reg.TAU_P, Reg.TAU_THETA, Reg.SAMPLE_COUNT)
    assert resets == dict.fromkeys((*ones, Reg.ORDER_STATE, Reg.ROUNDING_STATE), 1)


def test_words_of_one_number_are_neighbours() -> None:
    # Both halves travel in one access, low word first.
    pairs = [(low, high) for low, high in itertools.pairwise(Reg) if high.name.endswith("_HIGH")]
    assert len(pairs) == 3
    for low, high in pairs:
        assert high == low + 1
        assert low.name.removesuffix("_LOW") == high.name.removesuffix("_HIGH")


def test_widths_follow_the_plan() -> None:
    bits = {register.reg: register.bits for register in registers(PLANS[0])}
    assert bits == {
        **dict.fromkeys(Reg, 32),
        **dict.fromkeys((Reg.STATUS, Reg.HALT, Reg.ORDER, Reg.BASELINE_VALID), 1),
        **dict.fromkeys((Reg.STOP_AT_HIGH, Reg.TIMESTEP_HIGH), 16),
        **dict.fromkeys((Reg.TAU_X, Reg.TAU_P, Reg.PHASE_X, Reg.PHASE_P), 16),
        **dict.fromkeys((Reg.TAU_THETA, Reg.PHASE_THETA), 8),
        Reg.LINK_ERRORS: 16,
        Reg.DTHETA: 9,
        Reg.SCALE_MANTISSA: 16,
        Reg.SCALE_SHIFT: 5,
        Reg.SAMPLE_COUNT: 5,
        Reg.SAMPLE_INDEX: 4,
        Reg.BASELINE: 17,
    }
    words = {window.region: window.words for window in windows(PLANS[0])}
    # 9 synapses of 12 + 20 + 16 bits; 16 samples of 3 bits; a cost and an output.
    assert words == {Region.SCAN: 14, Region.SAMPLES: 16, Region.PROBE: 1, Region.OUTPUTS: 2}
