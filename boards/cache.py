"""What the tools made of a design, kept so that it is made once."""

import contextlib
import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pmgd.gateware.errors import ToolError

__all__ = ["BuildCache"]


class BuildCache:
    """Keeps sets of files by a key of all that went into them.

    An entry appears whole or not at all, and its name ends in the hash of its content: one that was
    damaged, or cannot be read, is removed and missed. Any number of processes may use a folder at
    once.

    Parameters
    ----------
    folder
        Where; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, bytes] | None:
        """Return the files of a key, or None."""
        for entry in self.folder.glob(f"bitstream-{key}-*.zip"):
            with contextlib.suppress(OSError):  # it may be gone by now, or be no file
                content = entry.read_bytes()
                if entry.stem.endswith(_digest(content)):
                    with zipfile.ZipFile(io.BytesIO(content)) as archive:
                        return {name: archive.read(name) for name in archive.namelist()}
            _discard(entry)
        return None

    def put(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of a key.

        Raises
        ------
        ToolError
            If they cannot be written.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        content = buffer.getvalue()
        with self.scratch() as folder:
            draft = Path(folder) / "entry"
            try:
                draft.write_bytes(content)
                draft.replace(self.folder / f"bitstream-{key}-{_digest(content)}.zip")
            except OSError as error:
                raise self._error(error) from error

    def scratch(self) -> "tempfile.TemporaryDirectory[str]":
        """Return a folder to work in, which is removed afterwards.

        Raises
        ------
        ToolError
            If it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryDirectory(dir=self.folder)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> ToolError:
        return ToolError(
            f"bitstreams must be made in a folder that can be written, not {self.folder}: "
            f"{error.strerror}; set XDG_CACHE_HOME to another"
        )


def _discard(entry: Path) -> None:
    """Remove what is no entry; where that is impossible, it is missed again."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        entry.unlink()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
