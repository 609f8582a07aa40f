"""What the adders, activations and synapses of a fabric take, from the plan and the costs."""

from collections.abc import Sequence

from pmgd.boards.amount import Amount
from pmgd.boards.costs import Costs
from pmgd.boards.multipliers import multipliers
from pmgd.gateware.cell_limits import LUT_ADDED_BITS, LUT_MASKED_BITS
from pmgd.gateware.latency import TREE_LEVELS_PER_STAGE
from pmgd.gateware.layout import DEFECT_BITS, NEURON_BITS, LayerPlan
from pmgd.gateware.plan import Plan

__all__ = [
    "activation",
    "delayed",
    "masked_tree",
    "multiplier",
    "product",
    "registers",
    "synapse",
    "tree",
]


def registers(bits: int, *, lone: bool = False) -> Amount:
    """Return flip-flops; `lone` ones take what they are given, without a look-up table."""
    return Amount(ff=bits, lone_ff=bits if lone else 0)


def delayed(bits: int, cycles: int) -> Amount:
    """Return the registers of a value that waits."""
    return registers(bits * max(cycles, 0), lone=True)


def product(costs: Costs, a_bits: int, b_bits: int, *, registered: bool = True) -> Amount:
    """Return a product and the register behind it, or the table that there is without multiplier.

    An unsigned factor counts a bit more.
    """
    blocks = multipliers(a_bits, b_bits, limit_bits=costs.dsp_bits, least_bits=costs.dsp_least_bits)
    bits = a_bits + b_bits
    if not blocks:
        return Amount(lut=costs.multiplied_bit * a_bits * b_bits, ff=bits * registered)
    sums = costs.adder(bits) * (blocks - 1)
    kept = bits * registered if not costs.absorbs_registers or blocks > 1 else 0
    return Amount(lut=sums, ff=kept, lone_ff=kept if blocks == 1 else 0, dsp=blocks)


def multiplier(costs: Costs, a_bits: int, b_bits: int) -> Amount:
    """Return a `pmgd.gateware.multiplier.Multiplier`: one block has registers of its own.

    Where synthesis would absorb registers by itself, that of the product is kept apart from it.
    """
    blocks = multipliers(a_bits, b_bits, limit_bits=costs.dsp_bits, least_bits=costs.dsp_least_bits)
    if blocks == 1:
        return Amount(dsp=1) + registers((a_bits + b_bits) * costs.absorbs_registers, lone=True)
    return product(costs, a_bits, b_bits) + registers(a_bits + b_bits, lone=True)


def tree(
    costs: Costs,
    level: Sequence[int],
    sum_bits: int,
    depth: int = 0,
    levels_per_stage: int = TREE_LEVELS_PER_STAGE,
) -> Amount:
    """Return an adder tree, as `pmgd.gateware.adder_tree` makes it of numbers of these widths."""
    level = list(level)
    if len(level) == 1 and not depth:
        return Amount()
    total = Amount()
    while len(level) > 1:
        pairs = [_plus(costs, *pair) for pair in zip(level[::2], level[1::2], strict=False)]
        total = sum((taken for _, taken in pairs), total)
        level = [bits for bits, _ in pairs] + level[len(pairs) * 2 :]
        depth += 1
        if depth % levels_per_stage == 0 and len(level) > 1:
            total += registers(sum(level))
    return total + registers(sum_bits)


def _plus(costs: Costs, a: int, b: int) -> tuple[int, Amount]:
    bits = max(a, b)
    if costs.masks_in_chain and bits > LUT_ADDED_BITS:
        return bits + 1, Amount(lut=costs.chain(bits + 2))
    return bits + 1, Amount(lut=costs.saved_adders * (bits + 1))


def masked_tree(costs: Costs, leaves: int, leaf_bits: int, sum_bits: int) -> Amount:
    """Return a `pmgd.gateware.masked_tree.MaskedTree`."""
    pairs, single = divmod(leaves, 2)
    if costs.masks_in_chain and leaf_bits > LUT_MASKED_BITS:
        pair = float(costs.chain(leaf_bits + 2))
    elif leaf_bits == 1:
        pair = 2.0
    else:
        # Masked numbers are look-up tables in front of an adder.
        pair = costs.saved_adders * (leaf_bits + 1) + leaf_bits
    total = Amount(lut=pair * pairs + leaf_bits * single)
    level = [leaf_bits + 1] * pairs + [leaf_bits] * single
    return total + tree(costs, level, sum_bits, depth=1)


