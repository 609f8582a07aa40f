"""Widths and layouts that the registers, the windows and the layers have in common."""

from dataclasses import dataclass

from pmgd.gateware.formats import Format, unsigned_bits
from pmgd.gateware.pwl import PiecewiseLinear

__all__ = [
    "MANTISSA_BITS",
    "MAX_COST_BITS",
    "MAX_PARAMETERS",
    "MEAN_FRACTION_BITS",
    "MEAN_SHIFT_BITS",
    "REGION_SHIFT",
    "SHIFT_BITS",
    "TIMESTEP_BITS",
    "WORD_BITS",
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

    @property
    def fan_in(self) -> int:
        """Number of parameters of a neuron, all of which it sums."""
        return self.inputs + self.bias

    @property
    def parameters(self) -> int:
        """Number of parameters in the layer."""
        return self.outputs * self.fan_in


@dataclass(frozen=True)
class ScanLayout:
    """Where a synapse's state lies in the scan ring.

    Bit 0 of the ring is the least significant bit of parameter 0. Every synapse contributes
    theta, then G, then its perturber's own state, each least significant bit first; zeros fill
    the last word.
    """

    theta_bits: int
    gradient_bits: int
    perturber_bits: int
    parameters: int

    @property
    def synapse_bits(self) -> int:
        """State bits of one synapse."""
        return self.theta_bits + self.gradient_bits + self.perturber_bits

    @property
    def words(self) -> int:
        """Length of the ring in words."""
        return -(-self.parameters * self.synapse_bits // WORD_BITS)

    @property
    def padding_bits(self) -> int:
        """Zero bits after the last synapse."""
        return self.words * WORD_BITS - self.parameters * self.synapse_bits


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
