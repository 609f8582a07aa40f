"""``pmgd bench``: how large and how fast fabrics are on boards."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pmgd.gateware.errors import SpecError
from pmgd.host.cli.options import add_settings_argument, megahertz
from pmgd.host.cli.progress import ProgressLine
from pmgd.host.cli.signals import ended_by_signals
from pmgd.host.cli.text import count, rate, table
from pmgd.host.installed import installed
from pmgd.host.spec_file import load_spec, parse_setting

if TYPE_CHECKING:
    from pmgd.boards.board import Board
    from pmgd.boards.measure import Measurement
    from pmgd.gateware.spec import Spec

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    bench = commands.add_parser(
        "bench",
        help="measure how large and how fast fabrics are on a board",
        description="Measure, with the tools of a board.",
    )
    parser = bench.add_subparsers(metavar="WHAT", required=True).add_parser(
        "fabric",
        help="size, fmax and what limits it",
        description="Synthesize, place and route fabrics, and print their size, fmax and what "
        "limits it. No bitstream is made, and a fabric may be slower than its clock. What was "
        "made before comes from a cache.",
    )
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "specs",
        metavar="SPEC",
        nargs="*",
        help="a preset's name, a TOML file, or one of the fabrics that are watched; default: those",
    )
    add_settings_argument(parser, "change a setting of every SPEC; may be repeated")
    parser.add_argument("--board", help="one of those that pmgd boards lists; the watched have one")
    parser.add_argument(
        "--clock",
        metavar="MHZ",
        type=megahertz,
        dest="clock_hz",
        help="of the fabric, from a PLL; default: what the tools can reach of an ambitious target",
    )
    parser.add_argument(
        "--target", metavar="MHZ", type=megahertz, dest="target_hz", help="another such target"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=1, help="of place and route; default: %(default)s"
    )
    parser.add_argument("--tools", default="yowasp", help="as of pmgd build; default: %(default)s")
    parser.add_argument("--small", action="store_true", help="leave out what takes hours")
    parser.add_argument(
        "--write", metavar="FILE", type=Path, help="keep the watched fabrics' figures in this file"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    line = ProgressLine(sys.stderr)
    measured: list[Measurement] = []
    try:
        with installed("place and route", "build"):
            from pmgd.boards.measure import measure
            from pmgd.boards.references import write_baselines

            for spec, board in _chosen(args):
                with ended_by_signals():
                    measurement = measure(
                        spec,
                        board,
                        clock_hz=args.clock_hz,
                        target_hz=args.target_hz,
                        seed=args.seed,
                        tools=args.tools,
                        progress=lambda stage, name=spec.name: line.status(  # type: ignore[misc]
                            f"{name}: {stage}, some minutes, or more for a large one"
                        ),
                    )
                measured.append(measurement)
                if args.write:  # at once: the next one may take hours
                    write_baselines(args.write, {spec.name: measurement})
    finally:
        line.finish()
    if args.json:
        print(json.dumps({"fabrics": [_record(each) for each in measured]}, indent=2))
    else:
        print(_text(measured))
    return 0


def _chosen(args: argparse.Namespace) -> "list[tuple[Spec, Board]]":
    """Return the fabrics to be measured."""
    from pmgd.boards.catalog import board
    from pmgd.boards.references import REFERENCES

    watched = {each.spec.name: each for each in REFERENCES}
    strange = [name for name in args.specs if name not in watched]
    changed = args.settings or args.clock_hz or args.target_hz or args.seed != 1
    moved = args.specs and args.board
    if args.write and (strange or changed or moved):
        raise SpecError(
            f"--write must be used with the watched fabrics as they are, {', '.join(watched)}, "
            f"not with {', '.join(strange) or 'another setting, board, clock or seed'}; leave one "
            f"of them out"
        )
    wanted = board(args.board) if args.board else None
    settings = dict(parse_setting(text) for text in args.settings)
    if not args.specs:
        return [
            (each.spec.with_settings(settings), each.board)
            for each in REFERENCES
            if wanted in (None, each.board) and (each.small or not args.small)
        ]
    chosen: list[tuple[Spec, Board]] = []
    for name in args.specs:
        reference = watched.get(name)
        spec = reference.spec if reference else load_spec(name)
        place = wanted or (reference.board if reference else None)
        if place is None:
            raise SpecError(
                f"--board must be given for {name}; pmgd boards lists them; without one, "
                f"measure {', '.join(watched)}"
            )
        chosen.append((spec.with_settings(settings), place))
    return chosen


def _record(measurement: "Measurement") -> dict[str, Any]:
    report = measurement.report
    return {
        "name": measurement.name,
        "board": measurement.board,
        "parameters": measurement.parameters,
        **asdict(report.used),
        "lut_per_parameter": round(measurement.lut_per_parameter, 1),
        "fmax_hz": report.fmax_hz,
        "constraint_hz": measurement.constraint_hz,
        "clocks_per_timestep": measurement.clocks_per_timestep,
        "timesteps_per_s": round(measurement.timesteps_per_s),
        "update_delay_timesteps": measurement.update_delay,
        "nextpnr_seed": measurement.seed,
        "limit": asdict(measurement.limit),
    }


def _text(measured: "list[Measurement]") -> str:
    titles = "fabric", "board", "LUT / FF / DSP / block RAM", "LUT a parameter", "fmax MHz"
    rows = [(*titles, "clocks a timestep", "timesteps/s", "D")]
    limits = [("limited by", "", "logic", "routing", "cells", "target")]
    for each in measured:
        used, limit = each.report.used, each.limit
        rows.append(
            (
                each.name,
                each.board,
                " / ".join(count(part) for part in (used.lut, used.ff, used.dsp, used.block_ram)),
                f"{each.lut_per_parameter:.1f}",
                f"{each.report.fmax_hz / 1e6:.1f}",
                str(each.clocks_per_timestep),
                rate(each.timesteps_per_s),
                str(each.update_delay),
            )
        )
        limits.append(
            (
                each.name,
                f"{limit.start} -> {limit.end}",
                f"{limit.logic_ns:.2f} ns",
                f"{limit.routing_ns:.2f} ns",
                str(limit.cells),
                f"{each.constraint_hz / 1e6:g} MHz",
            )
        )
    return f"\n{table(rows, 'llrrrrrr')}\n\n{table(limits, 'llrrrr')}\n"
