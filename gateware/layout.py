"""Widths and layouts that the registers, the windows and the layers have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.formats import Format, unsigned_bits
from pmgd.gateware.pwl import PiecewiseLinear

__all__ = [
    "DEFECTS",
    "DEFECT_BITS",
    "DEFECT_FRACTION",
    "MANTISSA_BITS",
    "MAX_COST_BITS",
    "MAX_PARAMETERS",
    "MEAN_FRACTION_BITS",
    "MEAN_SHIFT_BITS",
    "NEURON_BITS",
    "NOISE_RANGE_BITS",
    "REGION_SHIFT",
    "SHIFT_BITS",
    "TIMESTEP_BITS",
    "WORD_BITS",
    "FlightLayout",
    "LayerPlan",
    "SampleLayout",
    "ScanLayout",
]

MANTISSA_BITS = 16
"""Width of the scale's mantissa, unsigned."""
SHIFT_BITS = 5
"""Width of the scale's right shift."""
WORD_BITS = 32
"""Width of a word of the link and of every register."""
REGION_SHIFT = 24
"""An address's region is ``address >> REGION_SHIFT``."""
TIMESTEP_BITS = 48
"""Width of the counter of timesteps: at one a clock and 100 MHz, a month."""
MAX_COST_BITS = 32
"""Width of the widest cost: the baseline is read and restored in one word."""
MAX_PARAMETERS = 1 << 16
"""Most parameters of a spatial fabric: the seeds of 32-bit LFSRs suffice for as many."""
MEAN_FRACTION_BITS = 8
"""Fraction bits of the running mean of the cost beyond those of the cost itself."""
MEAN_SHIFT_BITS = 4
"""Width of the running mean's shift."""
NOISE_RANGE_BITS = 2
"""Bits of a cost beyond its own that noise takes; and bits of a step that its level leaves."""

DEFECTS = ("input_scale", "input_offset", "output_scale", "output_offset")
"""What is wrong with a neuron: beta, -beta a, alpha and b of [0087], in the order of the ring."""
DEFECT_BITS = 16
"""Width of each of them, signed."""
DEFECT_FRACTION = 8
"""Fraction bits of the scales; the offsets have those of what they are added to."""
NEURON_BITS = len(DEFECTS) * DEFECT_BITS
"""Width of a neuron's defects."""


@dataclass(frozen=True)
class LayerPlan:
    """One dense layer.

    Attributes
    ----------
    inputs, outputs
        Numbers of input values and of neurons.
    bias
        Whether every neuron has a bias.
    first_parameter
        Index of the layer's first parameter. Neuron j owns the `inputs + 1` parameters from
        ``first_parameter + j * (inputs + 1)`` on: its weights in input order, then its bias;
        without biases, `inputs` of them.
    input_format
        Format of the values that the weights multiply.
    product_bits, sum_bits
        Widths, signed, of one product and of the whole weighted sum; neither can overflow.
    sum_shift
        Fraction bits that the sum has beyond `Formats.preactivation`, dropped by floor. If
        negative, zeros are appended.
    activation
        What the neurons do with the preactivation, one of `pmgd.gateware.spec.ACTIVATIONS`.
    output_format
        Format of a neuron's output.
    table
        The activation's table; None for relu and identity, which only clip.
    defective
        Whether every neuron has four numbers that scale and move its table, argument and result;
        the table's result then has another format than the output.
    """

    inputs: int
    outputs: int
    bias: bool
    first_parameter: int
    input_format: Format
    product_bits: int
    sum_bits: int
    sum_shift: int
    activation: str
    output_format: Format
    table: PiecewiseLinear | None
    defective: bool = False

    @property
    def fan_in(self) -> int:
        """Number of parameters of a neuron, all of which it sums."""
        return self.inputs + self.bias

    @property
    def binary_inputs(self) -> bool:
        """Whether an input is 0 or 1, which takes a gate and no multiplier."""
        source = self.input_format
        return (source.bits, source.fraction_bits, source.signed) == (1, 0, False)

    @property
    def reach(self) -> int:
        """Largest magnitude of a sum of all inputs and the bias, each with either sign."""
        source = self.input_format
        largest = max(-source.minimum, source.maximum)
        return self.inputs * largest + (self.bias << source.fraction_bits)

    @property
    def parameters(self) -> int:
        """Number of parameters in the layer."""
        return self.outputs * self.fan_in


