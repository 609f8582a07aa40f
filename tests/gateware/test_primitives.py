"""Which platforms have cells of their own, and the carry chains that are made of them."""

import pytest
from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import LatticeMachXO2Platform, LatticePlatform, SiliconBluePlatform
from amaranth_boards.arty_a7 import ArtyA7_35Platform
from netlist import PLATFORMS, prove_equal

from pmgd.gateware.primitives import carry_ccu2c, carry_sb, family


class Ultra(SiliconBluePlatform):
    device, package = "iCE5LP4K", "SG48"
    resources = connectors = ()


class Automotive(LatticePlatform):
    device, package, speed = "LAE5UM-25F", "BG381", "6"
    resources = connectors = ()


class MachXO2(LatticeMachXO2Platform):
    device, package, speed = "LCMXO2-1200HC", "TG100", "4"
    resources = connectors = ()


def look_up(table: int, *pins):
    return Const(table, 16).bit_select(Cat(pins), 1)


class Places(wiring.Component):
    """Places of a chain with tables as given, behind one that makes the carry.

    Parameters
    ----------
    tables
        Of 16 bits, as the chains take them.
    """

    def __init__(self, tables: tuple[int, ...]) -> None:
        self._tables = tables
        width = len(tables)
        pins = {name: In(width) for name in "abcd"}
        super().__init__({**pins, "carry": In(1), "given": Out(width)})

    def elaborate(self, platform):
        m = Module()
        places = list(zip(self.a, self.b, self.c, self.d, strict=True))
        if family(platform) == "ecp5":
            first = ((self.carry, 0, 1, 0), 0x000A)  # P = 0, G = A
            given = carry_ccu2c(m, [first, *zip(places, self._tables, strict=True)])[1:]
        else:
            carry, bits = self.carry, []
            for (a, b, c, d), table in zip(places, self._tables, strict=True):
                p, g = look_up(table, a, b, c, d), look_up(table, a, b)
                bits.append(p ^ carry)
                carry = Mux(p, carry, g)
            given = Cat(bits)
        m.d.comb += self.given.eq(given)
        return m


class Majorities(wiring.Component):
    """The same of an iCE40's cells, whose carry is no matter of the tables."""

    def __init__(self, tables: tuple[int, ...]) -> None:
        self._tables = tables
        width = len(tables)
        super().__init__({**{name: In(width) for name in "abc"}, "given": Out(width)})

    def elaborate(self, platform):
        m = Module()
        places = list(zip(self.a, self.b, self.c, strict=True))
        if family(platform) == "ice40":
            given = carry_sb(m, list(zip(places, self._tables, strict=True)))
        else:
            carry, bits = 0, []
            for (a, b, c), table in zip(places, self._tables, strict=True):
                bits.append(look_up(table, a, b, c, carry))
                carry = (b & c) | (b & carry) | (c & carry)
            given = Cat(bits)
        m.d.comb += self.given.eq(given)
        return m


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (PLATFORMS["ecp5"], "ecp5"),
        (Automotive, "ecp5"),
        (PLATFORMS["ice40"], "ice40"),
        (Ultra, "ice40"),
        (MachXO2, None),
        (ArtyA7_35Platform, None),
    ],
)
def test_family(platform: type, expected: str | None) -> None:
    assert family(platform()) == expected


def test_simulation_has_no_family() -> None:
    assert family(None) is None


TABLES = (0x96AA, 0x7888, 0x1234, 0xE5B2, 0x0F5A)


@pytest.mark.parametrize("places", range(1, len(TABLES) + 1))
def test_ccu2c_chain(places: int, tmp_path) -> None:
    prove_equal(lambda: Places(TABLES[:places]), "ecp5", tmp_path)


@pytest.mark.parametrize("places", [1, 2, 5])
def test_sb_chain(places: int, tmp_path) -> None:
    prove_equal(lambda: Majorities(TABLES[:places]), "ice40", tmp_path)
