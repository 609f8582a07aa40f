"""A block of memory takes in the registers behind it only where that changes nothing."""

from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib.memory import Memory
from netlist import read_netlist, rewrite, yosys

from pmgd.boards.output_register import (
    ABSORB_REGISTERS,
    ABSORB_REGISTERS_FILE,
    ABSORB_REGISTERS_MAP,
)
from pmgd.gateware.attributes import OUTPUT_REGISTER

BITS = 2
A_BLOCK_A_BIT = 16384  # rows
MODEL = (Path(__file__).parents[1] / "dp16kd.v").read_text()


def design(rows, beside=None, reset_less=True):
    """Return a design with a marked register behind one memory, and another behind another.

    Parameters
    ----------
    rows
        Of each memory.
    beside
        Adds to a module what else there is of the marked register, of what the memory in front of
        it gives, and of an input; and returns an output.
    reset_less
        Whether a reset leaves the registers as they are.
    """
    m = Module()
    address, data = Signal(range(rows), name="address"), Signal(BITS, name="data")
    write, both = Signal(name="write"), Signal(BITS, name="both")
    ports, registers = [address, data, write, both], []
    for name, attributes in (("marked", {OUTPUT_REGISTER: "yes"}), ("plain", {})):
        memory = Memory(shape=unsigned(BITS), depth=rows, init=[], attrs={"ram_style": "block"})
        m.submodules[name] = memory
        write_port, read_port = memory.write_port(), memory.read_port()
        register = Signal(BITS, name=f"{name}_register", reset_less=reset_less, attrs=attributes)
        out = Signal(BITS, name=f"{name}_out")
        m.d.comb += [
            write_port.addr.eq(address),
            write_port.data.eq(data),
            write_port.en.eq(write),
            read_port.addr.eq(address),
            read_port.en.eq(1),
            out.eq(register),
        ]
        m.d.sync += register.eq(read_port.data)
        if name == "marked" and beside is not None:
            ports.append(beside(m, register, read_port.data, data))
        registers.append(register)
        ports.append(out)
    m.d.comb += both.eq(registers[0] ^ registers[1])
    return rtlil.convert(m, name="spec", ports=ports)


def absorb(folder, text, commands=ABSORB_REGISTERS):
    """Write the netlists of a design, before and after Yosys commands."""
    (folder / ABSORB_REGISTERS_FILE).write_text(ABSORB_REGISTERS_MAP)
    rewrite(folder, text, commands)


def prove(folder):
    """Prove that both netlists do the same, with blocks of four rows.

    Which row is read or written is the same in both; more of them would only take longer.
    """
    assert MODEL.count("ADDRESS_BITS = 14") == 1
    (folder / "models.v").write_text(MODEL.replace("ADDRESS_BITS = 14", "ADDRESS_BITS = 2"))
    yosys(
        folder,
        "read_verilog -defer -D NO_INCLUDES +/ecp5/cells_sim.v\n"
        "read_verilog -defer models.v\n"
        "read_rtlil gold.il\nread_rtlil gate.il\n"
        "setattr -mod -unset top gold gate\n"  # a top would be the only one
        "hierarchy -check\n"
        "proc\nflatten\nmemory\n"
        "setundef -zero\n"  # pins that do not matter
        "opt -full\n"
        "equiv_make gold gate equiv\n"
        "hierarchy -top equiv\n"
        "select -assert-min 1 t:$equiv\n"
        "opt -full\n"
        "equiv_simple -undef\nequiv_induct -undef\n"
        "equiv_status -assert\n",
    )


