"""A design to a bitstream: synthesis, place and route, pack."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pmgd.boards.design import NETLIST_REPORT, REPORT, TOP, Design
from pmgd.boards.report import UTILISATION
from pmgd.boards.tools import Tool
from pmgd.gateware.errors import SpecError, ToolError

__all__ = ["ROUTING_ROUNDS", "SEED", "SEEDS", "check_seed", "implement"]

SEED = "seed"
"""The seed with which the design was placed and routed."""

ROUTING_ROUNDS = 1000
"""After so many, nextpnr's router will not end: a route that succeeds takes some hundreds of them
at most. They are counted, not timed, so that a slow machine makes the same bytes."""
SEEDS = 5
"""How many seeds are tried, one after the other, before a design counts as one that cannot be
routed."""

_TAIL_LINES = 20
_LOOK_S = 0.5
_ROUND = re.compile(rb"iter=(\d+)")

_MAX_SEED = (1 << 31) - 1 - SEEDS


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


def check_seed(seed: int) -> None:
    """Refuse a seed that nextpnr would not take, or not those that are tried after it.

    Raises
    ------
    SpecError
        If it is not from 0 to 2**31 - 6.
    """
    if not 0 <= seed <= _MAX_SEED:
        raise SpecError(f"seed must be from 0 to {_MAX_SEED}, not {seed}")


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

    A design that cannot be routed with its seed is placed and routed again with the next one.

    Returns
    -------
    Contents of `NETLIST_REPORT`, `REPORT`, `SEED` and the bitstream, if there is to be one, by
    name.

    Raises
    ------
    ToolError
        If a stage fails; the message names it and the cause, and ends with the log's last lines,
        or tells what the FPGA has too little of.
    """
    try:
        for name, content in design.files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ToolError(
            f"a bitstream must be made in a folder that can be written, not {folder}: "
            f"{error.strerror}; set XDG_CACHE_HOME to another"
        ) from error
    products = [NETLIST_REPORT, REPORT, *([design.bitstream] if design.bitstream else [])]
    stages = _STAGES[: len(products)]
    for stage, command, product in zip(stages, design.commands, products, strict=True):
        progress(stage.name)
        for attempt in _attempts(command):
            # YoWASP sees little of the file system but the working folder: names are relative.
            done = _run([str(tools[command[0]].path), *attempt[1:]], folder, folder / stage.log)
            if done is not None:
                break
        else:
            raise ToolError(
                f"{stage.name} must succeed, but the design could not be routed with any of "
                f"{SEEDS} seeds; {stage.remedy}"
            )
        if "--seed" in attempt:
            (folder / SEED).write_text(attempt[attempt.index("--seed") + 1])
        file = folder / product
        code = done.returncode
        if code:
            end = f"it ended with code {code}" if code > 0 else f"signal {-code} stopped it"
            raise _error(stage, command[0], folder, done, end)
        if not file.is_file() or not file.stat().st_size:
            raise _error(stage, command[0], folder, done, f"it wrote no {product}")
    return {product: (folder / product).read_bytes() for product in (*products, SEED)}


def _attempts(command: Sequence[str]) -> Iterator[list[str]]:
    """Yield a command with one seed after the other, or once if it takes none."""
    if "--seed" not in command:
        yield list(command)
        return
    place = command.index("--seed") + 1
    for attempt in range(SEEDS):
        yield [*command[:place], str(int(command[place]) + attempt), *command[place + 1 :]]


def _run(
    command: Sequence[str], folder: Path, log: Path
) -> "subprocess.CompletedProcess[str] | None":
    """Run a tool; None if its log tells that it routes without end."""
    if log.is_file():
        log.unlink()  # of an attempt before, which would be taken for this one's
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    if _rounds(log) > ROUTING_ROUNDS:
                        process.kill()
                        process.communicate()
                        return None
        except BaseException:
            process.kill()
            process.wait()  # it must not write any more to the folder, which is removed next
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _rounds(log: Path) -> int:
    """Return how many rounds of routing the end of a log tells of."""
    if not log.is_file():
        return 0
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        found = _ROUND.findall(file.read())
    return int(found[-1]) if found else 0


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
    if excess := _excess(lines):
        return ToolError(
            f"{stage.name} must succeed, but the design does not fit: it needs {excess}; choose a "
            f"larger board or a smaller network"
        )
    causes = [line for line in lines if line.startswith("ERROR: ")]
    cause = causes[-1].removeprefix("ERROR: ").strip().rstrip(".") if causes else otherwise
    tail = "\n".join(lines[-_TAIL_LINES:])
    return ToolError(
        f"{stage.name} must succeed, but {tool} failed: {cause}; {stage.remedy}"
        + (f"; its log ends with:\n{tail}" if tail else "")
    )


def _excess(lines: list[str]) -> str:
    """Tell which resources a design needs more of than there are; empty if it fits."""
    found = {
        name: (int(used), int(there)) for name, used, there in UTILISATION.findall("\n".join(lines))
    }
    needs = [
        f"{used:,} of {there:,} {name}" for name, (used, there) in found.items() if used > there
    ]
    most = ", ".join(needs[:-1])
    return f"{most} and {needs[-1]}" if most else "".join(needs)
