"""Reports of the tools (Yosys 0.70, nextpnr 0.11.1) for builds of xor, cut short."""

import json

import pytest

from pmgd.boards.family import Resources
from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.report import read_report
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import ToolError

PLACEMENT = {
    "fmax": {"cd_sync.clk": {"achieved": 22.09651756286621, "constraint": 12.00004768371582}},
    "utilization": {
        "ICESTORM_DSP": {"available": 8, "used": 8},
        "ICESTORM_LC": {"available": 5280, "used": 4832},
        "ICESTORM_RAM": {"available": 30, "used": 3},
        "SB_GB": {"available": 8, "used": 6},
    },
}
SYNTHESIS = {
    "creator": "Yosys 0.70",
    "design": {
        "num_cells_by_type": {
            "SB_CARRY": 1014,
            "SB_DFF": 34,
            "SB_DFFE": 31,
            "SB_DFFESR": 1281,
            "SB_DFFSR": 600,
            "SB_LUT4": 3984,
            "SB_MAC16": 8,
            "SB_RAM40_4K": 3,
        }
    },
}
ECP5_PLACEMENT = {
    "fmax": {"$glbnet$cd_sync.clk": {"achieved": 70.73636627197266, "constraint": 25}},
    "utilization": {
        "ALU54B": {"available": 78, "used": 0},
        "DP16KD": {"available": 208, "used": 2},
        "MULT18X18D": {"available": 156, "used": 7},
        "TRELLIS_COMB": {"available": 83640, "used": 4748},
        "TRELLIS_FF": {"available": 83640, "used": 1953},
    },
}
ECP5_SYNTHESIS = {
    "design": {
        "num_cells_by_type": {"CCU2C": 617, "LUT4": 3226, "TRELLIS_DPR16X4": 1, "TRELLIS_FF": 1953}
    }
}


def encoded(report):
    return json.dumps(report).encode()


def test_an_ice40_is_read():
    report = read_report(ICEBREAKER.family, encoded(PLACEMENT), encoded(SYNTHESIS))
    assert report.fmax_hz == 22_096_518
    assert report.used == Resources(lut=4832, ff=34 + 31 + 1281 + 600, dsp=8, block_ram=3)
    assert report.available == ICEBREAKER.capacity


def test_an_ecp5_is_read():
    report = read_report(ULX3S_85F.family, encoded(ECP5_PLACEMENT), encoded(ECP5_SYNTHESIS))
    assert report.fmax_hz == 70_736_366
    assert report.used == Resources(lut=4748, ff=1953, dsp=7, block_ram=2)
    assert report.available == ULX3S_85F.capacity


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
