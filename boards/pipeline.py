"""What the network of a pipelined fabric takes, from the plan and the costs."""

from pmgd.boards.amount import Amount
from pmgd.boards.costs import Costs
from pmgd.boards.datapath import activation, delayed, masked_tree, multiplier, registers, tree
from pmgd.gateware.cell_limits import ADDED_FACTOR_BITS
from pmgd.gateware.formats import signed_bits
from pmgd.gateware.latency import (
    AMPLITUDE_CYCLES,
    PRODUCT_CYCLES,
    PRODUCT_LEVELS_PER_STAGE,
    PipelineLatency,
    tree_cycles,
)
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan

__all__ = ["activations", "controls", "perturbed_sums", "synapses", "weighted_sums"]

_CHAIN_BITS = 2
_LATE_BITS = 3
"""What travels from layer to layer: two signs of the chain, and a late step's flags."""


def _sums(plan: Plan, layer: LayerPlan) -> int:
    """Return how many weighted sums a neuron makes: the first layer's serve both copies."""
    return 1 if layer is plan.layers[0] else plan.spec.fabric.copies


def _cycles(plan: Plan, layer: LayerPlan) -> int:
    """Return the latency of a layer's sums."""
    if not isinstance(plan.latency, PipelineLatency):
        raise TypeError("a plan must be that of a pipelined fabric; set fabric.pipeline")
    return plan.latency.sums[plan.layers.index(layer)]


def synapses(costs: Costs, plan: Plan, layer: LayerPlan) -> Amount:
    """Return the parameters of a layer, with what a neuron keeps for all of its own."""
    theta = plan.theta.bits
    state = registers(theta + plan.gradient_bits)
    state += registers(plan.perturber_bits + plan.update_perturber_bits, lone=True)
    lut = costs.pipelined_synapse + plan.code_bits
    if plan.holds_in_place:
        lut += costs.chain(theta + 2) if costs.masks_in_chain else costs.chain(theta + 2) + theta
        own = Amount(lut=theta)
    else:
        clips = plan.spec.formats.overflow == "clip"
        lut += theta * (costs.theta_clip if clips else costs.theta_hold)
        if plan.gradient_bits:
            lut += costs.chain(plan.gradient_bits + 2) + costs.gradient * plan.gradient_bits
            lut += costs.adder(theta + 1) + (plan.gradient_bits - theta) / 2
        else:
            lut += costs.chain(theta + 2)
        own = Amount(lut=2 * theta)
    own += registers(plan.step_bits + 3, lone=True)
    return (state + Amount(lut=lut)) * layer.parameters + own * layer.outputs


def weighted_sums(costs: Costs, plan: Plan, layer: LayerPlan) -> Amount:
    """Return the sums of inputs times parameters of a layer."""
    bits = plan.theta.bits - plan.operand_shift
    cycles = _cycles(plan, layer)
    if layer.binary_inputs:
        one = masked_tree(costs, layer.fan_in, bits, layer.sum_bits)
        cycles -= tree_cycles(layer.fan_in)
    else:
        source = layer.input_format
        factor = source.bits + (not source.signed)
        products = [layer.product_bits] * layer.fan_in
        levels = PRODUCT_LEVELS_PER_STAGE
        one = tree(costs, products, layer.sum_bits, levels_per_stage=levels)
        one += multiplier(costs, bits, factor) * layer.inputs
        if layer.bias:
            one += delayed(bits, PRODUCT_CYCLES)
        cycles -= PRODUCT_CYCLES + tree_cycles(layer.fan_in, levels)
    one += delayed(layer.sum_bits, cycles)
    return one * (layer.outputs * _sums(plan, layer))


def perturbed_sums(costs: Costs, plan: Plan, layer: LayerPlan) -> Amount:
    """Return the sums of inputs times signs of a layer, times dtheta."""
    source = layer.input_format
    signs = signed_bits(-layer.reach, layer.reach)
    sums = _cycles(plan, layer)
    common = Amount()
    if layer.binary_inputs:
        ones = layer.fan_in.bit_length() + 1
        common = tree(costs, [1] * layer.fan_in, ones)
        one = masked_tree(costs, layer.fan_in, 1, ones)
        one += registers(signs) + Amount(lut=costs.adder(signs))
    else:
        largest = max(-source.minimum, source.maximum, layer.bias << source.fraction_bits)
        leaf = signed_bits(-largest, largest)
        one = (Amount(lut=costs.adder(leaf)) + registers(leaf)) * layer.fan_in
        one += tree(costs, [leaf] * layer.fan_in, signs)
    one += delayed(signs, sums - tree_cycles(layer.fan_in) - AMPLITUDE_CYCLES)
    amplitude = plan.amplitude_bits
    if costs.spares_multipliers and amplitude <= ADDED_FACTOR_BITS:
        times = Amount(lut=costs.saved_adders * signs * (amplitude - 1)) + registers(signs)
        times += registers(signs + amplitude) + registers(signs + amplitude, lone=True)
    else:
        times = multiplier(costs, signs, amplitude + 1) + Amount(lut=signs / 2)
    return (one + times) * (layer.outputs * _sums(plan, layer)) + common


def activations(costs: Costs, plan: Plan, layer: LayerPlan) -> Amount:
    """Return the activations of a layer, with the sum in front of each."""
    one = Amount(lut=costs.chain(layer.sum_bits + 1)) + registers(layer.sum_bits)
    one += activation(costs, plan, layer)
    return one * (layer.outputs * plan.spec.fabric.copies)


def controls(plan: Plan) -> Amount:
    """Return what travels with the evaluations, and the registers in front of each layer."""
    total = Amount()
    copies = plan.spec.fabric.copies
    for number, layer in enumerate(plan.layers):
        inputs = layer.inputs * layer.input_format.bits
        total += registers(inputs * (1 if number == 0 else copies), lone=True)
        cycles = plan.latency.layers[number]
        # Of an evaluation, whether there is one and, of pairs that come one by one, which it is.
        total += delayed(3 - copies, cycles)
        if number + 1 < len(plan.layers):
            travels = plan.step_bits + 1 + _LATE_BITS + _CHAIN_BITS + 2 * plan.code_bits
            total += delayed(travels, cycles)
    return total
