"""``pmgd explain``: what a specification becomes."""

import argparse
import json
from typing import Any

from pmgd.gateware.plan import Plan
from pmgd.host.cli.text import count, table
from pmgd.host.spec_file import load_spec

__all__ = ["add_parser", "run"]
def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "explain",
        help="print the plan of a specification",
        description="Print what a specification becomes: widths, latencies, clocks per timestep, "
        "storage, layouts and the register map.",
    )
    parser.set_defaults(run=run)
def run(args: argparse.Namespace) -> int:
    return 0
