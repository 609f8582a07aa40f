"""Counts, formats, widths and layouts: what the gateware's signals and memories are made of."""

from dataclasses import dataclass
from functools import cached_property

from pmgd.gateware.formats import Format, signed_bits, unsigned_bits
from pmgd.gateware.layers import plan_layers
from pmgd.gateware.layout import (
    MEAN_FRACTION_BITS,
    NOISE_RANGE_BITS,
    FlightLayout,
    LayerPlan,
    SampleLayout,
    ScanLayout,
)
from pmgd.gateware.oscillators import LEVELS, increments, phase_bits
from pmgd.gateware.spec import FILTERS, OSCILLATORS, Spec

__all__ = ["Widths"]


@dataclass(frozen=True)
class Widths:
    """What follows from a spec's network, formats and fabric; see `pmgd.gateware.plan.Plan`."""

    spec: Spec

    # -- Parameters ---------------------------------------------------------------------------

    @property
    def theta(self) -> Format:
        """Format of a stored parameter."""
        return self.spec.formats.parameter

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, P."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def outputs(self) -> int:
        """Number of the network's outputs."""
        return self.spec.network.layers[-1]

    @property
    def dtheta_bits(self) -> int:
        """Width of the amplitude dtheta, unsigned, in units of a parameter's last bit."""
        return self.theta.fraction_bits + 1

    @property
    def amplitude_bits(self) -> int:
        """The same in units of a multiplier's last bit, for sines and for a pipelined fabric."""
        return self.dtheta_bits - self.operand_shift

    @property
    def broadcast_dtheta_bits(self) -> int:
        """Width of the amplitude that is broadcast."""
        return self.amplitude_bits if self.levels > 1 else self.dtheta_bits

    @property
    def operand_shift(self) -> int:
        """Fraction bits of a perturbed parameter that are dropped (floor) before multiplying."""
        return self.theta.fraction_bits - self.spec.formats.operand_fraction

    @cached_property
    def operand_range(self) -> tuple[int, int]:
        """Smallest and largest operand of a multiplier."""
        amplitude = (1 << self.dtheta_bits) - 1
        return (
            (self.theta.minimum - amplitude) >> self.operand_shift,
            (self.theta.maximum + amplitude) >> self.operand_shift,
        )

    @property
    def operand_bits(self) -> int:
        """Width of a multiplier's operand, signed."""
        return signed_bits(*self.operand_range)

    # -- Network ------------------------------------------------------------------------------

    @cached_property
    def layers(self) -> tuple[LayerPlan, ...]:
        """The layers, first to last."""
        spec = self.spec
        return plan_layers(spec.network, spec.formats, self.operand_range, spec.fabric.defects)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return sum(self.spec.network.layers[1:])

    @property
    def output_format(self) -> Format:
        """Format of the network's outputs."""
        return self.layers[-1].output_format

    @property
    def class_threshold(self) -> float:
        """With one output, the value from which on it and its target mean class 1, not 0."""
        # Signed outputs may be trained to be 0 or 1, too; then their targets are unsigned.
        # A sigmoid with defects is signed only to leave 0 to 1 a little.
        both_signed = self.spec.formats.target.signed and self.output_format.signed
        return 0.0 if both_signed and not self.spec.fabric.defects else 0.5

    # -- Cost ---------------------------------------------------------------------------------

    @property
    def error_fraction(self) -> int:
        """Fraction bits of an output's error y - t."""
        return max(self.output_format.fraction_bits, self.spec.formats.target.fraction_bits)

    @cached_property
    def error_range(self) -> tuple[int, int]:
        """Smallest and largest error of an output."""
        y, t = self.output_format, self.spec.formats.target
        y_shift = self.error_fraction - y.fraction_bits
        t_shift = self.error_fraction - t.fraction_bits
        return (
            (y.minimum << y_shift) - (t.maximum << t_shift),
            (y.maximum << y_shift) - (t.minimum << t_shift),
        )

    @cached_property
    def full_cost_maximum(self) -> int:
        """Largest sum over the outputs, with all `full_cost_fraction` fraction bits."""
        largest = max(abs(bound) for bound in self.error_range)
        return self.outputs * (largest * largest if self.squared else largest)

    @property
    def squared(self) -> bool:
        """Whether the cost sums squared errors, not absolute ones."""
        return self.spec.network.cost == "squared"

    @property
    def full_cost_fraction(self) -> int:
        """Fraction bits of the sum over the outputs."""
        return self.error_fraction * (2 if self.squared else 1)

    @property
    def cost_fraction(self) -> int:
        """Fraction bits of the cost."""
        chosen = self.spec.formats.cost
        return self.full_cost_fraction if chosen is None else chosen.fraction_bits

    @property
    def cost_shift(self) -> int:
        """Fraction bits dropped (floor) from the sum over the outputs to make the cost."""
        return self.full_cost_fraction - self.cost_fraction

    @property
    def cost_bits(self) -> int:
        """Width of the cost, unsigned."""
        chosen = self.spec.formats.cost
        return unsigned_bits(self.full_cost_maximum) if chosen is None else chosen.bits

    @property
    def cost_sum_bits(self) -> int:
        """Width of the sum of the costs of as many samples as the memory holds."""
        return self.cost_bits + self.sample.count_bits

    @property
    def baseline_bits(self) -> int:
        """Width of the baseline, unsigned; a filter's mean has further fraction bits."""
        return self.measured_bits + (MEAN_FRACTION_BITS if self.filters else 0)

    @property
    def measured_bits(self) -> int:
        """Width of the cost that training sees, unsigned: with noise, if there is any."""
        return self.cost_bits + (NOISE_RANGE_BITS if self.spec.fabric.cost_noise else 0)

    @property
    def filters(self) -> bool:
        """Whether the baseline is a filter of the cost, at one evaluation a timestep."""
        return self.spec.fabric.baseline in FILTERS

    @property
    def change_bits(self) -> int:
        """Width of a cost change, signed."""
        return self.measured_bits + 1

    # -- Perturbation -------------------------------------------------------------------------

    @cached_property
    def perturber_bits(self) -> int:
        """State that every perturber keeps for itself."""
        fabric = self.spec.fabric
        if fabric.perturbation in OSCILLATORS:
            return phase_bits(self.parameters, fabric.band)
        own = {"lfsr": fabric.lfsr_bits, "chain": 1, "walsh": 0, "sequential": 1}
        return own[fabric.perturbation]

    @property
    def generator_bits(self) -> int:
        """Width of the LFSRs, or of the oscillators' phases."""
        return self.perturber_bits if self.increments else self.spec.fabric.lfsr_bits

    @cached_property
    def increments(self) -> tuple[int, ...]:
        """Of every parameter's oscillator with each perturbation; none without oscillators."""
        fabric = self.spec.fabric
        if fabric.perturbation not in OSCILLATORS:
            return ()
        return increments(self.parameters, fabric.band)

    @property
    def levels(self) -> int:
        """Magnitudes that a perturbation can have, in units of dtheta; those of codes have one."""
        return len(LEVELS) if self.spec.fabric.perturbation == "sine" else 1

    @property
    def level_bits(self) -> int:
        """Width of the number of a level; 0 for perturbations of one magnitude."""
        return (self.levels - 1).bit_length()

    @property
    def step_levels(self) -> int:
        """Broadcast steps of a timestep: one, or with the full correlator one for each level."""
        return self.levels if self.spec.fabric.correlator == "full" else 1

    @property
    def code_bits(self) -> int:
        """What is broadcast to every perturber: the column of the Walsh code.

        A chain's next sign reaches its first perturber alone.
        """
        return self.perturber_state_bits if self.spec.fabric.perturbation == "walsh" else 0

    @property
    def update_perturber_bits(self) -> int:
        """The same once more, in a pipelined fabric: the perturbation that a late update needs."""
        return self.perturber_bits if self.spec.fabric.pipeline else 0

    @property
    def perturber_state_bits(self) -> int:
        """State that all perturbers share: the chain's LFSR, or the counter of the Walsh code.

        The code's length, a power of two, exceeds the number of parameters, since nobody has the
        row of ones.
        """
        shared = {"chain": self.spec.fabric.lfsr_bits, "walsh": self.parameters.bit_length()}
        return shared.get(self.spec.fabric.perturbation, 0)

    # -- Broadcast and update -----------------------------------------------------------------

    @property
    def stochastic(self) -> bool:
        """Whether a random word is drawn in every timestep to round the step."""
        full = self.spec.fabric.correlator == "full"
        return full and self.spec.formats.rounding == "stochastic"

    @property
    def step_bits(self) -> int:
        """Width of the broadcast step's magnitude, in a parameter's last bits; it saturates."""
        return self.theta.bits - 1

    @property
    def gradient_bits(self) -> int:
        """Width of the gradient register G, signed; 0 where nothing outlasts a timestep.

        A window adds at most tau_theta steps, or counts of 2**k, to G, and a momentum of 1 - 2**-k
        sums 2**k windows, so it cannot overflow. The leaky integrator holds at most 2**k steps,
        however long a window is.
        """
        fabric = self.spec.fabric
        if fabric.tau_theta_bits == 1 and not fabric.decay_shift:
            return 0
        summand_bits = self.step_bits if fabric.correlator == "full" else fabric.decay_shift
        if self.leaky:
            return summand_bits + fabric.decay_shift + 1
        return summand_bits + fabric.tau_theta_bits + fabric.decay_shift + 1

    @property
    def leaky(self) -> bool:
        """Whether G decays in every timestep."""
        return self.spec.fabric.decay_every == "timestep"

    @property
    def dithered(self) -> bool:
        """Whether what leaks from G is rounded with the random word that rounds the step."""
        return self.leaky and self.stochastic

    @property
    def dither_bits(self) -> int:
        """Bits of that word that round it."""
        return self.spec.fabric.decay_shift if self.dithered else 0

    # -- Noise --------------------------------------------------------------------------------

    @property
    def noisy(self) -> bool:
        """Whether there is noise, of costs or of updates."""
        return self.spec.fabric.cost_noise or self.spec.fabric.update_noise != "none"

    @property
    def cost_noise_bits(self) -> int:
        """Width of the level of the cost noise, unsigned, in a cost's last bits."""
        return self.cost_bits

    @property
    def update_noise_bits(self) -> int:
        """Width of that of the update noise, in a parameter's last bits."""
        return max(1, self.step_bits - NOISE_RANGE_BITS)

    # -- Layouts ------------------------------------------------------------------------------

    @property
    def holds_in_place(self) -> bool:
        """Whether parameters are kept in `pmgd.gateware.hold_updater.HoldUpdater`.

        It is the smallest, and does without G.
        """
        holds = self.spec.formats.overflow == "hold"
        return self.spec.fabric.pipeline and holds and not self.gradient_bits

    @property
    def scan(self) -> ScanLayout:
        """The scan ring."""
        return ScanLayout(
            self.theta.bits,
            self.gradient_bits,
            self.perturber_bits,
            self.parameters,
            update_perturber_bits=self.update_perturber_bits,
            planes=self.spec.fabric.pipeline,
            offset_binary=self.holds_in_place,
            neurons=self.neurons if self.spec.fabric.defects else 0,
        )

    @property
    def flight(self) -> FlightLayout:
        """A step on its way to the parameters of a pipelined fabric, as a word."""
        return FlightLayout(self.step_bits + 1)

    @property
    def sample(self) -> SampleLayout:
        """The sample memory."""
        formats = self.spec.formats
        return SampleLayout(
            self.spec.network.layers[0],
            formats.input,
            self.outputs,
            formats.target,
            self.spec.fabric.samples,
        )
