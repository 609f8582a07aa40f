"""The meaning of a device's registers and windows; nothing above this file knows an address."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pmgd.gateware.device import Device, StepTrace, TracingDevice
from pmgd.gateware.errors import (
    DeviceBusyError,
    DeviceError,
    DigestMismatchError,
    LinkError,
    SpecError,
)
from pmgd.gateware.initial import initial_defects, initial_parameters
from pmgd.gateware.layout import DEFECTS, TIMESTEP_BITS, WORD_BITS
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.regmap import MAGIC, REGION_SHIFT, Reg, Region, registers
from pmgd.gateware.spec import ORDERS, Training
from pmgd.host.outcomes import Evaluation, Parameters, Score
from pmgd.host.packed_samples import pack_samples
from pmgd.host.packed_scan import pack_scan, unpack_scan
from pmgd.host.samples import check_capacity
from pmgd.host.state import State

__all__ = ["Driver"]

_LOW_WORD = (1 << WORD_BITS) - 1
_GROWTH = 1 << 24
"""More than a counter grows while its two words are read, the low one first."""

SCAN, FLIGHT = Region.SCAN << REGION_SHIFT, Region.FLIGHT << REGION_SHIFT


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
        self._registers = {register.reg for register in registers(plan)}
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
        settings = {
            Reg.TAU_X: training.tau_x,
            Reg.TAU_P: training.tau_p,
            Reg.TAU_THETA: training.tau_theta,
            Reg.DTHETA: plan.dtheta_steps(),
            Reg.ORDER: ORDERS.index(training.order),
            Reg.MEAN_SHIFT: training.mean_shift,
            Reg.BLANK: int(training.blank),
            Reg.COST_NOISE: plan.cost_noise_level(),
            Reg.UPDATE_NOISE: plan.update_noise_level(),
        }
        if plan.spec.fabric.correlator == "full":
            settings[Reg.SCALE_MANTISSA], settings[Reg.SCALE_SHIFT] = plan.scale()
        else:
            settings[Reg.SIGN_STEP] = plan.sign_step()
        self._write_existing(settings)
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
        words = pack_samples(self.plan.sample, x_stored, t_stored)
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

        The seed expands to the parameters, drawn as `Training.init` says, to the state of every
        generator, and to the defects, as `Training.sigma_a` says; counters, G and the steps in
        flight become zero. The sample index is that of the last sample loaded, so that a sequential
        order begins with the first.
        """
        plan = self.plan
        fabric = plan.spec.fabric
        seeds = plan.expand(seed)
        perturbers = tuple(map(int, seeds.perturbers))
        self.write_state(
            State(
                parameters=tuple(map(int, initial_parameters(plan, seeds.uniform))),
                gradients=(0,) * plan.parameters,
                perturbers=perturbers,
                timestep=0,
                phase_x=0,
                phase_p=0,
                phase_theta=0,
                sample_index=max(0, self._read(Reg.SAMPLE_COUNT) - 1),
                order_state=seeds.order,
                rounding_state=seeds.rounding,
                baseline=0,
                baseline_valid=False,
                perturber_state=seeds.perturber_state,
                # The end of an epoch, so that the first sample begins one.
                order_position=(1 << plan.sample.index_bits) - 1,
                update_perturbers=perturbers if fabric.pipeline else (),
                update_state=seeds.perturber_state if fabric.pipeline else 0,
                flight=(0,) * plan.update_delay,
                noise_state=seeds.noise if plan.noisy else 0,
                defects=tuple(map(tuple, initial_defects(plan, seeds.normal).tolist())),
            )
        )

    # -- State --------------------------------------------------------------------------------

    @property
    def timestep(self) -> int:
        """Timesteps done; may be read while the device runs."""
        return self._read_moving(Reg.TIMESTEP_LOW)

    def read_state(self) -> State:
        """Return the whole state; the device must be stopped."""
        pipeline = self.plan.spec.fabric.pipeline
        flight = self.device.read(FLIGHT, self.plan.update_delay).tolist() if pipeline else ()
        fields, defects = self._read_scan()
        columns = fields.transpose().tolist()
        parameters, gradients, perturbers, update_perturbers = map(tuple, columns)
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
            perturber_state=self._read(Reg.PERTURBER_STATE),
            order_position=self._read(Reg.ORDER_POSITION),
            perturbed=bool(self._read(Reg.PERTURBED)),
            update_perturbers=update_perturbers if pipeline else (),
            update_state=self._read(Reg.UPDATE_STATE),
            flight=tuple(flight),
            flight_position=self._read(Reg.FLIGHT_POSITION),
            noise_state=self._read(Reg.NOISE_STATE),
            defects=tuple(map(tuple, defects.tolist())),
        )

    def write_state(self, state: State) -> None:
        """Write the whole state; the device must be stopped.

        To restore a checkpoint on a fresh device, `configure` and `load_samples` first: loading
        samples makes the baseline invalid.

        Raises
        ------
        DeviceError
            If the state has another number of parameters, of defects or of steps in flight, or a
            value exceeds its width.
        """
        self._check_lengths(state)
        fields = np.zeros((self.plan.parameters, 4), dtype=np.int64)
        columns = [state.parameters, state.gradients, state.perturbers, state.update_perturbers]
        for k, column in enumerate(columns):
            if column:
                fields[:, k] = column
        defects = np.array(state.defects, dtype=np.int64).reshape(-1, len(DEFECTS))
        words = pack_scan(self.plan.scan, fields, defects)
        there = np.array(self.plan.scan.widths) > 0
        packed, packed_defects = unpack_scan(self.plan.scan, words)
        fits = np.array_equal(packed[:, there], fields[:, there])
        if not (fits and np.array_equal(packed_defects, defects)):
            raise DeviceError(
                "a state must have parameters, gradients, perturbers and defects that fit this "
                "plan's widths, not larger ones; restore it with the specification it was saved "
                "with"
            )
        # The window first: writing it makes the baseline invalid.
        self.device.write(SCAN, words)
        if state.flight:
            self.device.write(FLIGHT, state.flight)
        self.device.write(Reg.TIMESTEP_LOW, _long(state.timestep))
        self._write_existing(
            {
                Reg.PHASE_X: state.phase_x,
                Reg.PHASE_P: state.phase_p,
                Reg.PHASE_THETA: state.phase_theta,
                Reg.SAMPLE_INDEX: state.sample_index,
                Reg.ORDER_STATE: state.order_state,
                Reg.ROUNDING_STATE: state.rounding_state,
                Reg.BASELINE: state.baseline,
                Reg.BASELINE_VALID: int(state.baseline_valid),
                Reg.PERTURBER_STATE: state.perturber_state,
                Reg.ORDER_POSITION: state.order_position,
                Reg.PERTURBED: int(state.perturbed),
                Reg.UPDATE_STATE: state.update_state,
                Reg.FLIGHT_POSITION: state.flight_position,
                Reg.NOISE_STATE: state.noise_state,
            }
        )

    def parameters(self) -> Parameters:
        """Return the parameters; the device must be stopped."""
        stored = self._read_scan()[0][:, 0]
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
        self._begin(Reg.STOP_AT_LOW, _long(done + steps))
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

    def score(self) -> Score:
        """Evaluate all samples that are loaded, on the device, without touching its training."""
        count = self._read(Reg.SAMPLE_COUNT)
        self._begin(Reg.EVALUATE, [count])
        self.device.wait()
        hits = self._read(Reg.HITS)
        cost = self._read_long(Reg.COST_SUM_LOW)
        values = (count * self.plan.outputs) << self.plan.cost_fraction
        return Score(cost / values, hits / count)

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
        words = pack_samples(self.plan.sample, x_stored, t_stored)
        replies = np.empty((len(words), 1 + self.plan.outputs), dtype=np.uint32)
        for row, reply in zip(words, replies, strict=True):
            self.device.write(Region.PROBE << REGION_SHIFT, row)
            self.device.wait()
            reply[:] = self.device.read(Region.OUTPUTS << REGION_SHIFT, len(reply))
        values = (len(words) * self.plan.outputs) << self.plan.cost_fraction
        # Outputs come with their sign extended, if they have one; no output fills a word.
        outputs = replies[:, 1:].astype(np.int32).astype(np.int64)
        return Evaluation(outputs, int(replies[:, 0].sum(dtype=np.int64)) / values)

    # -- Details ------------------------------------------------------------------------------

    def _begin(self, reg: Reg, words: list[int]) -> None:
        """Write what begins a run or an evaluation."""
        try:
            self.device.write(reg, words)
        except DeviceBusyError:
            # If the reply was lost, the write was repeated, and what keeps busy is this very one.
            if self.device.read(reg, len(words)).tolist() != words:
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
        digest = self._read_long(Reg.DIGEST_LOW)
        if digest != self.plan.digest:
            raise DigestMismatchError(
                f"a device must have the plan digest {self.plan.digest:016x} of specification "
                f"{self.plan.spec.name!r}, not {digest:016x}; regenerate the device, or use the "
                f"specification it was generated from"
            )

    def _check_lengths(self, state: State) -> None:
        plan, late = self.plan, self.plan.parameters if self.plan.spec.fabric.pipeline else 0
        for what, values, count in (
            ("parameters", state.parameters, plan.parameters),
            ("gradients", state.gradients, plan.parameters),
            ("perturbers", state.perturbers, plan.parameters),
            ("update perturbers", state.update_perturbers, late),
            ("steps in flight", state.flight, plan.update_delay),
            ("neurons with defects", state.defects, plan.scan.neurons),
        ):
            if len(values) != count:
                raise DeviceError(
                    f"a state must have {count} {what} for this plan, not {len(values)}; restore "
                    f"it with the specification it was saved with"
                )
        if plan.noisy and not state.noise_state:
            raise DeviceError(
                "a state must have a noise_state for this plan, which never is 0, not 0; restore "
                "it with the specification it was saved with"
            )

    def _read_scan(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return theta, G, perturber and update perturber of each parameter, and the defects.

        Their shapes are (P, 4) and (neurons, 4); there are no neurons without defects.
        """
        scan = self.plan.scan
        return unpack_scan(scan, self.device.read(SCAN, scan.words))

    def _read(self, reg: Reg) -> int:
        """Return a register, or 0 where the fabric has none."""
        return int(self.device.read(reg)[0]) if reg in self._registers else 0

    def _read_long(self, low: Reg) -> int:
        words = self.device.read(low, 2)
        return int(words[1]) << WORD_BITS | int(words[0])

    def _read_moving(self, low: Reg) -> int:
        """Return a number that may grow meanwhile: its words are read one after the other."""
        value = self._read_long(low)
        while (value & _LOW_WORD) > _LOW_WORD - _GROWTH:
            before, value = value, self._read_long(low)
            if before >> WORD_BITS == value >> WORD_BITS:
                break
        return value

    def _write_existing(self, values: Mapping[Reg, int]) -> None:
        """Write those registers that the fabric has."""
        for reg, value in values.items():
            if reg in self._registers:
                self.device.write(reg, [value])


def _long(value: int) -> list[int]:
    return [value & _LOW_WORD, value >> WORD_BITS]
