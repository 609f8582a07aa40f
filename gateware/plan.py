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
    FETCH_CYCLES,
    FINISH_CYCLES,
    FLIGHT_CYCLES,
    INDEX_CYCLES,
    SIGN_TRANSMITTER_CYCLES,
    TABLE_CYCLES,
    TRANSMITTER_CYCLES,
    Latency,
    PipelineLatency,
)
from pmgd.gateware.plan_checks import check_parts
from pmgd.gateware.widths import Widths

__all__ = ["INTERFACE_VERSION", "Plan"]

INTERFACE_VERSION = 3
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
        fan_ins = tuple(layer.fan_in for layer in self.layers)
        activations = tuple(
            CLIP_CYCLES if layer.table is None else TABLE_CYCLES for layer in self.layers
        )
        full = self.spec.fabric.correlator == "full"
        transmitter = TRANSMITTER_CYCLES if full else SIGN_TRANSMITTER_CYCLES
        if not self.spec.fabric.pipeline:
            return Latency(fan_ins, activations, self.outputs, transmitter)
        multiplied = tuple(not layer.binary_inputs for layer in self.layers)
        return PipelineLatency(fan_ins, activations, self.outputs, transmitter, multiplied)

    @property
    def interval(self) -> int:
        """Clock cycles from the start of a timestep to that of the next, in a pipelined fabric."""
        return 2 // self.spec.fabric.copies

    @property
    def index_cycles(self) -> int:
        """Clock cycles that a new sample in random or sequential order adds to a timestep."""
        return self.sample.count_bits + INDEX_CYCLES

    def clocks_per_timestep(self, *, new_sample: bool = True, new_baseline: bool = True) -> int:
        """Clock cycles of one timestep, with or without a new sample and a new baseline.

        A shuffled order takes `SHUFFLE_CYCLES` for each position tried instead of `index_cycles`.
        The baseline is new in every timestep with two_sided, never with mean. In a pipelined
        fabric it is always `interval`.
        """
        if self.spec.fabric.pipeline:
            return self.interval
        kind = self.spec.fabric.baseline
        baseline = (new_baseline or kind == "two_sided") and kind != "mean"
        return (
            BEGIN_CYCLES
            + self.index_cycles * new_sample
            + FETCH_CYCLES
            + BASELINE_CYCLES * baseline
            + self.latency.step
            + FINISH_CYCLES
        )

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

    # -- Run-time settings as register values -------------------------------------------------

    def check_training(self) -> None:
        """Check the run-time settings against the registers that will hold them."""
        settings.check_training(self)

    def dtheta_steps(self) -> int:
        """Return dtheta in units of a parameter's last bit."""
        return settings.dtheta_steps(self)

    def scale(self) -> tuple[int, int]:
        """Return the mantissa and shift that take a cost change to the broadcast step."""
        return settings.scale(self)

    def sign_step(self) -> int:
        """Return what an update by the sign-only correlator moves a parameter by, in last bits."""
        return settings.sign_step(self)
