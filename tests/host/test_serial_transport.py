"""A serial port of which the other end is a pseudoterminal, played by a thread of the test."""

import errno
import os
import pty
import select
import threading
import time
import tty
from types import SimpleNamespace

import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import LinkError
from pmgd.gateware.framed import FramedDevice
from pmgd.gateware.frames import Reply, decode_request, encode_reply, encode_request
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC
from pmgd.host.open_device import open_device
from pmgd.host.serial_transport import SerialTransport


class Port:
    """A port at whose other end `answer` turns each request into the bytes that come back."""

    def __init__(self, answer):
        self.requests = 0
        self.most = 0  # that came at once
        self._answer = answer
        self._terminal, self._port = pty.openpty()
        tty.setraw(self._port)
        self.name = os.ttyname(self._port)
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self):
        came = b""
        while self._ended not in (ready := select.select([self._terminal, self._ended], [], [])[0]):
            if self._terminal in ready:
                came += os.read(self._terminal, 4096)
            *frames, came = came.split(b"\0")
            frames = [frame for frame in frames if frame]
            self.most = max(self.most, len(frames))
            for frame in frames:
                self.requests += 1
                os.write(self._terminal, self._answer(decode_request(frame), self.requests))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.write(self._end, b".")
        self._thread.join(10)
        for number in (self._terminal, self._port, self._ended, self._end):
            os.close(number)


def right(request):
    return encode_reply(Reply(request.sequence, 0, (MAGIC,) * request.count))


def damaged(request):
    reply = bytearray(right(request))
    reply[4] ^= 1 if reply[4] != 1 else 2
    return bytes(reply)


def stale(request):
    return encode_reply(Reply(request.sequence ^ 0x80, 0, (7,) * request.count))


@pytest.mark.parametrize(
    "first",
    [
        lambda request: b"",
        damaged,
        stale,
        lambda request: b"login: \0" + right(request),
        lambda request: stale(request) + right(request),
    ],
    ids=["lost", "damaged", "stale", "after noise", "after a stale one"],
)
def test_a_reply_that_goes_wrong_is_asked_for_again(first):
    def answer(request, number):
        return first(request) if number == 1 else right(request)

    with Port(answer) as port:
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.5)
        assert device.read(0, 3).tolist() == [MAGIC] * 3
        device.close()
        assert 1 <= port.requests <= 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda request, number: b"", "is silent at 1000000 baud"),
        (lambda request, number: b"Marlin 2.1\r\n", "answers at 1000000 baud with something else"),
        (lambda request, number: damaged(request), "answers at 1000000 baud with something else"),
    ],
    ids=["silent", "wrong", "garbled"],
)
def test_a_port_without_a_device_is_told_from_one_with_another(answer, message):
    with Port(answer) as port:
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.2)
        with pytest.raises(LinkError, match=message):
            device.read(0)
        assert port.requests == 3
        device.close()


def test_a_port_in_use_is_refused():
    with Port(lambda request, number: right(request)) as port:
        device = FramedDevice(SerialTransport(port.name))
        with pytest.raises(LinkError, match=f"{port.name} is in use; close the program"):
            SerialTransport(port.name)
        device.close()


def test_a_missing_port_is_refused(tmp_path):
    with pytest.raises(LinkError, match=r"a serial port must exist, but .*gone does not"):
        open_device(f"serial:{tmp_path}/gone", Plan(presets.xor()))


def test_a_closed_port_is_refused():
    with Port(lambda request, number: right(request)) as port:
        device = FramedDevice(SerialTransport(port.name))
        device.close()
        device.close()
        with pytest.raises(LinkError, match="it was closed; open another"):
            device.read(0)


def test_a_late_reply_answers_the_repeated_request_and_no_other():
    """Those to the repetitions, of other lengths than the next ones, come unasked."""

    def answer(request, number):
        if number == 1:
            time.sleep(0.5)
        return right(request)

    with Port(answer) as port:
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.2)
        for count in (5, 4, 3, 2, 1):
            assert device.read(0, count).tolist() == [MAGIC] * count
        assert port.requests > 5
        device.close()


def test_one_request_at_a_time_is_on_the_wire():
    """Each of the 3 frames of a long read is sent once the one before has been answered."""
    asked = []

    def answer(request, number):
        asked.append((request.address, request.count))
        return right(request)

    with Port(answer) as port:
        device = FramedDevice(SerialTransport(port.name))
        assert device.read(0, 130).tolist() == [MAGIC] * 130
        assert asked == [(0, 60), (60, 60), (120, 10)]
        assert port.most == 1
        device.close()


def test_a_silent_board_is_given_up_after_three_requests_of_a_long_read():
    with Port(lambda request, number: b"") as port:
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.2)
        with pytest.raises(LinkError, match="is silent"):
            device.read(0, 1000)
        assert port.requests == 3
        device.close()


def test_a_wire_that_echoes_is_no_device():
    with Port(lambda request, number: encode_request(request)) as port:
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.2)
        with pytest.raises(LinkError, match="with something else"):
            device.read(0)
        device.close()


def test_a_port_that_goes_away_is_told():
    with Port(lambda request, number: right(request)) as port:
        device = FramedDevice(SerialTransport(port.name))
        device.read(0)
    with pytest.raises(LinkError, match=rf"connected .* {port.name} does not answer any more"):
        device.read(0)
    device.close()


def test_a_rate_that_no_port_has_is_refused_and_leaves_the_port_free():
    with Port(lambda request, number: right(request)) as port:
        for rate in (99_999_999_999, 1 << 64):
            with pytest.raises(LinkError, match=f"one that {port.name} offers, not {rate}; choose"):
                open_device(f"serial:{port.name}@{rate}", Plan(presets.xor()))
        device = FramedDevice(SerialTransport(port.name))
        assert device.read(0).tolist() == [MAGIC]
        device.close()


def test_a_file_is_no_port(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(LinkError, match=r"must be one that can be used, but .*file is not \("):
        SerialTransport(str(path))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EBUSY, "busy"), "must be free, but COM1 is in use"),
        (OSError(errno.EACCES, "denied"), "must be open to this user, but COM1 is not; ask"),
        (OSError(errno.ENXIO, "no such device"), "must exist, but COM1 does not; connect"),
        (OSError(errno.EIO, "broken"), "must be one that can be used, but COM1 is not"),
        (ValueError("Invalid baud rate"), "must be one that COM1 offers, not 300; choose"),
        (OverflowError("signed int is too large"), "must be one that COM1 offers, not 300; choose"),
    ],
)
@pytest.mark.parametrize("found", [[], ["/dev/ttyA", "/dev/ttyB"]])
def test_what_keeps_a_port_from_opening_is_told_with_its_remedy(monkeypatch, error, message, found):
    def refuse(*_, **__):
        raise error

    ports = [SimpleNamespace(device=name) for name in found]
    monkeypatch.setattr("serial.Serial", refuse)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: ports)
    with pytest.raises(LinkError) as caught:
        SerialTransport("COM1", 300)
    assert message in str(caught.value)
    if "; connect" in str(caught.value):
        choice = ", or choose one of /dev/ttyA, /dev/ttyB" if found else ""
        assert str(caught.value).endswith(f"; connect the board{choice}")
