"""Frames over a serial port, to a board or to what emulates one."""

import errno
import time
from collections.abc import Sequence

import serial
from serial.tools import list_ports

from pmgd.gateware.errors import LinkError
from pmgd.gateware.framed import ATTEMPTS
from pmgd.gateware.frames import (
    DELIMITER,
    MAX_ENCODED_BYTES,
    Request,
    decode_reply,
    decode_request,
)

__all__ = ["DEFAULT_BAUD", "SerialTransport"]

DEFAULT_BAUD = 1_000_000
BITS_PER_BYTE = 10
READ_S = 0.05
"""Within which a time-out is noticed."""
POLL_S = 0.002
"""Between two looks at whether a device is still busy."""

_MISSING = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_BUSY = (errno.EBUSY, errno.EAGAIN)
_FORBIDDEN = (errno.EACCES, errno.EPERM)


class SerialTransport:
    """A `Transport` over a serial port of which this process is the only user.

    A wire cannot be held off, and so one request at a time is under way. Each is preceded by a
    delimiter, which ends whatever noise the board has taken for the start of a frame.

    Parameters
    ----------
    port
        Its name, such as ``/dev/ttyUSB0``.
    baud
        Bits per second; the one that the board was built with.

    Raises
    ------
    LinkError
        If the port is missing, in use, forbidden, or no serial port of that rate.
    """

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self._name = port
        self._baud = baud
        self._unanswered = 0  # requests in a row
        self._noise = False  # whether something else came meanwhile
        self._came = b""  # since the last delimiter
        try:
            self._port = serial.Serial(
                port, baud, timeout=READ_S, write_timeout=1.0, exclusive=True
            )
        except OSError as error:
            raise LinkError(_why_not_opened(port, error)) from error
        except (ValueError, OverflowError) as error:
            raise LinkError(
                f"a baud rate must be one that {port} offers, not {baud}; choose another, and "
                f"build the board with it"
            ) from error

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """Send frames one after the other and return the replies; see `Transport.exchange`.

        Raises
        ------
        LinkError
            If three requests in a row were not answered, or the port is gone.
        """
        replies = []
        for frame in frames:
            reply = self._ask(frame, timeout_s)
            if reply is not None:
                self._unanswered, self._noise = 0, False
                replies.append(reply)
                continue
            self._unanswered += 1
            if self._unanswered >= ATTEMPTS:
                raise LinkError(self._why_unanswered(timeout_s))
        return replies

    def advance(self, timeout_s: float) -> None:
        """Let a little time pass; when a board is idle cannot be seen from here."""
        time.sleep(min(timeout_s, POLL_S))

    def close(self) -> None:
        """Release the port; calling it again does nothing."""
        self._port.close()

    def _ask(self, frame: bytes, timeout_s: float) -> bytes | None:
        request = decode_request(frame.removesuffix(DELIMITER))
        if request is None:
            raise ValueError("a frame must be a request, encoded and with its delimiter")
        if not self._port.is_open:
            raise LinkError("a device must be open to be used, but it was closed; open another")
        wire_bytes = len(frame) + MAX_ENCODED_BYTES
        deadline = time.monotonic() + timeout_s + wire_bytes * BITS_PER_BYTE / self._baud
        try:
            self._port.write(DELIMITER + frame)
            return self._listen(request, deadline)
        except serial.SerialTimeoutException:
            return None
        except OSError as error:
            raise LinkError(
                f"a port must stay connected while it is used, but {self._name} does not answer "
                f"any more ({error}); check cable and power, and start again"
            ) from error

    def _listen(self, request: Request, deadline: float) -> bytes | None:
        """Return the reply, or None after the deadline.

        What else comes is passed over. A reply that is late answers the request's repetition, and
        those to earlier requests can only come before it.
        """
        while time.monotonic() < deadline:
            came = self._came + self._port.read(max(1, self._port.in_waiting))
            *pieces, rest = came.split(DELIMITER)
            self._came = rest[-MAX_ENCODED_BYTES - 1 :]  # too long for a frame remains so
            for piece in pieces:
                reply = decode_reply(piece)
                if reply is None:
                    self._noise |= bool(piece)
                elif reply.sequence == request.sequence:
                    return piece
        self._noise |= bool(self._came)
        return None

    def _why_unanswered(self, timeout_s: float) -> str:
        if self._noise:
            return (
                f"a pmgd device must answer in its frames, but {self._name} answers at "
                f"{self._baud} baud with something else; check that the port and the baud rate "
                f"are those of the board"
            )
        return (
            f"a device must answer within {timeout_s:g} s, but {self._name} is silent at "
            f"{self._baud} baud; check that the board has power and its bitstream, and that the "
            f"baud rate is the one it was built with"
        )


def _why_not_opened(port: str, error: OSError) -> str:
    if error.errno in _MISSING:
        return f"a serial port must exist, but {port} does not; {_advice()}"
    if error.errno in _BUSY:
        return (
            f"a serial port must be free, but {port} is in use; close the program that uses it, "
            f"such as a serial monitor or another pmgd"
        )
    if error.errno in _FORBIDDEN:
        return (
            f"a serial port must be open to this user, but {port} is not; ask for access, on Linux "
            f"by joining the group that owns it, often dialout, and logging in again"
        )
    return f"a serial port must be one that can be used, but {port} is not ({error}); {_advice()}"


def _advice() -> str:
    found = ", ".join(sorted(port.device for port in list_ports.comports()))
    return f"connect the board, or choose one of {found}" if found else "connect the board"
