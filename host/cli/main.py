"""The `pmgd` command: its options, and how it ends."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from pmgd.gateware.errors import PmgdError
from pmgd.host.cli import bench, boards, build, doctor, emulate, explain, train

__all__ = ["main"]

USER_ERROR = 2
INTERRUPTED = 130


class _UsageError(PmgdError):
    """Options that make no command."""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong option as any other error is reported, in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `pmgd` command.

    Parameters
    ----------
    argv
        Its arguments; by default those of the process.

    Returns
    -------
    The exit code: 0 if all went well, 1 if `doctor` found something missing, 2 after an error that
    the user can mend, 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser().parse_args(arguments)
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (PmgdError, OSError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        print(f"pmgd: error: {_sentence(error)}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("pmgd: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _parser() -> _Parser:
    parser = _Parser(
        prog="pmgd",
        description="Networks that train themselves: parameter-multiplexed gradient descent.",
    )
    parser.add_argument("--version", action="version", version=f"pmgd {version('pmgd')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (train, explain, emulate, build, bench, boards, doctor):
        command.add_parser(commands)
    for subparser in commands.choices.values():
        subparser.add_argument(
            "--debug", action="store_true", help="show where in the program an error arose"
        )
    return parser


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        return f"cannot use{where}: {error.strerror}"
    return str(error)
