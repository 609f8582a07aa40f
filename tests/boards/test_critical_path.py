import json

import pytest

from pmgd.boards.critical_path import CriticalPath, read_critical_path, readable
from pmgd.gateware.errors import ToolError


def step(kind, delay, start, end):
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}


def report(*paths, **fmax):
    return json.dumps(
        {
            "fmax": {clock: {"achieved": mhz} for clock, mhz in fmax.items()},
            "critical_paths": [
                {"from": start, "to": end, "path": path} for start, end, path in paths
            ],
        }
    ).encode()


PATH = [
    step("clk-to-q", 0.5, "a.x_TRELLIS_FF_Q_3", "a.x_TRELLIS_FF_Q_3"),
    step("routing", 1.25, "a.x_TRELLIS_FF_Q_3", "b"),
    step("logic", 0.25, "b", "b"),
    step("routing", 2, "b", "serial.fabric.c.y_TRELLIS_FF_Q"),
    step("setup", 0.125, "serial.fabric.c.y_TRELLIS_FF_Q", "serial.fabric.c.y_TRELLIS_FF_Q"),
]


def test_a_path_is_split_into_logic_and_routing():
    asynchronous = [step("source", 0, "pin", "pin"), step("routing", 90, "pin", "z")]
    content = report(
        ("<async>", "posedge clk", asynchronous),
        ("posedge clk", "posedge clk", PATH),
        ("posedge fast", "posedge fast", PATH[:2]),
        clk=240.0,
        fast=300.0,
    )
    assert read_critical_path(content) == CriticalPath("a.x", "c.y", 0.875, 3.25, 1)


@pytest.mark.parametrize(
    "content", [b"", b"{}", report(), report(clk=1.0), report(("<async>", "x", PATH), clk=1.0)]
)
def test_a_report_without_a_path_is_refused(content):
    with pytest.raises(ToolError, match="must tell the slowest path of a clock"):
        read_critical_path(content)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("serial.fabric.registers.state_TRELLIS_FF_Q_54", "registers.state"),
        ("serial.fabric.filter.baseline_valid_TRELLIS_FF_Q_CE_PFUMX_Z", "filter.baseline_valid"),
        (
            "serial.fabric.network.layer_0.neuron_0.activation.risen_TRELLIS_FF_Q_DI_MULT18X18D_P0",
            "network.layer_0.neuron_0.activation.risen",
        ),
        ("serial.fabric.samples.word_0.0.0", "samples.word_0"),
        ("serial.fabric.cost_sum_SB_DFFESR_Q_1_D_SB_LUT4_O_LC", "cost_sum"),
        ("serial.receiver.state_SB_DFF_Q", "serial.receiver.state"),
        (
            "serial.fabric.network.layer_0.carries_CCU2C_S0_COUT$CCU2_COMB0",
            "network.layer_0.carries",
        ),
        ("serial.fabric.bus_2.word", "bus_2.word"),
        ("$abc$1", "$abc$1"),
    ],
)
def test_names_are_those_of_the_design(cell, name):
    assert readable(cell) == name
