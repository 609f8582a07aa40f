"""Devices by name: the one place where the host reaches the simulations, and only when asked."""

from pathlib import Path

from pmgd.gateware.device import Device
from pmgd.gateware.errors import DeviceError, ToolError
from pmgd.gateware.plan import Plan

__all__ = ["DEVICE_NAMES", "compiler_version", "open_device"]

DEVICE_NAMES = ("golden", "rtl", "pysim", "serial:PORT")
"""What `open_device` accepts."""


def open_device(name: str, plan: Plan, waveform: Path | None = None) -> Device:
    """Open a device that was generated, or is generated now, from a plan.

    Parameters
    ----------
    name
        ``"golden"``, the integer model; ``"rtl"``, the compiled RTL; ``"pysim"``, the RTL in
        Amaranth's simulator, slower but in need of no compiler; ``"serial:PORT"``, a board.
    plan
        What to generate.
    waveform
        A ``.vcd`` file to record the signals of ``"rtl"`` or ``"pysim"`` in.

    Returns
    -------
    The device; the caller closes it.

    Raises
    ------
    DeviceError
        If there is no device of that name, or it has no waveform.
    ToolError
        If something it needs is not installed.
    """
    if name not in ("golden", "rtl", "pysim") and not name.startswith("serial:"):
        raise DeviceError(f"a device must be one of {', '.join(DEVICE_NAMES)}, not {name!r}")
    if name.startswith("serial:"):
        raise DeviceError(
            f"a device must be golden, rtl or pysim in this version, not {name}: boards are not "
            f"available yet; choose one of the three"
        )
    if waveform is not None and name == "golden":
        raise DeviceError(
            f"a waveform needs a device with signals, rtl or pysim, not {name}; choose one of "
            f"them, or trace to an .npz file"
        )
    try:
        return _open(name, plan, waveform)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("pmgd"):
            raise
        raise ToolError(
            f"device {name} needs the package {error.name}, which is not installed; install it "
            f"with: pip install 'pmgd[sim]'"
        ) from error


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


def _open(name: str, plan: Plan, waveform: Path | None) -> Device:
    if name == "golden":
        from pmgd.sim.golden_device import GoldenDevice

        return GoldenDevice(plan)
    if name == "rtl":
        from pmgd.sim.rtl_device import RtlDevice

        return RtlDevice(plan, waveform)
    from pmgd.sim.pysim_device import PysimDevice

    return PysimDevice(plan, waveform)
