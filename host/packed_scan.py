"""What the synapses keep, packed into the words of the scan ring and taken out of them."""

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import Words
from pmgd.gateware.layout import WORD_BITS, ScanLayout
from pmgd.host.packing import bits_to_words, fields_from_bits, fields_to_bits, words_to_bits

__all__ = ["pack_scan", "unpack_scan"]

_SIGNED = (True, True, False, False)


def pack_scan(layout: ScanLayout, fields: NDArray[np.int64]) -> Words:
    """Return the words of the ring, its padding zero.

    Parameters
    ----------
    layout
        The ring's.
    fields
        Shape (P, 4): theta, G, perturber and update perturber of each parameter, stored integers
        that fit their widths; of those that the fabric has none of, whatever is there vanishes.
    """
    ring = np.zeros(layout.words * WORD_BITS, dtype=np.uint8)
    ring[layout.positions()] = fields_to_bits(fields, layout.widths) ^ layout.inverted()
    return bits_to_words(ring)


def unpack_scan(layout: ScanLayout, words: Words) -> NDArray[np.int64]:
    """Invert `pack_scan`; what the fabric has none of reads as 0."""
    ring = words_to_bits(words, len(words) * WORD_BITS)
    bits = ring[layout.positions()] ^ layout.inverted()
    return fields_from_bits(bits, layout.widths, _SIGNED)
