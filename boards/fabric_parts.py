"""The parts of a fabric, and what each takes of a kind of FPGA."""

from pmgd.boards import pipeline
from pmgd.boards.amount import Amount
from pmgd.boards.costs import Costs
from pmgd.boards.datapath import (
    activation,
    delayed,
    multiplier,
    product,
    registers,
    synapse,
    tree,
)
from pmgd.boards.memory_blocks import memory_blocks, sample_blocks, scattered
from pmgd.gateware.cell_limits import ADDED_FACTOR_BITS
from pmgd.gateware.formats import signed_bits
from pmgd.gateware.gaussian import NOISE_BITS
from pmgd.gateware.layout import MANTISSA_BITS, WORD_BITS
from pmgd.gateware.oscillators import LEVEL_FRACTION
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Access
from pmgd.gateware.regmap import registers as register_map

__all__ = ["fabric_parts"]


def fabric_parts(plan: Plan, costs: Costs) -> dict[str, Amount]:
    """Return what the parts of a fabric with its UART take, by their names."""
    pipelined = plan.spec.fabric.pipeline
    parts = _pipelined(plan, costs) if pipelined else _sequential(plan, costs)
    parts["cost and step"] = _cost(plan, costs) + _step(plan, costs)
    parts["samples"] = _samples(plan, costs)
    parts["control"] = _control(plan, costs)
    parts["link and registers"] = _host(plan, costs)
    return parts


def _sequential(plan: Plan, costs: Costs) -> dict[str, Amount]:
    synapses, sums, activations = Amount(), registers(plan.sample.inputs, lone=True), Amount()
    for layer in plan.layers:
        one = synapse(costs, plan, layer, bias=False) * layer.inputs
        if layer.bias:
            one += synapse(costs, plan, layer, bias=True)
        synapses += one * layer.outputs
        leaves = [layer.product_bits] * layer.fan_in
        sums += tree(costs, leaves, layer.sum_bits) * layer.outputs
        activations += activation(costs, plan, layer) * layer.outputs
        # What the next layer takes waits for a cycle.
        sums += registers(layer.outputs * layer.output_format.bits, lone=True)
    return {"parameters": synapses, "weighted sums": sums, "activations": activations}


def _pipelined(plan: Plan, costs: Costs) -> dict[str, Amount]:
    parts = {
        "parameters": pipeline.synapses,
        "weighted sums": pipeline.weighted_sums,
        "perturbed sums": pipeline.perturbed_sums,
        "activations": pipeline.activations,
    }
    return {
        name: sum((count(costs, plan, layer) for layer in plan.layers), Amount())
        for name, count in parts.items()
    }


def _cost(plan: Plan, costs: Costs) -> Amount:
    error = signed_bits(*plan.error_range)
    largest = max(abs(bound) for bound in plan.error_range)
    one = Amount(lut=error)
    if plan.squared:
        largest *= largest
        one += multiplier(costs, error, error)
    else:
        one += registers(2 * error) + Amount(lut=costs.adder(error))
    leaves = [signed_bits(0, largest)] * plan.outputs
    total = one * plan.outputs + tree(
        costs,
        leaves,
        plan.full_cost_maximum.bit_length() + 1,
        levels_per_stage=plan.latency.cost_levels_per_stage,
    )
    return total * plan.spec.fabric.copies


def _step(plan: Plan, costs: Costs) -> Amount:
    """Return filter, transmitter and rounding generator, and what makes levels and noise."""
    cost, step = plan.measured_bits, plan.step_bits
    kept = registers(plan.baseline_bits + plan.change_bits)
    lut = 2.0 * cost
    kept += registers(cost, lone=True)
    if plan.filters:
        # Its shifter has a stage for each bit of the shift.
        lut += costs.adder(plan.baseline_bits) * 2 + 4.0 * plan.baseline_bits
    kept += _levels(plan, costs) + _noise(plan, costs)
    if plan.spec.fabric.correlator == "sign":
        return kept + Amount(lut=lut + step, ff=step)
    total = max(plan.change_bits + MANTISSA_BITS, WORD_BITS) + 2
    lut += costs.adder(total) + costs.parts["step"].lut + 5.0 * step
    kept += registers(total + 2 * step + 4) + registers(MANTISSA_BITS + 5, lone=True)
    if plan.stochastic:
        kept += registers(WORD_BITS)
        lut += WORD_BITS
    times = product(costs, plan.change_bits, MANTISSA_BITS + 1)
    return kept + times + Amount(lut=lut)


def _levels(plan: Plan, costs: Costs) -> Amount:
    if plan.levels == 1:
        return Amount()
    value = plan.amplitude_bits
    if plan.step_levels > 1:
        value = max(value, MANTISSA_BITS)
    scaled = multiplier(costs, value, LEVEL_FRACTION + 1)
    return scaled + Amount(lut=costs.adder(value) + 2.0 * value + 30, ff=value + 25)


