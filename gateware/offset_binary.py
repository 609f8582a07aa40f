"""Numbers whose most significant bit is inverted."""

from amaranth.hdl import Cat, Value

__all__ = ["from_offset_binary", "to_offset_binary"]


def to_offset_binary(number) -> Value:
    """Return a number in two's complement so; it counts from 0 for the least one up."""
    return Cat(number[:-1], ~number[-1])


def from_offset_binary(number) -> Value:
    """Return the number in two's complement, signed."""
    return to_offset_binary(number).as_signed()
