"""Settings against the limits of the data sheets, in the words of those."""

from fractions import Fraction

import pytest

from pmgd.boards.family import ECP5, ICE40
from pmgd.boards.pll import ecp5_plls, find_pll, ice40_plls
from pmgd.gateware.errors import SpecError

MHZ = 1_000_000
ECP5_INPUTS = (8, 10, 12, 16, 24, 25, 27, 33, 48, 50, 66, 100, 125, 200, 399, 400)
ICE40_INPUTS = (10, 12, 16, 20, 24, 25, 48, 50, 66, 100, 101, 133)


@pytest.mark.parametrize("mhz", ECP5_INPUTS)
def test_every_ecp5_setting_keeps_to_the_data_sheet(mhz):
    seen = 0
    for pll in ecp5_plls(mhz * MHZ):
        seen += 1
        detector = Fraction(mhz, pll.clki_div)
        clkop = detector * pll.clkfb_div
        vco = clkop * pll.clkop_div
        output = clkop if pll.clkos_div is None else vco / pll.clkos_div
        assert all(
            divider in range(1, 129)
            for divider in (pll.clki_div, pll.clkfb_div, pll.clkop_div, pll.clkos_div or 1)
        )
        assert 10 <= detector <= 400
        assert 400 <= vco <= 800
        assert Fraction("3.125") <= clkop <= 400
        assert Fraction("3.125") <= output <= 400
        assert (pll.input_hz, pll.output_hz) == (mhz * MHZ, output * MHZ)
    assert bool(seen) == (mhz >= 10)


@pytest.mark.parametrize("mhz", ICE40_INPUTS)
def test_every_ice40_setting_keeps_to_the_data_sheet(mhz):
    seen = 0
    for pll in ice40_plls(mhz * MHZ):
        seen += 1
        detector = Fraction(mhz, pll.divr + 1)
        vco = detector * (pll.divf + 1)
        output = vco / 2**pll.divq
        assert pll.divr in range(16)
        assert pll.divf in range(128)
        assert pll.divq in range(1, 7)
        assert 10 <= detector <= 133
        assert 533 <= vco <= 1066
        assert 16 <= output <= 275
        assert (pll.input_hz, pll.output_hz) == (mhz * MHZ, output * MHZ)
        bounds = (10, 17, 26, 44, 66, 101, 134)
        assert bounds[pll.filter_range - 1] <= detector < bounds[pll.filter_range]
    assert seen


def test_all_that_the_dividers_of_an_ecp5_reach_is_found():
    reached = {
        vco / clkos
        for clki in (1, 2)  # 25 MHz / 3 is too slow for the phase detector
        for ratio in range(1, 64 + 1)
        if 400 <= (vco := Fraction(25 * ratio, clki)) <= 800
        # The feedback runs at a fraction of the VCO that the ratio has room for.
        and any(
            ratio % clkop == 0 and Fraction("3.125") <= vco / clkop <= 400
            for clkop in range(1, 129)
        )
        for clkos in range(1, 129)
        if Fraction("3.125") <= vco / clkos <= 400
    }
    whole = {int(mhz * MHZ) for mhz in reached if (mhz * MHZ).denominator == 1}
    assert whole == {pll.output_hz for pll in ecp5_plls(25 * MHZ)}
    assert {25, 50, 75, 90, 100, 112.5, 125, 150} <= {hz / MHZ for hz in whole}


def test_all_that_the_dividers_of_an_ice40_reach_is_found():
    reached = {
        Fraction(12 * (divf + 1), 2**divq)
        for divf in range(128)
        for divq in range(1, 7)
        if 533 <= 12 * (divf + 1) <= 1066 and 16 <= Fraction(12 * (divf + 1), 2**divq) <= 275
    }
    assert {pll.output_hz for pll in ice40_plls(12 * MHZ)} == {int(f * MHZ) for f in reached}


def test_the_usual_settings_are_chosen():
    pll = find_pll(ECP5.plls(25 * MHZ), 25 * MHZ, 100 * MHZ)
    assert (pll.clki_div, pll.clkfb_div, pll.clkop_div, pll.clkos_div) == (1, 4, 6, None)
    pll = find_pll(ICE40.plls(12 * MHZ), 12 * MHZ, 30 * MHZ)
    assert (pll.divr, pll.divf, pll.divq, pll.filter_range) == (0, 79, 5, 1)


@pytest.mark.parametrize(
    ("family", "oscillator", "mhz", "message"),
    [
        (
            ECP5,
            25,
            96,
            r"makes of 25 MHz, from 3\.125 to 400, not 96 MHz; choose 95.3125 or 96.875",
        ),
        (ECP5, 25, 3, r"not 3 MHz; choose 3\.125$"),
        (ECP5, 25, 401, r"not 401 MHz; choose 400$"),
        (ICE40, 12, 31, r"from 16\.125 to 270, not 31 MHz; choose 30\.75 or 31\.125"),
        (ICE40, 12, 15, r"choose 16\.125$"),
        (ICE40, 8, 30, "must be the oscillator's 8 MHz, of which a PLL makes nothing, not 30 MHz"),
        (ECP5, 8, 30, "of which a PLL makes nothing"),
        (ECP5, 7, 30, "of which a PLL makes nothing"),
        (ECP5, 25, 0, r"choose 3\.125$"),
        (ECP5, 25, -1, "not -1 MHz"),
    ],
)
def test_what_cannot_be_reached_is_refused_with_what_can(family, oscillator, mhz, message):
    with pytest.raises(SpecError, match=message):
        find_pll(family.plls(oscillator * MHZ), oscillator * MHZ, mhz * MHZ)
