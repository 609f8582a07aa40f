"""What a fabric takes of a board, by synthesis and packing, which take a minute, not hours."""

import json
import subprocess
from pathlib import Path

from pmgd.boards.board import Board
from pmgd.boards.design import NETLIST_REPORT, TOP, prepare
from pmgd.boards.family import Resources
from pmgd.boards.report import UTILISATION, resources
from pmgd.boards.tools import find_tool
from pmgd.gateware.errors import ToolError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.gateware.uart import baud_divisor

__all__ = ["pack"]

_WRITES = ("--textcfg", "--asc", "--report")
"""Options of nextpnr with files that there are none of without placement."""


def pack(spec: Spec, board: Board, folder: Path, tools: str = "yowasp") -> Resources:
    """Return what nextpnr makes cells of; place and route changes it by little.

    Parameters
    ----------
    spec, board
        The fabric, and the board.
    folder
        A folder for the tools' files. The netlist is ``top.json``.
    tools
        One of `pmgd.boards.tools.TOOL_SETS`.

    Raises
    ------
    ToolError
        If a tool is missing or fails.
    """
    family = board.family
    design = prepare(Plan(spec), board, baud_divisor(board.clock_hz, board.baud), 1)
    for name, content in design.files.items():
        (folder / name).write_bytes(content)
    synthesis, placement = design.commands[:2]
    _run(synthesis, folder, tools)
    _run((*_without_files(placement), "--pack-only"), folder, tools)
    try:
        log = (folder / f"{TOP}.tim").read_text(errors="replace")
        used = {name: int(count) for name, count, _ in UTILISATION.findall(log)}
        netlist = json.loads((folder / NETLIST_REPORT).read_bytes())
        return resources(family, used, netlist["design"]["num_cells_by_type"])
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(
            f"the logs of yosys and nextpnr must tell utilisation of an {family.name}, but lack "
            f"{error}; use the tools of the extra 'build'"
        ) from error


def _without_files(command: tuple[str, ...]) -> list[str]:
    kept = list(command)
    for option in _WRITES:
        if option in kept:
            place = kept.index(option)
            del kept[place : place + 2]
    return kept


def _run(command: tuple[str, ...], folder: Path, tools: str) -> None:
    path = find_tool(command[0], tools).path
    done = subprocess.run(
        [str(path), *command[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise ToolError(
            f"{command[0]} must count the cells, but it ended with code {done.returncode}: "
            f"{done.stderr[-1000:].strip()}; try another release of the tools"
        )
