"""UART, 8 data bits, no parity, one stop bit: bytes on one wire each way."""

from operator import index

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.errors import SpecError

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter", "baud_divisor"]

MIN_DIVISOR = 8
"""Clock cycles a bit, at least: fewer, and the middle of a bit is found too coarsely."""

_MAX_ERROR = 0.015
"""Of the rate that a whole divisor gives; a receiver tolerates 3 % of both ends together."""


def baud_divisor(clock_hz: float, baud: int) -> int:
    """Return the clock cycles of one bit.

    Raises
    ------
    SpecError
        If the clock is too slow for the rate, or no whole number of cycles comes within 1.5 %.
    """
    fastest = int(clock_hz / MIN_DIVISOR)
    divisor = round(clock_hz / baud) if baud > 0 else 0
    if divisor < MIN_DIVISOR:
        raise SpecError(
            f"baud must be from 1 to {fastest} for a clock of {clock_hz / 1e6:g} MHz, not {baud}"
        )
    error = clock_hz / divisor / baud - 1
    if abs(error) > _MAX_ERROR:
        nearest = round(clock_hz / divisor)
        raise SpecError(
            f"baud must be within {_MAX_ERROR:.1%} of a whole fraction of the clock of "
            f"{clock_hz / 1e6:g} MHz, not {baud}; choose {nearest}"
        )
    return divisor


def _divisor(value: int) -> int:
    divisor = index(value)
    if divisor < MIN_DIVISOR:
        raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {value!r}")
    return divisor


class UartReceiver(wiring.Component):
    """Turns a wire into bytes.

    A start bit is taken from its falling edge and sampled again in its middle, so a shorter pulse
    is not one; each further bit is sampled in its middle. Sampling starts anew with every byte,
    and so rates that differ by up to 3 % are understood. A byte whose stop bit is not high is
    dropped. A wire cannot be held off: a byte that is not taken before the next one has arrived is
    lost, and the frame's CRC will tell.

    Parameters
    ----------
    divisor
        Clock cycles of one bit, at least 8.

    Members
    -------
    wire
        The wire, synchronized to the clock by whoever connects it; high when idle.
    bytes
        The bytes, least significant bit first on the wire.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _divisor(divisor)
        super().__init__({"wire": In(1, init=1), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        countdown = Signal(range(self._divisor))
        bits = Signal(range(9))
        shifted = Signal(8)
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [countdown.eq(self._divisor // 2 - 1), bits.eq(0)]
                with m.If(~self.wire):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += countdown.eq(countdown - 1)
                with m.If(countdown == 0):
                    m.d.sync += countdown.eq(self._divisor - 1)
                    m.next = "IDLE"
                    with m.If(~self.wire):
                        m.next = "DATA"
            with m.State("DATA"):
                m.d.sync += countdown.eq(countdown - 1)
                with m.If(countdown == 0):
                    m.d.sync += [
                        countdown.eq(self._divisor - 1),
                        bits.eq(bits + 1),
                        shifted.eq(Cat(shifted[1:], self.wire)),
                    ]
                    with m.If(bits == 7):
                        m.next = "STOP"
            with m.State("STOP"):
                m.d.sync += countdown.eq(countdown - 1)
                with m.If(countdown == 0):
                    m.next = "RESYNC"
                    with m.If(self.wire):
                        m.d.sync += [self.bytes.payload.eq(shifted), self.bytes.valid.eq(1)]
                        m.next = "IDLE"
            # A missing stop bit may go on as a break; a byte begins with a falling edge.
            with m.State("RESYNC"), m.If(self.wire):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Turns bytes into a wire. A byte is taken every ``10 * divisor`` cycles at most.

    Parameters
    ----------
    divisor
        Clock cycles of one bit, at least 8.

    Members
    -------
    bytes
        The bytes, sent least significant bit first.
    wire
        The wire, registered; high when idle.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = _divisor(divisor)
        super().__init__({"bytes": In(stream.Signature(8)), "wire": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        countdown = Signal(range(self._divisor))
        left = Signal(range(10))
        pending = Signal(9)
        with m.If(countdown != 0):
            m.d.sync += countdown.eq(countdown - 1)
        with m.Elif(left != 0):
            m.d.sync += [
                countdown.eq(self._divisor - 1),
                left.eq(left - 1),
                self.wire.eq(pending[0]),
                pending.eq(Cat(pending[1:], 1)),
            ]
        with m.Else():
            m.d.comb += self.bytes.ready.eq(1)
            with m.If(self.bytes.valid):
                m.d.sync += [
                    countdown.eq(self._divisor - 1),
                    left.eq(9),
                    self.wire.eq(0),
                    pending.eq(Cat(self.bytes.payload, 1)),
                ]
        return m
