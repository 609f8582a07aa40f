"""The golden model: what every fabric must do, in integers, one timestep at a time.

It is written from docs/specification.md and from no component of the gateware, so that equality
of the two means something.
"""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import DataError
from pmgd.gateware.initial import initial_defects, initial_parameters
from pmgd.gateware.layout import DEFECTS, MEAN_FRACTION_BITS
from pmgd.gateware.oscillators import LEVELS
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import ORDERS
from pmgd.sim.generators import (
    advance_perturbers,
    draw_samples,
    noise,
    perturbation_levels,
    perturbation_signs,
    xorshift32,
)
from pmgd.sim.golden_engine import Engine
from pmgd.sim.golden_network import GoldenNetwork
from pmgd.sim.golden_update import disturbed, updated
from pmgd.sim.lanes import Integers, Mask, choose

__all__ = ["Golden"]


class Golden:
    """Independent runs of one plan, side by side.

    Every attribute below is an array of stored integers with one row for each of the B lanes; a
    single run has one lane. All but the samples may be written between timesteps. They begin as
    the registers do after reset, and the synapses and the defects at zero.

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
        Shape (B,): the rest of the state; the last is C0. In a pipelined fabric, which takes it
        anew in every timestep, it and the next tell what the last timestep found, and no more.
    baseline_valid
        Shape (B,): 1 where C0 belongs to the parameters and the sample.
    perturbed
        Shape (B,): with the literal baseline, 1 unless a baseline cleared the perturbation.
    update_perturber, update_state
        Shapes (B, P) and (B,): the same as `perturber` and `perturber_state` for late updates.
    flight
        Shape (B, D, 3): the entries (u, advance, ends) that wait for their timestep, D =
        `Plan.update_delay`; none unless the fabric is pipelined.
    flight_position
        Shape (B,): the entry that the next timestep takes and then fills.
    noise_state
        Shape (B,): state of the noise generator.
    defects
        Shape (B, neurons, 4): what is wrong with every neuron, in the order of
        `pmgd.gateware.layout.DEFECTS`; of no neurons in a fabric without them.
    tau_x, tau_p, tau_theta, dtheta, scale_mantissa, scale_shift, sign_step, mean_shift, blank,
    order, sample_count, cost_noise, update_noise
        Shape (B,): settings, as in the registers of the same names.
    x, t
        Shapes (B, N, inputs) and (B, N, outputs): the samples; see `load_samples`.
    network
        The network and its cost.
    """

    STATE = (
        "theta", "gradient", "perturber", "perturber_state", "timestep", "phase_x", "phase_p",
        "phase_theta", "sample_index", "order_state", "order_position", "rounding_state",
        "baseline", "baseline_valid", "perturbed", "update_perturber", "update_state", "flight",
        "flight_position", "noise_state", "defects",
    )  # fmt: skip
    SETTINGS = (
        "tau_x", "tau_p", "tau_theta", "dtheta", "scale_mantissa", "scale_shift", "sign_step",
        "mean_shift", "blank", "order", "sample_count", "cost_noise", "update_noise",
    )  # fmt: skip

    def __init__(self, plan: Plan, lanes: int = 1, kernel: str = "auto") -> None:
        self.plan = plan
        self.lanes = lanes
        self.network = GoldenNetwork(plan)
        self.theta, self.gradient, self.perturber, self.update_perturber = np.zeros(
            (4, lanes, plan.parameters), np.int64
        )
        self.flight = np.zeros((lanes, plan.update_delay, 3), np.int64)
        self.flight_position, self.update_state = np.zeros((2, lanes), np.int64)
        self.timestep, self.phase_x, self.phase_p, self.phase_theta = np.zeros((4, lanes), np.int64)
        self.sample_index, self.order_position, self.perturber_state = np.zeros(
            (3, lanes), np.int64
        )
        self.order_state, self.rounding_state, self.noise_state = np.ones((3, lanes), np.int64)
        self.defects = np.zeros((lanes, plan.scan.neurons, len(DEFECTS)), np.int64)
        self.baseline, self.baseline_valid, self.perturbed = np.zeros((3, lanes), np.int64)
        self.tau_x, self.tau_p, self.tau_theta, self.sample_count = np.ones((4, lanes), np.int64)
        self.dtheta, self.order, self.scale_mantissa, self.scale_shift = np.zeros(
            (4, lanes), np.int64
        )
        self.sign_step, self.mean_shift, self.blank = np.zeros((3, lanes), np.int64)
        self.cost_noise, self.update_noise = np.zeros((2, lanes), np.int64)
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
            drawn = plan.expand(seed)
            self.theta[lane] = initial_parameters(plan, drawn.uniform)
            self.perturber[lane] = drawn.perturbers
            self.perturber_state[lane] = drawn.perturber_state
            self.order_state[lane] = drawn.order
            self.rounding_state[lane] = drawn.rounding
            self.noise_state[lane] = drawn.noise
            self.defects[lane] = initial_defects(plan, drawn.normal)
        if fabric.pipeline:
            self.update_perturber[:], self.update_state[:] = self.perturber, self.perturber_state
        self.tau_x[:], self.tau_p[:] = training.tau_x, training.tau_p
        self.tau_theta[:] = training.tau_theta
        self.dtheta[:] = plan.dtheta_steps()
        if fabric.correlator == "full":
            self.scale_mantissa[:], self.scale_shift[:] = plan.scale()
        else:
            self.sign_step[:] = plan.sign_step()
        self.mean_shift[:], self.blank[:] = training.mean_shift, training.blank
        self.cost_noise[:] = plan.cost_noise_level()
        self.update_noise[:] = plan.update_noise_level()
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

        The baseline and the parameters recorded are those that the timestep leaves behind. A
        pipelined fabric has used these parameters, since it updates first.
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
        fabric = self.plan.spec.fabric
        # The update of D timesteps ago, with which the timestep of a pipelined fabric begins.
        if fabric.pipeline:
            self._update_late()
        # 1. and 2. A new sample every tau_x timesteps, a new perturbation every tau_p.
        self._draw_sample(self.phase_x == 0)
        self._perturb(self.phase_p == 0)
        sign = self._signs(self.perturber, self.perturber_state)
        # 3. and 4. The baseline, and what the perturbation changes.
        cost, change = self._change(sign * self._of_level(self._amplitudes()))
        # 5. The step, formed once for all parameters, or for all of a level.
        step, summands = self._step(change)
        # 6. and 7. Every parameter correlates it with its own sign, and updates every tau_theta;
        # in a pipelined fabric, D timesteps from now.
        if fabric.pipeline:
            self._put_in_flight(step)
        else:
            gradient = self.gradient + sign * self._of_level(summands)
            self._update(gradient, self._window_ends())
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
        operands = self.network.operands(self.theta[:, None], 0)
        y = self.network.outputs(operands, np.asarray(x, np.int64), self.defects[:, None])
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
        self.sample_index, self.order_position, self.order_state = draw_samples(
            self.order, self.sample_index, self.order_position, self.order_state,
            self.sample_count, due,
        )  # fmt: skip
        if self.plan.spec.fabric.baseline == "sample":
            self.baseline_valid[due] = 0
        elif self.plan.filters:
            self.baseline_valid[due & (self.blank == 1)] = 0

    # -- 2. Perturbation ----------------------------------------------------------------------

    def _perturb(self, due: Mask) -> None:
        own, shared = self._advanced(self.perturber, self.perturber_state, due)
        self.perturber, self.perturber_state = own, shared

    def _advanced(self, own: Integers, shared: Integers, due: Mask) -> tuple[Integers, Integers]:
        """Return perturbers' states, advanced in the lanes that are due."""
        if not due.any():
            return own, shared
        fabric = self.plan.spec.fabric
        new = advance_perturbers(
            fabric.perturbation, own, shared, self.plan.generator_bits, self.plan.increments
        )
        return choose(due, new[0], own), choose(due, new[1], shared)

    def _signs(self, own: Integers, shared: Integers) -> Integers:
        kind = self.plan.spec.fabric.perturbation
        return perturbation_signs(kind, own, shared, self.plan.generator_bits)

    def _amplitudes(self) -> Integers:
        """Return the magnitude of the perturbation at each of its levels, shape (B, levels)."""
        plan = self.plan
        seen = self.dtheta[:, None] >> plan.operand_shift
        if plan.levels > 1:
            amplitudes: Integers = (seen * np.array(LEVELS) + 64) >> 7
            return amplitudes
        if plan.spec.fabric.pipeline:  # of what the multipliers see
            return seen << plan.operand_shift
        return self.dtheta[:, None]

    def _of_level(self, values: Integers) -> Integers:
        """Return every parameter's own of values, shape (B, levels) or, if all are one, (B, 1)."""
        if values.shape[1] == 1:
            return values
        level = perturbation_levels(self.perturber, self.plan.generator_bits)
        return np.take_along_axis(values, level, axis=1)

    # -- 3. Baseline and 4. Cost --------------------------------------------------------------

    def _change(self, perturbation: Integers) -> tuple[Integers, Integers]:
        """Return C and C~ of a perturbation, shape (B, P)."""
        kind = self.plan.spec.fabric.baseline
        every = np.ones_like(self.phase_x, bool)
        if kind == "sample":
            pipeline = self.plan.spec.fabric.pipeline
            self._take_baseline((self.baseline_valid == 0) | pipeline, 0)
        elif kind == "two_sided":
            self._take_baseline(every, -perturbation)
        elif kind == "literal":
            retaken = (self.phase_x == 0) | (self.phase_theta == 0)
            self._take_baseline(retaken, 0)
            self.perturbed[retaken] = 0
            self.perturbed[self.phase_p == 0] = 1
            perturbation = perturbation * self.perturbed[:, None]
        cost = self._measured(every, perturbation)
        if not self.plan.filters:
            return cost, cost - self.baseline
        fine = cost << MEAN_FRACTION_BITS
        before = choose(self.baseline_valid == 0, fine, self.baseline)
        self.baseline_valid[:] = 1
        self.baseline = before + ((fine - before) >> self.mean_shift)
        mean = self.baseline if kind == "highpass" else before
        return cost, cost - (mean >> MEAN_FRACTION_BITS)

    def _take_baseline(self, lanes: Mask, perturbation: Integers | int) -> None:
        if lanes.any():
            self.baseline = choose(lanes, self._measured(lanes, perturbation), self.baseline)
            self.baseline_valid[lanes] = 1

    def _measured(self, lanes: Mask, perturbation: Integers | int) -> Integers:
        """Return the cost as training sees it; only in the lanes given it is told, and counts."""
        x, t = self.x[self._lanes, self.sample_index], self.t[self._lanes, self.sample_index]
        operands = self.network.operands(self.theta, perturbation)
        cost = self.network.cost(self.network.outputs(operands, x, self.defects), t)
        if not self.plan.spec.fabric.cost_noise:
            return cost
        word = xorshift32(self.noise_state)
        self.noise_state = choose(lanes, word, self.noise_state)
        return cost + (1 << self.plan.cost_bits) + noise(word, self.cost_noise)

    # -- 5. Step ------------------------------------------------------------------------------

    def _step(self, change: Integers) -> tuple[Integers, Integers]:
        """Return u, of the highest level, and what G correlates with the signs.

        The latter, shape (B, step_levels), is u of every level, or the sign of C~.
        """
        fabric = self.plan.spec.fabric
        perturbed: Integers | int = self.perturbed if fabric.baseline == "literal" else 1
        if fabric.correlator == "sign":
            direction: Integers = np.sign(change).astype(np.int64) * perturbed
            return direction * self.sign_step, (direction << fabric.decay_shift)[:, None]
        largest, offset = (1 << self.plan.step_bits) - 1, self._rounding_offset()
        mantissas = self.scale_mantissa[:, None]
        if self.plan.levels > 1:
            mantissas = (mantissas * np.array(LEVELS) + 64) >> 7
        scaled = (change[:, None] * mantissas + offset[:, None]) >> self.scale_shift[:, None]
        bounded = np.minimum(np.maximum(scaled, -largest), largest)
        steps: Integers = (bounded.T * perturbed).T
        return steps[:, -1], steps

    def _rounding_offset(self) -> Integers:
        unit: Integers = 1 << self.scale_shift
        if not self.plan.stochastic:
            return unit >> 1
        self.rounding_state = xorshift32(self.rounding_state)
        offset: Integers = self.rounding_state & (unit - 1)
        return offset

    # -- 7. Update ----------------------------------------------------------------------------

    def _window_ends(self) -> Mask:
        ends: Mask = self.phase_theta + 1 >= self.tau_theta
        if self.plan.spec.fabric.baseline == "literal":
            ends = self.phase_theta == 0
        return ends

    def _update(self, gradient: Integers, due: Mask) -> None:
        """Keep G, or update every parameter by it where the window ends."""
        self.theta, gradient = updated(
            self.plan, self.theta, gradient, self.sign_step, self.rounding_state, due
        )
        if self.plan.spec.fabric.update_noise != "none":
            self.theta, self.noise_state = disturbed(
                self.plan, self.theta, self.noise_state, self.update_noise, due
            )
        if self.plan.spec.fabric.baseline == "sample":
            self.baseline_valid[due] = 0
        if self.plan.gradient_bits:
            self.gradient = gradient

    # -- Late updates of a pipelined fabric ---------------------------------------------------

    def _update_late(self) -> None:
        """Update with the step that was put in flight D timesteps ago."""
        step, advance, ends = self.flight[self._lanes, self.flight_position].T
        own, shared = self._advanced(self.update_perturber, self.update_state, advance == 1)
        self.update_perturber, self.update_state = own, shared
        sign = self._signs(own, shared)
        due = (ends == 1) | (self.plan.gradient_bits == 0)
        self._update(self.gradient + sign * step[:, None], due)

    def _put_in_flight(self, step: Integers) -> None:
        """Put the step in the place of the one that has arrived."""
        entry = np.stack([step, self.phase_p == 0, self._window_ends()], axis=1)
        self.flight[self._lanes, self.flight_position] = entry
        self.flight_position = (self.flight_position + 1) % self.flight.shape[1]
