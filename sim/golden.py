"""The golden model: what every fabric must do, in integers, one timestep at a time.

It is written from docs/specification.md and from no component of the gateware, so that equality
of the two means something.
"""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import DataError
from pmgd.gateware.initial import initial_parameters
from pmgd.gateware.layout import MEAN_FRACTION_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.seeds import expand
from pmgd.gateware.spec import ORDERS
from pmgd.sim.generators import (
    advance_perturbers,
    perturbation_signs,
    shuffled_index,
    xorshift32,
)
from pmgd.sim.golden_engine import Engine
from pmgd.sim.golden_network import GoldenNetwork

__all__ = ["Golden"]

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

"""`Training.order`, in the order of the `order` register's values."""


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
    kernel
        What executes timesteps: see `pmgd.sim.golden_engine.Engine`. The result is the same.

    Attributes
    ----------
    theta, gradient, perturber
        Shape (B, P): parameters, accumulated gradients G, what every perturber keeps for itself.
    perturber_state
        Shape (B,): what a lane's perturbers share.
    timestep, phase_x, phase_p, phase_theta, sample_index, order_state, order_position,
    rounding_state, baseline
        Shape (B,): the rest of the state; the last is C0.
    baseline_valid
        Shape (B,): 1 where C0 belongs to the parameters and the sample.
    perturbed
        Shape (B,): with the literal baseline, 1 unless a baseline cleared the perturbation.
    tau_x, tau_p, tau_theta, dtheta, scale_mantissa, scale_shift, sign_step, mean_shift, order,
    sample_count
        Shape (B,): settings, as in the registers of the same names.
    x, t
        Shapes (B, N, inputs) and (B, N, outputs): the samples; see `load_samples`.
    network
        The network and its cost.
    """

    STATE = (
        "theta", "gradient", "perturber", "perturber_state", "timestep", "phase_x", "phase_p",
        "phase_theta", "sample_index", "order_state", "order_position", "rounding_state",
        "baseline", "baseline_valid", "perturbed",
    )  # fmt: skip
    SETTINGS = (
        "tau_x", "tau_p", "tau_theta", "dtheta", "scale_mantissa", "scale_shift", "sign_step",
        "mean_shift", "order", "sample_count",
    )  # fmt: skip

    def __init__(self, plan: Plan, lanes: int = 1, kernel: str = "auto") -> None:
        self.plan = plan
        self.lanes = lanes
        self.network = GoldenNetwork(plan)
        self.theta, self.gradient, self.perturber = np.zeros((3, lanes, plan.parameters), np.int64)
        self.timestep, self.phase_x, self.phase_p, self.phase_theta = np.zeros((4, lanes), np.int64)
        self.sample_index, self.order_position, self.perturber_state = np.zeros(
            (3, lanes), np.int64
        )
        self.order_state, self.rounding_state = np.ones((2, lanes), np.int64)
        self.baseline, self.baseline_valid, self.perturbed = np.zeros((3, lanes), np.int64)
        self.tau_x, self.tau_p, self.tau_theta, self.sample_count = np.ones((4, lanes), np.int64)
        self.dtheta, self.order, self.scale_mantissa, self.scale_shift = np.zeros(
            (4, lanes), np.int64
        )
        self.sign_step, self.mean_shift = np.zeros((2, lanes), np.int64)
        self.load_samples(
            np.zeros((plan.sample.samples, plan.sample.inputs), np.int64),
            np.zeros((plan.sample.samples, plan.outputs), np.int64),
        )
        self._lanes = np.arange(lanes)
        self._engine = Engine(plan, kernel)

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

        Whatever the order, the first sample drawn is that which begins it.

        Parameters
        ----------
        seeds
            One for each lane; `Training.seed` is not used.
        """
        plan, fabric, training = self.plan, self.plan.spec.fabric, self.plan.spec.training
        for name in self.STATE:
            getattr(self, name)[...] = 0
        for lane, seed in enumerate(seeds):
            drawn = expand(seed, plan.parameters, fabric.lfsr_bits, fabric.perturbation)
            self.theta[lane] = initial_parameters(plan, drawn.uniform)
            self.perturber[lane] = drawn.perturbers
            self.perturber_state[lane] = drawn.perturber_state
            self.order_state[lane] = drawn.order
            self.rounding_state[lane] = drawn.rounding
        self.tau_x[:], self.tau_p[:] = training.tau_x, training.tau_p
        self.tau_theta[:] = training.tau_theta
        self.dtheta[:] = plan.dtheta_steps()
        if fabric.correlator == "full":
            self.scale_mantissa[:], self.scale_shift[:] = plan.scale()
        else:
            self.sign_step[:] = plan.sign_step()
        self.mean_shift[:] = training.mean_shift
        self.order[:] = ORDERS.index(training.order)
        self.sample_count[:] = self.x.shape[1]
        self.sample_index[:] = self.sample_count - 1
        self.order_position[:] = (1 << plan.sample.index_bits) - 1

    def copy(self) -> Self:
        """Return a model that goes on from the same state, independently."""
        twin = copy.copy(self)
        for name in (*self.STATE, *self.SETTINGS):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    # -- Running ------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Execute `steps` timesteps in every lane.

        An interrupt (Ctrl-C) that the kernel is stopped by leaves a state between two timesteps.
        """
        if not self._engine.run(self, steps):
            for _ in range(steps):
                self.execute_timestep()

    def trace(self, steps: int) -> StepTrace:
        """Execute `steps` timesteps and record each; the records' second axis is the lane.

        The baseline recorded is the one that the timestep leaves behind.
        """
        cost, baseline, step = np.empty((3, steps, self.lanes), np.int64)
        parameters = np.empty((steps, *self.theta.shape), np.int64)
        record = StepTrace(cost, baseline, step, parameters)
        if not self._engine.run(self, steps, record):
            for n in range(steps):
                cost[n], step[n] = self.execute_timestep()
                baseline[n], parameters[n] = self.baseline, self.theta
        return record

    def execute_timestep(self) -> tuple[Integers, Integers]:
        """Execute one timestep in every lane, numbered as in the specification.

        Returns
        -------
        cost, step
            Shape (B,): the cost C and the broadcast step u.
        """
        # 1. and 2. A new sample every tau_x timesteps, a new perturbation every tau_p.
        self._draw_sample(self.phase_x == 0)
        self._perturb(self.phase_p == 0)
        sign = perturbation_signs(
            self.plan.spec.fabric.perturbation, self.perturber, self.perturber_state
        )
        # 3. and 4. The baseline, and what the perturbation changes.
        cost, change = self._change(sign * self.dtheta[:, None])
        # 5. The step, formed once for all parameters.
        step, summand = self._step(change)
        # 6. and 7. Every parameter correlates it with its own sign, and updates every tau_theta.
        self._update(self.gradient + sign * summand[:, None])
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
        y = self.network.outputs(self.theta[:, None], np.asarray(x, np.int64))
        return y, self.network.cost(y, np.asarray(t, np.int64))

    def hits(self, y: ArrayLike, t: ArrayLike) -> Integers:
        """Count the samples that are classified as their targets.

        Parameters
        ----------
        y, t
            Shapes (B, N, outputs), as from `evaluate`, and (N, outputs), stored integers.

        Returns
        -------
        Shape (B,): how many of the N samples are.
        """
        same = self.network.hits(np.asarray(y, np.int64), np.asarray(t, np.int64))
        counts: Integers = same.sum(axis=-1)
        return counts

    # -- 1. Sample ----------------------------------------------------------------------------

    def _draw_sample(self, due: Mask) -> None:
        if not due.any():
            return
        random, sequential = due & (self.order == 0), due & (self.order == 1)
        shuffled = due & (self.order >= 2)
        if random.any():
            state = xorshift32(self.order_state)
            self.order_state = _choose(random, state, self.order_state)
            drawn = (state * self.sample_count) >> 32
            self.sample_index = _choose(random, drawn, self.sample_index)
        if sequential.any():
            following = self.sample_index + 1
            following[following >= self.sample_count] = 0
            self.sample_index = _choose(sequential, following, self.sample_index)
        if shuffled.any():
            index, position, state = shuffled_index(
                self.order_position, self.order_state, np.maximum(self.sample_count, 1)
            )
            self.sample_index = _choose(shuffled, index, self.sample_index)
            self.order_position = _choose(shuffled, position, self.order_position)
            self.order_state = _choose(shuffled, state, self.order_state)
        if self.plan.spec.fabric.baseline == "sample":
            self.baseline_valid[due] = 0

    # -- 2. Perturbation ----------------------------------------------------------------------

    def _perturb(self, due: Mask) -> None:
        if not due.any():
            return
        fabric = self.plan.spec.fabric
        own, shared = advance_perturbers(
            fabric.perturbation, self.perturber, self.perturber_state, fabric.lfsr_bits
        )
        self.perturber = _choose(due, own, self.perturber)
        self.perturber_state = _choose(due, shared, self.perturber_state)

    # -- 3. Baseline and 4. Cost --------------------------------------------------------------

    def _change(self, perturbation: Integers) -> tuple[Integers, Integers]:
        """Return C and C~ of a perturbation s * dtheta, shape (B, P)."""
        kind = self.plan.spec.fabric.baseline
        if kind == "sample":
            self._take_baseline(self.baseline_valid == 0, self.theta)
        elif kind == "two_sided":
            self._take_baseline(np.ones_like(self.phase_x, bool), self.theta - perturbation)
        elif kind == "literal":
            retaken = (self.phase_x == 0) | (self.phase_theta == 0)
            self._take_baseline(retaken, self.theta)
            self.perturbed[retaken] = 0
            self.perturbed[self.phase_p == 0] = 1
            perturbation = perturbation * self.perturbed[:, None]
        cost = self._cost(self.theta + perturbation)
        if kind != "mean":
            return cost, cost - self.baseline
        fine = cost << MEAN_FRACTION_BITS
        self.baseline = _choose(self.baseline_valid == 0, fine, self.baseline)
        self.baseline_valid[:] = 1
        change = cost - (self.baseline >> MEAN_FRACTION_BITS)
        self.baseline = self.baseline + ((fine - self.baseline) >> self.mean_shift)
        return cost, change

    def _take_baseline(self, lanes: Mask, parameters: Integers) -> None:
        if lanes.any():
            self.baseline = _choose(lanes, self._cost(parameters), self.baseline)
            self.baseline_valid[lanes] = 1

    def _cost(self, parameters: Integers) -> Integers:
        x, t = self.x[self._lanes, self.sample_index], self.t[self._lanes, self.sample_index]
        return self.network.cost(self.network.outputs(parameters, x), t)

    # -- 5. Step ------------------------------------------------------------------------------

    def _step(self, change: Integers) -> tuple[Integers, Integers]:
        """Return u, and what G correlates with the signs: u itself, or the sign of C~."""
        fabric = self.plan.spec.fabric
        perturbed: Integers | int = self.perturbed if fabric.baseline == "literal" else 1
        if fabric.correlator == "sign":
            direction: Integers = np.sign(change).astype(np.int64) * perturbed
            return direction * self.sign_step, direction << fabric.decay_shift
        largest = (1 << self.plan.step_bits) - 1
        scaled = (change * self.scale_mantissa + self._rounding_offset()) >> self.scale_shift
        step: Integers = np.minimum(np.maximum(scaled, -largest), largest) * perturbed
        return step, step

    def _rounding_offset(self) -> Integers:
        unit: Integers = 1 << self.scale_shift
        if not self.plan.stochastic:
            return unit >> 1
        self.rounding_state = xorshift32(self.rounding_state)
        offset: Integers = self.rounding_state & (unit - 1)
        return offset

    # -- 7. Update ----------------------------------------------------------------------------

    def _update(self, gradient: Integers) -> None:
        """Keep G, or update every parameter by it where the window ends."""
        fabric = self.plan.spec.fabric
        if fabric.baseline == "literal":
            due = self.phase_theta == 0
        else:
            due = self.phase_theta + 1 >= self.tau_theta
        if due.any():
            self.theta = _choose(due, self._updated(gradient), self.theta)
            gradient = _choose(due, _decayed(gradient, fabric.decay_shift), gradient)
            if fabric.baseline == "sample":
                self.baseline_valid[due] = 0
        if self.plan.gradient_bits:
            self.gradient = gradient

    def _updated(self, gradient: Integers) -> Integers:
        """Return the parameters that an update by `gradient` leads to."""
        low, high = self.plan.theta.minimum, self.plan.theta.maximum
        delta = gradient
        if self.plan.spec.fabric.correlator == "sign":
            delta = np.sign(gradient) * self.sign_step[:, None]
        wanted = self.theta - delta
        bounded: Integers = np.minimum(np.maximum(wanted, low), high)
        if self.plan.spec.formats.overflow == "clip":
            return bounded
        return np.where(bounded == wanted, wanted, self.theta)


def _decayed(gradient: Integers, shift: int) -> Integers:
    """Return what an update leaves of G; what it takes is rounded away from zero."""
    upwards = np.where(gradient > 0, (1 << shift) - 1, 0)
    return gradient - ((gradient + upwards) >> shift)


def _choose(lanes: Mask, chosen: Integers, other: Integers) -> Integers:
    """Take the rows of `chosen` where `lanes` is set, of `other` elsewhere."""
    if np.count_nonzero(lanes) == len(lanes):
        return chosen
    return np.where(lanes.reshape(-1, *(1,) * (chosen.ndim - 1)), chosen, other)
