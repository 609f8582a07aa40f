"""Training as scikit-learn does it: fit, partial_fit, predict, score."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import Device, StepTrace
from pmgd.gateware.errors import DeviceError, DigestMismatchError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.driver import Driver
from pmgd.host.history import History
from pmgd.host.open_device import open_device
from pmgd.host.quantisation import Quantisation, quantise_samples
from pmgd.host.samples import check_capacity, check_inputs, check_samples

__all__ = ["Progress", "Trainer"]

HISTORY_POINTS = 50
SLICE_S = 0.25
"""A run is given to the device in slices of about this time, so that it can report and stop."""

Stored = NDArray[np.int64]


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes
    ----------
    timestep, stop_at
        Timesteps done and wanted.
    timesteps_per_s
        Speed of the device so far in this call; 0 before its first timestep.
    cost, accuracy
        Of the last evaluation; see `History`.
    """

    timestep: int
    stop_at: int
    timesteps_per_s: float
    cost: float
    accuracy: float


class Trainer:
    """A network that trains itself on a device.

    Making a trainer only stores its arguments; `fit` checks them. The same specification and data
    give the same parameters on every device. As a context manager it closes its device.

    Parameters
    ----------
    spec
        The network and its training settings.
    device
        A name for `open_device`, opened by `fit` and kept until `close`; or a `Device`, which
        remains the caller's.
    progress
        Called several times a second while training.
    record
        Keep what every timestep did in `trace_`; needs a simulated device, and
        ``8 * (3 + parameters)`` bytes a timestep.
    waveform
        For `open_device`, if `device` is a name.

    Attributes
    ----------
    params_
        Shape (P,), the learned parameters, in the plan's order: by layer, then by neuron, its
        weights and then its bias.
    params_stored_
        The same as stored integers in `Formats.parameter`.
    history_
        Cost and accuracy over the timesteps, about 50 points for each call, the same on every
        device.
    cost_, accuracy_
        At the end; see `History`.
    quantisation_
        What the formats did to the inputs and to the targets; see `Quantisation`.
    solved_
        Whether `cost_` is below `Training.solved_cost`; never, if that is 0.
    timesteps_per_s_
        Speed of the device in the last call, without evaluations; 0 if it made no timestep.
    trace_
        With `record`, the timesteps since `fit`.
    """

    params_: NDArray[np.float64]
    params_stored_: Stored
    history_: History
    cost_: float
    accuracy_: float
    solved_: bool
    quantisation_: tuple[Quantisation, Quantisation]
    timesteps_per_s_: float
    trace_: StepTrace

    def __init__(
        self,
        spec: Spec,
        device: str | Device = "rtl",
        *,
        progress: Callable[[Progress], None] | None = None,
        record: bool = False,
        waveform: Path | None = None,
    ) -> None:
        self.spec = spec
        self.device = device
        self.progress = progress
        self.record = record
        self.waveform = waveform
        self._driver: Driver | None = None
        self._loaded: tuple[Stored, ...] = ()
        self._traces: list[StepTrace] = []
        self._stopping = False

    # -- Training -----------------------------------------------------------------------------

    def fit(self, x: ArrayLike, y: ArrayLike, steps: int | None = None) -> Self:
        """Train from the initial state that the seed gives.

        Parameters
        ----------
        x
            Shape (N, inputs), reals that `Formats.input` can hold.
        y
            Shape (N, outputs), reals that `Formats.target` can hold; or (N,), the targets of one
            output or class labels.
        steps
            Timesteps; by default `Training.steps`.

        Raises
        ------
        PmgdError
            If the specification, the data, the number of steps or the device will not do.
        """
        x_stored, t_stored = self._quantise(x, y)
        steps = self._check_steps(self.spec.training.steps if steps is None else steps)
        driver = self._connect()
        driver.configure(self.spec.training)
        self._load(driver, x_stored, t_stored)
        driver.initialise(self.spec.training.seed)
        self.history_ = History.empty()
        self._traces = []
        self._train(driver, steps)
        return self

    def partial_fit(self, x: ArrayLike, y: ArrayLike, steps: int) -> Self:
        """Go on training for `steps` timesteps; if nothing was trained before, the same as `fit`.

        With the same data and settings it ends as if there had been no pause. The data and the
        run-time settings of `spec` may differ from those before; with other data the baseline
        begins anew. What only the beginning depends on is left to `fit`: `Training.seed`,
        `Training.init`, `Training.init_range` and `Training.sigma_a`.

        Raises
        ------
        PmgdError
            As in `fit`, and if the device was closed.
        """
        if not hasattr(self, "params_"):
            return self.fit(x, y, steps)
        x_stored, t_stored = self._quantise(x, y)
        steps = self._check_steps(steps)
        driver = self._trained()
        driver.configure(self.spec.training)
        # Loading them ends what a baseline remembers, which a pause must not.
        if not (self._loaded and all(map(np.array_equal, self._loaded, (x_stored, t_stored)))):
            self._load(driver, x_stored, t_stored)
        self._train(driver, steps)
        return self

    def stop(self) -> None:
        """End the training under way, or else the next, after its present slice of timesteps.

        For callbacks and signal handlers. The trainer ends up as if fewer steps had been wanted.
        """
        self._stopping = True

    # -- Use ----------------------------------------------------------------------------------

    def predict_outputs(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs of the trained network, shape (N, outputs), reals.

        Raises
        ------
        DataError
            If the inputs do not fit the network.
        DeviceError
            If nothing was trained, or the device was closed.
        """
        network, formats = self.spec.network, self.spec.formats
        inputs = check_inputs(x, network)
        x_stored, _ = quantise_samples(inputs, formats.input, "inputs", clip=self.spec.data.clip)
        no_targets = np.zeros((len(x_stored), network.layers[-1]), dtype=np.int64)
        driver = self._trained()
        outputs = driver.evaluate(x_stored, no_targets).outputs
        return driver.plan.output_format.to_real(outputs)

    def predict(self, x: ArrayLike) -> Stored:
        """Return a class for each sample, shape (N,).

        With one output, 1 where it is at least `Plan.class_threshold` and 0 elsewhere; with
        several, the index of the largest, the first among equals. Raises as `predict_outputs` does.
        """
        return self._classes(self.predict_outputs(x))

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """Return the fraction of the samples that are classified as their targets.

        Raises
        ------
        PmgdError
            As in `predict_outputs`, and if the targets do not fit the network.
        """
        inputs, targets = check_samples(x, y, self.spec.network)
        return float((self.predict(inputs) == self._classes(targets)).mean())

    def close(self) -> None:
        """Close the device if this trainer opened it; what was learned stays readable."""
        driver, self._driver = self._driver, None
        if driver is not None and driver.device is not self.device:
            driver.device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- Details ------------------------------------------------------------------------------

    def _quantise(self, x: ArrayLike, y: ArrayLike) -> tuple[Stored, Stored]:
        inputs, targets = check_samples(x, y, self.spec.network)
        check_capacity(len(inputs), self.spec.fabric.samples)
        formats, clip = self.spec.formats, self.spec.data.clip
        x_stored, of_inputs = quantise_samples(inputs, formats.input, "inputs", clip=clip)
        t_stored, of_targets = quantise_samples(targets, formats.target, "targets", clip=clip)
        self.quantisation_ = (of_inputs, of_targets)
        return x_stored, t_stored

    def _check_steps(self, steps: int) -> int:
        return self.spec.with_settings({"training.steps": steps}).training.steps

    def _connect(self) -> Driver:
        plan = Plan(self.spec)
        if self._driver is None or self._driver.plan.digest != plan.digest:
            self.close()
            device = (
                open_device(self.device, plan, self.waveform)
                if isinstance(self.device, str)
                else self.device
            )
            self._loaded = ()
            try:
                self._driver = Driver(device, plan)
            except BaseException:
                if device is not self.device:
                    device.close()
                raise
        return self._driver

    def _trained(self) -> Driver:
        if self._driver is None or not hasattr(self, "params_"):
            raise DeviceError(
                "a trainer must have been trained, and its device be open, to predict or to go on; "
                "call fit(x, y) first, and close() last"
            )
        digest = Plan(self.spec).digest
        if self._driver.plan.digest != digest:
            raise DigestMismatchError(
                f"a trainer must keep the plan digest {self._driver.plan.digest:016x} that it was "
                f"trained with to predict or to go on, not {digest:016x}; call fit(x, y) again"
            )
        return self._driver

    def _load(self, driver: Driver, x_stored: Stored, t_stored: Stored) -> None:
        self._loaded = ()
        driver.load_samples(x_stored, t_stored)
        self._loaded = x_stored, t_stored

    def _train(self, driver: Driver, steps: int) -> None:
        start = timestep = driver.timestep
        stop_at = start + steps
        interval = max(1, -(-steps // HISTORY_POINTS))
        seconds = 0.0
        length = 64  # of a slice; grows or shrinks towards SLICE_S
        if not len(self.history_):
            self._evaluate(driver, timestep)
        self._report(timestep, stop_at, 0.0)
        while timestep < stop_at and not self._stopping:
            due = min(stop_at, timestep + interval - (timestep - start) % interval)
            count = min(length, due - timestep)
            began = time.perf_counter()
            self._advance(driver, count)
            elapsed = time.perf_counter() - began
            timestep += count
            seconds += elapsed
            if elapsed > SLICE_S:
                length = max(1, length // 2)
            elif elapsed < SLICE_S / 2 and count == length:
                length *= 2
            if timestep == due or self._stopping:
                self._evaluate(driver, timestep)
            self._report(timestep, stop_at, (timestep - start) / seconds)
        if self.history_.timestep[-1] != timestep:  # stopped from within the last report
            self._evaluate(driver, timestep)
        self._stopping = False
        self.params_stored_, self.params_ = driver.parameters()
        self.cost_ = float(self.history_.cost[-1])
        self.accuracy_ = float(self.history_.accuracy[-1])
        self.solved_ = self.cost_ < self.spec.training.solved_cost
        self.timesteps_per_s_ = (timestep - start) / seconds if seconds else 0.0
        if self.record:
            self.trace_ = _concatenate(self._traces, len(self.params_))

    def _advance(self, driver: Driver, steps: int) -> None:
        if self.record:
            self._traces.append(driver.trace(steps))
        else:
            driver.run(steps)

    def _evaluate(self, driver: Driver, timestep: int) -> None:
        cost, accuracy = driver.score()
        self.history_ = self.history_.with_point(timestep, cost, accuracy)

    def _classes(self, outputs: NDArray[np.float64]) -> Stored:
        if outputs.shape[1] == 1:
            return (outputs[:, 0] >= Plan(self.spec).class_threshold).astype(np.int64)
        classes: Stored = outputs.argmax(axis=1).astype(np.int64)
        return classes

    def _report(self, timestep: int, stop_at: int, timesteps_per_s: float) -> None:
        if self.progress is not None:
            cost, accuracy = float(self.history_.cost[-1]), float(self.history_.accuracy[-1])
            self.progress(Progress(timestep, stop_at, timesteps_per_s, cost, accuracy))


def _concatenate(parts: list[StepTrace], parameters: int) -> StepTrace:
    none = np.empty(0, dtype=np.int64)
    return StepTrace(
        cost=np.concatenate([none, *(part.cost for part in parts)]),
        baseline=np.concatenate([none, *(part.baseline for part in parts)]),
        step=np.concatenate([none, *(part.step for part in parts)]),
        parameters=np.concatenate(
            [none.reshape(0, parameters), *(part.parameters for part in parts)]
        ),
    )
