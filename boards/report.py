"""What a bitstream takes of its FPGA and how fast it may be clocked, from the tools' reports."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pmgd.boards.family import Family, Resources
from pmgd.gateware.errors import ToolError

__all__ = ["UTILISATION", "Report", "read_report", "resources"]

UTILISATION = re.compile(r"(\w+):\s+(\d+)/\s*(\d+)")
"""A resource in nextpnr's log, how many of it are used, and how many there are."""


@dataclass(frozen=True)
class Report:
    """Utilisation and speed.

    Attributes
    ----------
    used, available
        Of each resource. On an iCE40, `used.lut` counts logic cells, which are what runs out: one
        is also taken if only its flip-flop or its carry is used.
    fmax_hz
        Highest frequency of the clock, after routing.
    """

    used: Resources
    available: Resources
    fmax_hz: int


def read_report(family: Family, placement: bytes, synthesis: bytes) -> Report:
    """Read the reports of both tools.

    Parameters
    ----------
    family
        The FPGA's.
    placement
        nextpnr's ``--report``.
    synthesis
        Yosys's ``stat -json``, of the flat netlist. Nextpnr does not count iCE40 flip-flops.

    Raises
    ------
    ToolError
        If something is missing in them.
    """
    try:
        report, netlist = json.loads(placement), json.loads(synthesis)
        utilization = report["utilization"]
        cells: dict[str, Any] = netlist["design"]["num_cells_by_type"]
        used = {name: int(utilization[name]["used"]) for name in _names(family)}
        available = {name: int(utilization[name]["available"]) for name in _names(family)}
        fmax_mhz = min(float(clock["achieved"]) for clock in report["fmax"].values())
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(
            f"the reports of yosys and nextpnr must tell utilisation and fmax of an "
            f"{family.name}, but they lack {error}; use the tools of the extra 'build'"
        ) from error
    return Report(
        used=resources(family, used, cells),
        available=Resources(
            lut=available[family.lut],
            ff=available[family.lut],
            dsp=available[family.dsp],
            block_ram=available[family.block_ram],
        ),
        fmax_hz=round(fmax_mhz * 1e6),
    )


def resources(family: Family, used: Mapping[str, int], cells: Mapping[str, int]) -> Resources:
    """Return what a design takes.

    Parameters
    ----------
    family
        The FPGA's.
    used
        What nextpnr counts, by its names.
    cells
        What Yosys counts, by its: nextpnr does not count iCE40 flip-flops.

    Raises
    ------
    KeyError
        If something is missing in them.
    """
    return Resources(
        lut=used[family.lut],
        ff=sum(count for name, count in cells.items() if name.startswith(family.ff)),
        dsp=used[family.dsp],
        block_ram=used[family.block_ram],
    )


def _names(family: Family) -> tuple[str, str, str]:
    return family.lut, family.dsp, family.block_ram
