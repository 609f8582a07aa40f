"""Specifications as files: TOML in, TOML out."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pmgd.gateware.errors import SpecError
from pmgd.gateware.presets import preset
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import is_file

__all__ = ["dump_spec", "load_spec", "parse_setting", "parse_value"]


def load_spec(source: str) -> Spec:
    """Return the specification of a preset's name or of a TOML file.

    Anything that ends in ``.toml`` or contains a path separator is a file. A file's relative
    `Data.source` counts from the file's own folder.

    Raises
    ------
    SpecError
        If there is no such preset or file, or it is no valid specification; the message names
        the file.
    """
    path = Path(source)
    if path.suffix != ".toml" and len(path.parts) == 1:
        return preset(source)
    try:
        with path.open("rb") as file:
            mapping = tomllib.load(file)
    except OSError as error:
        raise SpecError(
            f"a specification must be a preset's name or a readable TOML file, not {source}: "
            f"{error.strerror}; check the path"
        ) from error
    except (ValueError, RecursionError) as error:  # also of what is too long or too deep
        raise SpecError(f"{source} must be valid TOML: {error}; correct the file") from error
    try:
        spec = Spec.from_mapping(mapping)
    except SpecError as error:
        raise SpecError(f"{source}: {error}") from error
    if is_file(spec.data.source):
        return spec.with_settings({"data.source": str(path.parent / spec.data.source)})
    return spec


def dump_spec(spec: Spec, comment: str = "") -> str:
    """Return a specification as TOML that `load_spec` reads back as an equal one.

    Parameters
    ----------
    comment
        Lines to put before it, without their ``#``.
    """
    mapping = spec.to_mapping()
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += _assignments(mapping)
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *_assignments(value)]
    return "\n".join(lines) + "\n"


def parse_setting(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE`` and read the value with `parse_value`.

    Raises
    ------
    SpecError
        If there is no ``=`` or no key.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SpecError(f"a setting must be KEY=VALUE, such as training.eta=0.25, not {text!r}")
    return key.strip(), parse_value(value.strip())


def parse_value(text: str) -> Any:
    """Read a TOML value; anything else is a string, so that words need no quotes."""
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # also of what is too long or too deep
        return text
    return table["value"] if table.keys() == {"value"} else text


def _assignments(table: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)
    ]


def _value(value: Any) -> str:
    # JSON's notation is TOML's, but for the one control character that JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
