"""Everything derived from a spec: widths, counts, layouts and latencies, computed and checked once.

A number that two modules need is an attribute of `Plan` and is computed nowhere else.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from pmgd.gateware import settings
from pmgd.gateware.latency import (
    BASELINE_CYCLES,
    BEGIN_CYCLES,
    CLIP_CYCLES,
    DEFECTS_CYCLES,
    FETCH_CYCLES,
    FILTER_CYCLES,
    FINISH_CYCLES,
    FLIGHT_CYCLES,
    HIGHPASS_CYCLES,
    INDEX_CYCLES,
    LEVELS_CYCLES,
    MANTISSA_CYCLES,
    MEASURE_CYCLES,
    NOISE_CYCLES,
    SIGN_TRANSMITTER_CYCLES,
    TABLE_CYCLES,
    TRANSMITTER_CYCLES,
    Latency,
    PipelineLatency,
)
from pmgd.gateware.plan_checks import check_parts
from pmgd.gateware.seeds import Seeds, expand
from pmgd.gateware.widths import Widths

__all__ = ["INTERFACE_VERSION", "Plan"]

INTERFACE_VERSION = 4
"""Raised when the register map, the frames or the arithmetic change."""


@dataclass(frozen=True)
class Plan(Widths):
    """The plan of a spec.

    Raises
    ------
    SpecError
        If the spec's parts do not fit each other: a cost format too narrow for the outputs, a
        run-time setting beyond its register, generators too narrow for the parameters.
    """

    def __post_init__(self) -> None:
        check_parts(self)
        self.check_training()

    # -- Time ---------------------------------------------------------------------------------

    @cached_property
    def latency(self) -> Latency:
        """Clock cycles from stage to stage."""
        fabric = self.spec.fabric
        fan_ins = tuple(layer.fan_in for layer in self.layers)
        activations = tuple(
            (CLIP_CYCLES if layer.table is None else TABLE_CYCLES)
            + DEFECTS_CYCLES * layer.defective
            for layer in self.layers
        )
        transmitter = TRANSMITTER_CYCLES if fabric.correlator == "full" else SIGN_TRANSMITTER_CYCLES
        if self.step_levels > 1:
            transmitter += LEVELS_CYCLES + MANTISSA_CYCLES
        change = HIGHPASS_CYCLES if fabric.baseline == "highpass" else FILTER_CYCLES
        change += MEASURE_CYCLES * fabric.cost_noise
        if not fabric.pipeline:
            return Latency(fan_ins, activations, self.outputs, transmitter, change)
        multiplied = tuple(not layer.binary_inputs for layer in self.layers)
        return PipelineLatency(fan_ins, activations, self.outputs, transmitter, change, multiplied)

    @property
    def interval(self) -> int:
        """Clock cycles from the start of a timestep to that of the next, in a pipelined fabric."""
        return 2 // self.spec.fabric.copies

    @property
    def index_cycles(self) -> int:
        """Clock cycles that a new sample in random or sequential order adds to a timestep."""
        return self.sample.count_bits + INDEX_CYCLES

    def clocks_per_timestep(
        self, *, new_sample: bool = True, new_baseline: bool = True, update: bool = True
    ) -> int:
        """Clock cycles of one timestep.

        In a pipelined fabric it is always `interval`.

        Parameters
        ----------
        new_sample
            With a new sample. A shuffled order takes `SHUFFLE_CYCLES` for each position tried
            instead of `index_cycles`.
        new_baseline
            With a new baseline; always with two_sided, never with mean and highpass.
        update
            With an update, which may have noise.
        """
        if self.spec.fabric.pipeline:
            return self.interval
        baseline = (new_baseline or self.spec.fabric.baseline == "two_sided") and not self.filters
        return (
            BEGIN_CYCLES
            + LEVELS_CYCLES * (self.levels > 1)
            + self.shake_cycles * update
            + self.index_cycles * new_sample
            + FETCH_CYCLES
            + BASELINE_CYCLES * baseline
            + self.latency.step
            + FINISH_CYCLES
        )

    @property
    def shake_cycles(self) -> int:
        """Clock cycles that the noise of an update takes: of each parameter in turn, or of all."""
        kind = self.spec.fabric.update_noise
        if kind == "none":
            return 0
        return NOISE_CYCLES + 1 + (self.parameters if kind == "each" else 0)

    @property
    def update_delay(self) -> int:
        """D: timesteps from a perturbation to its update; 0, a step ends before the next starts."""
        if not self.spec.fabric.pipeline:
            return 0
        # The cost that ends a timestep is that of its last evaluation.
        cycles = self.interval - 1 + self.latency.step + FLIGHT_CYCLES
        return -(-cycles // self.interval)

    # -- Identity -----------------------------------------------------------------------------

    @cached_property
    def digest(self) -> int:
        """64 bits of SHA-256 over the generation-time choices; the same on every machine."""
        chosen = self.spec.to_mapping()
        identity = {key: chosen[key] for key in ("network", "formats", "fabric")}
        # However it was said: one for all layers, one for each, or the usual.
        identity["network"]["activation"] = list(self.spec.network.activations)
        identity["formats"]["activation"] = [str(layer.output_format) for layer in self.layers]
        identity["interface"] = INTERFACE_VERSION
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    # -- Seeds --------------------------------------------------------------------------------

    def expand(self, seed: int) -> Seeds:
        """Return what a seed expands to; see `pmgd.gateware.seeds.expand`."""
        kind = self.spec.fabric.perturbation
        return expand(seed, self.parameters, self.generator_bits, kind, self.scan.neurons)

    # -- Run-time settings as register values -------------------------------------------------

    def check_training(self) -> None:
        """Check the run-time settings against the registers that will hold them."""
        settings.check_training(self)

    def dtheta_steps(self) -> int:
        """Return dtheta in units of a parameter's last bit."""
        return settings.dtheta_steps(self)

    def cost_noise_level(self) -> int:
        """Return the level of the cost noise, in a cost's last bits."""
        return settings.cost_noise_level(self)

    def update_noise_level(self) -> int:
        """Return the level of the update noise, in a parameter's last bits."""
        return settings.update_noise_level(self)

    def scale(self) -> tuple[int, int]:
        """Return the mantissa and shift that take a cost change to the broadcast step."""
        return settings.scale(self)

    def sign_step(self) -> int:
        """Return what an update by the sign-only correlator moves a parameter by, in last bits."""
        return settings.sign_step(self)
