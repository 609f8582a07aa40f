"""Where bits of state lie, against the layout written out as a string of names."""

import itertools

import numpy as np
import pytest

from pmgd.gateware.layout import FlightLayout, ScanLayout
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor


def ring_of(layout: ScanLayout) -> list[tuple[int, int]]:
    """The parameter and the bit of its state that each bit of the ring is."""
    kept = [*range(layout.theta_bits + layout.gradient_bits)]
    if layout.offset_binary:
        kept[: layout.theta_bits] = kept[: layout.theta_bits][::-1]
    if not layout.planes:
        kept += range(len(kept), layout.synapse_bits)
    ring = [(p, k) for p in range(layout.parameters) for k in kept]
    for k in range(len(kept), layout.synapse_bits):
        ring += [(p, k) for p in reversed(range(layout.parameters))]
    return ring


LAYOUTS = [
    ScanLayout(theta, gradient, own, parameters, late * planes, planes, offset, neurons)
    for theta, gradient, own, late, (parameters, neurons) in itertools.product(
        (3, 12), (0, 5), (0, 1, 2), (0, 1), ((1, 0), (2, 1), (9, 0), (9, 3))
    )
    for planes, offset in ((False, False), (True, False), (True, True))
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_bit_of_state_has_a_position_of_its_own(layout: ScanLayout) -> None:
    positions = layout.positions()
    assert positions.shape == (layout.parameters, layout.synapse_bits)
    count = layout.parameters * layout.synapse_bits
    assert sorted(positions.ravel().tolist()) == list(range(count))
    assert [int(positions[bit]) for bit in ring_of(layout)] == list(range(count))
    # The defects follow, neuron by neuron.
    defects = layout.defect_positions()
    assert defects.shape == (layout.neurons, 64)
    assert layout.state_bits == count + 64 * layout.neurons
    assert defects.ravel().tolist() == list(range(count, layout.state_bits))
    assert 0 <= layout.padding_bits < 32
    assert layout.words * 32 == layout.state_bits + layout.padding_bits


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_only_the_sign_of_an_offset_parameter_is_inverted(layout: ScanLayout) -> None:
    inverted = layout.inverted()
    expected = np.zeros(layout.synapse_bits, int)
    if layout.offset_binary:
        expected[layout.theta_bits - 1] = 1
    assert inverted.tolist() == expected.tolist()


def test_three_parameters_by_hand() -> None:
    """Theta of 2 bits, G of 1, p and p': 012 345 678, then p of 2, 1, 0, then p' of 2, 1, 0."""
    layout = ScanLayout(2, 1, 1, 3, update_perturber_bits=1, planes=True)
    assert layout.positions().tolist() == [
        [0, 1, 2, 11, 14],
        [3, 4, 5, 10, 13],
        [6, 7, 8, 9, 12],
    ]
    offset = ScanLayout(2, 0, 1, 2, update_perturber_bits=1, planes=True, offset_binary=True)
    assert offset.positions().tolist() == [[1, 0, 5, 7], [3, 2, 4, 6]]
    assert offset.inverted().tolist() == [0, 1, 0, 0]


def test_a_step_in_flight_fits_a_word() -> None:
    layout = FlightLayout(12)
    assert (layout.step_bits, layout.advance_bit, layout.ends_bit, layout.bits) == (12, 12, 13, 14)
    widest = Plan(xor().with_settings({"formats.parameter": "S8.16"})).flight
    assert widest.bits == 26
    assert Plan(xor()).flight == layout
