"""A specification and a board in, a folder with a bitstream and its manifest out."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.cache import BuildCache
from pmgd.boards.implement import (
    NETLIST_REPORT,
    REPORT,
    ROUTING_ROUNDS,
    SEED,
    SEEDS,
    Design,
    implement,
    prepare,
)
from pmgd.boards.report import Report, read_report
from pmgd.boards.tools import Tool, find_tool
from pmgd.gateware.cache_folder import cache_folder
from pmgd.gateware.errors import DataError, SpecError, ToolError
from pmgd.gateware.export import convert, writer
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.serial_fabric import SerialFabric
from pmgd.gateware.spec import Spec
from pmgd.gateware.uart import baud_divisor

__all__ = ["MANIFEST", "BuildResult", "build"]

MANIFEST = "manifest.json"
"""Describes a build; see `build`."""

_MAX_SEED = (1 << 31) - 1 - SEEDS
_DRAFT = ".pmgd-"
"""How the names of folders begin in which a build is drafted."""


@dataclass(frozen=True)
class BuildResult:
    """A finished build.

    Attributes
    ----------
    folder
        Where it is.
    manifest
        What its ``manifest.json`` says.
    report
        Utilisation and speed.
    cached
        Whether the bitstream was made earlier.
    """

    folder: Path
    manifest: dict[str, Any]
    report: Report
    cached: bool


def build(
    spec: Spec,
    board: Board,
    out: Path,
    *,
    seed: int = 1,
    baud: int | None = None,
    tools: str = "yowasp",
    verilog: bool = False,
    cache: Path | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> BuildResult:
    """Make a folder with the bitstream of a specification for a board.

    It appears when all is done, and replaces an earlier build that is there. The same arguments and
    tools give the same bytes. The files:

    - ``NAME.bit`` or ``NAME.bin``: the bitstream, for openFPGALoader or iceprog
    - ``NAME.v``, if asked for: the same design without pins, as Verilog that stands alone
    - ``manifest.json``: the specification without its data, plan digest, board, clock and baud,
      tools, seed, utilisation, fmax, and the SHA-256 of the other files

    If something goes wrong, the earlier build stays as it is.

    Parameters
    ----------
    spec, board
        What to build, and for which board.
    out
        The folder.
    seed
        Of place and route, from 0 to 2**31 - 6; another gives another fmax. Where a design cannot
        be routed with it, the next ones are tried, and the manifest tells which it was.
    baud
        Of the serial port; by default the board's.
    tools
        One of `pmgd.boards.tools.TOOL_SETS`.
    verilog
        Whether to write the Verilog, too.
    cache
        Folder of bitstreams made earlier; by default that of `pmgd.gateware.cache_folder`.
    progress
        Called with the name of each stage when it begins; not at all if the bitstream is in the
        cache.

    Raises
    ------
    SpecError
        If the seed, the baud rate or the set of tools is not possible.
    DataError
        If `out` cannot be written, or holds something else than an earlier build.
    ToolError
        If a tool is missing or fails, or if the bitstream is too slow for the board's clock.
    """
    if not 0 <= seed <= _MAX_SEED:
        raise SpecError(f"seed must be from 0 to {_MAX_SEED}, not {seed}")
    plan = Plan(spec)
    baud = board.baud if baud is None else baud
    divisor = baud_divisor(board.clock_hz, baud)
    out = _check_out(out)

    design = prepare(plan, board, divisor, seed)
    found = {name: find_tool(name, tools) for name in design.tools}
    store = BuildCache(cache or cache_folder())
    key = _key(design, found)
    products = store.get(key)
    cached = products is not None
    if products is None:
        with store.scratch() as folder:
            products = implement(design, found, Path(folder), progress)
        store.put(key, products)

    report = read_report(board.family, products[REPORT], products[NETLIST_REPORT])
    if report.fmax_hz < board.clock_hz:
        raise ToolError(
            f"a bitstream must run at the {board.clock_hz / 1e6:g} MHz of the clock of "
            f"{board.title}, but fmax is {report.fmax_hz / 1e6:.2f} MHz; choose another seed, or a "
            f"smaller network"
        )
    files = {spec.name + board.family.suffix: products[design.bitstream]}
    versions = {name: tool.version for name, tool in found.items()}
    if verilog:
        text = _verilog_header(plan, board, baud, divisor)
        text += convert(SerialFabric(plan, divisor), "pmgd_serial_fabric")
        files[f"{spec.name}.v"] = text.encode()
        versions["verilog"] = writer()
    used_seed = int(products[SEED])
    manifest = _manifest(plan, board, baud, used_seed, versions, report, files)
    _publish(out, {**files, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
    return BuildResult(out, manifest, report, cached)


def _key(design: Design, tools: dict[str, Tool]) -> str:
    """Return a hash of all that the products depend on."""
    content = hashlib.sha256(f"{ROUTING_ROUNDS} {SEEDS}".encode())
    versions = {name: tool.version.encode() for name, tool in tools.items()}
    for name, part in sorted({**design.files, **versions}.items()):
        content.update(f"{name}\0{len(part)}\0".encode() + part)
    return content.hexdigest()[:32]


def _manifest(
    plan: Plan,
    board: Board,
    baud: int,
    seed: int,
    tools: dict[str, str],
    report: Report,
    files: dict[str, bytes],
) -> dict[str, Any]:
    spec = plan.spec.to_mapping()
    del spec["data"]  # a place on this machine, perhaps, and no part of the gateware
    used, available = asdict(report.used), asdict(report.available)
    return {
        "name": plan.spec.name,
        "plan_digest": f"{plan.digest:016x}",
        "interface_version": INTERFACE_VERSION,
        "board": board.name,
        "device": board.device,
        "clock_hz": board.clock_hz,
        "baud": baud,
        "nextpnr_seed": seed,
        "tools": {
            **{name: version(name) for name in ("pmgd", "amaranth", "amaranth-boards")},
            **tools,
        },
        "fmax_hz": report.fmax_hz,
        "utilisation": {name: {"used": used[name], "available": available[name]} for name in used},
        "files": {name: hashlib.sha256(part).hexdigest() for name, part in sorted(files.items())},
        "spec": spec,
    }


def _verilog_header(plan: Plan, board: Board, baud: int, divisor: int) -> str:
    return (
        f"// pmgd fabric of the spec {plan.spec.name} behind a UART, {plan.parameters} parameters\n"
        f"// digest 0x{plan.digest:016x}, interface version {INTERFACE_VERSION}\n"
        f"//\n"
        f"// clk, rst  one clock; rst is synchronous and active high, and may be tied low\n"
        f"// rx, tx    the UART's wires, {divisor} clock cycles a bit: {baud} baud at "
        f"{board.clock_hz / 1e6:g} MHz\n"
        f"// busy      high while a run or an evaluation is under way\n"
        f"// trace_*   what each timestep did, for simulations; leave it open\n"
        f"\n"
    )


def _check_out(out: Path) -> Path:
    """Return where a build goes; check, before anything takes time, that it may be put there."""
    try:
        out = out.resolve()
        place = out.parent
        while not place.exists():
            place = place.parent
        # Its draft and what it replaces are made beside it.
        tempfile.TemporaryDirectory(prefix=_DRAFT, dir=place).cleanup()
        strangers = _strangers(out)
    except (OSError, RuntimeError) as error:  # the latter where links run in a circle
        raise _refusal(out, error) from error
    if strangers:
        raise DataError(
            f"a build must go to a new folder or replace an earlier build as it was made, not "
            f"{out}, which holds {min(strangers)}; choose another folder"
        )
    return out


def _strangers(out: Path) -> set[str]:
    """Return the names of what is there and is no part of an earlier build."""
    if not out.exists():
        return set()
    names = {entry.name for entry in out.iterdir()}
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return names
    digests = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(digests, dict) or "plan_digest" not in manifest:
        return names  # there are other manifests than ours
    # What was changed since is no part of it, nor is a folder of that name.
    same = {
        name
        for name in names & digests.keys()
        if (out / name).is_file()
        and hashlib.sha256((out / name).read_bytes()).hexdigest() == digests[name]
    }
    return names - same - {MANIFEST}


def _publish(out: Path, files: dict[str, bytes]) -> None:
    """Make the folder appear whole, in place of an earlier build."""
    _check_out(out)  # again, for meanwhile something may have been put there
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=out.parent) as scratch:
            draft, earlier = Path(scratch) / "new", Path(scratch) / "old"
            draft.mkdir()
            for name, content in files.items():
                (draft / name).write_bytes(content)
            try:
                if out.exists():
                    out.rename(earlier)
                draft.rename(out)
            finally:
                if earlier.exists() and not out.exists():
                    earlier.rename(out)
    except OSError as error:
        raise _refusal(out, error) from error


def _refusal(out: Path, error: OSError | RuntimeError) -> DataError:
    why = error.strerror if isinstance(error, OSError) else error
    return DataError(
        f"a build must go to a folder that can be written, not {out}: {why}; choose another folder"
    )