@pytest.mark.parametrize(("rows", "blocks"), [(A_BLOCK_A_BIT, BITS), (A_BLOCK_A_BIT // BITS, 1)])
def test_blocks_take_the_place_of_marked_registers_alone(rows, blocks, tmp_path):
    absorb(tmp_path, design(rows))
    (before, outputs), (after, others) = (
        read_netlist(tmp_path / f"{name}.json") for name in ("before", "after")
    )
    absorbing = {
        name
        for name, cell in before.items()
        if cell["type"] == "DP16KD" and name.startswith("marked.")
    }
    assert len(absorbing) == blocks
    gone = {(name, "Q", 0): before[name]["nets"]["DI"] for name in before.keys() - after.keys()}
    assert len(gone) == BITS
    assert {before[name]["type"] for name, *_ in gone} == {"TRELLIS_FF"}
    assert {source[0] for (source,) in gone.values()} == absorbing

    def moved(nets):
        return [gone[net][0] if net in gone else net for net in nets]

    assert others == {name: moved(nets) for name, nets in outputs.items()}
    assert others["marked_out"] != outputs["marked_out"]
    for name, cell in after.items():
        was = before[name]
        parameters = dict(was["parameters"])
        if name in absorbing:
            assert (parameters["REGMODE_A"], parameters["REGMODE_B"]) == ("NOREG", "NOREG")
            parameters |= {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG"}
        same = cell["type"] == was["type"] and cell["parameters"] == parameters
        assert same, f"{name} has another type or other parameters"
        assert cell["nets"] == {port: moved(nets) for port, nets in was["nets"].items()}
    prove(tmp_path)


def test_a_block_whose_register_does_not_serve_is_caught(tmp_path):
    assert ABSORB_REGISTERS.count('"OUTREG"') == 2
    absorb(tmp_path, design(A_BLOCK_A_BIT), ABSORB_REGISTERS.replace('"OUTREG"', '"NOREG"'))
    with pytest.raises(AssertionError, match=r"unproven \$equiv cells in 'equiv_status -assert'"):
        prove(tmp_path)


def logic(m, _, given, data):
    out = Signal(BITS, name="beside")
    m.d.comb += out.eq(given & data)
    return out


def register(m, _, given, data):
    out = Signal(name="beside")
    m.d.sync += out.eq(given[0])
    return out


def enable(m, _, given, data):
    out = Signal(name="beside")
    with m.If(given[1]):
        m.d.sync += out.eq(data[0])
    return out


def output(m, _, given, data):
    out = Signal(name="beside")
    m.d.comb += out.eq(given[1])
    return out


@pytest.mark.parametrize("reader", [logic, register, enable, output])
def test_nothing_else_may_read_a_block(reader, tmp_path):
    with pytest.raises(AssertionError, match=r"selection is not empty: @raw(?s:.*)spec/beside"):
        absorb(tmp_path, design(A_BLOCK_A_BIT // BITS, reader))


def test_a_marked_register_behind_logic_is_refused(tmp_path):
    def behind_logic(m, register, given, data):
        m.d.sync += register.eq(given & data)
        return Signal(name="beside")

    with pytest.raises(AssertionError, match="selection is not empty: @behind"):
        absorb(tmp_path, design(A_BLOCK_A_BIT, behind_logic))


def test_a_marked_register_behind_an_input_is_refused(tmp_path):
    def behind_an_input(m, register, given, data):
        m.d.sync += register[0].eq(data[0])
        return Signal(name="beside")

    with pytest.raises(AssertionError, match=r"selection is not empty: @registers @raw"):
        absorb(tmp_path, design(A_BLOCK_A_BIT, behind_an_input))


def test_a_marked_register_with_a_reset_is_refused(tmp_path):
    with pytest.raises(AssertionError, match=r"selection is not empty: @registers %ci1"):
        absorb(tmp_path, design(A_BLOCK_A_BIT, reset_less=False))


def test_a_marked_register_with_an_enable_is_refused(tmp_path):
    def with_an_enable(m, register, given, data):
        with m.If(data[0]):
            m.d.sync += register.eq(register)
        return Signal(name="beside")

    with pytest.raises(AssertionError, match=r"selection is not empty: @registers %ci1"):
        absorb(tmp_path, design(A_BLOCK_A_BIT, with_an_enable))
