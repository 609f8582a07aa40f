"""The generated RTL, compiled, behind the `Device` protocol."""

import ctypes
import functools
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import StepTrace
from pmgd.gateware.errors import LinkError, ToolError
from pmgd.gateware.export import TOP, verilog
from pmgd.gateware.plan import Plan
from pmgd.sim.compile import load
from pmgd.sim.simulated_device import SimulatedDevice, prepare_waveform, quiet_cycles

__all__ = ["HARNESS", "CompiledSimulation", "RtlDevice", "harness"]

HARNESS = "pmgd_harness"
"""Name of the module that is compiled, around the fabric."""
REPLY_BYTES = 256
"""More than the longest reply on the wire."""


class RtlDevice(SimulatedDevice):
    """The fabric of a plan as compiled RTL; the first of a plan compiles it, in some ten seconds.

    Parameters
    ----------
    plan
        What to simulate.
    waveform
        File to write a VCD waveform to, complete once the device is closed.
    optimise
        Whether to compile for speed. For a run of thousands of timesteps it is not worth while: it
        takes several times as long.

    Raises
    ------
    ToolError
        If Yosys, Verilator or a C++ compiler is missing, or the waveform cannot be written.
        Also from any method, if the disk has no room for more of the waveform.
    AssertionError
        From any method, if an assertion in the gateware fails.
    """

    def __init__(self, plan: Plan, waveform: Path | None = None, *, optimise: bool = True) -> None:
        prepare_waveform(waveform)
        text = _verilog(_Generated(plan.spec.name, plan.digest, plan))
        library = load(text, HARNESS, waveform=waveform is not None, optimise=optimise)
        super().__init__(plan, CompiledSimulation(library, plan, waveform))


@dataclass(frozen=True)
class _Generated:
    """What Verilog depends on: writing it takes a second, a plan with other settings none."""

    name: str
    digest: int
    plan: Plan = field(compare=False)


@functools.lru_cache(maxsize=8)
def _verilog(generated: _Generated) -> str:
    return verilog(generated.plan) + harness(generated.plan)


def harness(plan: Plan) -> str:
    """Return the Verilog that holds a fabric's reset low, under the name `HARNESS`.

    Every register begins at its initial value anyway. A reset that might change would have the
    next state of all of them computed three times a cycle, which takes half as long again.
    """
    trace = {
        "cost": plan.measured_bits,
        "baseline": plan.baseline_bits,
        "step": plan.step_bits + 1,
        "used": len(plan.layers),
        "parameters": plan.parameters * plan.theta.bits,
    }
    widths = "".join(f"    output [{bits - 1}:0] trace_{name},\n" for name, bits in trace.items())
    return (
        f"\nmodule {HARNESS}(\n"
        f"    input clk,\n"
        f"    input rx_valid, input [7:0] rx_payload, output rx_ready,\n"
        f"    output tx_valid, output [7:0] tx_payload, input tx_ready,\n"
        f"{widths}"
        f"    output trace_valid, output busy);\n"
        f"  {TOP} fabric(.rst(1'b0), .*);\n"
        f"endmodule\n"
    )


class _Recorder(ctypes.Structure):
    _fields_ = (
        ("cost", ctypes.c_void_p),
        ("baseline", ctypes.c_void_p),
        ("step", ctypes.c_void_p),
        ("parameters", ctypes.c_void_p),
        ("capacity", ctypes.c_uint64),
        ("recorded", ctypes.c_uint64),
        ("bounds", ctypes.c_void_p),
        ("layers", ctypes.c_uint),
        ("count", ctypes.c_uint),
        ("theta_bits", ctypes.c_uint),
        ("step_bits", ctypes.c_uint),
    )


