"""Runs a golden model by the compiled kernel: in chunks, and its lanes on all cores."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import StepTrace
from pmgd.gateware.oscillators import LEVELS, PHASE_STEPS
from pmgd.gateware.plan import Plan
from pmgd.sim.golden_kernel import run_lanes
from pmgd.sim.golden_records import (
    LANE,
    VECTOR,
    layer_records,
    plan_record,
    rounded_up,
    tables,
)

if TYPE_CHECKING:
    from pmgd.sim.golden import Golden

__all__ = ["FastGolden", "PackedSamples"]

Integers = NDArray[np.int64]
PackedSamples = tuple[NDArray[np.uint8], Integers]
"""The kernel's arguments `narrow` and `wide`."""

CHUNK_S = 0.1
"""Seconds, about, between two moments at which an interrupt is noticed."""
SYNAPSES = ("theta", "gradient", "perturber", "update_perturber")
"""What every parameter has; the kernel's arguments, in order."""

FIRST_CHUNK = 64
"""Timesteps until the first such moment."""


class FastGolden:
    """The compiled form of a plan's golden models.

    Parameters
    ----------
    plan
        One whose sums, preactivations and costs fit 64 bits.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        fits = all(layer.sum_bits <= 32 for layer in plan.layers) and plan.gradient_bits < 31
        self._kind: type = np.int32 if fits else np.int64
        self._record = plan_record(plan)
        self._layers, self._tables = layer_records(plan), tables(plan)
        ends = [
            layer.first_parameter + layer.parameters + int(record["reach"] - record["fan_in"])
            for layer, record in zip(plan.layers, self._layers, strict=True)
        ]
        self._length = rounded_up(max(ends), VECTOR)
        fabric = plan.spec.fabric
        more = bool(plan.increments) or plan.leaky or plan.noisy or fabric.defects
        self._rest: tuple[int, ...] = (0,) if more else ()
        self._increments = np.zeros(self._length, np.uint32)
        self._increments[: len(plan.increments)] = plan.increments
        self._magnitudes = np.array(LEVELS)
        self._widest = 1 + max(int(self._layers[name].max()) for name in ("reach", "outputs"))

    def pack_samples(self, x: Integers, t: Integers) -> PackedSamples | None:
        """Return samples as the kernel wants them, or None if one exceeds its format.

        Parameters
        ----------
        x, t
            Shapes (B, N, inputs) and (B, N, outputs), stored integers.
        """
        formats = self.plan.spec.formats
        if x.strides[0] == t.strides[0] == 0:  # all lanes have the same
            x, t = x[:1], t[:1]
        parts = []
        for values, fmt in ((x, formats.input), (t, formats.target)):
            if not values.size or values.min() < fmt.minimum or values.max() > fmt.maximum:
                return None
            parts.append(values - fmt.minimum)
        rows = np.concatenate(parts, axis=-1)
        none = (len(rows), 0, rows.shape[-1])
        if rows.max() < 256:
            return rows.astype(np.uint8), np.zeros(none, np.int64)
        return np.zeros(none, np.uint8), rows

    def run(
        self, golden: "Golden", samples: PackedSamples, steps: int, into: StepTrace | None = None
    ) -> None:
        """Execute `steps` timesteps in every lane, and record them.

        After an interrupt (Ctrl-C) every lane stands after the same timestep.

        Parameters
        ----------
        golden
            The lanes' state and settings; `sample_count` is at most the number of samples.
        samples
            From `pack_samples`.
        steps
            Number of timesteps.
        into
            Arrays to fill, as `Golden.trace` returns them.
        """
        lanes = np.zeros(golden.lanes, LANE)
        for name in LANE.names or ():
            lanes[name] = getattr(golden, name)
        arrays: list[NDArray[Any]] = [lanes]
        parameters = self.plan.parameters
        kinds = (self._kind, self._kind, np.uint32, np.uint32)
        for name, kind in zip(SYNAPSES, kinds, strict=True):
            arrays.append(np.zeros((golden.lanes, self._length), kind))
            arrays[-1][:, :parameters] = getattr(golden, name)
        arrays.append(golden.flight)
        done, chunk = 0, FIRST_CHUNK
        try:
            while done < steps:
                chunk = min(chunk, steps - done)
                started = time.perf_counter()
                # On copies, since an interrupt may leave threads behind that still write.
                ahead = [array.copy() for array in arrays]
                numbers, thetas = self._run_chunk(
                    ahead, golden.defects, samples, chunk, into is not None
                )
                if into is not None:
                    rows = slice(done, done + chunk)
                    into.cost[rows], into.baseline[rows], into.step[rows] = numbers.T
                    into.parameters[rows] = thetas.swapaxes(0, 1)
                arrays, done = ahead, done + chunk
                elapsed = time.perf_counter() - started
                chunk = max(1, int(chunk * min(4.0, CHUNK_S / max(elapsed, 1e-9))))
        finally:
            for name in LANE.names or ():
                getattr(golden, name)[:] = arrays[0][name]
            for name, array in zip(SYNAPSES, arrays[1:-1], strict=True):
                getattr(golden, name)[:] = array[:, :parameters]
            golden.flight[:] = arrays[-1]

    def _run_chunk(
        self,
        arrays: Sequence[NDArray[Any]],
        defects: Integers,
        samples: PackedSamples,
        steps: int,
        recorded: bool,
    ) -> tuple[Integers, Integers]:
        lanes, rows = len(arrays[0]), steps if recorded else 0
        numbers = np.zeros((lanes, rows, 3), np.int64)
        thetas = np.zeros((lanes, rows, self.plan.parameters), np.int64)

        def run(part: slice) -> None:
            run_lanes(
                self._record,
                self._layers,
                self._tables,
                self._rest,
                self._increments,
                self._magnitudes,
                *(array[part] for array in arrays),
                defects[part],
                *(each if len(each) == 1 else each[part] for each in samples),
                steps,
                numbers[part],
                thetas[part],
                *np.zeros((2, self._length), self._kind),
                np.zeros(PHASE_STEPS, self._kind),
                np.zeros((len(self._layers) + 1, self._widest), self._kind),
                np.zeros(self.plan.outputs, np.int64),
            )

        threads = min(lanes, _cores())
        if threads == 1:
            run(slice(None))
        else:
            ends = [lanes * n // threads for n in range(threads + 1)]
            with ThreadPoolExecutor(threads) as pool:  # the kernel lets go of the interpreter
                list(pool.map(run, map(slice, ends[:-1], ends[1:])))
        return numbers, thetas


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
