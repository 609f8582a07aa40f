"""The folder that a build goes to: it appears whole, and replaces nothing but an earlier build."""

import hashlib
import json
import tempfile
from pathlib import Path

from pmgd.gateware.errors import DataError

__all__ = ["MANIFEST", "check_out", "publish"]

MANIFEST = "manifest.json"
"""Describes a build; see `pmgd.boards.build.build`."""

_DRAFT = ".pmgd-"
"""How the names of folders begin in which a build is drafted."""


def check_out(out: Path) -> Path:
    """Return where a build goes; check, before anything takes time, that it may be put there.

    Raises
    ------
    DataError
        If it cannot be written, or holds something else than an earlier build.
    """
    try:
        out = out.resolve()
        place = out.parent
        while not place.exists():
            place = place.parent
        # Its draft and what it replaces are made beside it.
        tempfile.TemporaryDirectory(prefix=_DRAFT, dir=place).cleanup()
        strangers = _strangers(out)
    except (OSError, RuntimeError) as error:  # the latter where links run in a circle
        raise _refusal(out, error) from error
    if strangers:
        raise DataError(
            f"a build must go to a new folder or replace an earlier build as it was made, not "
            f"{out}, which holds {min(strangers)}; choose another folder"
        )
    return out


def _strangers(out: Path) -> set[str]:
    """Return the names of what is there and is no part of an earlier build."""
    if not out.exists():
        return set()
    names = {entry.name for entry in out.iterdir()}
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return names
    digests = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(digests, dict) or "plan_digest" not in manifest:
        return names  # there are other manifests than ours
    # What was changed since is no part of it, nor is a folder of that name.
    same = {
        name
        for name in names & digests.keys()
        if (out / name).is_file()
        and hashlib.sha256((out / name).read_bytes()).hexdigest() == digests[name]
    }
    return names - same - {MANIFEST}


def publish(out: Path, files: dict[str, bytes]) -> None:
    """Make the folder appear whole, in place of an earlier build.

    Parameters
    ----------
    out
        The folder.
    files
        Contents by name, `MANIFEST` among them.

    Raises
    ------
    DataError
        As of `check_out`.
    """
    check_out(out)  # again, for meanwhile something may have been put there
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=out.parent) as scratch:
            draft, earlier = Path(scratch) / "new", Path(scratch) / "old"
            draft.mkdir()
            for name, content in files.items():
                (draft / name).write_bytes(content)
            try:
                if out.exists():
                    out.rename(earlier)
                draft.rename(out)
            finally:
                if earlier.exists() and not out.exists():
                    earlier.rename(out)
    except OSError as error:
        raise _refusal(out, error) from error


def _refusal(out: Path, error: OSError | RuntimeError) -> DataError:
    why = error.strerror if isinstance(error, OSError) else error
    return DataError(
        f"a build must go to a folder that can be written, not {out}: {why}; choose another folder"
    )
