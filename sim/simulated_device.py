"""What every simulation of the fabric offers beyond a board: a clock to count, and traces."""

from pathlib import Path
from typing import Protocol

import numpy as np

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import DeviceError, ToolError
from pmgd.gateware.framed import FramedDevice, Transport
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Reg

__all__ = ["SimulatedDevice", "Simulation", "prepare_waveform", "quiet_cycles"]


class Simulation(Transport, Protocol):
    """A fabric whose time passes only while it is asked to do something.

    `Transport.exchange` waits for `quiet_cycles` instead of `timeout_s`, since a simulation may be
    slow without being dead.
    """

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        ...

    @property
    def recorded(self) -> int:
        """Rows filled since `record`."""
        ...

    def record(self, trace: StepTrace | None) -> None:
        """Fill the rows of a trace from now on, one a timestep; None stops it."""
        ...


class SimulatedDevice(FramedDevice):
    """A `TracingDevice` over frames.

    Parameters
    ----------
    plan
        The plan of the fabric that is simulated.
    simulation
        The fabric; this object owns it and closes it.
    """

    def __init__(self, plan: Plan, simulation: Simulation) -> None:
        super().__init__(simulation)
        self.plan = plan
        self._simulation = simulation

    @property
    def cycles(self) -> int:
        """Clock cycles simulated so far, those of the frames included."""
        return self._simulation.cycles

    def trace(self, steps: int) -> StepTrace:
        """Run `steps` timesteps from where the device stands and record each.

        Raises
        ------
        DeviceBusyError
            If a run is under way.
        """
        low, high = (int(word) for word in self.read(Reg.TIMESTEP_LOW, 2))
        stop_at = (high << WORD_BITS | low) + steps
        trace = StepTrace(
            cost=np.zeros(steps, dtype=np.int64),
            baseline=np.zeros(steps, dtype=np.int64),
            step=np.zeros(steps, dtype=np.int64),
            parameters=np.zeros((steps, self.plan.parameters), dtype=np.int64),
        )
        # The first timestep may end before the reply to the write that starts it has arrived.
        self._simulation.record(trace)
        try:
            self.write(Reg.STOP_AT_LOW, [stop_at & (1 << WORD_BITS) - 1, stop_at >> WORD_BITS])
            self.wait()
            recorded = self._simulation.recorded
        finally:
            self._simulation.record(None)
        if recorded != steps:
            raise DeviceError(
                f"a run of {steps} timesteps must show each, but {recorded} were seen; was it "
                f"halted?"
            )
        return trace


def quiet_cycles(plan: Plan) -> int:
    """Cycles without a byte after which no reply will come: several turns of the scan ring."""
    return 10_000 + 4 * WORD_BITS * plan.scan.words


def prepare_waveform(path: Path | None) -> None:
    """Create or empty the file that a waveform will go to, if there is to be one.

    Raises
    ------
    ToolError
        If it cannot be written.
    """
    if path is None:
        return
    try:
        path.write_bytes(b"")
    except OSError as error:
        raise ToolError(
            f"a waveform must go to a file that can be written, not {path}: {error.strerror}; "
            f"choose another path"
        ) from error
