"""The meaning of a device's registers and windows; nothing above this file knows an address."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import Device, StepTrace, TracingDevice, Words
from pmgd.gateware.errors import (
    DataError,
    DeviceBusyError,
    DeviceError,
    DigestMismatchError,
    LinkError,
    SpecError,
)
from pmgd.gateware.formats import Format, quantise
from pmgd.gateware.layout import TIMESTEP_BITS, WORD_BITS
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.regmap import MAGIC, REGION_SHIFT, Reg, Region
from pmgd.gateware.seeds import expand
from pmgd.gateware.spec import Training
from pmgd.host.packing import bits_to_words, fields_from_bits, fields_to_bits, words_to_bits
from pmgd.host.samples import check_capacity
from pmgd.host.state import State

__all__ = ["Driver", "Evaluation", "Parameters"]


class Evaluation(NamedTuple):
    """What the unperturbed network does with some samples.

    Attributes
    ----------
    outputs
        Shape (N, outputs), stored integers in `Formats.activation`.
    cost
        Mean over samples and outputs of the squared error, as the device computes it.
    """

    outputs: NDArray[np.int64]
    cost: float


class Parameters(NamedTuple):
    """A network's parameters, in the plan's order.

    Attributes
    ----------
    stored
        Shape (P,), integers in `Formats.parameter`.
    real
        Shape (P,), the values they stand for.
    """

    stored: NDArray[np.int64]
    real: NDArray[np.float64]


class Driver:
    """Drives one device that was generated from one plan.

    Making it reads the device's magic, version and digest, in this order and before anything
    else, and changes nothing.

    Parameters
    ----------
    device
        Any `Device`; the caller owns it and closes it.
    plan
        The plan it should have been generated from. Its training settings need not be those that
        the device holds; `configure` writes them.

    Raises
    ------
    LinkError
        If whatever answers is no such device.
    DeviceError
        If it speaks another version of the interface.
    DigestMismatchError
        If it was generated from another specification.
    """

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.plan = plan
        self._identify()

    # -- Set-up -------------------------------------------------------------------------------

    def configure(self, training: Training) -> None:
        """Write the run-time settings; the device must be stopped.

        Raises
        ------
        SpecError
            If a setting does not fit its register.
        """
        plan = Plan(self.plan.spec.replace(training=training))
        mantissa, shift = plan.scale()
        for reg, value in (
            (Reg.TAU_X, training.tau_x),
            (Reg.TAU_P, training.tau_p),
            (Reg.TAU_THETA, training.tau_theta),
            (Reg.DTHETA, plan.dtheta_steps()),
            (Reg.SCALE_MANTISSA, mantissa),
            (Reg.SCALE_SHIFT, shift),
            (Reg.ORDER, int(training.order == "sequential")),
        ):
            self.device.write(reg, [value])
        self.plan = plan

    def load_samples(self, x_stored: ArrayLike, t_stored: ArrayLike) -> None:
        """Write the data set to the sample memory.

        Parameters
        ----------
        x_stored, t_stored
            Shapes (N, inputs) and (N, outputs), stored integers in `Formats.input` and
            `Formats.target`; N up to the capacity, `Fabric.samples`.

        Raises
        ------
        DataError
            If a shape is wrong, there are too many samples, or a value exceeds its format.
        """
        words = self._pack(x_stored, t_stored)
        layout = self.plan.sample
        check_capacity(len(words), layout.samples)
        base = Region.SAMPLES << REGION_SHIFT
        if layout.stride == layout.words:
            self.device.write(base, words.reshape(-1))
        else:  # the addresses between two samples do not exist
            for index, row in enumerate(words):
                self.device.write(base + index * layout.stride, row)
        self.device.write(Reg.SAMPLE_COUNT, [len(words)])

    def initialise(self, seed: int) -> None:
        """Put the device in the state that training starts from.

        The seed expands to the parameters, uniform within `Training.init_range`, and to the
        state of every generator; counters and G become zero. The sample index is that of the
        last sample loaded, so that a sequential order begins with the first.
        """
        plan = self.plan
        seeds = expand(seed, plan.parameters, plan.spec.fabric.lfsr_bits)
        # A draw within half a last bit of +bound is clipped to the format's maximum.
        parameters = quantise(
            seeds.uniform * plan.spec.training.init_range, plan.theta, "initial parameters"
        ).stored
        self.write_state(
            State(
                parameters=tuple(map(int, parameters)),
                gradients=(0,) * plan.parameters,
                perturbers=tuple(map(int, seeds.perturbers)),
                timestep=0,
                phase_x=0,
                phase_p=0,
                phase_theta=0,
                sample_index=max(0, self._read(Reg.SAMPLE_COUNT) - 1),
                order_state=seeds.order,
                rounding_state=seeds.rounding,
                baseline=0,
                baseline_valid=False,
            )
        )

    # -- State --------------------------------------------------------------------------------

    @property
    def timestep(self) -> int:
        """Timesteps done; may be read while the device runs."""
        low, high = self.device.read(Reg.TIMESTEP_LOW, 2)
        return int(high) << WORD_BITS | int(low)

    def read_state(self) -> State:
        """Return the whole state; the device must be stopped."""
        parameters, gradients, perturbers = self._read_scan()
        return State(
            parameters=parameters,
            gradients=gradients,
            perturbers=perturbers,
            timestep=self.timestep,
            phase_x=self._read(Reg.PHASE_X),
            phase_p=self._read(Reg.PHASE_P),
            phase_theta=self._read(Reg.PHASE_THETA),
            sample_index=self._read(Reg.SAMPLE_INDEX),
            order_state=self._read(Reg.ORDER_STATE),
            rounding_state=self._read(Reg.ROUNDING_STATE),
            baseline=self._read(Reg.BASELINE),
            baseline_valid=bool(self._read(Reg.BASELINE_VALID)),
        )

    def write_state(self, state: State) -> None:
        """Write the whole state; the device must be stopped.

        To restore a checkpoint on a fresh device, `configure` and `load_samples` first: loading
        samples makes the baseline invalid.

        Raises
        ------
        DeviceError
            If the state has another number of parameters, or a value exceeds its register.
        """
        scan = self.plan.scan
        lengths = {len(state.parameters), len(state.gradients), len(state.perturbers)}
        if lengths != {scan.parameters}:
            raise DeviceError(
                f"a state must have {scan.parameters} parameters for this plan, not "
                f"{max(lengths)}; restore it with the specification it was saved with"
            )
        fields = np.array(
            [state.parameters, state.gradients, state.perturbers], dtype=np.int64
        ).transpose()
        bits = fields_to_bits(fields, self._scan_widths).reshape(-1)
        # The window first: writing it makes the baseline invalid.
        self.device.write(Region.SCAN << REGION_SHIFT, bits_to_words(bits))
        self._write_long(Reg.TIMESTEP_LOW, state.timestep)
        for reg, value in (
            (Reg.PHASE_X, state.phase_x),
            (Reg.PHASE_P, state.phase_p),
            (Reg.PHASE_THETA, state.phase_theta),
            (Reg.SAMPLE_INDEX, state.sample_index),
            (Reg.ORDER_STATE, state.order_state),
            (Reg.ROUNDING_STATE, state.rounding_state),
            (Reg.BASELINE, state.baseline),
            (Reg.BASELINE_VALID, int(state.baseline_valid)),
        ):
            self.device.write(reg, [value])

    def parameters(self) -> Parameters:
        """Return the parameters; the device must be stopped."""
        stored = np.array(self._read_scan()[0], dtype=np.int64)
        return Parameters(stored, self.plan.theta.to_real(stored))

    # -- Work ---------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Execute `steps` timesteps and wait for their end; a Ctrl-C stops the device first.

        Raises
        ------
        SpecError
            If `steps` is negative or goes beyond the device's counter.
        """
        done = self.timestep
        limit = (1 << TIMESTEP_BITS) - 1 - done
        if not 0 <= steps <= limit:
            raise SpecError(f"a run must have from 0 to {limit} timesteps, not {steps}")
        self._start(done + steps)
        try:
            self.device.wait()
        except KeyboardInterrupt:
            self.halt()
            raise

    def halt(self) -> None:
        """End a run after the timestep under way."""
        self.device.write(Reg.HALT, [1])
        self.device.wait()

    def trace(self, steps: int) -> StepTrace:
        """Execute `steps` timesteps and return what each of them did.

        Raises
        ------
        DeviceError
            If the device is not a simulation, which alone can tell.
        """
        if not isinstance(self.device, TracingDevice):
            raise DeviceError(
                f"a trace of every timestep needs a simulated device, not "
                f"{type(self.device).__name__}; choose golden, rtl or pysim"
            )
        return self.device.trace(steps)

    def evaluate(self, x_stored: ArrayLike, t_stored: ArrayLike) -> Evaluation:
        """Evaluate samples without training and without touching the state of training.

        Parameters
        ----------
        x_stored, t_stored
            As in `load_samples`, in any number above 0.

        Raises
        ------
        DataError
            As in `load_samples`.
        """
        words = self._pack(x_stored, t_stored)
        replies = np.empty((len(words), 1 + self.plan.outputs), dtype=np.int64)
        for row, reply in zip(words, replies, strict=True):
            self.device.write(Region.PROBE << REGION_SHIFT, row)
            self.device.wait()
            reply[:] = self.device.read(Region.OUTPUTS << REGION_SHIFT, len(reply))
        values = (len(words) * self.plan.outputs) << self.plan.cost_fraction
        return Evaluation(replies[:, 1:], int(replies[:, 0].sum()) / values)

    # -- Details ------------------------------------------------------------------------------

    def _start(self, stop_at: int) -> None:
        try:
            self._write_long(Reg.STOP_AT_LOW, stop_at)
        except DeviceBusyError:
            # If the reply was lost, the write was repeated, and what keeps busy is this very run.
            low, high = self.device.read(Reg.STOP_AT_LOW, 2)
            if int(high) << WORD_BITS | int(low) != stop_at:
                raise

    def _identify(self) -> None:
        magic = self._read(Reg.MAGIC)
        if magic != MAGIC:
            raise LinkError(
                f"a pmgd device must answer with the magic {MAGIC:#010x}, not {magic:#010x}; "
                f"nothing of this kind answers there, so check the port and the bitstream"
            )
        version = self._read(Reg.VERSION)
        if version != INTERFACE_VERSION:
            raise DeviceError(
                f"a device must speak version {INTERFACE_VERSION} of the interface, not {version}; "
                f"regenerate its gateware with this pmgd, or use the pmgd that generated it"
            )
        low, high = self.device.read(Reg.DIGEST_LOW, 2)
        digest = int(high) << WORD_BITS | int(low)
        if digest != self.plan.digest:
            raise DigestMismatchError(
                f"a device must have the plan digest {self.plan.digest:016x} of specification "
                f"{self.plan.spec.name!r}, not {digest:016x}; regenerate the device, or use the "
                f"specification it was generated from"
            )

    @property
    def _scan_widths(self) -> tuple[int, int, int]:
        scan = self.plan.scan
        return scan.theta_bits, scan.gradient_bits, scan.lfsr_bits

    def _read_scan(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        scan = self.plan.scan
        words = self.device.read(Region.SCAN << REGION_SHIFT, scan.words)
        bits = words_to_bits(words, scan.parameters * scan.synapse_bits)
        fields = fields_from_bits(
            bits.reshape(scan.parameters, scan.synapse_bits), self._scan_widths, (True, True, False)
        )
        parameters, gradients, perturbers = (tuple(map(int, column)) for column in fields.T)
        return parameters, gradients, perturbers

    def _pack(self, x_stored: ArrayLike, t_stored: ArrayLike) -> Words:
        layout = self.plan.sample
        x = _integers("inputs", x_stored, layout.inputs, layout.input_format)
        t = _integers("targets", t_stored, layout.outputs, layout.target_format)
        if len(x) != len(t):
            raise DataError(
                f"a data set must have as many targets as inputs, not {len(t)} and {len(x)}; "
                f"give one row of each a sample"
            )
        widths = [layout.input_format.bits] * layout.inputs
        widths += [layout.target_format.bits] * layout.outputs
        return bits_to_words(fields_to_bits(np.concatenate([x, t], axis=1), widths))

    def _read(self, reg: Reg) -> int:
        return int(self.device.read(reg)[0])

    def _write_long(self, low: Reg, value: int) -> None:
        self.device.write(low, [value & ((1 << WORD_BITS) - 1), value >> WORD_BITS])


def _integers(what: str, values: ArrayLike, columns: int, fmt: Format) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != columns or not len(array):
        raise DataError(
            f"stored {what} must have the shape (samples, {columns}) with at least one sample, "
            f"not {array.shape}; reshape them or choose other network.layers"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"stored {what} must be integers, not {array.dtype}; quantise them to {fmt} first"
        )
    if array.min() < fmt.minimum or array.max() > fmt.maximum:
        raise DataError(
            f"stored {what} must be from {fmt.minimum} to {fmt.maximum} in {fmt}, not from "
            f"{array.min()} to {array.max()}; quantise them first"
        )
    return array.astype(np.int64)
