"""A sigmoid that manufacture has spoiled."""

from amaranth.hdl import Cat, Const, Module, Shape, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.activation_clip import ActivationClip
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import DEFECT_BITS, DEFECT_FRACTION, DEFECTS, LayerPlan
from pmgd.gateware.multiplier import Multiplier
from pmgd.gateware.table_activation import TableActivation

__all__ = ["DefectiveActivation", "DefectsLayout"]

DefectsLayout = data.StructLayout({name: signed(DEFECT_BITS) for name in DEFECTS})
"""A neuron's defects, as they lie in the ring."""


class DefectiveActivation(wiring.Component):
    """Turns a weighted sum into a general logistic function of it ([0087]).

    ``y = output_scale * F(input_scale * z + input_offset) + output_offset``, with the layer's table
    F, the scales in 256ths. Products are rounded to nearest, halves up; z, the argument of F and y
    are clipped to their formats.

    Latency: ``TABLE_CYCLES + DEFECTS_CYCLES`` of `pmgd.gateware.latency`; a new sum may enter
    every cycle.

    Parameters
    ----------
    layer
        The neuron's layer, which has a table.
    preactivation
        Format of z.

    Members
    -------
    sum
        The weighted sum.
    defects
        See `DefectsLayout`; constant while running.
    y
        The output, in the layer's format.
    """

    def __init__(self, layer: LayerPlan, preactivation: Format) -> None:
        self._layer = layer
        self._preactivation = preactivation
        result = layer.output_format
        super().__init__(
            {
                "sum": In(signed(layer.sum_bits)),
                "defects": In(DefectsLayout),
                "y": Out(Shape(result.bits, result.signed)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer, preactivation, defects = self._layer, self._preactivation, self.defects
        m.submodules.clip = clip = ActivationClip(
            number_bits=layer.sum_bits, shift=layer.sum_shift, fmt=preactivation
        )
        m.submodules.table = table = TableActivation(
            layer.table, sum_bits=preactivation.bits, sum_shift=0
        )
        m.d.comb += [
            clip.number.eq(self.sum),
            table.sum.eq(
                _moved(
                    m, "input", clip.clipped, defects.input_scale, defects.input_offset,
                    preactivation,
                )
            ),
            self.y.eq(
                _moved(
                    m, "output", table.y, defects.output_scale, defects.output_offset,
                    layer.output_format,
                )
            ),
        ]  # fmt: skip
        return m


def _moved(m: Module, name: str, value, scale, offset, fmt: Format):
    """Return a value scaled and moved, in a format, three cycles later."""
    m.submodules[f"{name}_scaler"] = scaler = Multiplier(value.shape(), scale.shape())
    # The offset stands above the half that rounds: one addition does both.
    half = Const(1 << (DEFECT_FRACTION - 1), DEFECT_FRACTION)
    addend = Cat(half, offset).as_signed()
    bits = 1 + max(len(scaler.product), len(addend))
    m.submodules[f"{name}_clip"] = clip = ActivationClip(
        number_bits=bits, shift=DEFECT_FRACTION, fmt=fmt
    )
    m.d.comb += [
        scaler.a.eq(value),
        scaler.b.eq(scale),
        clip.number.eq(scaler.product + addend),
    ]
    return clip.clipped
