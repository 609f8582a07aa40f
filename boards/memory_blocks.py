"""How many blocks of memory a memory takes."""

from collections.abc import Sequence

from pmgd.gateware.layout import WORD_BITS, SampleLayout

__all__ = ["memory_blocks", "sample_blocks", "scattered"]


def memory_blocks(depth: int, width: int, shapes: Sequence[tuple[int, int]]) -> int:
    """Return how few blocks hold a memory, all of one shape.

    Parameters
    ----------
    depth, width
        Of the memory, in words and bits.
    shapes
        Depth and width of a block.
    """
    return min(-(-depth // words) * -(-width // bits) for words, bits in shapes)


def scattered(layout: SampleLayout, bit_depth: int | None) -> bool:
    """Return whether every bit of a sample has blocks of its own, see `pmgd.gateware.samples`.

    Parameters
    ----------
    layout
        The sample memory.
    bit_depth
        Words of a block that is a bit wide, where deeper memories are made of such.
    """
    return bit_depth is not None and layout.samples > bit_depth


def sample_blocks(
    layout: SampleLayout, shapes: Sequence[tuple[int, int]], bit_depth: int | None
) -> int:
    """Return how many blocks the sample memory takes.

    Otherwise than `scattered`, every 32 bits of a sample are a memory.
    """
    if bit_depth is not None and scattered(layout, bit_depth):
        return layout.bits * -(-layout.samples // bit_depth)
    widths = [min(WORD_BITS, layout.bits - word * WORD_BITS) for word in range(layout.words)]
    return sum(memory_blocks(layout.samples, width, shapes) for width in widths)
