"""An FPGA's own cells, where synthesis would take more of them, or slower ones."""

from collections.abc import Sequence

from amaranth.hdl import ClockSignal, Const, Instance, Module, Shape, Signal, Value

__all__ = ["MULT18_BITS", "carry_ccu2c", "carry_sb", "family", "mult18x18d"]

MULT18_BITS = 18
"""Bits of the factors of an ECP5's MULT18X18D."""

_FAMILIES = {"lfe5": "ecp5", "lae5": "ecp5", "ice40": "ice40", "ice5": "ice40"}
"""By the beginning of the device's name, in small letters."""


def family(platform) -> str | None:
    """Return the family whose cells a component may be made of.

    Parameters
    ----------
    platform
        What `elaborate` is given: None in simulations and wherever Verilog is written.

    Returns
    -------
    ``"ecp5"``, ``"ice40"``, or None where a component must be portable.
    """
    device = getattr(platform, "device", "").lower()
    return next((name for start, name in _FAMILIES.items() if device.startswith(start)), None)


def carry_ccu2c(m: Module, halves: Sequence[tuple[tuple, int]]):
    """Make a carry chain of an ECP5's CCU2C, two places in each.

    A place is a look-up table P of its four pins, and one of the first two, G, which is P where
    the others are 0. It gives ``P ^ carry`` and hands on ``P ? carry : G``. Combinational.

    Nothing is carried into the first place, and there may be either there. So its P must be 0:
    what it hands on is its G, and what it gives means nothing. Yosys connects a 0 there even so,
    and the last carry to nothing, and nextpnr makes two more places for each; the attribute
    ``carry_in`` is ``"none"`` where a build may cut that connection.

    Parameters
    ----------
    m
        Where the cells go.
    halves
        Pins A, B, C, D and the table of each place, first place first. Bit ``A + 2B + 4C + 8D`` of
        the table is P; the last four bits are G.

    Returns
    -------
    What the places give, first place in the last bit.
    """
    unused = ((0, 0, 0, 0), 0)
    padded = [*halves, unused] if len(halves) % 2 else list(halves)
    pairs = list(zip(padded[::2], padded[1::2], strict=True))
    carries = [Signal() for _ in pairs[1:]]
    sums = Signal(len(padded))
    for i, (((a0, b0, c0, d0), init0), ((a1, b1, c1, d1), init1)) in enumerate(pairs):
        m.submodules += Instance(
            "CCU2C",
            a_carry_in="none" if i == 0 else "chain",
            p_INIT0=Const(init0, 16),
            p_INIT1=Const(init1, 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            **({"i_CIN": carries[i - 1]} if i else {}),
            i_A0=a0,
            i_B0=b0,
            i_C0=c0,
            i_D0=d0,
            i_A1=a1,
            i_B1=b1,
            i_C1=c1,
            i_D1=d1,
            o_S0=sums[2 * i],
            o_S1=sums[2 * i + 1],
            **({"o_COUT": carries[i]} if i < len(carries) else {}),
        )
    return sums[: len(halves)]


def carry_sb(m: Module, cells: Sequence[tuple[tuple, int]]):
    """Make a carry chain of an iCE40's SB_LUT4 and SB_CARRY, a logic cell for every place.

    A place gives a look-up table of its three pins and the carry, and hands on the majority of
    I1, I2 and the carry. The carry into the first place is 0. Combinational.

    Parameters
    ----------
    m
        Where the cells go.
    cells
        Pins I0, I1, I2 and the table of each place, first place first. Bit
        ``I0 + 2 I1 + 4 I2 + 8 carry`` of the table is what it gives.

    Returns
    -------
    What the places give, first place in the last bit.
    """
    carry = Const(0)
    sums = Signal(len(cells))
    for total, ((i0, i1, i2), init) in zip(sums, cells, strict=True):
        m.submodules += Instance(
            "SB_LUT4",
            p_LUT_INIT=Const(init, 16),
            i_I0=i0,
            i_I1=i1,
            i_I2=i2,
            i_I3=carry,
            o_O=total,
        )
        handed_on = Signal()
        m.submodules += Instance("SB_CARRY", i_I0=i1, i_I1=i2, i_CI=carry, o_CO=handed_on)
        carry = handed_on
    return sums


def mult18x18d(m: Module, a: Value, b: Value) -> Value:
    """Make an ECP5's MULT18X18D with its registers for both factors and the product.

    Latency: 2 cycles. Its registers begin at 0 and are not reset.

    Parameters
    ----------
    m
        Where the cell goes.
    a, b
        The factors, of no more than `MULT18_BITS` bits each.

    Returns
    -------
    The product, as wide as both factors.
    """
    result = Signal(Shape(len(a) + len(b), a.shape().signed or b.shape().signed))
    whole = Signal(2 * MULT18_BITS)
    pins = {"i_CLK0": ClockSignal(), "i_CE0": Const(1), "i_RST0": Const(0)}
    for name, factor in (("A", a), ("B", b)):
        signed = factor.shape().signed
        wide = Signal(Shape(MULT18_BITS, signed), name=f"factor_{name.lower()}")
        m.d.comb += wide.eq(factor)
        pins |= {f"i_{name}{k}": wide[k] for k in range(MULT18_BITS)}
        pins |= {f"i_C{k}": Const(0) for k in range(MULT18_BITS)}
        pins |= {f"i_SIGNED{name}": Const(signed), f"i_SOURCE{name}": Const(0)}
    m.submodules += Instance(
        "MULT18X18D",
        p_REG_INPUTA_CLK="CLK0",
        p_REG_INPUTB_CLK="CLK0",
        p_REG_OUTPUT_CLK="CLK0",
        **pins,
        **{f"o_P{k}": whole[k] for k in range(2 * MULT18_BITS)},
    )
    m.d.comb += result.eq(whole)
    return result
