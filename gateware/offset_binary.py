"""Numbers whose most significant bit is inverted."""

from amaranth.hdl import Cat, Value

__all__ = ["from_offset_binary"]


def from_offset_binary(number) -> Value:
    """Return the number in two's complement, signed."""
    return Cat(number[:-1], ~number[-1]).as_signed()
