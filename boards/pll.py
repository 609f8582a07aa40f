"""Dividers of an FPGA's PLL, so that it makes exactly one frequency of another.

Limits are those of the data sheets, for every speed grade: ECP5 and ECP5-5G Family (FPGA-DS-02012),
iCE40 UltraPlus Family (FPGA-DS-02008); filter ranges are those that Lattice's own tool chooses.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pmgd.gateware.errors import SpecError

__all__ = ["Ecp5Pll", "Ice40Pll", "Pll", "ecp5_plls", "find_pll", "ice40_plls"]

_MHZ = 1_000_000
_KHZ = 1_000


@dataclass(frozen=True)
class Range:
    """Frequencies from one to another, both included."""

    low_hz: int
    high_hz: int

    def holds(self, numerator: int, denominator: int = 1) -> bool:
        """Tell whether a fraction is one of them."""
        return self.low_hz * denominator <= numerator <= self.high_hz * denominator


ECP5_INPUT = Range(8 * _MHZ, 400 * _MHZ)
ECP5_PHASE_DETECTOR = Range(10 * _MHZ, 400 * _MHZ)
ECP5_VCO = Range(400 * _MHZ, 800 * _MHZ)
ECP5_OUTPUT = Range(3_125 * _KHZ, 400 * _MHZ)
ECP5_DIVIDERS = range(1, 129)

ICE40_INPUT = Range(10 * _MHZ, 133 * _MHZ)
ICE40_PHASE_DETECTOR = Range(10 * _MHZ, 133 * _MHZ)
ICE40_VCO = Range(533 * _MHZ, 1_066 * _MHZ)
ICE40_OUTPUT = Range(16 * _MHZ, 275 * _MHZ)
ICE40_DIVR, ICE40_DIVF, ICE40_DIVQ = range(16), range(128), range(1, 7)
_ICE40_FILTERS = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5))
"""Below so many MHz at the phase detector, this filter; above all of them, the next one."""


@dataclass(frozen=True)
class Ecp5Pll:
    """Settings of an ECP5's EHXPLLL, whose feedback is its output CLKOP.

    Attributes
    ----------
    input_hz, output_hz
        What it makes of what.
    clki_div, clkfb_div, clkop_div
        Dividers of its input, its feedback and CLKOP. The VCO runs at ``input_hz / clki_div *
        clkfb_div * clkop_div``.
    clkos_div
        Divider of its output CLKOS, which is `output_hz`; None where CLKOP is that itself.
    """

    input_hz: int
    output_hz: int
    clki_div: int
    clkfb_div: int
    clkop_div: int
    clkos_div: int | None


@dataclass(frozen=True)
class Ice40Pll:
    """Settings of an iCE40's SB_PLL40 with simple feedback.

    Attributes
    ----------
    input_hz, output_hz
        What it makes of what.
    divr, divf, divq
        The phase detector runs at ``input_hz / (divr + 1)``, the VCO at ``divf + 1`` times that,
        the output at a ``2**divq``-th of that.
    filter_range
        Of the loop's filter, by the frequency of the phase detector.
    """

    input_hz: int
    output_hz: int
    divr: int
    divf: int
    divq: int
    filter_range: int


Pll = Ecp5Pll | Ice40Pll
"""Settings of a PLL."""


def ecp5_plls(input_hz: int) -> Iterator[Ecp5Pll]:
    """Yield the settings of an EHXPLLL for all outputs of whole hertz, the best of each first.

    Better is a faster phase detector, which means less jitter; then one output instead of two;
    then a VCO nearer to the middle of its range.
    """
    if not ECP5_INPUT.holds(input_hz):
        return
    for clki in ECP5_DIVIDERS:
        if not ECP5_PHASE_DETECTOR.holds(input_hz, clki):
            continue
        low = -(-ECP5_VCO.low_hz * clki // input_hz)
        high = ECP5_VCO.high_hz * clki // input_hz
        middle = (ECP5_VCO.low_hz + ECP5_VCO.high_hz) * clki // (2 * input_hz)
        ratios = sorted(range(low, high + 1), key=lambda ratio: abs(ratio - middle))
        # A feedback that is the output itself first.
        for direct in (True, False):
            for ratio in ratios:
                yield from _ecp5_outputs(input_hz, clki, ratio, direct)


def _ecp5_outputs(input_hz: int, clki: int, ratio: int, direct: bool) -> Iterator[Ecp5Pll]:
    """Yield the settings whose VCO runs at `ratio` times the phase detector."""
    feedbacks = [
        (ratio // clkop, clkop)
        for clkop in ECP5_DIVIDERS
        if ratio % clkop == 0
        and ratio // clkop in ECP5_DIVIDERS
        and ECP5_OUTPUT.holds(input_hz * ratio, clki * clkop)
    ]
    if direct:
        for clkfb, clkop in feedbacks:
            if input_hz * clkfb % clki == 0:
                yield Ecp5Pll(input_hz, input_hz * clkfb // clki, clki, clkfb, clkop, None)
        return
    for clkfb, clkop in feedbacks[:1]:
        for clkos in ECP5_DIVIDERS:
            output_hz, rest = divmod(input_hz * ratio, clki * clkos)
            if not rest and ECP5_OUTPUT.holds(output_hz):
                yield Ecp5Pll(input_hz, output_hz, clki, clkfb, clkop, clkos)


def ice40_plls(input_hz: int) -> Iterator[Ice40Pll]:
    """Yield the settings of an SB_PLL40 for all outputs of whole hertz, the best of each first.

    Better is a faster phase detector, which means less jitter; then a slower VCO.
    """
    if not ICE40_INPUT.holds(input_hz):
        return
    for divr in ICE40_DIVR:
        if not ICE40_PHASE_DETECTOR.holds(input_hz, divr + 1):
            continue
        detector_mhz = input_hz / (divr + 1) / _MHZ
        filters = (number for below, number in _ICE40_FILTERS if detector_mhz < below)
        filter_range = next(filters, _ICE40_FILTERS[-1][1] + 1)
        for divf in ICE40_DIVF:
            vco = input_hz * (divf + 1)  # times divr + 1
            if not ICE40_VCO.holds(vco, divr + 1):
                continue
            for divq in ICE40_DIVQ:
                output_hz, rest = divmod(vco, (divr + 1) << divq)
                if not rest and ICE40_OUTPUT.holds(output_hz):
                    yield Ice40Pll(input_hz, output_hz, divr, divf, divq, filter_range)


def find_pll(settings: Iterator[Pll], input_hz: int, output_hz: int) -> Pll:
    """Return the first settings that make exactly one frequency.

    Parameters
    ----------
    settings
        From `ecp5_plls` or `ice40_plls`.
    input_hz, output_hz
        What they make of what; for the error.

    Raises
    ------
    SpecError
        If there are none; it names the nearest frequencies that there are.
    """
    reached: set[int] = set()
    for pll in settings:
        if pll.output_hz == output_hz:
            return pll
        reached.add(pll.output_hz)
    if not reached:
        raise SpecError(
            f"clock must be the oscillator's {input_hz / _MHZ:g} MHz, of which a PLL makes "
            f"nothing, not {output_hz / _MHZ:.9g} MHz; leave it out"
        )
    below = max((hz for hz in reached if hz < output_hz), default=None)
    above = min((hz for hz in reached if hz > output_hz), default=None)
    nearest = " or ".join(f"{hz / _MHZ:.9g}" for hz in (below, above) if hz is not None)
    raise SpecError(
        f"clock must be a frequency that a PLL makes of {input_hz / _MHZ:g} MHz, from "
        f"{min(reached) / _MHZ:.9g} to {max(reached) / _MHZ:.9g}, not {output_hz / _MHZ:.9g} MHz; "
        f"choose {nearest}"
    )
