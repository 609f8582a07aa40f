"""A serial port of which the other end is a pseudoterminal, played by a thread of the test."""

import os
import pty
import select
import threading
import tty

import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import LinkError
from pmgd.gateware.framed import FramedDevice
from pmgd.gateware.frames import Reply, decode_request, encode_reply
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC
from pmgd.host.open_device import open_device
from pmgd.host.serial_transport import SerialTransport


class Port:
    """A port at whose other end `answer` turns each request into the bytes that come back."""

    def __init__(self, answer):
        self.requests = 0
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
            for frame in filter(None, frames):
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
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.2)
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
        device = FramedDevice(SerialTransport(port.name), timeout_s=0.1)
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
