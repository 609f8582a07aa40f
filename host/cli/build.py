"""``pmgd build``: a specification and a board in, a bitstream out."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pmgd.host.cli.options import add_spec_arguments, megahertz, spec_from
from pmgd.host.cli.progress import ProgressLine
from pmgd.host.cli.signals import ended_by_signals
from pmgd.host.cli.text import count, table
from pmgd.host.installed import installed

if TYPE_CHECKING:
    from pmgd.boards.build import BuildResult

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "build",
        help="make the bitstream of a specification for a board",
        description="Make a folder with the bitstream of a specification for a board and a "
        "manifest of what it was made from. What was made before comes from a cache.",
    )
    add_spec_arguments(parser)
    parser.add_argument("--board", required=True, help="one of those that pmgd boards lists")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="the folder; default: build/NAME-BOARD"
    )
    parser.add_argument(
        "--clock",
        metavar="MHZ",
        type=megahertz,
        dest="clock_hz",
        help="of the fabric, from a PLL; default: the board's oscillator itself",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=1,
        help="of place and route; another gives another fmax; default: %(default)s",
    )
    parser.add_argument(
        "--baud", metavar="N", type=int, help="of the serial port; default: the board's"
    )
    parser.add_argument(
        "--tools",
        default="yowasp",
        help="yowasp, those from PyPI, or native, those on the PATH; default: %(default)s",
    )
    parser.add_argument(
        "--verilog", action="store_true", help="write the design without its pins as Verilog, too"
    )
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    spec = spec_from(args)
    line = ProgressLine(sys.stderr)
    begun = time.monotonic()
    try:
        with installed("a bitstream", "build"):
            from pmgd.boards.build import build
            from pmgd.boards.catalog import board

            chosen = board(args.board)
            # The tools end, too, and nothing is left in the cache.
            with ended_by_signals():
                result = build(
                    spec,
                    chosen,
                    args.out or Path("build") / f"{spec.name}-{chosen.name}",
                    clock_hz=args.clock_hz,
                    seed=args.seed,
                    baud=args.baud,
                    tools=args.tools,
                    verilog=args.verilog,
                    progress=lambda stage: line.status(
                        f"{stage} for {chosen.title}, up to some minutes"
                    ),
                )
    finally:
        line.finish()
    if args.json:
        print(json.dumps({**result.manifest, "out": str(result.folder)}, indent=2))
    else:
        print(_summary(result, time.monotonic() - begun))
    return 0


def _summary(result: "BuildResult", seconds: float) -> str:
    manifest, report = result.manifest, result.report
    used, available = asdict(report.used), asdict(report.available)
    titles = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "block_ram": "block RAM"}
    rows = [("", "used", "available", "")]
    rows += [
        (title, count(used[key]), count(available[key]), f"{used[key] / available[key]:.0%}")
        for key, title in titles.items()
    ]
    clock = f"the clock is {manifest['clock_hz'] / 1e6:g} MHz"
    if manifest["clock_hz"] != manifest["oscillator_hz"]:
        clock += f", from a PLL and {manifest['oscillator_hz'] / 1e6:g} MHz"
    head = (
        f"{manifest['name']} for {manifest['board']} ({manifest['device']}), plan digest "
        f"{manifest['plan_digest']}"
    )
    made = "from the cache" if result.cached else "made"
    facts = [
        ("fmax", f"{report.fmax_hz / 1e6:.2f} MHz; {clock}"),
        ("serial port", f"{count(manifest['baud'])} baud"),
        ("seed", str(manifest["nextpnr_seed"])),
    ]
    facts += [(name, f"SHA-256 {sha256}") for name, sha256 in manifest["files"].items()]
    facts += [("folder", f"{result.folder}, {made} in {seconds:.0f} s")]
    return f"\n{head}\n\n{table(rows, 'lrrr')}\n\n{table(facts)}\n"
