"""The golden model behind the register interface, as a chip would offer it."""

import operator
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import StepTrace, Words
from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError
from pmgd.gateware.framed import REFUSALS
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import DEFECT_BITS, DEFECTS, NEURON_BITS, WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Access, Reg, Region, registers, windows
from pmgd.sim.golden import Golden

__all__ = ["GoldenDevice"]

Bits = NDArray[np.uint8]
Integers = NDArray[np.int64]

CHUNK_S = 0.1
"""Seconds, about, between two looks at the clock, and the most that an interrupt undoes."""
FIRST_CHUNK = 256
"""Timesteps until the first look at the clock."""
EVALUATION_SAMPLES = 1024
"""Samples evaluated at a time, which bounds the memory that it takes."""


class GoldenDevice:
    """A `pmgd.gateware.device.TracingDevice` that computes with the golden model.

    Time passes in `wait` and `trace` only: a run that was started is busy, at the timestep it
    began with, until it is waited for; an evaluation is over when its write returns. An interrupt
    (Ctrl-C) leaves the device between two timesteps; a run it cuts short is still busy, and may be
    waited for again or halted.

    Parameters
    ----------
    plan
        The plan; its digest is the one the device reports.
    kernel
        What executes timesteps: see `pmgd.sim.golden_engine.Engine`. The result is the same.
    """

    def __init__(self, plan: Plan, kernel: str = "auto") -> None:
        self.plan = plan
        self._golden = Golden(plan, kernel=kernel)
        self._registers = {int(register.reg): register for register in registers(plan)}
        self._windows = {int(window.region): window for window in windows(plan)}
        self._stop_at = 0
        self._held = {Reg.STOP_AT_LOW: 0, Reg.TIMESTEP_LOW: 0}
        self._probe = np.zeros(plan.sample.words, np.uint32)
        self._outputs = np.zeros(1 + plan.outputs, np.uint32)
        self._evaluated = self._hits = self._cost_sum = 0
        # The windows as words. Samples move to the model before it runs, synapses both ways.
        self._samples = np.zeros((plan.sample.samples, plan.sample.words), np.uint32)
        self._scan = np.zeros(plan.scan.words, np.uint32)
        self._samples_pending = self._scan_pending = False
        self._scan_stale = True
        self._ring_positions, self._ring_inverted = plan.scan.positions(), plan.scan.inverted()
        self._defect_positions = plan.scan.defect_positions()

    # -- Device -------------------------------------------------------------------------------

    def read(self, address: int, count: int = 1) -> Words:
        """Return `count` words from consecutive addresses; see `Device.read`."""
        words = []
        for each in range(address, address + count):
            self._check_read(each)
            words.append(self._read_word(*divmod(each, 1 << REGION_SHIFT)))
        return np.array(words, dtype=np.uint32)

    def write(self, address: int, words: Sequence[int] | Words) -> None:
        """Write words to consecutive addresses; see `Device.write`."""
        for each, word in enumerate(words, start=address):
            value = operator.index(word)
            self._check_write(each, value)
            self._write_word(*divmod(each, 1 << REGION_SHIFT), value)

    def wait(self, timeout_s: float | None = None) -> None:
        """Run until the device is no longer busy; see `Device.wait`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        chunk = FIRST_CHUNK
        while self._busy:
            if deadline is not None and time.monotonic() >= deadline:
                raise LinkError(
                    f"a run must end within {timeout_s:g} s, but the device is still busy; allow "
                    f"more time or run fewer timesteps"
                )
            chunk = min(chunk, self._stop_at - self._timestep)
            started = time.monotonic()
            ahead = self._ahead()
            ahead.run(chunk)
            self._adopt(ahead)
            elapsed = time.monotonic() - started
            chunk = max(1, int(chunk * min(4.0, CHUNK_S / max(elapsed, 1e-9))))

    def trace(self, steps: int) -> StepTrace:
        """Run `steps` timesteps and record each; see `TracingDevice.trace`.

        Raises
        ------
        DeviceBusyError
            If a run is under way.
        """
        if self._busy:
            raise DeviceBusyError(
                "a trace must begin on a device that has stopped, but it is busy; wait until it "
                "has stopped, or halt it"
            )
        ahead = self._ahead()
        lanes = ahead.trace(steps)
        self._adopt(ahead)
        self._stop_at = self._timestep
        return StepTrace(
            lanes.cost[:, 0], lanes.baseline[:, 0], lanes.step[:, 0], lanes.parameters[:, 0]
        )

    def close(self) -> None:
        """Do nothing: the model holds nothing but memory."""

    # -- Running ------------------------------------------------------------------------------

    @property
    def _timestep(self) -> int:
        return int(self._golden.timestep[0])

    @property
    def _busy(self) -> bool:
        return self._timestep < self._stop_at

    def _ahead(self) -> Golden:
        # The model runs ahead as a copy, so that an interrupt finds the old one whole.
        self._load_windows()
        return self._golden.copy()

    def _adopt(self, ahead: Golden) -> None:
        self._scan_stale = True
        self._golden = ahead

    # -- Access rules -------------------------------------------------------------------------

    def _check_read(self, address: int) -> None:
        region, offset = divmod(address, 1 << REGION_SHIFT)
        if region == Region.REGISTERS:
            if offset not in self._registers:
                raise _refusal("read of", address, REFUSALS[Status.BAD_ADDRESS])
            return
        self._check_window("read of", address)
        if not self._windows[region].readable:
            raise _refusal("read of", address, REFUSALS[Status.ACCESS])
        self._check_stopped("read of", address)

    def _check_write(self, address: int, value: int) -> None:
        region, offset = divmod(address, 1 << REGION_SHIFT)
        bits = WORD_BITS
        if region == Region.REGISTERS:
            register = self._registers.get(offset)
            if register is None:
                raise _refusal("write to", address, REFUSALS[Status.BAD_ADDRESS])
            if register.access == Access.READ:
                raise _refusal("write to", address, REFUSALS[Status.ACCESS])
            if register.access == Access.STOPPED:
                self._check_stopped("write to", address)
            bits = register.bits
        else:
            self._check_window("write to", address)
            if not self._windows[region].writable:
                raise _refusal("write to", address, REFUSALS[Status.ACCESS])
            self._check_stopped("write to", address)
        if value >> bits:
            raise _refusal(
                "write to", address, f"was given {value}, wider than the {bits} bit(s) there"
            )

    def _check_window(self, verb: str, address: int) -> None:
        region, offset = divmod(address, 1 << REGION_SHIFT)
        sample = self.plan.sample
        hole = region == Region.SAMPLES and offset % sample.stride >= sample.words
        if region not in self._windows or offset >= self._windows[region].words or hole:
            raise _refusal(verb, address, REFUSALS[Status.BAD_ADDRESS])

    def _check_stopped(self, verb: str, address: int) -> None:
        if self._busy:
            raise DeviceBusyError(
                f"a {verb} address {address:#x} was refused: the device {REFUSALS[Status.BUSY]}"
            )

    # -- Words --------------------------------------------------------------------------------

    def _read_word(self, region: int, offset: int) -> int:
        if region == Region.SCAN:
            return int(self._scan_words()[offset])
        if region == Region.SAMPLES:
            return int(self._samples[divmod(offset, self.plan.sample.stride)])
        if region == Region.OUTPUTS:
            return int(self._outputs[offset])
        if region == Region.FLIGHT:
            return self._flight_word(offset)
        match Reg(offset):
            case Reg.STATUS:
                return int(self._busy)
            case Reg.STOP_AT_LOW | Reg.STOP_AT_HIGH:
                number = self._stop_at
            case Reg.TIMESTEP_LOW | Reg.TIMESTEP_HIGH:
                number = self._timestep
            case Reg.COST_SUM_LOW | Reg.COST_SUM_HIGH:
                number = self._cost_sum
            case Reg.EVALUATE:
                return self._evaluated
            case Reg.HITS:
                return self._hits
            case _:
                register = self._registers[offset]
                if register.access == Access.STOPPED:
                    return int(getattr(self._golden, register.name)[0])
                return register.reset
        high = offset in (Reg.STOP_AT_HIGH, Reg.TIMESTEP_HIGH, Reg.COST_SUM_HIGH)
        return number >> WORD_BITS if high else number & ((1 << WORD_BITS) - 1)

    def _write_word(self, region: int, offset: int, value: int) -> None:
        if region == Region.SCAN:
            self._scan_words()[offset] = value
            self._scan_pending = True
            self._golden.baseline_valid[0] = 0
        elif region == Region.SAMPLES:
            index, word = divmod(offset, self.plan.sample.stride)
            used = min(WORD_BITS, self.plan.sample.bits - word * WORD_BITS)
            self._samples[index, word] = value & ((1 << used) - 1)
            self._samples_pending = True
            self._golden.baseline_valid[0] = 0
        elif region == Region.PROBE:
            self._probe[offset] = value
            if offset == self.plan.sample.words - 1:
                self._evaluate_probe()
        elif region == Region.FLIGHT:
            self._write_flight(offset, value)
        else:
            self._write_register(Reg(offset), value)

    def _write_register(self, reg: Reg, value: int) -> None:
        match reg:
            case Reg.HALT:
                if value and self._busy:
                    self._stop_at = self._timestep
            case Reg.STOP_AT_LOW | Reg.TIMESTEP_LOW:
                self._held[reg] = value
            case Reg.STOP_AT_HIGH:
                self._stop_at = value << WORD_BITS | self._held[Reg.STOP_AT_LOW]
            case Reg.TIMESTEP_HIGH:
                self._golden.timestep[0] = value << WORD_BITS | self._held[Reg.TIMESTEP_LOW]
                self._stop_at = self._timestep
            case Reg.EVALUATE:
                self._evaluate_samples(value)
            case _:
                getattr(self._golden, self._registers[reg].name)[0] = value

    # -- Windows ------------------------------------------------------------------------------

    def _scan_words(self) -> Words:
        """Return the scan ring, with the model's state in it; padding bits stay as they are."""
        if self._scan_stale:
            golden, widths = self._golden, self.plan.scan.widths
            numbers = (golden.theta, golden.gradient, golden.perturber, golden.update_perturber)
            synapses = [
                _to_bits(each[0], width) for each, width in zip(numbers, widths, strict=True)
            ]
            ring = _word_bits(self._scan)
            ring[self._ring_positions] = np.concatenate(synapses, axis=1) ^ self._ring_inverted
            ring[self._defect_positions] = _to_bits(golden.defects[0], DEFECT_BITS).reshape(
                -1, NEURON_BITS
            )
            self._scan = np.packbits(ring, bitorder="little").view("<u4").astype(np.uint32)
            self._scan_stale = False
        return self._scan

    def _load_windows(self) -> None:
        """Hand what was written to the windows over to the model."""
        if self._scan_pending:
            golden, widths = self._golden, self.plan.scan.widths
            ring = _word_bits(self._scan)
            synapses = ring[self._ring_positions] ^ self._ring_inverted
            ends = np.cumsum(widths)[:-1]
            theta, gradient, perturber, update_perturber = np.split(synapses, ends, axis=1)
            golden.theta[0] = _from_bits(theta, signed=True)
            golden.gradient[0] = _from_bits(gradient, signed=True)
            golden.perturber[0] = _from_bits(perturber, signed=False)
            golden.update_perturber[0] = _from_bits(update_perturber, signed=False)
            defects = ring[self._defect_positions].reshape(-1, len(DEFECTS), DEFECT_BITS)
            golden.defects[0] = _from_bits(defects, signed=True)
            self._scan_pending = False
        if self._samples_pending:
            self._golden.load_samples(*self._unpack(self._samples))
            self._samples_pending = False

    def _flight_word(self, index: int) -> int:
        layout = self.plan.flight
        step, advance, ends = map(int, self._golden.flight[0, index])
        word = step & ((1 << layout.step_bits) - 1)
        return word | advance << layout.advance_bit | ends << layout.ends_bit

    def _write_flight(self, index: int, word: int) -> None:
        layout = self.plan.flight
        step = word & ((1 << layout.step_bits) - 1)
        step -= (step >> (layout.step_bits - 1)) << layout.step_bits  # two's complement
        flags = word >> layout.advance_bit & 1, word >> layout.ends_bit & 1
        self._golden.flight[0, index] = (step, *flags)

    def _evaluate_probe(self) -> None:
        self._load_windows()
        y, cost = self._golden.evaluate(*self._unpack(self._probe[None]))
        values = np.concatenate([cost[0], y[0, 0]])
        self._outputs = (values & ((1 << WORD_BITS) - 1)).astype(np.uint32)

    def _evaluate_samples(self, count: int) -> None:
        self._load_windows()
        x, t = self._golden.x[0], self._golden.t[0]
        hits = cost_sum = 0
        for first in range(0, count, EVALUATION_SAMPLES):
            chosen = slice(first, min(count, first + EVALUATION_SAMPLES))
            y, cost = self._golden.evaluate(x[chosen], t[chosen])
            hits += int(self._golden.hits(y, t[chosen])[0])
            cost_sum += int(cost.sum())
        # Together, so that an interrupt leaves those of one evaluation.
        self._evaluated, self._hits, self._cost_sum = count, hits, cost_sum

    def _unpack(self, words: Words) -> tuple[Integers, Integers]:
        """Return the inputs and the targets of packed samples, one a row."""
        sample = self.plan.sample
        bits = _word_bits(words)[:, : sample.bits]
        x, t = np.split(bits, [sample.inputs * sample.input_format.bits], axis=1)
        return (
            _from_bits(x.reshape(len(words), sample.inputs, -1), sample.input_format.signed),
            _from_bits(t.reshape(len(words), sample.outputs, -1), sample.target_format.signed),
        )


def _refusal(verb: str, address: int, reason: str) -> DeviceError:
    return DeviceError(f"a {verb} address {address:#x} was refused: the device {reason}")


def _word_bits(words: Words) -> Bits:
    """Bits of words along the last axis, least significant first."""
    return np.unpackbits(words.astype("<u4").view(np.uint8), axis=-1, bitorder="little")


def _to_bits(values: Integers, width: int) -> Bits:
    """Bits of values, two's complement, along a new last axis."""
    return ((values[..., None] >> np.arange(width)) & 1).astype(np.uint8)


def _from_bits(bits: Bits, signed: bool) -> Integers:
    """Values of numbers whose bits lie along the last axis."""
    width = bits.shape[-1]
    values = bits.astype(np.int64) @ (1 << np.arange(width, dtype=np.int64))
    return values - ((values >> (width - 1)) << width) if signed and width else values
