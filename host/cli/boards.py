"""``pmgd boards``: what can be built for."""

import argparse
import json
from dataclasses import asdict

from pmgd.host.cli.text import count, table

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "boards",
        help="list the boards that bitstreams can be built for",
        description="List the boards that pmgd build makes bitstreams for, and what they have. A "
        "PLL makes another clock than the oscillator: pmgd build --clock MHZ.",
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    from pmgd.boards.catalog import BOARDS

    if args.json:
        listed = [
            {
                "name": board.name,
                "title": board.title,
                "family": board.family.name,
                "device": board.device,
                "clock_hz": board.clock_hz,
                "baud": board.baud,
                **asdict(board.capacity),
            }
            for board in BOARDS
        ]
        print(json.dumps({"boards": listed}, indent=2))
        return 0
    rows = [("board", "", "FPGA", "LUT", "FF", "DSP", "block RAM", "oscillator", "baud")]
    rows += [
        (
            board.name,
            board.title,
            f"{board.family.name} {board.device}",
            count(board.capacity.lut),
            count(board.capacity.ff),
            count(board.capacity.dsp),
            count(board.capacity.block_ram),
            f"{board.clock_hz / 1e6:g} MHz",
            count(board.baud),
        )
        for board in BOARDS
    ]
    print(table(rows, "lllrrrrrr") + "\n\n  another clock, from a PLL: pmgd build --clock MHZ")
    return 0
