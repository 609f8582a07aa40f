"""The options of every command that takes a specification."""

import argparse
import shlex
from collections.abc import Mapping
from typing import Any

from pmgd.gateware.spec import Spec
from pmgd.host.spec_file import load_spec, parse_setting

__all__ = ["add_spec_arguments", "spec_from", "spec_words"]


def add_spec_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``SPEC`` and ``--set``."""
    parser.add_argument("spec", metavar="SPEC", help="a preset's name, such as xor, or a TOML file")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="change a setting, such as training.eta=0.25; may be repeated",
    )


def spec_from(args: argparse.Namespace, settings: Mapping[str, Any] | None = None) -> Spec:
    """Return the specification that the options of `add_spec_arguments` ask for.

    Parameters
    ----------
    args
        The command's arguments.
    settings
        What other options set; it goes before ``--set``, of which the last of a key counts.

    Raises
    ------
    SpecError
        If there is no such specification or setting, or they are no valid specification.
    """
    changed = dict(parse_setting(text) for text in args.settings)
    return load_spec(args.spec).with_settings({**changed, **(settings or {})})


def spec_words(args: argparse.Namespace) -> str:
    """Return what to type for the same specification in another command."""
    return shlex.join([args.spec, *(word for text in args.settings for word in ("--set", text))])
