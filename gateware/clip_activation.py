"""The activation function of a neuron that is linear up to its bounds."""

from amaranth.hdl import Module, Shape, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation_clip import ActivationClip
from pmgd.gateware.formats import Format

__all__ = ["ClipActivation"]


class ClipActivation(wiring.Component):
    """Turns a weighted sum into the output of a relu or identity.

    The sum loses `sum_shift` fraction bits by floor and is clipped to the range of the
    preactivation; this goes to the result's fraction, by floor, and is clipped to its range. A
    result that is unsigned makes a relu, one that is signed an identity.

    Latency: two cycles (`pmgd.gateware.latency.CLIP_CYCLES`). A new sum may enter every cycle.

    Parameters
    ----------
    preactivation, result
        Formats of the clipped sum, signed, and of the output.
    sum_bits
        Width of the weighted sum, signed.
    sum_shift
        Fraction bits of the sum beyond those of the preactivation; may be negative.

    Members
    -------
    sum
        The weighted sum.
    y
        The output.
    """

    def __init__(
        self, preactivation: Format, result: Format, *, sum_bits: int, sum_shift: int
    ) -> None:
        self._first = ActivationClip(number_bits=sum_bits, shift=sum_shift, fmt=preactivation)
        self._second = ActivationClip(
            number_bits=preactivation.bits,
            shift=preactivation.fraction_bits - result.fraction_bits,
            fmt=result,
        )
        super().__init__({"sum": In(signed(sum_bits)), "y": Out(Shape(result.bits, result.signed))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.first = first = self._first
        m.submodules.second = second = self._second
        m.d.comb += [
            first.number.eq(self.sum),
            second.number.eq(first.clipped),
            self.y.eq(second.clipped),
        ]
        return m
