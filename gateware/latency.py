"""Declared latencies, in clock cycles. A test asserts that each equals the measured one."""

from dataclasses import dataclass
from typing import ClassVar

from pmgd.gateware.oscillators import LEVELS

__all__ = [
    "ACCESS_CYCLES",
    "AMPLITUDE_CYCLES",
    "BASELINE_CYCLES",
    "BEGIN_CYCLES",
    "CLIP_CYCLES",
    "COST_CYCLES",
    "DEFECTS_CYCLES",
    "FETCH_CYCLES",
    "FILTER_CYCLES",
    "FINISH_CYCLES",
    "FLIGHT_CYCLES",
    "FRONT_CYCLES",
    "HIGHPASS_CYCLES",
    "INDEXING_CYCLES",
    "INDEX_CYCLES",
    "LEAD_CYCLES",
    "LEVELS_CYCLES",
    "LOAD_CYCLES",
    "MANTISSA_CYCLES",
    "MEASURE_CYCLES",
    "NOISE_CYCLES",
    "PERTURB_CYCLES",
    "PRODUCT_CYCLES",
    "PRODUCT_LEVELS_PER_STAGE",
    "SHUFFLE_CYCLES",
    "SIGN_TRANSMITTER_CYCLES",
    "SYNAPSE_CYCLES",
    "TABLE_CYCLES",
    "TRANSMITTER_CYCLES",
    "TREE_LEVELS_PER_STAGE",
    "Latency",
    "PipelineLatency",
    "tree_cycles",
]

SYNAPSE_CYCLES = 2
"""From a wave's perturb bit to the product: the perturbed operand, then the product."""
TABLE_CYCLES = 4
"""From a weighted sum to the output of a sigmoid or tanh: clip, look up, multiply, round."""
CLIP_CYCLES = 2
"""From a weighted sum to the output of a relu or identity: clip twice."""
COST_CYCLES = 2
"""From the outputs to their squared errors; the sum over several adds its tree."""
FILTER_CYCLES = 1
"""From a cost to its change."""
TRANSMITTER_CYCLES = 4
"""From a cost change to the broadcast step: multiply, round, shift, clip."""
SIGN_TRANSMITTER_CYCLES = 1
"""The same for a sign-only correlator: the sign."""
TREE_LEVELS_PER_STAGE = 2
"""Adder levels between two registers of an adder tree, unless it is told another number."""

ACCESS_CYCLES = 3
"""Of the register bank: select a register, look at it, judge."""

LEAD_CYCLES = 1
"""Of a pipelined fabric: by which an evaluation's control leads its inputs."""
LOAD_CYCLES = 1
"""From a layer's inputs to the register in front of its synapses."""
PRODUCT_CYCLES = 2
"""From that register to the products with inputs wider than a bit: the factors, the product."""
PRODUCT_LEVELS_PER_STAGE = 1
"""Adder levels between two registers of its trees of products: wide ones, from multipliers afar."""
AMPLITUDE_CYCLES = 1 + PRODUCT_CYCLES
"""What the share of the perturbations takes beyond an adder tree: the signs of the inputs, the
factors, and the product with dtheta."""
PERTURB_CYCLES = 1
"""From both sums to the perturbed one."""
FLIGHT_CYCLES = 2
"""From a broadcast step's entry into the queue of steps in flight to its way out of it."""

