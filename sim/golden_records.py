"""A plan, and what a lane has once, as records of numbers that the compiled kernel reads."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.gaussian import COUNTED_BITS, NOISE_OFFSET, NOISE_SHIFT
from pmgd.gateware.layout import DEFECT_FRACTION, MEAN_FRACTION_BITS
from pmgd.gateware.oscillators import PHASE_STEPS
from pmgd.gateware.plan import Plan
from pmgd.gateware.seeds import lfsr_taps

__all__ = [
    "LANE", "LAYER", "PLAN", "VECTOR", "layer_records", "plan_record", "rounded_up", "tables",
]  # fmt: skip

Integers = NDArray[np.int64]

VECTOR = 32
"""Elements that the compiler takes at once in a loop that is long enough; for speed only."""


def _record(*names: str) -> "np.dtype[Any]":
    return np.dtype([(name, np.int64) for name in names])


LANE = _record(
    "tau_x", "tau_p", "tau_theta", "dtheta", "scale_mantissa", "scale_shift", "sign_step",
    "mean_shift", "blank", "order", "sample_count", "cost_noise", "update_noise",
    "perturber_state", "timestep", "phase_x", "phase_p", "phase_theta", "sample_index",
    "order_state", "order_position", "rounding_state", "baseline", "baseline_valid", "perturbed",
    "update_state", "flight_position", "noise_state",
)  # fmt: skip
"""A lane's settings and its state, but for the synapses and the steps in flight."""

LAYER = _record(
    "inputs", "outputs", "fan_in", "reach", "one", "sum_left", "sum_right", "table",
    "remainder_bits", "rounding", "left", "right", "low", "high", "least", "most",
)  # fmt: skip
"""A layer.

A neuron sums `reach` operands times inputs: its own `fan_in`, the last of them times `one` if
it is a bias, and some that follow, times 0, so that the loop is of a length that suits vectors.
The preactivation is what the shifts `sum_left` and `sum_right` leave. If `table` is not negative,
it is interpolated. Then `left` and `right` shift it, and `low` and `high` clip it. Outputs with
defects are clipped once more, by `least` and `most`.
"""

PLAN = _record(
    "parameters", "perturbation", "baseline", "full", "decay_shift", "has_gradient", "hold",
    "stochastic", "squared", "cost_shift", "output_shift", "target_shift", "operand_shift",
    "theta_minimum", "theta_maximum", "step_maximum", "z_minimum", "z_maximum", "x_minimum",
    "t_minimum", "mean_fraction", "column_mask", "lfsr_bits", "tap_0", "tap_1", "tap_2", "tap_3",
    "pipeline", "amplitude_mask", "phase_mask", "point_shift", "leaky", "dithered", "cost_noise",
    "cost_offset", "update_noise", "counted_mask", "counted_bits", "noise_offset", "noise_shift",
    "defects", "defect_fraction",
)  # fmt: skip
"""What a plan fixes for all lanes."""

# The kernel knows these by their numbers.
PERTURBATIONS = ("lfsr", "chain", "walsh", "sequential", "square", "sine")
BASELINES = ("sample", "two_sided", "literal", "mean", "highpass")
UPDATE_NOISES = ("none", "each", "shared")


