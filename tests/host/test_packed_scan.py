"""The scan ring, bit by bit, against the words of its specification."""

import numpy as np
import pytest

from pmgd.gateware.layout import ScanLayout
from pmgd.host.packed_scan import pack_scan, unpack_scan

FIELDS = np.array([[-3, 1, 1, 0], [2, -2, 0, 1], [3, 0, 1, 1]], dtype=np.int64)
"""Three parameters: theta (3 bits), G (2), perturber and update perturber (1 each)."""

NONE = np.zeros((0, 4), dtype=np.int64)
"""Of neurons with defects."""


def ring(words, count):
    text = "".join(f"{int(word):032b}"[::-1] for word in words)
    assert set(text[count:]) <= {"0"}
    return text[:count]


def test_a_synapse_after_the_other():
    layout = ScanLayout(3, 2, 1, 3)
    # Theta, G and p, each least significant bit first: -3 is 101, 2 is 010, 3 is 011.
    expected = "101" + "10" + "1" + "010" + "01" + "0" + "110" + "00" + "1"
    words = pack_scan(layout, FIELDS, NONE)
    assert ring(words, 18) == expected
    back, defects = unpack_scan(layout, words)
    assert defects.shape == (0, 4)
    assert back[:, :3].tolist() == FIELDS[:, :3].tolist()
    assert not back[:, 3].any()


def test_planes_after_the_parameters():
    layout = ScanLayout(3, 2, 1, 3, update_perturber_bits=1, planes=True)
    # The planes hold parameter 2 first.
    expected = "10110" + "01001" + "11000" + "101" + "110"
    words = pack_scan(layout, FIELDS, NONE)
    assert ring(words, 21) == expected
    assert unpack_scan(layout, words)[0].tolist() == FIELDS.tolist()


def test_offset_binary_comes_with_its_most_significant_bit_first():
    layout = ScanLayout(3, 0, 1, 3, update_perturber_bits=1, planes=True, offset_binary=True)
    # -3 + 4 = 1, 2 + 4 = 6 and 3 + 4 = 7, as they are written.
    expected = "001" + "110" + "111" + "101" + "110"
    words = pack_scan(layout, FIELDS, NONE)
    assert ring(words, 15) == expected
    back, _ = unpack_scan(layout, words)
    assert back[:, [0, 2, 3]].tolist() == FIELDS[:, [0, 2, 3]].tolist()


@pytest.mark.parametrize("planes", [False, True])
def test_a_ring_of_several_words(planes):
    late = 1 if planes else 0
    layout = ScanLayout(24, 30, 1, 77, update_perturber_bits=late, planes=planes)
    rng = np.random.default_rng(4)
    fields = np.zeros((77, 4), dtype=np.int64)
    fields[:, 0] = rng.integers(-(1 << 23), 1 << 23, 77)
    fields[:, 1] = rng.integers(-(1 << 29), 1 << 29, 77)
    fields[:, 2 : 3 + late] = rng.integers(0, 2, (77, 1 + late))
    words = pack_scan(layout, fields, NONE)
    assert words.shape == (layout.words,)
    assert words.dtype == np.uint32
    assert unpack_scan(layout, words)[0].tolist() == fields.tolist()


def test_defects_after_the_synapses():
    layout = ScanLayout(3, 2, 1, 3, neurons=2)
    defects = np.array([[256, -1, 1, 0], [-(1 << 15), (1 << 15) - 1, -256, 3]], dtype=np.int64)
    words = pack_scan(layout, FIELDS, defects)
    assert words.shape == (-(-(18 + 2 * 64) // 32),)
    bits = ring(words, 18 + 128)
    assert bits[:18] == ring(pack_scan(ScanLayout(3, 2, 1, 3), FIELDS, NONE), 18)
    numbers = [f"{int(number) & 0xFFFF:016b}"[::-1] for row in defects for number in row]
    assert bits[18:] == "".join(numbers)
    back, found = unpack_scan(layout, words)
    assert back[:, :3].tolist() == FIELDS[:, :3].tolist()
    assert found.tolist() == defects.tolist()


def test_defects_of_any_ring(random_seed):
    rng = np.random.default_rng(random_seed)
    for parameters, neurons, phase in ((1, 1, 24), (9, 3, 9), (220, 8, 14)):
        layout = ScanLayout(12, 16, phase, parameters, neurons=neurons)
        fields = np.zeros((parameters, 4), dtype=np.int64)
        fields[:, 0] = rng.integers(-2048, 2048, parameters)
        fields[:, 1] = rng.integers(-(1 << 15), 1 << 15, parameters)
        fields[:, 2] = rng.integers(0, 1 << phase, parameters)
        defects = rng.integers(-(1 << 15), 1 << 15, (neurons, 4))
        words = pack_scan(layout, fields, defects)
        assert len(words) == layout.words
        back, found = unpack_scan(layout, words)
        assert (back.tolist(), found.tolist()) == (fields.tolist(), defects.tolist())
