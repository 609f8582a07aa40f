"""The link of a chain: the neighbour's sign one advance later, or the scan's."""

from itertools import product

from datapath import play

from pmgd.gateware.chain_perturber import ChainPerturber


def test_every_transition() -> None:
    """From each state, with every input; never scanned and advanced at once."""
    dut = ChainPerturber()
    rows, expected, sign = [], [], 0
    for state, advance, neighbour, scan_input in product((0, 1), repeat=4):
        for shift in (0, 1 - advance):
            # Scan the state in, then take the transition.
            rows += [(0, 0, 1, state), (advance, neighbour, shift, scan_input)]
            expected += [(sign, 1, sign, sign), (state, 1, state, state)]
            sign = neighbour if advance else scan_input if shift else state
    inputs = dut.advance, dut.neighbour, dut.scan.shift, dut.scan.input
    outputs = dut.positive, dut.active, dut.own, dut.scan.output
    assert play(dut, inputs, rows, outputs) == expected