@dataclass(frozen=True)
class ScanLayout:
    """Where the synapses' state lies in the scan ring.

    Bit 0 of the ring is the one that leaves first; zeros fill the last word.

    Attributes
    ----------
    theta_bits, gradient_bits, perturber_bits, update_perturber_bits
        State of a synapse, in this order: theta, G, its perturber's own, and that of the
        perturber for late updates.
    parameters
        Number of parameters, P.
    planes
        If False, every synapse contributes all of its state, each number least significant bit
        first, parameter 0 first. If True, the ring holds theta and G of each parameter, parameter
        0 first; then the perturbers' bits, then the update perturbers' bits, each from parameter
        P - 1 down, the way they shift while training.
    offset_binary
        Theta is most significant bit first, and this bit is inverted.
    neurons
        Number of neurons that have defects, which follow the synapses: of every neuron its
        `DEFECTS` in order, each of `DEFECT_BITS` bits, least significant first.
    """

    theta_bits: int
    gradient_bits: int
    perturber_bits: int
    parameters: int
    update_perturber_bits: int = 0
    planes: bool = False
    offset_binary: bool = False
    neurons: int = 0

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Widths of a synapse's numbers, in order; some are 0."""
        return (
            self.theta_bits,
            self.gradient_bits,
            self.perturber_bits,
            self.update_perturber_bits,
        )

    @property
    def synapse_bits(self) -> int:
        """State bits of one synapse."""
        return sum(self.widths)

    @property
    def words(self) -> int:
        """Length of the ring in words."""
        return -(-self.state_bits // WORD_BITS)

    @property
    def state_bits(self) -> int:
        """Bits of state in the ring: of the synapses, then of the defects."""
        return self.parameters * self.synapse_bits + self.neurons * NEURON_BITS

    @property
    def padding_bits(self) -> int:
        """Zero bits after the last bit of state."""
        return self.words * WORD_BITS - self.state_bits

    def positions(self) -> NDArray[np.int64]:
        """Return where in the ring each bit of state lies.

        Returns
        -------
        Shape (P, synapse_bits): a row for each parameter, its numbers in order, each least
        significant bit first.
        """
        count = self.parameters
        parameter = np.arange(count)[:, None]
        if not self.planes:
            return parameter * self.synapse_bits + np.arange(self.synapse_bits)
        kept = self.theta_bits + self.gradient_bits
        order = np.arange(kept)
        if self.offset_binary:
            order[: self.theta_bits] = order[: self.theta_bits][::-1]
        columns = [parameter * kept + order]
        shifted = self.perturber_bits + self.update_perturber_bits
        columns += [count * (kept + plane) + count - 1 - parameter for plane in range(shifted)]
        return np.concatenate(columns, axis=1)

    def defect_positions(self) -> NDArray[np.int64]:
        """Return where in the ring the defects lie, shape (neurons, NEURON_BITS)."""
        first = self.parameters * self.synapse_bits
        return first + np.arange(self.neurons * NEURON_BITS).reshape(-1, NEURON_BITS)

    def inverted(self) -> NDArray[np.uint8]:
        """Return which bits of a synapse the ring holds inverted: ones, shape (synapse_bits,)."""
        bits = np.zeros(self.synapse_bits, np.uint8)
        bits[self.theta_bits - 1] = self.offset_binary
        return bits


@dataclass(frozen=True)
class FlightLayout:
    """A step that waits for its timestep, as a word of the window `flight`.

    From bit 0 up: the step u, two's complement; whether its timestep began a perturbation
    (`advance`); whether it ended a window (`ends`).
    """

    step_bits: int

    @property
    def advance_bit(self) -> int:
        """Number of the bit `advance`."""
        return self.step_bits

    @property
    def ends_bit(self) -> int:
        """Number of the bit `ends`."""
        return self.step_bits + 1

    @property
    def bits(self) -> int:
        """Bits of an entry."""
        return self.step_bits + 2


@dataclass(frozen=True)
class SampleLayout:
    """How a sample is packed: inputs first, then targets, each in order, from bit 0 up."""

    inputs: int
    input_format: Format
    outputs: int
    target_format: Format
    samples: int

    @property
    def bits(self) -> int:
        """Bits of one packed sample."""
        return self.inputs * self.input_format.bits + self.outputs * self.target_format.bits

    @property
    def words(self) -> int:
        """Words that carry one sample."""
        return -(-self.bits // WORD_BITS)

    @property
    def stride(self) -> int:
        """Distance in words between two samples in the address space, a power of two."""
        return 1 << (self.words - 1).bit_length()

    @property
    def index_bits(self) -> int:
        """Width of a sample's index."""
        return unsigned_bits(self.samples - 1)

    @property
    def count_bits(self) -> int:
        """Width of a number of samples."""
        return unsigned_bits(self.samples)
