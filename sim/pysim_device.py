"""The fabric in Amaranth's simulator, behind the `Device` protocol: slow, but needs no compiler."""

import contextlib
import signal
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from amaranth.sim import Simulator

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import LinkError
from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.plan import Plan
from pmgd.sim.simulated_device import SimulatedDevice, prepare_waveform, quiet_cycles

__all__ = ["AmaranthSimulation", "PysimDevice"]

CLOCK_PERIOD_S = 10e-9


class PysimDevice(SimulatedDevice):
    """The fabric of a plan, simulated in Python.

    Parameters
    ----------
    plan
        What to simulate.
    waveform
        File to write a VCD waveform to, complete once the device is closed.

    Raises
    ------
    ToolError
        If the waveform cannot be written.
    AssertionError
        From any method, if an assertion in the gateware fails.
    """

    def __init__(self, plan: Plan, waveform: Path | None = None) -> None:
        prepare_waveform(waveform)
        super().__init__(plan, AmaranthSimulation(make_fabric(plan), plan, waveform))


class AmaranthSimulation:
    """A `Simulation` of a component with the ports of `Fabric`.

    Parameters
    ----------
    fabric
        The component.
    plan
        Its plan.
    waveform
        File to write a VCD waveform to.
    """

    def __init__(self, fabric: Any, plan: Plan, waveform: Path | None = None) -> None:
        self._fabric = fabric
        self._plan = plan
        self._cycles = 0
        self._trace: StepTrace | None = None
        self._recorded = 0
        self._used = [0] * len(plan.layers)
        self._failure: AssertionError | None = None
        # What the test bench is to do next, and what came of it.
        self._frames: Sequence[bytes] = ()
        self._replies: list[bytes] = []
        self._deadline = 0.0
        self._simulator = Simulator(fabric)
        self._simulator.add_clock(CLOCK_PERIOD_S)
        self._simulator.add_testbench(self._watch, background=True)
        self._simulator.add_testbench(self._serve, background=True)
        stack = contextlib.ExitStack()
        if waveform is not None:
            stack.enter_context(self._simulator.write_vcd(str(waveform)))
        self._close = weakref.finalize(self, stack.close)
        self._simulator.run()

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        return self._cycles

    @property
    def recorded(self) -> int:
        """Rows filled since `record`."""
        return self._recorded

    def record(self, trace: StepTrace | None) -> None:
        """Fill the rows of a trace from now on; None stops it."""
        self._trace = trace
        self._recorded = 0
        self._used = [0] * len(self._plan.layers)

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """Send frames and return those that came back; see `Transport.exchange`."""
        self._frames = frames
        self._run()
        return self._replies

    def advance(self, timeout_s: float) -> None:
        """Let time pass until the fabric is idle, or `timeout_s` has gone by on the wall clock."""
        self._deadline = time.monotonic() + timeout_s
        self._run()

    def close(self) -> None:
        """Release the simulation and finish its waveform; calling it again does nothing."""
        self._close()

    def _run(self) -> None:
        if not self._close.alive:
            raise LinkError("a device must be open to be used, but it was closed; open another")
        if self._failure is not None:
            raise self._failure
        try:
            with _interrupts_held():
                self._simulator.run()
        except AssertionError as failure:
            self._failure = failure
            raise

    async def _serve(self, ctx: Any) -> None:
        """Carry out one `exchange` or `advance` for each run of the simulator."""
        while True:
            with ctx.critical():
                if self._frames:
                    self._replies = await self._send(ctx, b"".join(self._frames), len(self._frames))
                    self._frames = ()
                else:
                    await self._wait_until_idle(ctx)
            # No time passes here: the simulator stops, and goes on when it is run again.
            await ctx.delay(0)

    async def _send(self, ctx: Any, request: bytes, count: int) -> list[bytes]:
        rx, tx = self._fabric.rx, self._fabric.tx
        limit = quiet_cycles(self._plan)
        reply = bytearray()
        sent = quiet = 0
        ctx.set(tx.ready, 1)
        ctx.set(rx.valid, 1)
        ctx.set(rx.payload, request[0])
        ticks = ctx.tick().sample(rx.ready, tx.valid, tx.payload)
        while count and quiet < limit:
            _, _, taken, given, payload = await ticks
            quiet += 1
            if given:
                quiet = 0
                reply.append(payload)
                count -= payload == 0
            if taken and sent < len(request):
                quiet = 0
                sent += 1
                ctx.set(rx.valid, sent < len(request))
                ctx.set(rx.payload, request[sent] if sent < len(request) else 0)
        ctx.set(tx.ready, 0)
        ctx.set(rx.valid, 0)
        return bytes(reply).split(b"\0")[:-1]

    async def _wait_until_idle(self, ctx: Any) -> None:
        while ctx.get(self._fabric.busy) and time.monotonic() < self._deadline:
            await ctx.tick()

    async def _watch(self, ctx: Any) -> None:
        """Count cycles and record timesteps."""
        shown = self._fabric.trace
        async for _ in ctx.tick():
            self._cycles += 1
            trace, row = self._trace, self._recorded
            if trace is None:
                continue
            if row < len(trace.cost) and ctx.get(shown.valid):
                trace.cost[row] = ctx.get(shown.cost)
                trace.baseline[row] = ctx.get(shown.baseline)
                trace.step[row] = ctx.get(shown.step)
                self._recorded += 1
            if used := ctx.get(shown.used):
                self._record_parameters(trace, used, self._unpack(ctx.get(shown.parameters)))

    def _record_parameters(self, trace: StepTrace, used: int, parameters: list[int]) -> None:
        """Fill the next row of every layer that is used."""
        for number, layer in enumerate(self._plan.layers):
            row = self._used[number]
            if used >> number & 1 and row < len(trace.parameters):
                own = slice(layer.first_parameter, layer.first_parameter + layer.parameters)
                trace.parameters[row, own] = parameters[own]
                self._used[number] += 1

    def _unpack(self, parameters: int) -> list[int]:
        width = self._plan.theta.bits
        sign = 1 << (width - 1)
        fields = (parameters >> i * width for i in range(self._plan.parameters))
        return [(field + sign) % (2 * sign) - sign for field in fields]


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold a Ctrl-C back, since in the midst of a clock cycle it would leave half of it undone."""
    held = []
    outer = signal.getsignal(signal.SIGINT)
    if outer is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, outer)
        if held:
            signal.raise_signal(signal.SIGINT)