def activation(costs: Costs, plan: Plan, layer: LayerPlan) -> Amount:
    """Return an activation: its table, or clips alone."""
    argument, result = plan.spec.formats.preactivation.bits, layer.output_format.bits
    clips = costs.activation_bit * max(argument, layer.sum_bits - layer.sum_shift - argument)
    if layer.table is None:
        return Amount(lut=clips + costs.activation_bit * result, ff=argument + result)
    table, tabled = layer.table, layer.table.activation.bits
    kept = registers(argument + table.knot_bits + tabled) + registers(table.knot_bits, lone=True)
    looked_up = costs.segment_bit * table.segments * (table.knot_bits + table.slope_bits)
    rounds = costs.adder(tabled + table.remainder_bits) + costs.activation_bit * tabled
    risen = multiplier(costs, table.slope_bits, table.remainder_bits)
    total = kept + risen + Amount(lut=clips + looked_up + rounds)
    if layer.defective:
        total += _defects(costs, argument, argument) + _defects(costs, tabled, result)
        total += registers(NEURON_BITS, lone=True)
    return total


def _defects(costs: Costs, value_bits: int, result_bits: int) -> Amount:
    """Return what scales, moves and clips a value."""
    moved = value_bits + DEFECT_BITS
    lut = costs.adder(moved) + costs.activation_bit * result_bits
    return multiplier(costs, value_bits, DEFECT_BITS) + Amount(lut=lut, ff=result_bits)


def synapse(costs: Costs, plan: Plan, layer: LayerPlan, *, bias: bool) -> Amount:
    """Return a `pmgd.gateware.synapse.Synapse`, with its product."""
    fabric = plan.spec.fabric
    theta = plan.theta.bits
    perturbed, amplitude = theta, plan.broadcast_dtheta_bits
    kept = registers(theta + plan.gradient_bits + plan.operand_bits)
    if plan.levels > 1:
        perturbed = theta - plan.operand_shift
        kept += registers(amplitude, lone=True)
    lut = costs.synapse + amplitude + costs.chain(max(perturbed, amplitude + 1) + 2)
    lut += _updated(costs, plan)
    kept += registers(plan.perturber_bits, lone=not plan.increments)
    if plan.increments:
        # An increment's ones and zeros, and the way of the ring past the sum.
        lut += 2 * plan.perturber_bits + 2 * plan.level_bits
    lut += plan.code_bits / 2
    product_bits = layer.product_bits
    if layer.binary_inputs or bias:
        kept += registers(plan.operand_bits, lone=bias)
        multiplied = Amount(lut=0 if bias else plan.operand_bits / 2)
    else:
        source = layer.input_format
        factor = source.bits + (not source.signed)
        multiplied = product(costs, plan.operand_bits, factor)
        if multiplied.ff:
            multiplied = Amount(multiplied.lut, product_bits, product_bits, multiplied.dsp)
    if fabric.correlator == "sign":
        lut += 1
    if fabric.update_noise == "each":
        kept += registers(1, lone=True)
    return kept + multiplied + Amount(lut=lut)


def _updated(costs: Costs, plan: Plan) -> float:
    """Return the look-up tables of an updater."""
    fabric, gradient, theta = plan.spec.fabric, plan.gradient_bits, plan.theta.bits
    holds = plan.spec.formats.overflow == "hold"
    lut = theta * (costs.theta_hold if holds else costs.theta_clip)
    if fabric.update_noise != "none":
        lut += gradient + 3.0
    if not gradient:
        return lut + costs.chain(theta + 2)
    lut += costs.chain(gradient + 2) + costs.gradient * gradient
    if fabric.decay_shift:
        lut += costs.adder(gradient) + gradient / 2
    if plan.dithered:
        lut += fabric.decay_shift
    if fabric.correlator == "sign":
        return lut + costs.chain(theta + 2)
    return lut + costs.adder(theta + 1) + (gradient - theta) / 2
