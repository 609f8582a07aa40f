"""What is cut off a netlist's carry chains is nothing that anybody reads."""

from collections import Counter

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Module, Signal, signed
from netlist import read_netlist, rewrite, yosys

from pmgd.boards.carry import CUT_CARRIES, CUT_CARRIES_FILE, CUT_CARRIES_MAP
from pmgd.boards.catalog import board
from pmgd.boards.design import prepare
from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


class Platform:
    device = "LFE5U-85F"


def assert_only_cut(folder):
    """Assert that two netlists differ in nothing but cut carries, and return how many there are."""
    (before, outputs), (after, same) = (
        read_netlist(folder / f"{name}.json") for name in ("before", "after")
    )
    assert outputs == same
    assert before.keys() == after.keys()
    read = {net for cell in before.values() for bits in cell["nets"].values() for net in bits}
    read |= {net for bits in outputs.values() for net in bits}
    cut = Counter()
    for name, cell in before.items():
        other = after[name]
        assert (cell["type"], cell["parameters"]) == (other["type"], other["parameters"])
        ins, others = dict(cell["nets"]), dict(other["nets"])
        if cell["type"] == "CCU2C":
            if others["CIN"] != ins["CIN"]:
                assert (ins["CIN"], others["CIN"]) == (["0"], ["x"])
                assert cell["attributes"]["carry_in"] == "none"
                cut["CIN"] += 1
                others["CIN"] = ins["CIN"]
            loose = other["connections"]["COUT"] == ["x"]
            assert loose == ((name, "COUT", 0) not in read)
            cut["COUT"] += loose
        assert ins == others
    return cut


def adders():
    """Return a design with every kind of carry chain: sums, a carry that is read, an `AddSub`."""
    m = Module()
    a, b = Signal(signed(7), name="a"), Signal(signed(7), name="b")
    subtract = Signal(name="subtract")
    total, difference = Signal(signed(8), name="total"), Signal(signed(8), name="difference")
    less, either = Signal(name="less"), Signal(signed(8), name="either")
    m.submodules.either = add_sub = AddSub(8)
    m.d.comb += [
        total.eq(a + b),
        difference.eq(a - b),
        less.eq(a.as_unsigned() < b.as_unsigned()),
        add_sub.a.eq(a),
        add_sub.b.eq(b),
        add_sub.subtract.eq(subtract),
        either.eq(add_sub.result),
    ]
    ports = [a, b, subtract, total, difference, less, either]
    return rtlil.convert(Fragment.get(m, Platform()), name="spec", ports=ports)


def cut_adders(folder, commands):
    """Write the netlists of `adders`, before and after Yosys commands."""
    (folder / CUT_CARRIES_FILE).write_text(CUT_CARRIES_MAP)
    rewrite(folder, adders(), commands)
    # nextpnr takes an output at x for one that is not connected, Yosys for a mistake.
    gate = (folder / "gate.il").read_text()
    (folder / "gate.il").write_text(gate.replace("connect \\COUT 1'x\n", ""))


def prove(folder):
    """Prove that both netlists do the same, whatever comes in where nothing is connected."""
    yosys(
        folder,
        "read_verilog -defer -D NO_INCLUDES +/ecp5/cells_sim.v\n"
        "read_rtlil gold.il\nread_rtlil gate.il\n"
        "miter -equiv -make_assert -make_outputs gold gate miter\n"
        "hierarchy -check -top miter\n"
        "proc\nflatten\n"
        "setundef -anyseq\n"
        "select -assert-min 1 t:$anyseq\n"
        "chformal -lower\nopt -full\n"
        "select -assert-min 1 t:$assert\n"
        "sat -tempinduct -prove-asserts -set-def-inputs -verify miter\n",
    )


def test_a_cut_netlist_does_the_same(tmp_path):
    cut_adders(tmp_path, CUT_CARRIES)
    # The chain of `difference` gives `less`, too.
    assert assert_only_cut(tmp_path) == {"CIN": 1, "COUT": 2}
    prove(tmp_path)


def test_a_carry_that_means_something_must_not_be_cut(tmp_path):
    mark = " a:carry_in=none %i"
    assert CUT_CARRIES.count(mark) == 1
    cut_adders(tmp_path, CUT_CARRIES.replace(mark, ""))
    with pytest.raises(AssertionError, match="proof did fail"):
        prove(tmp_path)


@pytest.mark.synth
def test_of_a_whole_fabric_nothing_else_is_cut(tmp_path):
    design = prepare(Plan(xor()), board("ulx3s_85f"), 25, 1)
    for name, content in design.files.items():
        (tmp_path / name).write_bytes(content)
    script = (tmp_path / "top.ys").read_text()
    assert script.count(CUT_CARRIES) == 1
    written = f"write_json before.json\n{CUT_CARRIES}\nwrite_json after.json\n"
    yosys(tmp_path, script.replace(CUT_CARRIES, written))
    cut = assert_only_cut(tmp_path)
    assert cut["CIN"] >= 9
    assert cut["COUT"] > 40