def rounded_up(number: int, unit: int) -> int:
    """Return the least multiple of `unit` that is not less."""
    return -(-number // unit) * unit


def _reach(fan_in: int) -> int:
    # Vectors of 4 take a short rest of the loop faster than zeros added to fill one of VECTOR.
    return rounded_up(fan_in, 4 if fan_in % VECTOR <= VECTOR // 3 else VECTOR)


def plan_record(plan: Plan) -> Any:
    """Return the record `PLAN` of a plan."""
    fabric, formats = plan.spec.fabric, plan.spec.formats
    taps = [fabric.lfsr_bits - tap for tap in lfsr_taps(fabric.lfsr_bits)]
    taps += [0] * (4 - len(taps))  # two equal ones cancel
    values = {
        "parameters": plan.parameters,
        "perturbation": PERTURBATIONS.index(fabric.perturbation),
        "baseline": BASELINES.index(fabric.baseline),
        "full": fabric.correlator == "full",
        "decay_shift": fabric.decay_shift,
        "has_gradient": plan.gradient_bits > 0,
        "hold": formats.overflow == "hold",
        "stochastic": plan.stochastic,
        "squared": plan.squared,
        "cost_shift": plan.cost_shift,
        "output_shift": plan.error_fraction - plan.output_format.fraction_bits,
        "target_shift": plan.error_fraction - formats.target.fraction_bits,
        "operand_shift": plan.operand_shift,
        "theta_minimum": plan.theta.minimum,
        "theta_maximum": plan.theta.maximum,
        "step_maximum": (1 << plan.step_bits) - 1,
        "z_minimum": formats.preactivation.minimum,
        "z_maximum": formats.preactivation.maximum,
        "x_minimum": formats.input.minimum,
        "t_minimum": formats.target.minimum,
        "mean_fraction": MEAN_FRACTION_BITS,
        "column_mask": (1 << plan.perturber_state_bits) - 1,
        "lfsr_bits": fabric.lfsr_bits,
        "pipeline": fabric.pipeline,
        "amplitude_mask": -1 << (plan.operand_shift if fabric.pipeline else 0),
        "phase_mask": (1 << plan.perturber_bits) - 1,
        "point_shift": max(0, plan.perturber_bits - (PHASE_STEPS.bit_length() - 1)),
        "leaky": plan.leaky,
        "dithered": plan.dithered,
        "cost_noise": fabric.cost_noise,
        "cost_offset": 1 << plan.cost_bits,
        "update_noise": UPDATE_NOISES.index(fabric.update_noise),
        "counted_mask": (1 << COUNTED_BITS) - 1,
        "counted_bits": COUNTED_BITS,
        "noise_offset": NOISE_OFFSET,
        "noise_shift": NOISE_SHIFT,
        "defects": fabric.defects,
        "defect_fraction": DEFECT_FRACTION,
        **{f"tap_{n}": tap for n, tap in enumerate(taps)},
    }
    return _filled(PLAN, [values])[0]


def layer_records(plan: Plan) -> NDArray[Any]:
    """Return an array of records `LAYER`, one for each of a plan's layers."""
    rows = []
    table_at = 0
    for layer in plan.layers:
        fmt, table = layer.output_format, layer.table
        dropped = plan.spec.formats.preactivation.fraction_bits - fmt.fraction_bits
        values = {
            "inputs": layer.inputs,
            "outputs": layer.outputs,
            "fan_in": layer.fan_in,
            "reach": _reach(layer.fan_in),
            "one": layer.bias << layer.input_format.fraction_bits,
            "sum_left": max(0, -layer.sum_shift),
            "sum_right": max(0, layer.sum_shift),
            "table": -1,
            "remainder_bits": 0,
            "rounding": 0,
            "left": max(0, -dropped),
            "right": max(0, dropped),
            "low": fmt.minimum,
            "high": fmt.maximum,
            "least": fmt.minimum,
            "most": fmt.maximum,
        }
        if table is not None:
            values |= {
                "table": table_at,
                "remainder_bits": table.remainder_bits,
                "rounding": 1 << (table.shift - 1),
                "left": 0,
                "right": table.shift,
                "low": table.activation.minimum,
                "high": table.activation.maximum,
            }
            table_at += 2 * table.segments
        rows.append(values)
    return _filled(LAYER, rows)


def tables(plan: Plan) -> Integers:
    """Return a knot, its slope, the next knot and so on, of all tables; then a number to spare."""
    chosen = [layer.table for layer in plan.layers if layer.table is not None]
    pairs = [np.stack([table.knots, table.slopes], axis=1).ravel() for table in chosen]
    return np.concatenate([*pairs, np.zeros(1, np.int64)]).astype(np.int64)


def _filled(kind: "np.dtype[Any]", rows: list[dict[str, int]]) -> NDArray[Any]:
    """Return records; a missing or unknown field raises a KeyError or a ValueError."""
    records = np.zeros(len(rows), kind)
    for record, values in zip(records, rows, strict=True):
        for name in kind.names or ():
            record[name] = values.pop(name)
        if values:
            raise ValueError(f"records of {kind.names} have no {', '.join(values)}")
    return records
