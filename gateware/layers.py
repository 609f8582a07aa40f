"""The layers of a network: which parameters they own, and widths in which nothing overflows."""

from itertools import pairwise

from pmgd.gateware.formats import Format, signed_bits
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.output_formats import output_formats
from pmgd.gateware.pwl import FUNCTIONS, PiecewiseLinear
from pmgd.gateware.spec import Formats, Network

__all__ = ["plan_layers"]


def plan_layers(
    network: Network, formats: Formats, operand_range: tuple[int, int], defects: bool = False
) -> tuple[LayerPlan, ...]:
    """Return the layers, first to last.

    Parameters
    ----------
    network, formats
        What the user chose.
    operand_range
        Smallest and largest operand of a multiplier.
    defects
        Whether neurons have them.

    Raises
    ------
    SpecError
        If an output format or the number of segments does not suit a layer's activation.
    """
    planned: list[LayerPlan] = []
    first = 0
    source = formats.input
    for (inputs, outputs), activation, output_format in zip(
        pairwise(network.layers),
        network.activations,
        output_formats(network, formats, defects),
        strict=True,
    ):
        corners = [v * x for v in operand_range for x in (source.minimum, source.maximum)]
        # A bias is the product of an operand and 1.
        biases = [v << source.fraction_bits for v in operand_range if network.bias] or [0]
        layer = LayerPlan(
            inputs=inputs,
            outputs=outputs,
            bias=network.bias,
            first_parameter=first,
            input_format=source,
            product_bits=signed_bits(min(*corners, *biases), max(*corners, *biases)),
            sum_bits=signed_bits(
                inputs * min(corners) + min(biases), inputs * max(corners) + max(biases)
            ),
            sum_shift=formats.operand_fraction
            + source.fraction_bits
            - formats.preactivation.fraction_bits,
            activation=activation,
            output_format=output_format,
            table=_table(
                network,
                formats,
                activation,
                Format(False, 0, output_format.fraction_bits) if defects else output_format,
            ),
            defective=defects,
        )
        planned.append(layer)
        first += layer.parameters
        source = output_format
    return tuple(planned)


def _table(
    network: Network, formats: Formats, activation: str, result: Format
) -> PiecewiseLinear | None:
    if activation not in FUNCTIONS:
        return None
    return PiecewiseLinear(activation, formats.preactivation, result, network.segments)
