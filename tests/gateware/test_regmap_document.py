from pathlib import Path

import pytest

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import Access, registers, windows
from pmgd.gateware.regmap_document import register_map
from pmgd.gateware.spec import Fabric, Network, Spec

DOCUMENT = Path(__file__).parents[2] / "docs" / "register-map.md"
ODD = Spec(
    name="odd",
    network=Network(layers=(3, 5, 2)),
    fabric=Fabric(samples=1 << 10, tau_theta_bits=1, tau_bits=32),
)


def rows(text: str) -> list[list[str]]:
    """The cells of every table, without what only looks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_document_is_what_is_generated_now() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == register_map(Plan(xor())), (
        "write it again: pmgd explain xor --registers > docs/register-map.md"
    )


@pytest.mark.parametrize("spec", [xor(), ODD])
def test_it_tells_every_register_and_window(spec: Spec) -> None:
    plan = Plan(spec)
    text = register_map(plan)
    told = {row[1]: row for row in rows(text)}
    assert len(told) == len(registers(plan)) + len(windows(plan))
    for register in registers(plan):
        address, _, bits, reset, access, doc = told[register.name]
        assert int(address, 16) == register.reg
        assert int(bits) == register.bits
        assert int(reset, 0) == register.reset
        assert access.startswith("write") == (register.access is Access.WRITE)
        assert ("write while stopped" in access) == (register.access is Access.STOPPED)
        assert doc == register.doc
    for window in windows(plan):
        address, _, words, access, doc = told[window.region.name.lower()]
        assert int(address, 16) == window.address
        assert int(words) == window.words
        assert ("read" in access, "write" in access) == (window.readable, window.writable)
        assert doc == window.doc
    assert f"{plan.digest:016x}" in text
    assert f", {plan.sample.bits} bits in all" in text
    assert (", G (" in text) == bool(plan.gradient_bits)
