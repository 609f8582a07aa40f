"""Options that several commands share."""

import argparse
import shlex
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pmgd.gateware.spec import Spec
from pmgd.host.spec_file import load_spec, parse_setting

__all__ = ["add_settings_argument", "add_spec_arguments", "megahertz", "spec_from", "spec_words"]


def add_spec_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``SPEC`` and ``--set``."""
    parser.add_argument("spec", metavar="SPEC", help="a preset's name, such as xor, or a TOML file")
    add_settings_argument(parser, "change a setting, such as training.eta=0.25; may be repeated")


def add_settings_argument(parser: argparse.ArgumentParser, text: str) -> None:
    """Add ``--set``, with this help."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help=text,
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


def megahertz(text: str) -> int:
    """Return hertz from megahertz, as the type of an option.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no number above 0, or no whole number of hertz.
    """
    try:
        hertz = Fraction(text) * 1_000_000
    except (ValueError, ZeroDivisionError):
        hertz = Fraction()
    if hertz <= 0 or hertz.denominator != 1:
        raise argparse.ArgumentTypeError(
            f"must be megahertz of at most six decimals, such as 100 or 62.5, not {text!r}"
        )
    return hertz.numerator
