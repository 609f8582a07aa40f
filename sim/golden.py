"""The golden model: what every fabric must do, in integers, one timestep at a time.

It is written from docs/specification.md and from no component of the gateware, so that equality
of the two means something.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import DataError
from pmgd.gateware.formats import floor_shift, quantise
from pmgd.gateware.layout import LayerPlan
from pmgd.gateware.plan import Plan
from pmgd.gateware.seeds import expand, lfsr_taps

__all__ = ["Golden", "lfsr_next", "xorshift32"]

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

TABLE_BITS = 16
"""Widest preactivation whose sigmoid is tabulated for every value; a matter of speed only."""


class Golden:
    """Independent runs of one plan, side by side.

    Every attribute below is an array of stored integers with one row for each of the B lanes; a
    single run has one lane. All but the samples may be written between timesteps. They begin as
    the registers do after reset, and the synapses at zero.

    Parameters
    ----------
    plan
        Any plan: where 64 bits would not hold a sum exactly, Python integers do.
    lanes
        Number of runs, B.

    Attributes
    ----------
    theta, gradient, lfsr
        Shape (B, P): parameters, accumulated gradients G, states of the perturbers.
    timestep, phase_x, phase_p, phase_theta, sample_index, order_state, rounding_state, baseline
        Shape (B,): the rest of the state; the last is C0.
    baseline_valid
        Shape (B,): 1 where C0 belongs to the parameters and the sample.
    tau_x, tau_p, tau_theta, dtheta, scale_mantissa, scale_shift, order, sample_count
        Shape (B,): settings, as in the registers of the same names.
    x, t
        Shapes (B, N, inputs) and (B, N, outputs): the samples; see `load_samples`.
    """

    _STATE = (
        "theta", "gradient", "lfsr", "timestep", "phase_x", "phase_p", "phase_theta",
        "sample_index", "order_state", "rounding_state", "baseline", "baseline_valid",
    )  # fmt: skip
    _SETTINGS = (
        "tau_x", "tau_p", "tau_theta", "dtheta", "scale_mantissa", "scale_shift", "order",
        "sample_count",
    )  # fmt: skip

    def __init__(self, plan: Plan, lanes: int = 1) -> None:
        self.plan = plan
        self.lanes = lanes
        self.theta, self.gradient, self.lfsr = np.zeros((3, lanes, plan.parameters), np.int64)
        self.timestep, self.phase_x, self.phase_p, self.phase_theta = np.zeros((4, lanes), np.int64)
        self.sample_index, self.baseline, self.baseline_valid = np.zeros((3, lanes), np.int64)
        self.order_state, self.rounding_state = np.ones((2, lanes), np.int64)
        self.tau_x, self.tau_p, self.tau_theta, self.sample_count = np.ones((4, lanes), np.int64)
        self.dtheta, self.order, self.scale_mantissa, self.scale_shift = np.zeros(
            (4, lanes), np.int64
        )
        self.load_samples(
            np.zeros((plan.sample.samples, plan.sample.inputs), np.int64),
            np.zeros((plan.sample.samples, plan.outputs), np.int64),
        )
        # Properties of the plan are computed on every use; these are used in every timestep.
        self._lanes = np.arange(lanes)
        self._layers = plan.layers
        self._activation = plan.activation
        self._error_fraction, self._cost_shift = plan.error_fraction, plan.cost_shift
        self._operand_shift = plan.operand_shift
        self._sum_types = [
            _exact(layer.sum_bits + max(0, -layer.sum_shift)) for layer in plan.layers
        ]
        self._cost_type = _exact(plan.full_cost_maximum.bit_length() + 1)
        bits = plan.spec.formats.preactivation.bits
        self._sigmoid_table = self._sigmoid(np.arange(1 << bits)) if bits <= TABLE_BITS else None

    # -- Before a run -------------------------------------------------------------------------

    def load_samples(self, x: ArrayLike, t: ArrayLike) -> None:
        """Load N samples as stored integers, for all lanes or for each; `sample_count` stays.

        Parameters
        ----------
        x, t
            Inputs and targets, shapes (N, inputs) and (N, outputs) or, with samples of their own
            for every lane, (B, N, inputs) and (B, N, outputs).

        Raises
        ------
        DataError
            If the shapes are others.
        """
        inputs, targets = np.asarray(x, np.int64), np.asarray(t, np.int64)
        shape = (self.lanes, inputs.shape[-2] if inputs.ndim > 1 else 1)
        try:
            self.x = np.broadcast_to(inputs, (*shape, self.plan.sample.inputs))
            self.t = np.broadcast_to(targets, (*shape, self.plan.outputs))
        except ValueError:
            raise DataError(
                f"samples must have {self.plan.sample.inputs} inputs and {self.plan.outputs} "
                f"targets each, for all or for each of {self.lanes} lane(s), not the shapes "
                f"{inputs.shape} and {targets.shape}"
            ) from None

    def begin(self, seeds: Sequence[int]) -> None:
        """Start every lane afresh: the settings of `spec.training`, the state its seed expands to.

        Parameters
        ----------
        seeds
            One for each lane; `Training.seed` is not used.
        """
        plan, training = self.plan, self.plan.spec.training
        for name in self._STATE:
            getattr(self, name)[...] = 0
        for lane, seed in enumerate(seeds):
            drawn = expand(seed, plan.parameters, plan.spec.fabric.lfsr_bits)
            self.theta[lane] = quantise(drawn.uniform * training.init_range, plan.theta).stored
            self.lfsr[lane] = drawn.perturbers
            self.order_state[lane] = drawn.order
            self.rounding_state[lane] = drawn.rounding
        self.tau_x[:], self.tau_p[:] = training.tau_x, training.tau_p
        self.tau_theta[:] = training.tau_theta
        self.dtheta[:] = plan.dtheta_steps()
        self.scale_mantissa[:], self.scale_shift[:] = plan.scale()
        self.order[:] = training.order == "sequential"
        self.sample_count[:] = self.x.shape[1]

    def copy(self) -> Self:
        """Return a model that goes on from the same state, independently."""
        twin = copy.copy(self)
        for name in (*self._STATE, *self._SETTINGS):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    # -- Running ------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Execute `steps` timesteps in every lane."""
        for _ in range(steps):
            self.execute_timestep()

    def trace(self, steps: int) -> StepTrace:
        """Execute `steps` timesteps and record each; the records' second axis is the lane."""
        cost, baseline, step = np.empty((3, steps, self.lanes), np.int64)
        parameters = np.empty((steps, *self.theta.shape), np.int64)
        for n in range(steps):
            cost[n], step[n] = self.execute_timestep()
            baseline[n], parameters[n] = self.baseline, self.theta
        return StepTrace(cost, baseline, step, parameters)

    def execute_timestep(self) -> tuple[Integers, Integers]:
        """Execute one timestep in every lane, numbered as in the specification.

        Returns
        -------
        cost, step
            Shape (B,): the perturbed cost C and the broadcast step u.
        """
        plan = self.plan
        # 1. A new sample every tau_x timesteps.
        due = self.phase_x == 0
        if np.count_nonzero(due):
            self._draw_sample(due)
        x, t = self.x[self._lanes, self.sample_index], self.t[self._lanes, self.sample_index]
        # 2. New signs every tau_p timesteps.
        due = self.phase_p == 0
        if np.count_nonzero(due):
            advanced = lfsr_next(self.lfsr, plan.spec.fabric.lfsr_bits)
            self.lfsr = _choose(due, advanced, self.lfsr)
        sign = 2 * (self.lfsr & 1) - 1
        # 3. The baseline, when the last update or a new sample has made it stale.
        stale = self.baseline_valid == 0
        if np.count_nonzero(stale):
            self.baseline = _choose(
                stale, self._cost(self._outputs(self.theta, x), t), self.baseline
            )
            self.baseline_valid[:] = 1
        # 4. What the perturbation changes.
        cost = self._cost(self._outputs(self.theta + sign * self.dtheta[:, None], x), t)
        change = cost - self.baseline
        # 5. The step, formed once for all parameters.
        scaled = (change * self.scale_mantissa + self._rounding_offset()) >> self.scale_shift
        largest = (1 << plan.step_bits) - 1
        step = np.minimum(np.maximum(scaled, -largest), largest)
        # 6. Every parameter correlates it with its own sign.
        gradient = self.gradient + sign * step[:, None]
        # 7. Every parameter updates every tau_theta timesteps.
        due = self.phase_theta + 1 >= self.tau_theta
        if np.count_nonzero(due):
            self.theta = _choose(due, self._updated(gradient), self.theta)
            self.gradient = _choose(due, np.zeros_like(gradient), gradient)
            self.baseline_valid[due] = 0
        else:
            self.gradient = gradient
        # 8. The clockwork.
        for phase, tau in (
            (self.phase_x, self.tau_x),
            (self.phase_p, self.tau_p),
            (self.phase_theta, self.tau_theta),
        ):
            phase += 1
            phase[phase >= tau] = 0
        self.timestep += 1
        return cost, step

    def evaluate(self, x: ArrayLike, t: ArrayLike) -> tuple[Integers, Integers]:
        """Evaluate samples unperturbed, in every lane, without touching the state.

        Parameters
        ----------
        x, t
            Shapes (N, inputs) and (N, outputs), stored integers.

        Returns
        -------
        outputs, cost
            Shapes (B, N, outputs) and (B, N): stored integers, the cost summed over the outputs.
        """
        y = self._outputs(self.theta[:, None], np.asarray(x, np.int64))
        return y, self._cost(y, np.asarray(t, np.int64))

    # -- Parts of a timestep ------------------------------------------------------------------

    def _draw_sample(self, due: Mask) -> None:
        sequential = self.order == 1
        shuffled = due & ~sequential
        self.order_state = _choose(shuffled, xorshift32(self.order_state), self.order_state)
        drawn = (self.order_state * self.sample_count) >> 32
        if np.count_nonzero(sequential):
            following = self.sample_index + 1
            following[following >= self.sample_count] = 0
            drawn = np.where(sequential, following, drawn)
        self.sample_index = _choose(due, drawn, self.sample_index)
        self.baseline_valid[due] = 0

    def _rounding_offset(self) -> Integers:
        unit = 1 << self.scale_shift
        if self.plan.spec.formats.rounding == "nearest":
            return unit >> 1
        self.rounding_state = xorshift32(self.rounding_state)
        return self.rounding_state & (unit - 1)

    def _updated(self, gradient: Integers) -> Integers:
        low, high = self.plan.theta.minimum, self.plan.theta.maximum
        wanted = self.theta - gradient
        bounded: Integers = np.minimum(np.maximum(wanted, low), high)
        if self.plan.spec.formats.overflow == "clip":
            return bounded
        return np.where(bounded == wanted, wanted, self.theta)

    # -- The network f(x; theta) and its cost -------------------------------------------------

    def _outputs(self, perturbed: Integers, x: Integers) -> Integers:
        """Return y for parameters (..., P), perturbed or not, and inputs (..., inputs)."""
        operands = perturbed >> self._operand_shift
        values = x
        for layer, exact in zip(self._layers, self._sum_types, strict=True):
            values = self._layer(layer, operands, values, exact)
        return values

    def _layer(
        self, layer: LayerPlan, operands: Integers, inputs: Integers, exact: type
    ) -> Integers:
        own = operands[..., layer.first_parameter : layer.first_parameter + layer.parameters]
        shape = (*own.shape[:-1], layer.outputs, layer.inputs + 1)
        neurons: NDArray[Any] = own.reshape(shape).astype(exact, copy=False)
        weights, bias = neurons[..., :-1], neurons[..., -1]
        products = weights @ inputs[..., None].astype(exact, copy=False)
        total = products[..., 0] + (bias << layer.input_format.fraction_bits)
        fmt = self._activation.preactivation
        reduced = floor_shift(total, layer.sum_shift)
        clipped = np.minimum(np.maximum(reduced, fmt.minimum), fmt.maximum)
        offset = clipped.astype(np.int64, copy=False) - fmt.minimum
        return self._sigmoid(offset) if self._sigmoid_table is None else self._sigmoid_table[offset]

    def _sigmoid(self, offset: Integers) -> Integers:
        """Interpolate the sigmoid of `offset` above the smallest preactivation."""
        table = self._activation
        segment = offset >> table.remainder_bits
        remainder = offset & ((1 << table.remainder_bits) - 1)
        knot, slope = np.array(table.knots)[segment], np.array(table.slopes)[segment]
        value = (knot << table.remainder_bits) + slope * remainder
        half = 1 << (table.shift - 1)
        rounded: Integers = np.minimum((value + half) >> table.shift, table.activation.maximum)
        return rounded

    def _cost(self, y: Integers, t: Integers) -> Integers:
        """Cost of outputs against targets, summed over the last axis."""
        formats = self.plan.spec.formats
        y = y << (self._error_fraction - formats.activation.fraction_bits)
        t = t << (self._error_fraction - formats.target.fraction_bits)
        error = y - t
        wide: NDArray[Any] = error.astype(self._cost_type, copy=False)
        cost: NDArray[Any] = (wide * wide).sum(axis=-1) >> self._cost_shift
        return cost.astype(np.int64, copy=False)


def lfsr_next(state: Integers, bits: int) -> Integers:
    """Advance Fibonacci LFSRs of `bits` bits, that shift right."""
    feedback = np.zeros_like(state)
    for tap in lfsr_taps(bits):
        feedback ^= state >> (bits - tap)
    return (state >> 1) | ((feedback & 1) << (bits - 1))


def xorshift32(state: Integers) -> Integers:
    """Advance 32-bit xorshift generators (Marsaglia 2003) with shifts 13, 17, 5."""
    state = state ^ ((state << 13) & 0xFFFFFFFF)
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


def _choose(lanes: Mask, chosen: Integers, other: Integers) -> Integers:
    """Take the rows of `chosen` where `lanes` is set, of `other` elsewhere."""
    if np.count_nonzero(lanes) == len(lanes):
        return chosen
    return np.where(lanes.reshape(-1, *(1,) * (chosen.ndim - 1)), chosen, other)


def _exact(bits: int) -> type:
    """Element type in which a signed number of `bits` bits is exact."""
    return np.int64 if bits <= 64 else object
