"""What synapses and neurons keep, packed into the words of the scan ring and taken out of them."""

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import Words
from pmgd.gateware.layout import DEFECT_BITS, DEFECTS, WORD_BITS, ScanLayout
from pmgd.host.packing import bits_to_words, fields_from_bits, fields_to_bits, words_to_bits

__all__ = ["pack_scan", "unpack_scan"]

_SIGNED = (True, True, False, False)
_DEFECT_WIDTHS = (DEFECT_BITS,) * len(DEFECTS)


def pack_scan(layout: ScanLayout, fields: NDArray[np.int64], defects: NDArray[np.int64]) -> Words:
    """Return the words of the ring, its padding zero.

    Parameters
    ----------
    layout
        The ring's.
    fields
        Shape (P, 4): theta, G, perturber and update perturber of each parameter, stored integers
        that fit their widths; of those that the fabric has none of, whatever is there vanishes.
    defects
        Shape (neurons, 4): of each, as `pmgd.gateware.layout.DEFECTS`; of no length without them.
    """
    ring = np.zeros(layout.words * WORD_BITS, dtype=np.uint8)
    ring[layout.positions()] = fields_to_bits(fields, layout.widths) ^ layout.inverted()
    ring[layout.defect_positions()] = fields_to_bits(defects, _DEFECT_WIDTHS)
    return bits_to_words(ring)


def unpack_scan(layout: ScanLayout, words: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Invert `pack_scan`; what the fabric has none of reads as 0."""
    ring = words_to_bits(words, len(words) * WORD_BITS)
    bits = ring[layout.positions()] ^ layout.inverted()
    fields = fields_from_bits(bits, layout.widths, _SIGNED)
    defects = ring[layout.defect_positions()]
    return fields, fields_from_bits(defects, _DEFECT_WIDTHS, (True,) * len(DEFECTS))
