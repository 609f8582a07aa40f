"""A board without a board: the compiled RTL of its design behind a serial port of this computer."""

import errno
import os
import pty
import select
import tempfile
import tty
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from pmgd.gateware.emulated_board import EmulatedBoard
from pmgd.gateware.errors import DeviceError
from pmgd.gateware.export import TOP, convert
from pmgd.gateware.plan import Plan
from pmgd.gateware.uart import MIN_DIVISOR
from pmgd.sim.compile import load
from pmgd.sim.rtl_device import HARNESS, CompiledSimulation, harness
from pmgd.sim.simulated_device import quiet_cycles

__all__ = ["Emulator"]

DIVISOR = MIN_DIVISOR
"""Of the clock to the baud rate. A pseudoterminal has none, so the fastest costs least."""
CYCLES_PER_LOOK = 1000
"""Between two looks at the port: a dozen bytes of the link, about a millisecond here."""
READ_BYTES = 4096


class Emulator:
    """The compiled RTL of a board's design, behind a pseudoterminal.

    Its clock runs while there is something to do: bytes under way, a run, an evaluation. As with a
    board, one host after another may open the port, a run goes on when they leave, and what
    nobody reads is lost. As a context manager it closes itself.

    Parameters
    ----------
    plan
        What to emulate; the first emulator of a plan compiles it, in some ten seconds.
    link
        Name of a symbolic link to the port, for a port that is known beforehand; it disappears
        with the emulator. Of what is there, only a link to nothing is replaced.

    Attributes
    ----------
    port
        What a host opens, such as ``/dev/pts/3``.

    Raises
    ------
    ToolError
        If Yosys, Verilator or a C++ compiler is missing.
    DeviceError
        If the link cannot be made.
    """

    def __init__(self, plan: Plan, link: Path | None = None) -> None:
        if link is not None:
            _check_link(link)
        text = convert(EmulatedBoard(plan, DIVISOR), TOP) + harness(plan)
        library = load(text, HARNESS)
        self._quiet_limit = quiet_cycles(plan)
        self._quiet = self._quiet_limit
        self._pending = b""
        with ExitStack() as stack:
            self._simulation = CompiledSimulation(library, plan)
            stack.callback(self._simulation.close)
            self._terminal, port = pty.openpty()
            stack.callback(os.close, self._terminal)
            # Held open, so that the port does not hang up when a host leaves.
            stack.callback(os.close, port)
            tty.setraw(port)
            os.set_blocking(self._terminal, False)
            self.port = os.ttyname(port)
            if link is not None:
                _make_link(link, self.port)
                stack.callback(_remove_link, link, self.port)
            self._resources = stack.pop_all()

    def serve(self) -> NoReturn:
        """Be a board until an exception, such as that of a Ctrl-C, ends it."""
        while True:
            self.poll(None)

    def poll(self, timeout_s: float | None) -> None:
        """Let some time pass, or while there is nothing to do, wait for bytes.

        Raises
        ------
        AssertionError
            If an assertion in the gateware fails.
        """
        if not self._pending:
            wait_s = 0 if self._quiet < self._quiet_limit else timeout_s
            if select.select([self._terminal], [], [], wait_s)[0]:
                self._pending = os.read(self._terminal, READ_BYTES)
                self._quiet = 0
        if self._quiet >= self._quiet_limit:
            return
        taken, came = self._simulation.stream(self._pending, CYCLES_PER_LOOK)
        self._pending = self._pending[taken:]
        moving = self._pending or taken or came or self._simulation.busy
        self._quiet = 0 if moving else self._quiet + CYCLES_PER_LOOK
        if came:
            # A wire does not wait for a reader: what does not fit is lost, here as on a board.
            try:
                os.write(self._terminal, came)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Release the port and the simulation; calling it again does nothing."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check_link(link: Path) -> None:
    """Check, before anything takes time, that a link can be made."""
    try:
        if link.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        tempfile.TemporaryDirectory(prefix=".pmgd-", dir=link.parent).cleanup()
    except OSError as error:
        raise _refusal(link, error) from error


def _make_link(link: Path, port: str) -> None:
    try:
        if link.is_symlink() and not link.exists():
            link.unlink()  # of an emulator that was killed, perhaps
        link.symlink_to(port)
    except OSError as error:
        raise _refusal(link, error) from error


def _refusal(link: Path, error: OSError) -> DeviceError:
    remedy = "choose another name"
    if error.errno == errno.EEXIST:
        remedy += ", or remove it"
    return DeviceError(
        f"a link must be a new name in a folder that exists and can be written to, not {link}: "
        f"{error.strerror}; {remedy}"
    )


def _remove_link(link: Path, port: str) -> None:
    if link.is_symlink() and str(link.readlink()) == port:
        link.unlink()
