"""Everything derived from a spec: widths, counts, layouts and latencies, computed and checked once.

A number that two modules need is an attribute here and is computed nowhere else.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format, signed_bits, unsigned_bits
from pmgd.gateware.latency import (
    BASELINE_CYCLES,
    BEGIN_CYCLES,
    FETCH_CYCLES,
    FINISH_CYCLES,
    INDEX_CYCLES,
    Latency,
)
from pmgd.gateware.layout import (
    MANTISSA_BITS,
    MAX_COST_BITS,
    REGION_SHIFT,
    SHIFT_BITS,
    LayerPlan,
    SampleLayout,
    ScanLayout,
)
from pmgd.gateware.pwl import PiecewiseLinear
from pmgd.gateware.spec import Spec

__all__ = ["INTERFACE_VERSION", "Plan"]

INTERFACE_VERSION = 1
"""Raised when the register map, the frames or the arithmetic change."""


@dataclass(frozen=True)
class Plan:
    """The plan of a spec.

    Raises
    ------
    SpecError
        If the spec's parts do not fit each other: a cost format too narrow for the outputs, a
        run-time setting beyond its register, generators too narrow for the parameters.
    """

    spec: Spec

    def __post_init__(self) -> None:
        self._check_generators()
        _ = self.activation  # which refuses more segments than values
        self._check_cost()
        self._check_samples()
        self.check_training()

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
        formats = self.spec.formats
        sizes = self.spec.network.layers
        low, high = self.operand_range
        planned = []
        first = 0
        for index, (inputs, outputs) in enumerate(pairwise(sizes)):
            source = formats.input if index == 0 else formats.activation
            corners = [v * x for v in (low, high) for x in (source.minimum, source.maximum)]
            one = 1 << source.fraction_bits
            layer = LayerPlan(
                inputs=inputs,
                outputs=outputs,
                first_parameter=first,
                input_format=source,
                product_bits=signed_bits(min(*corners, low * one), max(*corners, high * one)),
                sum_bits=signed_bits(
                    inputs * min(corners) + low * one, inputs * max(corners) + high * one
                ),
                sum_shift=formats.operand_fraction
                + source.fraction_bits
                - formats.preactivation.fraction_bits,
            )
            planned.append(layer)
            first += layer.parameters
        return tuple(planned)

    @cached_property
    def activation(self) -> PiecewiseLinear:
        """The sigmoid's table."""
        formats = self.spec.formats
        return PiecewiseLinear(
            formats.preactivation, formats.activation, self.spec.network.segments
        )

    # -- Cost ---------------------------------------------------------------------------------

    @property
    def error_fraction(self) -> int:
        """Fraction bits of an output's error y - t."""
        formats = self.spec.formats
        return max(formats.activation.fraction_bits, formats.target.fraction_bits)

    @cached_property
    def error_range(self) -> tuple[int, int]:
        """Smallest and largest error of an output."""
        y, t = self.spec.formats.activation, self.spec.formats.target
        y_shift = self.error_fraction - y.fraction_bits
        t_shift = self.error_fraction - t.fraction_bits
        return (
            (y.minimum << y_shift) - (t.maximum << t_shift),
            (y.maximum << y_shift) - (t.minimum << t_shift),
        )

    @cached_property
    def full_cost_maximum(self) -> int:
        """Largest sum of squared errors, with all ``2 * error_fraction`` fraction bits."""
        return self.outputs * max(bound * bound for bound in self.error_range)

    @property
    def cost_fraction(self) -> int:
        """Fraction bits of the cost."""
        chosen = self.spec.formats.cost
        return 2 * self.error_fraction if chosen is None else chosen.fraction_bits

    @property
    def cost_shift(self) -> int:
        """Fraction bits dropped (floor) from the sum of squares to make the cost."""
        return 2 * self.error_fraction - self.cost_fraction

    @property
    def cost_bits(self) -> int:
        """Width of the cost, unsigned."""
        chosen = self.spec.formats.cost
        return unsigned_bits(self.full_cost_maximum) if chosen is None else chosen.bits

    # -- Broadcast and update -----------------------------------------------------------------

    @property
    def step_bits(self) -> int:
        """Width of the broadcast step's magnitude, in a parameter's last bits; it saturates."""
        return self.theta.bits - 1

    @property
    def gradient_bits(self) -> int:
        """Width of the gradient register G, signed; 0 where tau_theta is always 1.

        G sums at most tau_theta steps, so it cannot overflow.
        """
        tau_theta_bits = self.spec.fabric.tau_theta_bits
        return 0 if tau_theta_bits == 1 else self.step_bits + tau_theta_bits + 1

    # -- Layouts ------------------------------------------------------------------------------

    @property
    def scan(self) -> ScanLayout:
        """The scan ring."""
        return ScanLayout(
            self.theta.bits, self.gradient_bits, self.spec.fabric.lfsr_bits, self.parameters
        )

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

    @cached_property
    def latency(self) -> Latency:
        """Clock cycles from stage to stage."""
        return Latency(
            fan_ins=tuple(layer.inputs + 1 for layer in self.layers), outputs=self.outputs
        )

    def clocks_per_timestep(self, *, new_sample: bool = True, new_baseline: bool = True) -> int:
        """Clock cycles of one timestep, with or without a new sample and a new baseline."""
        return (
            BEGIN_CYCLES
            + (self.sample.count_bits + INDEX_CYCLES) * new_sample
            + FETCH_CYCLES
            + BASELINE_CYCLES * new_baseline
            + self.latency.step
            + FINISH_CYCLES
        )

    @property
    def update_delay(self) -> int:
        """D: timesteps from a perturbation to its update; 0, a step ends before the next starts."""
        return 0

    # -- Identity -----------------------------------------------------------------------------

    @cached_property
    def digest(self) -> int:
        """64 bits of SHA-256 over the generation-time choices; the same on every machine."""
        chosen = self.spec.to_mapping()
        identity = {key: chosen[key] for key in ("network", "formats", "fabric")}
        identity["interface"] = INTERFACE_VERSION
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    # -- Checks -------------------------------------------------------------------------------

    def _check_generators(self) -> None:
        # Up to P*P/2 seeds make an XOR-triple; below this width most of them would.
        needed = max(8, 2 * (self.parameters - 1).bit_length())
        if needed > 32:
            raise SpecError(
                f"a spatial fabric must have at most 65536 parameters, not {self.parameters}; "
                f"choose smaller network.layers"
            )
        if self.spec.fabric.lfsr_bits < needed:
            raise SpecError(
                f"fabric.lfsr_bits must be at least {needed} for independent perturbations of "
                f"{self.parameters} parameters, not {self.spec.fabric.lfsr_bits}"
            )

    def _check_cost(self) -> None:
        if unsigned_bits(self.full_cost_maximum) - self.cost_shift > MAX_COST_BITS:
            raise SpecError(
                f"the cost must fit {MAX_COST_BITS} bits, not "
                f"{unsigned_bits(self.full_cost_maximum) - self.cost_shift}; choose fewer "
                f"fraction bits in formats.cost"
            )
        chosen = self.spec.formats.cost
        if chosen is None:
            return
        if self.cost_shift < 0:
            raise SpecError(
                f"formats.cost must have at most {2 * self.error_fraction} fraction bits, twice "
                f"those of an output's error, not {chosen}"
            )
        largest = self.full_cost_maximum >> self.cost_shift
        if largest > chosen.maximum:
            wide_enough = Format(
                False, unsigned_bits(largest) - chosen.fraction_bits, chosen.fraction_bits
            )
            raise SpecError(
                f"formats.cost must hold the largest cost of {self.outputs} output(s), "
                f"{largest / (1 << chosen.fraction_bits):g}, not {chosen}, which ends at "
                f"{chosen.maximum / (1 << chosen.fraction_bits):g}; choose {wide_enough}"
            )

    def _check_samples(self) -> None:
        most = (1 << REGION_SHIFT) // self.sample.stride
        if self.sample.samples > most:
            raise SpecError(
                f"fabric.samples must be at most {most}, since each takes {self.sample.stride} of "
                f"the {1 << REGION_SHIFT} addresses of the sample memory, not {self.sample.samples}"
            )

    def check_training(self) -> None:
        """Check the run-time settings against the registers that will hold them."""
        training, fabric = self.spec.training, self.spec.fabric
        for name, bits, width in (
            ("tau_x", fabric.tau_bits, "tau_bits"),
            ("tau_p", fabric.tau_bits, "tau_bits"),
            ("tau_theta", fabric.tau_theta_bits, "tau_theta_bits"),
        ):
            value = getattr(training, name)
            if value >= 1 << bits:
                raise SpecError(
                    f"training.{name} must be from 1 to {(1 << bits) - 1}, not {value}; or raise "
                    f"fabric.{width} to {value.bit_length()}"
                )
        bound = -float(self.theta.to_real(self.theta.minimum))
        if training.init_range > bound:
            raise SpecError(
                f"training.init_range must be at most {bound:g}, the bound of formats.parameter "
                f"{self.theta}, not {training.init_range:g}; lower it or widen the format"
            )
        self.dtheta_steps()
        self.scale()

    # -- Run-time settings as register values -------------------------------------------------

    def dtheta_steps(self) -> int:
        """Return dtheta in units of a parameter's last bit; it must be a multiple of it."""
        dtheta = self.spec.training.dtheta
        steps = dtheta * (1 << self.theta.fraction_bits)
        if not 1 <= steps < 1 << self.dtheta_bits or steps != int(steps):
            raise SpecError(
                f"training.dtheta must be a multiple of {2.0**-self.theta.fraction_bits:g} (a "
                f"parameter's last bit in {self.theta}) below 2, not {dtheta!r}"
            )
        return int(steps)

    def scale(self) -> tuple[int, int]:
        """Return the mantissa and shift that take a cost change to the broadcast step.

        The step is ``-eta * C~ * sign / dtheta`` (eq. 4, [0053]-[0054]) with C averaged over the
        outputs: in stored integers, ``C~ * mantissa / 2**shift``, where the mantissa has up to 16
        bits and the shift is as large as both registers allow.
        """
        training = self.spec.training
        divisor = training.dtheta * self.outputs
        if training.eta_convention == "table4":
            divisor *= self.parameters
        units = 2.0 ** (self.theta.fraction_bits - self.cost_fraction)
        factor = training.eta / divisor * units
        too_large = (1 << MANTISSA_BITS) - 0.5  # the least that rounds up to another bit
        shift = (1 << SHIFT_BITS) - 1
        while shift and factor * 2.0**shift >= too_large:
            shift -= 1
        mantissa = round(min(factor * 2.0**shift, too_large))
        if mantissa >= 1 << MANTISSA_BITS or (training.eta and not mantissa):
            per_eta = units / divisor
            raise SpecError(
                f"training.eta must be from {2.0**-32 / per_eta:.3g} to "
                f"{((1 << MANTISSA_BITS) - 1) / per_eta:.3g} for these formats and dtheta "
                f"{training.dtheta:g}, or 0, not {training.eta!r}"
            )
        return mantissa, shift