class CompiledSimulation:
    """A `Simulation` in a library that `pmgd.sim.compile.load` returned.

    Parameters
    ----------
    library
        Compiled with waveforms if `waveform` is given.
    plan
        The plan of the fabric in it.
    waveform
        File to write a VCD waveform to.
    """

    def __init__(self, library: ctypes.CDLL, plan: Plan, waveform: Path | None = None) -> None:
        _declare(library)
        self._library = library
        self._plan = plan
        self._trace: StepTrace | None = None
        self._handle = library.pmgd_create(None if waveform is None else bytes(waveform))
        if not self._handle:
            raise ValueError("a library with waveforms must be given if a waveform is asked for")
        self._destroy = weakref.finalize(self, library.pmgd_destroy, self._handle)

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        return int(self._library.pmgd_cycles(self._open()))

    @property
    def recorded(self) -> int:
        """Rows filled since `record`."""
        return int(self._library.pmgd_recorded(self._open()))

    @property
    def busy(self) -> bool:
        """Whether the fabric is running or evaluating."""
        return bool(self._library.pmgd_busy(self._open()))

    def record(self, trace: StepTrace | None) -> None:
        """Fill the rows of a trace from now on; None stops it."""
        handle = self._open()
        self._bounds = np.array(
            [*(layer.first_parameter for layer in self._plan.layers), self._plan.parameters],
            np.int64,
        )
        if trace is None:
            self._library.pmgd_record(handle, None)
        else:
            recorder = _Recorder(
                cost=_pointer(trace.cost),
                baseline=_pointer(trace.baseline),
                step=_pointer(trace.step),
                parameters=_pointer(trace.parameters),
                capacity=len(trace.cost),
                recorded=0,
                bounds=_pointer(self._bounds),
                layers=len(self._plan.layers),
                count=self._plan.parameters,
                theta_bits=self._plan.theta.bits,
                step_bits=self._plan.step_bits + 1,
            )
            self._library.pmgd_record(handle, ctypes.byref(recorder))
        self._trace = trace  # its arrays must outlive the recording

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """Send frames and return those that came back; see `Transport.exchange`."""
        request = b"".join(frames)
        reply = ctypes.create_string_buffer(REPLY_BYTES * len(frames))
        length = self._library.pmgd_exchange(
            self._open(),
            request,
            len(request),
            reply,
            len(reply),
            len(frames),
            quiet_cycles(self._plan),
        )
        self._check()
        return ctypes.string_at(reply, length).split(b"\0")[:-1]

    def stream(self, offered: bytes, cycles: int) -> tuple[int, bytes]:
        """Let clock cycles go by with bytes on the link, whatever they mean.

        Returns
        -------
        How many of the bytes offered were taken, and the bytes that came.
        """
        handle, taken = self._open(), ctypes.c_uint64()
        came = ctypes.create_string_buffer(cycles)
        length = self._library.pmgd_stream(
            handle, offered, len(offered), ctypes.byref(taken), came, cycles
        )
        self._check()
        return taken.value, ctypes.string_at(came, length)

    def advance(self, timeout_s: float) -> None:
        """Let time pass until the fabric is idle, or `timeout_s` has gone by on the wall clock."""
        self._library.pmgd_advance(self._open(), timeout_s)
        self._check()

    def close(self) -> None:
        """Release the simulation and finish its waveform; calling it again does nothing."""
        self._destroy()

    def _open(self) -> int:
        if not self._destroy.alive:
            raise LinkError("a device must be open to be used, but it was closed; open another")
        return int(self._handle)

    def _check(self) -> None:
        failure = self._library.pmgd_failure(self._handle)
        if failure is not None:
            text = failure.decode(errors="replace").strip()
            if "VerilatedVcd" in text:
                raise ToolError(
                    f"a waveform must have room on its disk, but in cycle {self.cycles} it had "
                    f"none: {text}; make room, or run fewer timesteps"
                )
            raise AssertionError(f"the gateware failed in cycle {self.cycles}: {text}")


def _pointer(array: NDArray[np.int64]) -> int:
    if array.dtype != np.int64 or not array.flags.c_contiguous:
        raise ValueError("a trace must be of contiguous 64-bit integers")
    return array.ctypes.data


def _declare(library: ctypes.CDLL) -> None:
    handle, u64 = ctypes.c_void_p, ctypes.c_uint64
    library.pmgd_create.argtypes = [ctypes.c_char_p]
    library.pmgd_create.restype = handle
    library.pmgd_destroy.argtypes = [handle]
    library.pmgd_destroy.restype = None
    library.pmgd_cycles.argtypes = [handle]
    library.pmgd_cycles.restype = u64
    library.pmgd_failure.argtypes = [handle]
    library.pmgd_failure.restype = ctypes.c_char_p
    library.pmgd_record.argtypes = [handle, ctypes.POINTER(_Recorder)]
    library.pmgd_record.restype = None
    library.pmgd_recorded.argtypes = [handle]
    library.pmgd_recorded.restype = u64
    library.pmgd_exchange.argtypes = [
        handle, ctypes.c_char_p, u64, ctypes.c_char_p, u64, u64, u64,
    ]  # fmt: skip
    library.pmgd_exchange.restype = u64
    library.pmgd_stream.argtypes = [
        handle, ctypes.c_char_p, u64, ctypes.POINTER(u64), ctypes.c_char_p, u64,
    ]  # fmt: skip
    library.pmgd_stream.restype = u64
    library.pmgd_busy.argtypes = [handle]
    library.pmgd_busy.restype = ctypes.c_int
    library.pmgd_advance.argtypes = [handle, ctypes.c_double]
    library.pmgd_advance.restype = ctypes.c_int
