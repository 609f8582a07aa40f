"""Reports in the form of the tools, cut to what is read of them."""

import json

import pytest

from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.report import read_report
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import ToolError

PLACEMENT = {
    "fmax": {"clk": {"achieved": 20.5, "constraint": 12.0}},
    "utilization": {
        "ICESTORM_LC": {"available": 5280, "used": 4803},
        "ICESTORM_DSP": {"available": 8, "used": 8},
        "ICESTORM_RAM": {"available": 30, "used": 3},
    },
}
SYNTHESIS = {"design": {"num_cells_by_type": {"SB_DFF": 4, "SB_DFFESR": 3, "SB_LUT4": 9}}}


def encoded(report):
    return json.dumps(report).encode()


def test_utilisation_and_speed_are_read():
    report = read_report(ICEBREAKER.family, encoded(PLACEMENT), encoded(SYNTHESIS))
    assert report.fmax_hz == 20_500_000
    used, available = report.used, report.available
    assert (used.lut, used.ff, used.dsp, used.block_ram) == (4803, 7, 8, 3)
    assert (available.lut, available.ff, available.dsp, available.block_ram) == (5280, 5280, 8, 30)


def test_the_slowest_clock_counts():
    placement = PLACEMENT | {"fmax": {"a": {"achieved": 30.0}, "b": {"achieved": 14.25}}}
    report = read_report(ICEBREAKER.family, encoded(placement), encoded(SYNTHESIS))
    assert report.fmax_hz == 14_250_000


@pytest.mark.parametrize(
    ("family", "placement", "synthesis"),
    [
        (ULX3S_85F.family, encoded(PLACEMENT), encoded(SYNTHESIS)),
        (ICEBREAKER.family, encoded(PLACEMENT | {"fmax": {}}), encoded(SYNTHESIS)),
        (ICEBREAKER.family, b"", encoded(SYNTHESIS)),
        (ICEBREAKER.family, encoded(PLACEMENT), b"{}"),
    ],
    ids=["another family", "no clock", "empty", "no cells"],
)
def test_a_report_that_lacks_something_is_refused(family, placement, synthesis):
    with pytest.raises(ToolError, match="must tell utilisation and fmax"):
        read_report(family, placement, synthesis)
