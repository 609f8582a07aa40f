"""f(x; theta) and the cost in integers, as the specification has them: any shape, any width."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.formats import Format, floor_shift
from pmgd.gateware.layout import DEFECT_FRACTION, LayerPlan
from pmgd.gateware.plan import Plan

__all__ = ["TABLE_BITS", "GoldenNetwork"]

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TABLE_BITS = 16
"""Widest preactivation whose activations are tabulated for every value; a matter of speed only."""


class GoldenNetwork:
    """The network of a plan: its outputs, their cost, and what they classify.

    Parameters
    ----------
    plan
        Any plan: where 64 bits would not hold a sum exactly, Python integers do.

    Attributes
    ----------
    tables
        For every layer, what its activation makes of every preactivation from the smallest up,
        but for defects; None where there are too many.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # Properties of a plan are computed on every use; these are used in every timestep.
        self._layers = plan.layers
        self._operand_shift = plan.operand_shift
        self._sine = plan.levels > 1
        self._preactivation = plan.spec.formats.preactivation
        error_fraction = plan.error_fraction
        self._output_shift = error_fraction - plan.output_format.fraction_bits
        self._target_shift = error_fraction - plan.spec.formats.target.fraction_bits
        self._squared, self._cost_shift = plan.squared, plan.cost_shift
        self._sum_types = [_exact(sum_bits(layer)) for layer in plan.layers]
        self._cost_type = _exact(plan.full_cost_maximum.bit_length() + 1)
        fmt = self._preactivation
        every = np.arange(fmt.minimum, fmt.maximum + 1) if fmt.bits <= TABLE_BITS else None
        self.tables = [
            None if every is None else self._activated(layer, every) for layer in plan.layers
        ]

    def operands(self, theta: Integers, perturbation: Integers | int) -> Integers:
        """Return what the multipliers see of parameters (..., P) and their perturbations.

        Those of a sine are in units of an operand, others in units of a parameter.
        """
        if self._sine:
            return (theta >> self._operand_shift) + perturbation
        return (theta + perturbation) >> self._operand_shift

    def outputs(self, operands: Integers, x: Integers, defects: Integers) -> Integers:
        """Return y of a network.

        Parameters
        ----------
        operands
            Shape (..., P): from `operands`.
        x
            Shape (..., inputs).
        defects
            Shape (..., neurons, 4): of every neuron, as `pmgd.gateware.layout.DEFECTS`; of no
            length without them.
        """
        values, first = x, 0
        for layer, exact, table in zip(self._layers, self._sum_types, self.tables, strict=True):
            z = self._preactivations(layer, operands, values, exact)
            own = defects[..., first : first + layer.outputs, :]
            first += layer.outputs
            if layer.defective:
                z = _clipped(_scaled(z, own[..., 0], own[..., 1]), self._preactivation)
            if table is None:
                values = self._activated(layer, z)
            else:
                values = table[z - self._preactivation.minimum]
            if layer.defective:
                values = _clipped(_scaled(values, own[..., 2], own[..., 3]), layer.output_format)
        return values

    def cost(self, y: Integers, t: Integers) -> Integers:
        """Return the cost of outputs against targets, summed over the last axis."""
        error = (y << self._output_shift) - (t << self._target_shift)
        wide: NDArray[Any] = error.astype(self._cost_type, copy=False)
        total: NDArray[Any] = (wide * wide if self._squared else abs(wide)).sum(axis=-1)
        return (total >> self._cost_shift).astype(np.int64, copy=False)

    def hits(self, y: Integers, t: Integers) -> Mask:
        """Return which outputs (..., outputs) are classified as their targets are."""
        output, target = self.plan.output_format, self.plan.spec.formats.target
        same: Mask = self._classes(y, output) == self._classes(t, target)
        return same

    # -- Parts --------------------------------------------------------------------------------

    def _preactivations(
        self, layer: LayerPlan, operands: Integers, inputs: Integers, exact: type
    ) -> Integers:
        own = operands[..., layer.first_parameter : layer.first_parameter + layer.parameters]
        shape = (*own.shape[:-1], layer.outputs, layer.fan_in)
        neurons: NDArray[Any] = own.reshape(shape).astype(exact, copy=False)
        products = neurons[..., : layer.inputs] @ inputs[..., None].astype(exact, copy=False)
        total = products[..., 0]
        if layer.bias:
            total = total + (neurons[..., -1] << layer.input_format.fraction_bits)
        return _clipped(floor_shift(total, layer.sum_shift), self._preactivation)

    def _activated(self, layer: LayerPlan, z: Integers) -> Integers:
        table, fmt = layer.table, self._preactivation
        if table is None:  # relu and identity only clip
            dropped = fmt.fraction_bits - layer.output_format.fraction_bits
            return _clipped(floor_shift(z, dropped), layer.output_format)
        offset = z - fmt.minimum
        segment = offset >> table.remainder_bits
        remainder = offset & ((1 << table.remainder_bits) - 1)
        knot, slope = np.array(table.knots)[segment], np.array(table.slopes)[segment]
        value = (knot << table.remainder_bits) + slope * remainder
        rounded = (value + (1 << (table.shift - 1))) >> table.shift
        return _clipped(rounded, table.activation)

    def _classes(self, values: Integers, fmt: Format) -> Integers:
        if values.shape[-1] > 1:
            largest: Integers = values.argmax(axis=-1)  # the first among equals
            return largest
        return (fmt.to_real(values[..., 0]) >= self.plan.class_threshold).astype(np.int64)


def sum_bits(layer: LayerPlan) -> int:
    """Return the width, signed, in which a layer's sums and preactivations are exact."""
    return layer.sum_bits + max(0, -layer.sum_shift)


def _scaled(values: Integers, scale: Integers, offset: Integers) -> Integers:
    """Return values scaled, rounded to nearest, and moved, as a neuron's defects have it."""
    half = 1 << DEFECT_FRACTION >> 1
    return ((scale * values + half) >> DEFECT_FRACTION) + offset


def _clipped(values: Integers, fmt: Format) -> Integers:
    bounded: NDArray[Any] = np.minimum(np.maximum(values, fmt.minimum), fmt.maximum)
    return bounded.astype(np.int64, copy=False)


def _exact(bits: int) -> type:
    """Element type in which a signed number of `bits` bits is exact."""
    return np.int64 if bits <= 64 else object
