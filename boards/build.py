"""A specification and a board in, a folder with a bitstream and its manifest out."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.capacity import check_capacity
from pmgd.boards.design import NETLIST_REPORT, REPORT, prepare
from pmgd.boards.implement import SEED, check_seed
from pmgd.boards.make import make
from pmgd.boards.pll import find_pll
from pmgd.boards.publish import MANIFEST, check_out, publish
from pmgd.boards.report import Report, read_report
from pmgd.boards.tools import find_tool
from pmgd.gateware.errors import ToolError
from pmgd.gateware.export import convert, writer
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.serial_fabric import SerialFabric
from pmgd.gateware.spec import Spec
from pmgd.gateware.uart import baud_divisor

__all__ = ["MANIFEST", "BuildResult", "build"]


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
    clock_hz: int | None = None,
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
    - ``manifest.json``: the specification without its data, plan digest, board, clock of the
      fabric, oscillator and baud, tools, seed, utilisation, fmax, and the SHA-256 of the other
      files

    If something goes wrong, the earlier build stays as it is.

    Parameters
    ----------
    spec, board
        What to build, and for which board.
    out
        The folder.
    clock_hz
        Of the fabric. By default the board's oscillator is its clock; any other is made by a PLL.
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
        If the seed, the clock, the baud rate or the set of tools is not possible, or if the fabric
        cannot fit the board; see `pmgd.boards.capacity`.
    DataError
        If `out` cannot be written, or holds something else than an earlier build.
    ToolError
        If a tool is missing or fails, or if the bitstream is too slow for the fabric's clock.
    """
    check_seed(seed)
    plan = Plan(spec)
    check_capacity(plan, board)
    oscillator_hz = board.clock_hz
    clock_hz = oscillator_hz if clock_hz is None else clock_hz
    pll = None
    if clock_hz != oscillator_hz:
        pll = find_pll(board.family.plls(oscillator_hz), oscillator_hz, clock_hz)
    baud = board.baud if baud is None else baud
    divisor = baud_divisor(clock_hz, baud)
    out = check_out(out)

    design = prepare(plan, board, divisor, seed, pll=pll)
    found = {name: find_tool(name, tools) for name in design.tools}
    products, cached = make(design, found, cache, progress)
    report = read_report(board.family, products[REPORT], products[NETLIST_REPORT])
    if report.fmax_hz < clock_hz:
        whose = f"the fabric's clock on {board.title}" if pll else f"the clock of {board.title}"
        slower = ", a slower clock" if pll else ""
        raise ToolError(
            f"a bitstream must run at the {clock_hz / 1e6:g} MHz of {whose}, but fmax is "
            f"{report.fmax_hz / 1e6:.2f} MHz; choose another seed{slower}, or a smaller network"
        )
    files = {spec.name + board.family.suffix: products[design.bitstream]}
    versions = {name: tool.version for name, tool in found.items()}
    if verilog:
        text = _verilog_header(plan, clock_hz, baud, divisor)
        text += convert(SerialFabric(plan, divisor), "pmgd_serial_fabric")
        files[f"{spec.name}.v"] = text.encode()
        versions["verilog"] = writer()
    used_seed = int(products[SEED])
    manifest = _manifest(plan, board, clock_hz, baud, used_seed, versions, report, files)
    publish(out, {**files, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
    return BuildResult(out, manifest, report, cached)


def _manifest(
    plan: Plan,
    board: Board,
    clock_hz: int,
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
        "clock_hz": clock_hz,
        "oscillator_hz": board.clock_hz,
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


def _verilog_header(plan: Plan, clock_hz: int, baud: int, divisor: int) -> str:
    return (
        f"// pmgd fabric of the spec {plan.spec.name} behind a UART, {plan.parameters} parameters\n"
        f"// digest 0x{plan.digest:016x}, interface version {INTERFACE_VERSION}\n"
        f"//\n"
        f"// clk, rst  one clock; rst is synchronous and active high, and may be tied low\n"
        f"// rx, tx    the UART's wires, {divisor} clock cycles a bit: {baud} baud at "
        f"{clock_hz / 1e6:g} MHz\n"
        f"// busy      high while a run or an evaluation is under way\n"
        f"// trace_*   what each timestep did, for simulations; leave it open\n"
        f"\n"
    )
