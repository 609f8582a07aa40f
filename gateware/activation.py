"""The activation function of one neuron, by its layer's choice."""

from amaranth.lib import wiring

from pmgd.gateware.clip_activation import ClipActivation
from pmgd.gateware.defective_activation import DefectiveActivation
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.table_activation import TableActivation

__all__ = ["make_activation"]


def make_activation(layer: LayerPlan, preactivation: Format) -> wiring.Component:
    """Return an activation, a component with the weighted sum as `sum` and the output as `y`.

    One with defects has those as
    `defects`, too. Its latency is that of the layer in ``plan.latency.activations``.

    Parameters
    ----------
    layer
        The neuron's layer.
    preactivation
        Format of what the activation sees.
    """
    widths = {"sum_bits": layer.sum_bits, "sum_shift": layer.sum_shift}
    if layer.defective:
        return DefectiveActivation(layer, preactivation)
    if layer.table is not None:
        return TableActivation(layer.table, **widths)
    return ClipActivation(preactivation, layer.output_format, **widths)
