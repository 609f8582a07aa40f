"""Declared latencies, in clock cycles. A test asserts that each equals the measured one."""

from dataclasses import dataclass

__all__ = [
    "ACTIVATION_CYCLES",
    "FETCH_CYCLES",
    "FILTER_CYCLES",
    "SYNAPSE_CYCLES",
    "TRANSMITTER_CYCLES",
    "TREE_LEVELS_PER_STAGE",
    "Latency",
    "tree_cycles",
]

SYNAPSE_CYCLES = 2
"""From a wave's perturb bit to the product: the perturbed operand, then the product."""
ACTIVATION_CYCLES = 3
"""Clip, table look-up, multiply and round."""
COST_CYCLES = 2
"""Error, then square; the sum over outputs adds its tree."""
FILTER_CYCLES = 1
"""Cost minus baseline."""
TRANSMITTER_CYCLES = 3
"""Multiply, shift and round, saturate."""
UPDATE_CYCLES = 1
"""From the broadcast step to the updated parameter."""
DRAW_CYCLES = 2
"""From a due sample to its index: advance the generator, multiply by the number of samples."""
FETCH_CYCLES = 1
"""From a sample's index to its inputs and targets: the memory's read port."""
TREE_LEVELS_PER_STAGE = 2
"""Adder levels between two registers of an adder tree."""


def tree_cycles(leaves: int) -> int:
    """Latency of an adder tree over `leaves` numbers, with a register at its output."""
    levels = (leaves - 1).bit_length()
    return max(1, -(-levels // TREE_LEVELS_PER_STAGE))


@dataclass(frozen=True)
class Latency:
    """Latencies of a whole fabric.

    Parameters
    ----------
    fan_ins
        Numbers summed by a neuron of each layer, its bias included.
    outputs
        Number of outputs summed into the cost.
    """

    fan_ins: tuple[int, ...]
    outputs: int

    @property
    def layers(self) -> tuple[int, ...]:
        """From a layer's inputs to its outputs, for each layer."""
        return tuple(SYNAPSE_CYCLES + tree_cycles(n) + ACTIVATION_CYCLES for n in self.fan_ins)

    @property
    def network(self) -> int:
        """From a sample to the outputs."""
        return sum(self.layers)

    @property
    def cost(self) -> int:
        """From outputs to the cost."""
        return COST_CYCLES + tree_cycles(self.outputs)

    @property
    def evaluation(self) -> int:
        """From a sample to its cost."""
        return self.network + self.cost
