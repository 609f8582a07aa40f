"""A framed device over links that lose, damage, repeat and reorder."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError
from pmgd.gateware.framed import FramedDevice, Transport
from pmgd.gateware.frames import (
    MAX_WORDS,
    Operation,
    Reply,
    Request,
    Status,
    decode_reply,
    decode_request,
    encode_reply,
)
from pmgd.gateware.regmap import Reg

SIZE = 1 << 16
Fault = Callable[[list[bytes]], list[bytes]]


class Memory:
    """A transport to a device that is a plain memory, with a fault between it and the host."""

    def __init__(self, fault: Fault = list, status: int = Status.OK) -> None:
        self.words = [0] * SIZE
        self.fault = fault
        self.status = status
        self.exchanges: list[list[Request]] = []
        self.advanced: list[float] = []
        self.closed = 0

    def exchange(self, frames: Sequence[bytes], timeout_s: float) -> list[bytes]:
        assert all(frame.endswith(b"\x00") for frame in frames)
        requests = [decode_request(frame[:-1]) for frame in frames]
        self.exchanges.append([request for request in requests if request is not None])
        replies = [encode_reply(self._answer(request))[:-1] for request in self.exchanges[-1]]
        return self.fault(replies)

    def advance(self, timeout_s: float) -> None:
        self.advanced.append(timeout_s)

    def close(self) -> None:
        self.closed += 1

    def _answer(self, request: Request) -> Reply:
        if self.status != Status.OK:
            return Reply(request.sequence, self.status)
        here = slice(request.address, request.address + request.count)
        if request.operation == Operation.WRITE:
            self.words[here] = request.words
            return Reply(request.sequence, Status.OK)
        return Reply(request.sequence, Status.OK, tuple(self.words[here]))


def test_memory_is_a_transport() -> None:
    transport: Transport = Memory()
    device = FramedDevice(transport)
    device.write(5, [1, 0xFFFFFFFF, np.uint32(3)])
    words = device.read(4, 5)
    assert words.tolist() == [0, 1, 0xFFFFFFFF, 3, 0]
    assert words.dtype == np.uint32


@pytest.mark.parametrize("count", [1, MAX_WORDS, MAX_WORDS + 1, 3 * MAX_WORDS, 64 * MAX_WORDS + 1])
def test_long_accesses_are_split(count: int) -> None:
    transport = Memory()
    device = FramedDevice(transport)
    values = np.arange(count, dtype=np.uint32) * 7 + 1
    device.write(100, values)
    assert np.array_equal(device.read(100, count), values)
    assert transport.words[99] == transport.words[100 + count] == 0
    sent = [request for exchange in transport.exchanges for request in exchange]
    assert len(sent) == 2 * -(-count // MAX_WORDS)
    assert max(request.count for request in sent) <= MAX_WORDS


def test_nothing_is_sent_for_no_words() -> None:
    transport = Memory()
    device = FramedDevice(transport)
    assert device.read(0, 0).shape == (0,)
    device.write(0, [])
    assert sum(len(exchange) for exchange in transport.exchanges) == 0


def test_sequence_numbers_on_the_wire_are_distinct() -> None:
    """Beyond 256 requests the numbers come round, but never within one exchange."""
    transport = Memory()
    FramedDevice(transport).write(0, range(400 * MAX_WORDS))
    assert transport.words[: 400 * MAX_WORDS] == list(range(400 * MAX_WORDS))
    assert sum(len(exchange) for exchange in transport.exchanges) == 400
    for exchange in transport.exchanges:
        assert len({request.sequence for request in exchange}) == len(exchange)


def sequence_of(frame: bytes) -> int:
    reply = decode_reply(frame)
    assert reply is not None
    return reply.sequence


class Chaos:
    """Faults every reply at most twice in a row, so that the third attempt goes through."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.faulted: dict[int, int] = {}
        self.stale: list[bytes] = []
        self.counts = dict.fromkeys(("lost", "damaged", "repeated", "stale"), 0)

    def __call__(self, replies: list[bytes]) -> list[bytes]:
        arrived: list[bytes] = []
        for reply in replies:
            key = sequence_of(reply)
            kind = self.rng.choice(["fine", "lost", "damaged", "repeated", "stale"])
            if kind in ("lost", "damaged"):
                self.faulted[key] = self.faulted.get(key, 0) + 1
                if self.faulted[key] > 2:
                    kind = "fine"
            if kind in ("fine", "repeated", "stale"):
                self.faulted.pop(key, None)
                arrived += [reply] * (2 if kind == "repeated" else 1)
            if kind == "damaged":
                at = self.rng.randrange(len(reply))
                wrong = reply[at] ^ 1 << self.rng.randrange(8)
                arrived.append(reply[:at] + bytes([wrong]) + reply[at + 1 :])
            if kind == "stale" and self.stale:
                arrived.append(self.rng.choice(self.stale))
            if kind != "fine":
                self.counts[kind] += 1
        # What an earlier exchange left in the line; older ones could bear the same number again.
        self.stale = replies
        self.rng.shuffle(arrived)
        return arrived


