"""A board's design: the fabric behind a UART, on the board's pins."""

from typing import Any

from amaranth.hdl import Elaboratable, Module
from amaranth.lib.io import Buffer

from pmgd.boards.board import Board
from pmgd.boards.clock import FabricClock
from pmgd.boards.pll import Pll
from pmgd.gateware.plan import Plan
from pmgd.gateware.serial_fabric import SerialFabric

__all__ = ["BoardTop"]


class BoardTop(Elaboratable):  # type: ignore[misc]  # Amaranth has no types
    """A `SerialFabric` wired to a board's serial port, with a light that shows it busy.

    The board's oscillator is the clock, and the platform resets the fabric after configuration;
    or a PLL makes the clock, see `pmgd.boards.clock.FabricClock`.

    Parameters
    ----------
    plan
        What to build.
    board
        Whose pins to use; `elaborate` needs its platform.
    divisor
        Clock cycles of one bit; see `pmgd.gateware.uart.baud_divisor`.
    pll
        Settings of the PLL that makes the clock, if one does.
    """

    def __init__(self, plan: Plan, board: Board, divisor: int, pll: Pll | None = None) -> None:
        self._board = board
        self._pll = pll
        self._serial = SerialFabric(plan, divisor)

    def elaborate(self, platform: Any) -> Module:
        """Take the pins from the platform and wire them."""
        m = Module()
        if self._pll is not None:
            m.submodules.clock = clock = FabricClock(self._pll)
            m.domains += clock.domain
        uart = platform.request(self._board.uart, 0, dir="-")
        led = platform.request(self._board.led, 0, dir="-")
        m.submodules.serial = serial = self._serial
        m.submodules.rx_buffer = rx = Buffer("i", uart.rx)
        m.submodules.tx_buffer = tx = Buffer("o", uart.tx)
        m.submodules.led_buffer = light = Buffer("o", led)
        m.d.comb += [serial.rx.eq(rx.i), tx.o.eq(serial.tx), light.o.eq(serial.busy)]
        return m
