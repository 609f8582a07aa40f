"""The host's end of two UART wires, in cocotb: bytes, noise, and a transport for the driver."""

import random
from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.queue import Queue
from cocotb.task import resume
from cocotb.triggers import FallingEdge, SimTimeoutError, Timer, with_timeout

from pmgd.gateware.frames import DELIMITER

__all__ = ["NOISES", "CocotbTransport", "HostUart", "Noise"]

NOISES = ("random bytes", "half frame", "line break", "edges", "lost reply")
"""What a link suffers: the first four before a frame, the last after it."""


class HostUart:
    """Talks bits to a board's pins `rx` and `tx`, 8N1, by a clock of its own.

    Parameters
    ----------
    dut
        The board.
    bit_ps
        Picoseconds of one bit on this side, an even number.
    """

    def __init__(self, dut: Any, bit_ps: int) -> None:
        self._dut = dut
        self.bit_ps = bit_ps
        self.bytes_sent = self.bytes_received = 0
        self._received: Queue[int] = Queue()
        dut.rx.value = 1
        cocotb.start_soon(self._listen())

    async def send(self, data: bytes) -> None:
        for byte in data:
            for level in (0, *(byte >> n & 1 for n in range(8)), 1):
                await self.hold(level, self.bit_ps)
        self.bytes_sent += len(data)

    async def hold(self, level: int, time_ps: int) -> None:
        """Drive the wire, whether or not that makes a byte."""
        self._dut.rx.value = level
        await Timer(time_ps, "ps")

    async def receive(self, silence_ps: int) -> int | None:
        """Return the next byte, or None after so long without one."""
        try:
            return await with_timeout(self._received.get(), silence_ps, "ps")
        except SimTimeoutError:
            return None

    @property
    def quiet(self) -> bool:
        """Whether no byte has come that was not received."""
        return self._received.empty()

    async def _listen(self) -> None:
        while True:
            await FallingEdge(self._dut.tx)
            await Timer(self.bit_ps * 3 // 2, "ps")
            byte = 0
            for n in range(8):
                byte |= int(self._dut.tx.value) << n
                await Timer(self.bit_ps, "ps")
            assert self._dut.tx.value == 1, "a board's byte must end with a stop bit"
            self.bytes_received += 1
            self._received.put_nowait(byte)


class Noise:
    """Disturbs a link between frames, with every kind of noise in turn.

    Parameters
    ----------
    rng
        Where order, lengths and contents come from.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._next: list[str] = []
        self.made: set[str] = set()

    async def disturb(self, uart: HostUart, frame: bytes) -> str:
        """Put something on the wire before a frame, unless it is to come after; return its kind."""
        if not self._next:
            self._next = self._rng.sample(NOISES, len(NOISES))
        kind = self._next.pop()
        self.made.add(kind)
        rng, bit_ps = self._rng, uart.bit_ps
        if kind == "random bytes":
            await uart.send(rng.randbytes(rng.randint(1, 30)))
        elif kind == "half frame":
            # At least a byte short: with the delimiter that follows, the rest would be a request.
            await uart.send(frame[: rng.randrange(1, len(frame) - 1)])
        elif kind == "line break":
            await uart.hold(0, rng.randint(10, 40) * bit_ps)
        elif kind == "edges":
            for _ in range(rng.randint(1, 40)):
                await uart.hold(rng.getrandbits(1), rng.randint(bit_ps // 20, 2 * bit_ps))
        if kind != "lost reply":
            await uart.hold(1, rng.randint(1, 2 * bit_ps))
        return kind


class CocotbTransport:
    """A `pmgd.gateware.framed.Transport` for a thread beside the simulation.

    Like that of a serial port, it sends one request at a time, each after a delimiter.

    Parameters
    ----------
    uart
        The wires; simulated time passes only while a method is called.
    silence_ps
        Picoseconds without a byte after which no reply will come. It stands for the caller's
        time-out, as a simulation may be slow without being dead.
    noise
        What disturbs the link. It spares a frame whose predecessor was not answered: such a frame
        is sent three times at most, and two may go to resynchronize.
    """

    def __init__(self, uart: HostUart, silence_ps: int, noise: Noise | None = None) -> None:
        self._uart = uart
        self._silence_ps = silence_ps
        self._noise = noise
        self._answered = True
        self.frames = self.unanswered = 0

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        replies = [self._exchange(frame) for frame in frames]
        return [reply for reply in replies if reply is not None]

    def advance(self, timeout_s: float) -> None:
        """Let the time of one byte pass; to ask again takes far longer."""
        self._idle()

    def close(self) -> None:
        """Do nothing, as nothing is held."""

    @resume
    async def _idle(self) -> None:
        await self._uart.hold(1, 10 * self._uart.bit_ps)

    @resume
    async def _exchange(self, frame: bytes) -> bytes | None:
        assert self._uart.quiet, "a board must not speak unasked"
        disturbed = self._noise is not None and self._answered
        kind = await self._noise.disturb(self._uart, frame) if disturbed else None
        await self._uart.send(DELIMITER + frame)
        reply = await self._reply()
        if kind == "lost reply":
            reply = None
        self._answered = reply is not None
        self.frames += 1
        self.unanswered += reply is None
        return reply

    async def _reply(self) -> bytes | None:
        reply = bytearray()
        while (byte := await self._uart.receive(self._silence_ps)) is not None:
            if byte == DELIMITER[0]:
                return bytes(reply)
            reply.append(byte)
        return None