def test_faults_are_survived(random_seed: int) -> None:
    rng = random.Random(random_seed)
    chaos = Chaos(rng)
    transport = Memory(chaos)
    device = FramedDevice(transport)
    expected = [0] * SIZE
    for _ in range(300):
        address, count = rng.randrange(1000), rng.randrange(1, 500)
        if rng.random() < 0.5:
            words = [rng.getrandbits(32) for _ in range(count)]
            device.write(address, words)
            expected[address : address + count] = words
        else:
            assert device.read(address, count).tolist() == expected[address : address + count]
    assert transport.words == expected
    assert min(chaos.counts.values()) > 50, chaos.counts


def lose(replies: list[bytes]) -> list[bytes]:
    return []


def damage(replies: list[bytes]) -> list[bytes]:
    return [reply[:-1] + bytes([reply[-1] ^ 0x80]) for reply in replies]


def shorten(replies: list[bytes]) -> list[bytes]:
    """Intact replies of another length: those of another protocol, or of another request."""
    return [encode_reply(Reply(sequence, Status.OK, (1, 2)))[:-1] for sequence in range(256)]


@pytest.mark.parametrize("fault", [lose, damage, shorten])
def test_persistent_faults_end_in_a_link_error(fault: Fault) -> None:
    transport = Memory(fault)
    with pytest.raises(LinkError) as caught:
        FramedDevice(transport, timeout_s=0.25).read(0x1D, 3)
    assert str(caught.value) == (
        "a device must answer within 0.25 s, but 3 requests for address 0x1d brought no valid "
        "reply; check that the port is right and that the board is configured"
    )
    assert [len(exchange) for exchange in transport.exchanges] == [1, 1, 1]


def test_only_the_missing_are_sent_again() -> None:
    rounds = iter([slice(1, None), slice(0, 0), slice(None)])
    transport = Memory(lambda replies: replies[next(rounds)])
    FramedDevice(transport).write(0, range(5 * MAX_WORDS))
    first, second, third = transport.exchanges
    assert len(first) == 5
    assert second == third == first[:1]
    assert transport.words[: 5 * MAX_WORDS] == list(range(5 * MAX_WORDS))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.BAD_OPERATION, "knows no such operation"),
        (Status.BAD_ADDRESS, "has nothing at that address"),
        (Status.ACCESS, "does not allow that access there"),
        (Status.BUSY, "is busy; wait until it has stopped"),
        (Status.BAD_VALUE, "was given a value wider than the register"),
        (77, "gave no reason"),
    ],
)
def test_refusals_are_errors(status: int, reason: str) -> None:
    transport = Memory(status=status)
    device = FramedDevice(transport)
    with pytest.raises(DeviceError) as caught:
        device.read(0x20)
    assert str(caught.value) == f"a read of address 0x20 was refused: the device {reason}"
    with pytest.raises(DeviceError) as caught:
        device.write(0x3000000, [1])
    assert str(caught.value) == f"a write to address 0x3000000 was refused: the device {reason}"
    assert (type(caught.value) is DeviceBusyError) == (status == Status.BUSY)
    assert len(transport.exchanges) == 2  # a refusal is an answer: nothing is sent again


class Busy(Memory):
    """Busy until time has passed a few times."""

    def __init__(self, advances: int) -> None:
        super().__init__()
        self.left = advances
        self.words[Reg.STATUS] = 1

    def advance(self, timeout_s: float) -> None:
        super().advance(timeout_s)
        self.left -= 1
        self.words[Reg.STATUS] = int(self.left > 0)


def test_wait_returns_once_idle() -> None:
    idle = Memory()
    FramedDevice(idle).wait()
    assert idle.advanced == []
    busy = Busy(3)
    FramedDevice(busy).wait()
    assert busy.advanced == [0.1] * 3
    bounded = Busy(3)
    FramedDevice(bounded).wait(timeout_s=60)
    assert bounded.advanced == [0.1] * 3


def test_wait_gives_up() -> None:
    busy = Busy(10**9)
    with pytest.raises(LinkError) as caught:
        FramedDevice(busy).wait(timeout_s=0.02)
    assert str(caught.value) == (
        "a run must end within 0.02 s, but the device is still busy; allow more time or run fewer "
        "timesteps"
    )
    assert busy.advanced
    assert max(busy.advanced) <= 0.02


def test_close_closes_the_transport() -> None:
    transport = Memory()
    FramedDevice(transport).close()
    assert transport.closed == 1
