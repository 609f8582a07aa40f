"""Sizes at which components are made of other cells, which estimates of size count with them."""

__all__ = ["ADDED_FACTOR_BITS", "BIT_ROWS", "LUT_ADDED_BITS", "LUT_MASKED_BITS"]

ADDED_FACTOR_BITS = 6
"""Of a factor: where multipliers are few, the other one is added up, shifted, so many times at
most."""
BIT_ROWS = 16_384
"""Of an ECP5's block of memory, one bit wide. Of more samples, each bit has its own blocks:
wider ones would be more, with many to choose from."""
LUT_ADDED_BITS = 3
"""An ECP5's look-up tables alone add numbers of no more bits, and else a carry chain."""
LUT_MASKED_BITS = 2
"""The same of numbers that are masked first."""
