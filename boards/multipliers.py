"""How many multiplier blocks a product takes, by the rules of Yosys 0.70's ``mul2dsp``."""

__all__ = ["multipliers"]

_LEAST_FACTOR_BITS = 2
"""A narrower factor is a gate, or nothing."""


def multipliers(a_bits: int, b_bits: int, *, limit_bits: int, least_bits: int) -> int:
    """Return how many blocks are made of a product; 0 if it is made of look-up tables.

    A factor that is too wide is split, its low bits first, each part multiplied, and what comes of
    them added up; parts of a bit, and narrow results, are made of look-up tables.

    Parameters
    ----------
    a_bits, b_bits
        Widths of the factors; of an unsigned one beside a signed one, a bit more.
    limit_bits
        Width of a block's factors.
    least_bits
        Results of fewer bits take no block.
    """
    a_bits, b_bits = max(a_bits, b_bits), min(a_bits, b_bits)
    if b_bits < _LEAST_FACTOR_BITS or a_bits + b_bits < least_bits:
        return 0
    if a_bits <= limit_bits:
        return 1
    split = {"limit_bits": limit_bits, "least_bits": least_bits}
    whole = -(-a_bits // limit_bits) - 1
    rest = multipliers(a_bits - whole * limit_bits, b_bits, **split)
    return whole * multipliers(limit_bits, b_bits, **split) + rest