BEGIN_CYCLES = 1
"""Of a timestep: advance the generators that are due."""
INDEX_CYCLES = 1
"""Of a timestep with a new sample: its index, after one cycle for each bit of their number."""
LEVELS_CYCLES = 3 + len(LEVELS) - 1
"""From the start of a broadcast in levels, eight of them, to the last: multiply, round, and seven
more."""
MANTISSA_CYCLES = 1
"""From a mantissa of levels to its change, which the transmitter takes after it."""
HIGHPASS_CYCLES = 3
"""From a cost to its change by a high-pass filter: take it, move the mean, subtract."""
NOISE_CYCLES = 5
"""From the advance of the noise generator to a noise: the word, its ones, the factors, the product,
the rounding."""
MEASURE_CYCLES = 1
"""From a cost to that with noise."""
DEFECTS_CYCLES = 7
"""What defects add to a sigmoid: clip, multiply, shift and clip; then multiply, shift and clip."""
SHUFFLE_CYCLES = 6
"""Of a timestep with a new sample in shuffled order, for each position tried: the next position,
four rounds, and the look at what they gave."""
FETCH_CYCLES = 3
"""Of a timestep: the sample, from its memory: to the blocks, through them, and back."""
INDEXING_CYCLES = 4
"""The same in a pipelined fabric: draw a word, two cycles to multiply, and the index."""
FRONT_CYCLES = INDEXING_CYCLES + FETCH_CYCLES
"""From the start of a timestep to its control at the first layer, in a pipelined fabric."""
BASELINE_CYCLES = 1
"""Of a timestep with a new baseline: its evaluation starts one cycle before the perturbed one."""
FINISH_CYCLES = 2
"""Of a timestep: every synapse takes the step; the record of the timestep stands."""


def tree_cycles(leaves: int, levels_per_stage: int = TREE_LEVELS_PER_STAGE) -> int:
    """Latency of an adder tree over `leaves` numbers: none for one, else registered at its end."""
    levels = (leaves - 1).bit_length()
    return -(-levels // levels_per_stage)


@dataclass(frozen=True)
class Latency:
    """Latencies of a whole fabric.

    Parameters
    ----------
    fan_ins
        Numbers summed by a neuron of each layer, its bias included.
    activations
        Cycles of each layer's activation.
    outputs
        Number of outputs summed into the cost.
    transmitter
        From a cost change to the broadcast step, or to the last of several.
    filter
        From a cost to its change.
    """

    fan_ins: tuple[int, ...]
    activations: tuple[int, ...]
    outputs: int
    transmitter: int
    filter: int = FILTER_CYCLES

    cost_levels_per_stage: ClassVar[int] = TREE_LEVELS_PER_STAGE
    """Adder levels between two registers of the sum over the outputs."""

    @property
    def layers(self) -> tuple[int, ...]:
        """From a layer's inputs to its outputs, for each layer."""
        return tuple(
            SYNAPSE_CYCLES + tree_cycles(fan_in) + activation
            for fan_in, activation in zip(self.fan_ins, self.activations, strict=True)
        )

    @property
    def network(self) -> int:
        """From a sample to the outputs."""
        return sum(self.layers)

    @property
    def cost(self) -> int:
        """From outputs to the cost."""
        return COST_CYCLES + tree_cycles(self.outputs, self.cost_levels_per_stage)

    @property
    def evaluation(self) -> int:
        """From a sample to its cost."""
        return self.network + self.cost

    @property
    def step(self) -> int:
        """From a sample to the broadcast step."""
        return self.evaluation + self.filter + self.transmitter


@dataclass(frozen=True)
class PipelineLatency(Latency):
    """Latencies of a pipelined fabric, from the control of an evaluation, which leads its inputs.

    Parameters
    ----------
    multiplied
        Of each layer: whether its inputs are wider than a bit, so that there are products.
    """

    multiplied: tuple[bool, ...] = ()

    cost_levels_per_stage: ClassVar[int] = PRODUCT_LEVELS_PER_STAGE

    @property
    def sums(self) -> tuple[int, ...]:
        """From a layer's inputs to its weighted sums and those of its perturbations."""
        return tuple(
            max(
                PRODUCT_CYCLES + tree_cycles(n, PRODUCT_LEVELS_PER_STAGE) if products else 0,
                tree_cycles(n) + AMPLITUDE_CYCLES,
            )
            for n, products in zip(self.fan_ins, self.multiplied, strict=True)
        )

    @property
    def layers(self) -> tuple[int, ...]:
        """From a layer's control to that of the next layer, for each layer."""
        return tuple(
            LOAD_CYCLES + sums + PERTURB_CYCLES + activation
            for sums, activation in zip(self.sums, self.activations, strict=True)
        )

    @property
    def network(self) -> int:
        """From the control of a sample to its outputs."""
        return sum(self.layers) + LEAD_CYCLES
