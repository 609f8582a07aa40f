"""The register-level interface that every device offers: model, simulated RTL, or a board.

A caller cannot tell them apart but by their speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Device", "StepTrace", "TracingDevice", "Words"]

Words = NDArray[np.uint32]
"""One-dimensional; 32-bit words as registers hold them."""


class Device(Protocol):
    """Reads and writes of 32-bit words, at the addresses of `pmgd.gateware.regmap`."""

    def read(self, address: int, count: int = 1) -> Words:
        """Return `count` words from consecutive addresses.

        Raises
        ------
        DeviceBusyError
            If a window is read while the device is running.
        DeviceError
            If an address does not exist or cannot be read.
        LinkError
            If the device does not answer.
        """
        ...

    def write(self, address: int, words: Sequence[int] | Words) -> None:
        """Write words to consecutive addresses; those before a refused one are written.

        Raises
        ------
        DeviceBusyError
            If the device is running and the register needs it stopped.
        DeviceError
            If an address does not exist or is read only, or a value exceeds its register.
        LinkError
            If the device does not answer.
        """
        ...

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the device is no longer busy.

        Raises
        ------
        LinkError
            If that takes longer than `timeout_s`.
        """
        ...

    def close(self) -> None:
        """Release what the device holds; calling it again does nothing."""
        ...


@dataclass(frozen=True)
class StepTrace:
    """What happened in each of a run's timesteps.

    Attributes
    ----------
    cost, baseline
        Shape (steps,): perturbed cost C and baseline C0, stored integers in the plan's format.
    step
        Shape (steps,): the broadcast step u, in a parameter's last bits.
    parameters
        Shape (steps, P): every theta after the timestep, stored integers.
    """

    cost: NDArray[np.int64]
    baseline: NDArray[np.int64]
    step: NDArray[np.int64]
    parameters: NDArray[np.int64]


@runtime_checkable
class TracingDevice(Device, Protocol):
    """A device that can also tell what every timestep did; simulations can, boards cannot."""

    def trace(self, steps: int) -> StepTrace:
        """Run `steps` timesteps from where the device stands, in one call, and record each."""
        ...
