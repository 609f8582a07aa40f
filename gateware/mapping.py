"""Settings as nested mappings of plain values, as TOML gives them, and back."""

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format

__all__ = ["Section", "build", "is_section", "plain", "setting_keys", "unknown_key"]


class Section:
    """A frozen group of settings, normalised once, when it is made."""

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def is_section(hint: Any) -> bool:
    """Return whether the type of a setting is that of a group of settings."""
    return isinstance(hint, type) and issubclass(hint, Section)


def setting_keys(kind: type, prefix: str = "") -> list[str]:
    """Return the dotted keys of all settings of a section and of those within it."""
    keys: list[str] = []
    for name, hint in get_type_hints(kind).items():
        keys += setting_keys(hint, f"{prefix}{name}.") if is_section(hint) else [prefix + name]
    return keys


def unknown_key(what: str, key: str, known: list[str]) -> str:
    """Return the message that refuses a key, with the nearest of those that are known."""
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{what} must be one of {', '.join(known)}, not {key!r}{hint}"


def build(kind: Any, mapping: Any, where: str = "") -> Any:
    """Return a section made from a mapping; `where` is the prefix of its keys in errors."""
    if not isinstance(mapping, Mapping):
        what = where.rstrip(".") or "a specification"
        raise SpecError(f"{what} must be a table of settings, not {mapping!r}")
    hints = get_type_hints(kind)
    for key in mapping:
        if key not in hints:
            raise SpecError(
                unknown_key("a setting here", f"{where}{key}", [where + k for k in hints])
            )
    for required in fields(kind):
        absent = required.name not in mapping
        if absent and required.default is MISSING and required.default_factory is MISSING:
            raise SpecError(f"a specification must give {where}{required.name}; add it")
    return kind(
        **{
            key: build(hints[key], value, f"{where}{key}.") if is_section(hints[key]) else value
            for key, value in mapping.items()
        }
    )


def plain(value: Any) -> Any:
    """Return a section as mappings, formats in their notation, lists, numbers and words."""
    if isinstance(value, Format):
        return str(value)
    if is_dataclass(value):
        items = {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        return {key: item for key, item in items.items() if item is not None}
    return [plain(item) for item in value] if isinstance(value, tuple) else value
