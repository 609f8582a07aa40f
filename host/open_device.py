"""Devices by name: the one place where the host reaches the simulations, and only when asked."""

from pathlib import Path
from typing import TYPE_CHECKING

from pmgd.gateware.device import Device
from pmgd.gateware.errors import DeviceError
from pmgd.gateware.framed import FramedDevice
from pmgd.gateware.plan import Plan
from pmgd.host.installed import installed

if TYPE_CHECKING:
    from pmgd.sim.emulator import Emulator

__all__ = ["DEVICE_NAMES", "compiler_version", "open_device", "open_emulator"]

DEVICE_NAMES = ("golden", "rtl", "pysim", "serial:PORT[@BAUD]")
"""What `open_device` accepts."""


def open_device(name: str, plan: Plan, waveform: Path | None = None) -> Device:
    """Open a device that was generated, or is generated now, from a plan.

    Parameters
    ----------
    name
        ``"golden"``, the integer model; ``"rtl"``, the compiled RTL; ``"pysim"``, the RTL in
        Amaranth's simulator, slower but in need of no compiler; ``"serial:PORT"`` or
        ``"serial:PORT@BAUD"``, a board, by default at 1,000,000 baud.
    plan
        What to generate, or what the board was generated from, which only a `Driver` checks.
    waveform
        A ``.vcd`` file to record the signals of ``"rtl"`` or ``"pysim"`` in.

    Returns
    -------
    The device; the caller closes it.

    Raises
    ------
    DeviceError
        If there is no device of that name, or it has no waveform.
    LinkError
        If the port of a board cannot be used.
    ToolError
        If something it needs is not installed.
    """
    if name not in ("golden", "rtl", "pysim") and not name.startswith("serial:"):
        raise DeviceError(f"a device must be one of {', '.join(DEVICE_NAMES)}, not {name!r}")
    if waveform is not None and name not in ("rtl", "pysim"):
        raise DeviceError(
            f"a waveform needs a device with signals, rtl or pysim, not {name}; choose one of them"
        )
    if name.startswith("serial:"):
        return _open_board(name)
    with installed(f"device {name}", "sim"):
        return _open(name, plan, waveform)


def open_emulator(plan: Plan, link: Path | None = None) -> "Emulator":
    """Open a `pmgd.sim.emulator.Emulator`; the caller closes it.

    Raises
    ------
    DeviceError
        If the link cannot be made.
    ToolError
        If something it needs is not installed.
    """
    with installed("an emulator", "sim"):
        from pmgd.sim.emulator import Emulator

        return Emulator(plan, link)


def compiler_version() -> str:
    """Return what the C++ compiler that ``"rtl"`` would use says of itself.

    Raises
    ------
    ToolError
        If there is none.
    """
    from pmgd.sim.compile import find_compiler

    compiler = find_compiler()
    return compiler.version.partition("\n")[0].strip() or " ".join(compiler.command)


def _open_board(name: str) -> Device:
    port, at, rate = name.removeprefix("serial:").partition("@")
    if not port or (at and not (rate.isdecimal() and int(rate) > 0)):
        raise DeviceError(
            f"a board must be given as serial:PORT or serial:PORT@BAUD, such as "
            f"serial:/dev/ttyUSB0@115200, not {name!r}"
        )
    with installed(f"device {name}", "serial"):
        from pmgd.host.serial_transport import DEFAULT_BAUD, SerialTransport
    return FramedDevice(SerialTransport(port, int(rate) if at else DEFAULT_BAUD))


def _open(name: str, plan: Plan, waveform: Path | None) -> Device:
    if name == "golden":
        from pmgd.sim.golden_device import GoldenDevice

        return GoldenDevice(plan)
    if name == "rtl":
        from pmgd.sim.rtl_device import RtlDevice

        return RtlDevice(plan, waveform)
    from pmgd.sim.pysim_device import PysimDevice

    return PysimDevice(plan, waveform)
