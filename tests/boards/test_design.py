import re

from fake_tools import BOARD

from pmgd.boards.design import prepare
from pmgd.boards.references import REFERENCES
from pmgd.gateware.plan import Plan


def test_no_name_looks_like_a_bit_of_another():
    """Yosys's abc9 would take ``x[0]`` of one bit for the last bit of ``x``."""
    for reference in (each for each in REFERENCES if each.small):
        text = prepare(Plan(reference.spec), BOARD, 12, 1).files["top.il"].decode()
        assert not re.search(r"\S\[\d", text)
        assert re.search(r"\.\d+\s", text)
        names = re.findall(r"^module (\S+)|^  wire(?: .*)? (\S+)$", text, re.MULTILINE)
        wires: set[str] = set()
        for module, wire in names:
            if module:
                wires.clear()
            assert wire not in wires or not wire
            wires.add(wire)