def _noise(plan: Plan, costs: Costs) -> Amount:
    if not plan.noisy:
        return Amount()
    level = max(plan.cost_noise_bits, plan.update_noise_bits)
    total = multiplier(costs, NOISE_BITS, level + 1) + registers(WORD_BITS + NOISE_BITS + level)
    total += Amount(lut=WORD_BITS + 30.0 + 2 * NOISE_BITS + costs.adder(level + NOISE_BITS))
    if plan.spec.fabric.cost_noise:
        total += Amount(lut=2 * costs.adder(plan.measured_bits), ff=plan.measured_bits)
        total += registers(plan.latency.evaluation, lone=True)
    if plan.spec.fabric.update_noise != "none":
        total += Amount(
            lut=2.0 * level + 2.0 * plan.step_bits + 10, ff=plan.parameters.bit_length()
        )
    return total


def _samples(plan: Plan, costs: Costs) -> Amount:
    layout = plan.sample
    blocks = sample_blocks(layout, costs.block_shapes, costs.bit_depth)
    address = layout.index_bits
    one = registers(address + 1, lone=True)
    if costs.bit_depth and scattered(layout, costs.bit_depth):
        # A bit of a sample has its own address, and chooses from its blocks, whose outputs have
        # registers of their own.
        choice = address - costs.bit_depth.bit_length() + 1
        one += registers(1 + 2 * choice, lone=True)
        one += Amount(lut=2.5 * (blocks // layout.bits))
        total = one * layout.bits
    else:
        total = one * layout.words + registers(2 * layout.bits, lone=True)
    read = layout.bits * (layout.words > 1)
    return total + Amount(lut=address + read, ff=WORD_BITS, block_ram=blocks)


def _control(plan: Plan, costs: Costs) -> Amount:
    """Return the sequencer, the order of samples, the evaluator and what perturbers share."""
    fabric, sample = plan.spec.fabric, plan.sample
    count, outputs = sample.count_bits, plan.outputs
    total = costs.parts["pipelined control" if fabric.pipeline else "sequential control"]
    total += Amount(lut=plan.cost_sum_bits + 3.0 * count, ff=plan.cost_sum_bits + 3.0 * count)
    classes = 2.0 * (plan.output_format.bits + plan.spec.formats.target.bits)
    total += Amount(lut=classes * (outputs - 1), ff=classes * (outputs - 1) / 2)
    taus = 2 * fabric.tau_bits + fabric.tau_theta_bits
    total += Amount(lut=2.0 * taus, ff=taus)
    shared = plan.perturber_state_bits
    total += Amount(lut=shared, ff=shared) * (2 if fabric.pipeline else 1)
    if fabric.shuffle:
        total += costs.parts["shuffler"] + Amount(lut=30.0 * sample.index_bits)
    if not fabric.pipeline:
        return total + Amount(lut=4.0 * count, ff=count)
    total += pipeline.controls(plan)
    total += delayed(plan.sample.outputs * plan.spec.formats.target.bits, plan.latency.network)
    total += registers(sample.bits)
    return total + _index(plan, costs) + _flight(plan, costs)


def _index(plan: Plan, costs: Costs) -> Amount:
    count, half = plan.sample.count_bits, WORD_BITS // 2
    if costs.spares_multipliers and count <= ADDED_FACTOR_BITS:
        one = Amount(lut=costs.saved_adders * half * (count - 1), ff=half + count)
    else:
        one = product(costs, half, count)
    return one * 2 + Amount(lut=3.0 * (half + count), ff=4 * count)


def _flight(plan: Plan, costs: Costs) -> Amount:
    """Return the queue of steps in flight."""
    entries, bits = plan.update_delay, plan.flight.step_bits
    total = Amount(lut=2.0 * bits + 4.0 * entries.bit_length(), ff=bits + 16)
    if costs.lut_ram:
        rows = -(-entries // 16)
        cells = rows * (-(-bits // 4) + 1)
        return total + Amount(lut=costs.lut_ram_cells * cells + (rows - 1) * bits)
    flags = Amount(lut=1.5 * 2 * entries, ff=2 * entries, lone_ff=2 * entries)
    return total + flags + Amount(block_ram=memory_blocks(entries, bits, costs.block_shapes))


def _host(plan: Plan, costs: Costs) -> Amount:
    known = register_map(plan)
    bits = sum(register.bits for register in known)
    settings = sum(r.bits for r in known if r.access is not Access.READ)
    total = costs.parts["host"] + Amount(lut=costs.register_bit * bits)
    total += Amount(lut=costs.setting_bit * settings, ff=costs.setting_bit * settings)
    # A value comes from pairs of registers; each is selected, and written, by a flip-flop.
    widths = [register.bits for register in known]
    total += Amount(ff=sum(map(max, widths[::2], widths[1::2])) + 2 * len(widths))
    probe = plan.sample.bits + plan.outputs * plan.output_format.bits + plan.cost_bits
    return total + registers(probe + plan.scan.padding_bits, lone=True)
