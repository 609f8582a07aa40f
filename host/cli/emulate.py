"""``pmgd emulate``: a serial port with a board behind it that is not there."""

import argparse
import json
import sys
from pathlib import Path

from pmgd.gateware.plan import Plan
from pmgd.host.cli.options import add_spec_arguments, spec_from, spec_words
from pmgd.host.cli.progress import ProgressLine
from pmgd.host.cli.signals import ended_by_signals
from pmgd.host.cli.text import table
from pmgd.host.open_device import open_emulator

__all__ = ["add_parser", "run"]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "emulate",
        help="open a serial port with an emulated board behind it",
        description="Open a serial port behind which the compiled design of a board runs, print "
        "the port's name, and be that board until Ctrl-C.",
    )
    add_spec_arguments(parser)
    parser.add_argument(
        "--link", metavar="NAME", type=Path, help="symbolic link to the port, to make meanwhile"
    )
    parser.add_argument("--json", action="store_true", help="print the port as JSON, on one line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    plan = Plan(spec_from(args))
    line = ProgressLine(sys.stderr)
    line.status("preparing the board; a new plan is compiled first, in up to a minute")
    try:
        # A shell's background jobs do not get the signal of a Ctrl-C.
        with ended_by_signals(), open_emulator(plan, args.link) as emulator:
            line.finish()
            port = emulator.port
            try:
                text = _json(plan, port) if args.json else _text(plan, spec_words(args), port)
                print(text, flush=True)
                emulator.serve()
            except KeyboardInterrupt:
                return 0
    finally:
        line.finish()


def _json(plan: Plan, port: str) -> str:
    digest = f"{plan.digest:016x}"
    return json.dumps({"name": plan.spec.name, "plan_digest": digest, "port": port})


def _text(plan: Plan, spec: str, port: str) -> str:
    rows = [
        ("port", port),
        ("board", f"{plan.spec.name}, {plan.parameters} parameters"),
        ("plan digest", f"{plan.digest:016x}"),
        ("to train on it", f"pmgd train {spec} --device serial:{port}"),
        ("to end it", "Ctrl-C"),
    ]
    return table(rows)
