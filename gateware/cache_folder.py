"""Where this user's compiled fabrics and bitstreams are kept."""

import os
import sys
from pathlib import Path

from pmgd.gateware.errors import ToolError

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Return the folder of what can be made again; any of it may be deleted at any time.

    Raises
    ------
    ToolError
        If this user has no home folder, and the environment names no other.
    """
    variable, *place = {
        "win32": ("LOCALAPPDATA", "AppData", "Local"),
        "darwin": ("", "Library", "Caches"),
    }.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    if chosen := os.environ.get(variable):
        return Path(chosen, "pmgd")
    try:
        return Path.home().joinpath(*place, "pmgd")
    except RuntimeError as error:
        raise ToolError(
            f"what is compiled must be kept in a folder, but this user has no home; set "
            f"{variable or 'HOME'} to a folder that can be written"
        ) from error
