"""The step that all activation functions share."""

from operator import index

from amaranth.hdl import C, Module, Mux, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.formats import Format

__all__ = ["ActivationClip"]


class ActivationClip(wiring.Component):
    """Brings a number to a format: drops fraction bits by floor, and clips.

    Latency: one cycle; a new number may enter every cycle.

    Parameters
    ----------
    number_bits
        Width of the number, signed.
    shift
        Fraction bits of the number beyond those of the format. If negative, zeros are appended.
    fmt
        The format.

    Members
    -------
    number
        The number.
    clipped
        The same in the format.
    """

    def __init__(self, *, number_bits: int, shift: int, fmt: Format) -> None:
        self._number_bits = index(number_bits)
        self._shift = index(shift)
        self._fmt = fmt
        shape = Shape(fmt.bits, fmt.signed)
        super().__init__({"number": In(signed(self._number_bits)), "clipped": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        fmt, shift = self._fmt, self._shift
        # Never narrower than the format with a sign, so that there is a bit to tell a clip from.
        floored = Signal(signed(max(self._number_bits - shift, fmt.bits + 1)))
        m.d.comb += floored.eq(self.number >> shift if shift >= 0 else self.number << -shift)
        if fmt.signed:
            # The bits from the format's sign bit up are all equal exactly if the number fits.
            beyond = floored[fmt.bits - 1 :]
            fits = beyond.all() | ~beyond.any()
        else:
            fits = ~floored[fmt.bits :].any()
        bound = Mux(floored[-1], C(fmt.minimum, fmt.bits), C(fmt.maximum, fmt.bits))
        m.d.sync += self.clipped.eq(Mux(fits, floored[: fmt.bits], bound))
        return m
