"""A device behind a byte link: the `Device` interface over frames."""

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pmgd.gateware.device import Words
from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError
from pmgd.gateware.frames import (
    MAX_WORDS,
    Operation,
    Reply,
    Request,
    Status,
    decode_reply,
    encode_request,
)
from pmgd.gateware.regmap import Reg

__all__ = ["REFUSALS", "FramedDevice", "Transport"]

ATTEMPTS = 3

REFUSALS: dict[int, str] = {
    Status.BAD_OPERATION: "knows no such operation",
    Status.BAD_ADDRESS: "has nothing at that address",
    Status.ACCESS: "does not allow that access there",
    Status.BUSY: "is busy; wait until it has stopped",
    Status.BAD_VALUE: "was given a value wider than the register",
}
"""Why a device refuses, by status."""


class Transport(Protocol):
    """Carries frames to a device and back."""

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        """Send frames in order and return the frames that came back, delimiters removed.

        A frame may be missing or damaged; the time-out is for each frame.
        """
        ...

    def advance(self, timeout_s: float) -> None:
        """Let time pass on the device, until it is idle if that can be seen, or `timeout_s`."""
        ...

    def close(self) -> None:
        """Release the link; calling it again does nothing."""
        ...


class FramedDevice:
    """The `Device` at the other end of a `Transport`.

    Parameters
    ----------
    transport
        The link; this object owns it and closes it.
    timeout_s
        For the reply to one frame. A request without a valid reply is sent up to three times.
    """

    def __init__(self, transport: Transport, timeout_s: float = 1.0) -> None:
        self.transport = transport
        self._timeout_s = timeout_s
        self._sequence = 0

    def read(self, address: int, count: int = 1) -> Words:
        """Return `count` words from consecutive addresses; see `Device.read`."""
        replies = self._transact(
            [
                (Operation.READ, address + first, min(MAX_WORDS, count - first), ())
                for first in range(0, count, MAX_WORDS)
            ]
        )
        return np.array([word for reply in replies for word in reply.words], dtype=np.uint32)

    def write(self, address: int, words: Sequence[int] | Words) -> None:
        """Write words to consecutive addresses; see `Device.write`."""
        values = tuple(int(word) for word in words)
        self._transact(
            [
                (Operation.WRITE, address + first, len(part), part)
                for first in range(0, len(values), MAX_WORDS)
                if (part := values[first : first + MAX_WORDS])
            ]
        )

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the device is no longer busy; see `Device.wait`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while int(self.read(Reg.STATUS)[0]) & 1:
            left = 0.1 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise LinkError(
                    f"a run must end within {timeout_s:g} s, but the device is still busy; allow "
                    f"more time or run fewer timesteps"
                )
            self.transport.advance(min(left, 0.1))

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def _transact(self, wanted: list[tuple[Operation, int, int, tuple[int, ...]]]) -> list[Reply]:
        requests = []
        for operation, address, count, words in wanted:
            self._sequence = (self._sequence + 1) & 0xFF
            requests.append(Request(self._sequence, operation, address, count, words))
        # Only a window of requests shares the wire, so that sequence numbers stay distinct.
        return [
            reply
            for first in range(0, len(requests), 64)
            for reply in self._send(requests[first : first + 64])
        ]

    def _send(self, requests: list[Request]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        for _ in range(ATTEMPTS):
            missing = [request for request in requests if request.sequence not in replies]
            if not missing:
                break
            frames = self.transport.exchange(
                [encode_request(request) for request in missing], self._timeout_s
            )
            expected = {request.sequence: request for request in missing}
            for frame in frames:
                reply = decode_reply(frame)
                if reply is not None and _answers(reply, expected.get(reply.sequence)):
                    replies[reply.sequence] = reply
        for request in requests:
            reply = replies.get(request.sequence)
            if reply is None:
                raise LinkError(
                    f"a device must answer within {self._timeout_s:g} s, but {ATTEMPTS} requests "
                    f"for address {request.address:#x} brought no valid reply; check that the "
                    f"port is right and that the board is configured"
                )
            if reply.status != Status.OK:
                error = DeviceBusyError if reply.status == Status.BUSY else DeviceError
                verb = "write to" if request.operation == Operation.WRITE else "read of"
                raise error(
                    f"a {verb} address {request.address:#x} was refused: the device "
                    f"{REFUSALS.get(reply.status, 'gave no reason')}"
                )
        return [replies[request.sequence] for request in requests]


def _answers(reply: Reply, request: Request | None) -> bool:
    if request is None:
        return False
    expected = request.count if request.operation == Operation.READ else 0
    return len(reply.words) == (expected if reply.status == Status.OK else 0)
