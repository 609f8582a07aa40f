"""A design to a bitstream: synthesis, place and route, pack."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pmgd.boards.board import Board
from pmgd.boards.tools import Tool
from pmgd.boards.top import BoardTop
from pmgd.gateware.errors import ToolError
from pmgd.gateware.plan import Plan

__all__ = ["NETLIST_REPORT", "REPORT", "Design", "implement", "prepare"]

TOP = "top"
"""Name of the top module."""
REPORT = "report.json"
"""nextpnr's report."""
NETLIST_REPORT = "synthesis.json"
"""Yosys's statistics of the netlist."""

_TAIL_LINES = 20


@dataclass(frozen=True)
class _Stage:
    """A step on the way: its name, its log as Amaranth names it, a remedy."""

    name: str
    log: str
    remedy: str


_STAGES = (
    _Stage("synthesis", f"{TOP}.rpt", "try another release of the tools"),
    _Stage(
        "place and route",
        f"{TOP}.tim",
        "choose a larger board, a smaller network or another seed",
    ),
    _Stage("pack", "", "try another release of the tools"),
)


@dataclass(frozen=True)
class Design:
    """A design for a board, with all that the tools are to be told.

    Attributes
    ----------
    files
        Contents by name: RTLIL, scripts, pins.
    commands
        One for each stage, with the names of tools and files.
    bitstream
        Name of the bitstream that they make.
    """

    files: Mapping[str, bytes]
    commands: tuple[tuple[str, ...], ...]
    bitstream: str

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that it takes."""
        return tuple(command[0] for command in self.commands)


def prepare(plan: Plan, board: Board, divisor: int, seed: int) -> Design:
    """Generate a design; the same arguments and packages give the same bytes.

    Parameters
    ----------
    plan, board
        What to build, and for which board.
    divisor
        Clock cycles of one bit of the UART.
    seed
        Of nextpnr.
    """
    family = board.family
    build = board.platform().prepare(
        BoardTop(plan, board, divisor),
        TOP,
        emit_src=False,
        # Assertions are for simulations; those left in a netlist keep their logic alive.
        script_after_read="chformal -remove",
        synth_opts=family.synthesis,
        script_after_synth=f"tee -q -o {NETLIST_REPORT} stat -json",
        nextpnr_opts=f"--seed {seed} --report {REPORT} --timing-allow-fail {family.placement}",
    )
    files = {
        name: content.encode() if isinstance(content, str) else content
        for name, content in build.files.items()
    }
    commands = json.loads(files[f"{build.script}.json"])["commands"]
    return Design(files, tuple(tuple(command) for command in commands), TOP + family.suffix)


def implement(
    design: Design, tools: Mapping[str, Tool], folder: Path, progress: Callable[[str], None]
) -> dict[str, bytes]:
    """Run the stages in a folder.

    Parameters
    ----------
    design
        The design.
    tools
        Its tools, by name.
    folder
        An empty folder.
    progress
        Called with the name of each stage when it begins.

    Returns
    -------
    Contents of `NETLIST_REPORT`, `REPORT` and the bitstream, by name.

    Raises
    ------
    ToolError
        If a stage fails; the message names it and the cause, and ends with the log's last lines.
    """
    for name, content in design.files.items():
        (folder / name).write_bytes(content)
    products = NETLIST_REPORT, REPORT, design.bitstream
    for stage, command, product in zip(_STAGES, design.commands, products, strict=True):
        progress(stage.name)
        # YoWASP sees little of the file system but the working folder: all names are relative.
        done = subprocess.run(
            [tools[command[0]].path, *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        file = folder / product
        code = done.returncode
        if code:
            end = f"it ended with code {code}" if code > 0 else f"signal {-code} stopped it"
            raise _error(stage, command[0], folder, done, end)
        if not file.is_file() or not file.stat().st_size:
            raise _error(stage, command[0], folder, done, f"it wrote no {product}")
    return {product: (folder / product).read_bytes() for product in products}


def _error(
    stage: _Stage,
    tool: str,
    folder: Path,
    done: "subprocess.CompletedProcess[str]",
    otherwise: str,
) -> ToolError:
    log = folder / stage.log
    text = log.read_text(errors="replace") if log.is_file() else ""
    said = [line for line in (done.stdout + done.stderr).splitlines() if line not in text]
    lines = [line for line in text.splitlines() + said if line.strip()]
    causes = [line for line in lines if line.startswith("ERROR: ")]
    cause = causes[-1].removeprefix("ERROR: ").strip().rstrip(".") if causes else otherwise
    tail = "\n".join(lines[-_TAIL_LINES:])
    return ToolError(
        f"{stage.name} must succeed, but {tool} failed: {cause}; {stage.remedy}"
        + (f"; its log ends with:\n{tail}" if tail else "")
    )
