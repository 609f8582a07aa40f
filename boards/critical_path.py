"""What limits the clock of a placed and routed design, from nextpnr's report."""

import json
import re
from dataclasses import dataclass
from typing import Any

from pmgd.gateware.errors import ToolError

__all__ = ["CriticalPath", "read_critical_path", "readable"]

_SYNTHESIZED = re.compile(
    r"\.U(?=\$)|_(?:TRELLIS_|LUT[45]_|PFUMX_|L6MUX21_|CCU2C_|MULT18X18D_|DP16KD_|SB_)|\.\d+\.\d+(?=_|\.|$)|\$"
)
"""Where the names that a design gave end, and those of cells that synthesis made begin."""
_AROUND = "serial.fabric."
"""In front of nearly every name."""


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path from one edge of a clock to the next.

    Attributes
    ----------
    start, end
        The registers, or memories or multipliers, that it lies between, as the design names them.
    logic_ns, routing_ns
        Its delay: in cells, setup included, and on the way from one to another.
    cells
        How many it goes through, without those at its ends.
    """

    start: str
    end: str
    logic_ns: float
    routing_ns: float
    cells: int


def read_critical_path(placement: bytes) -> CriticalPath:
    """Return the slowest path of the slowest clock.

    Parameters
    ----------
    placement
        nextpnr's ``--report``.

    Raises
    ------
    ToolError
        If it tells of none.
    """
    try:
        report = json.loads(placement)
        clock = min(report["fmax"], key=lambda name: float(report["fmax"][name]["achieved"]))
        edges = {f"posedge {clock}", f"negedge {clock}"}
        paths = [
            path["path"]
            for path in report["critical_paths"]
            if path["from"] in edges and path["to"] in edges
        ]
        path = max(paths, key=lambda steps: sum(float(step["delay"]) for step in steps))
        start, end = path[0]["from"]["cell"], path[-1]["to"]["cell"]
        return CriticalPath(
            readable(start),
            readable(end),
            _delay(path, routing=False),
            _delay(path, routing=True),
            sum(step["type"] == "logic" for step in path),
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ToolError(
            f"the report of nextpnr must tell the slowest path of a clock, but it lacks {error}; "
            f"use the tools of the extra 'build'"
        ) from error


def _delay(path: list[dict[str, Any]], *, routing: bool) -> float:
    delays = (float(step["delay"]) for step in path if (step["type"] == "routing") == routing)
    return round(sum(delays), 3)


def readable(cell: str) -> str:
    """Return the name that a design gave to what became a cell, below the fabric where it can."""
    return _SYNTHESIZED.split(cell, maxsplit=1)[0].removeprefix(_AROUND).rstrip(".") or cell
