"""A board and the serial port of its host in one design, for simulations."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from pmgd.gateware.fabric_signature import FabricSignature
from pmgd.gateware.plan import Plan
from pmgd.gateware.serial_fabric import SerialFabric
from pmgd.gateware.uart import UartReceiver, UartTransmitter

__all__ = ["EmulatedBoard"]


class EmulatedBoard(wiring.Component):
    """A `SerialFabric` wired to another UART, with the ports of a `Fabric`.

    Whatever simulates a `Fabric` simulates this, but every bit crosses the board's wires. A wire
    cannot be held off: bytes that arrive while a request is executed are lost, so requests are to
    be sent one at a time, and `tx` is to be ready whenever a reply may come.

    Latency: ``10 * divisor`` cycles a byte, each way, in addition to that of the fabric.

    Parameters
    ----------
    plan
        What to build.
    divisor
        Clock cycles of one bit; see `pmgd.gateware.uart.baud_divisor`.

    Its members are those of `FabricSignature`; `rx` and `tx` are the host's bytes to the board and
    from it.
    """

    def __init__(self, plan: Plan, divisor: int) -> None:
        self._board = SerialFabric(plan, divisor)
        self._to_board = UartTransmitter(divisor)
        self._from_board = UartReceiver(divisor)
        super().__init__(FabricSignature(plan))

    def elaborate(self, platform):
        m = Module()
        m.submodules.board = board = self._board
        m.submodules.to_board = to_board = self._to_board
        m.submodules.from_board = from_board = self._from_board
        connect(m, flipped(self.rx), to_board.bytes)
        connect(m, from_board.bytes, flipped(self.tx))
        connect(m, board.trace, flipped(self.trace))
        m.d.comb += [
            board.rx.eq(to_board.wire),
            from_board.wire.eq(board.tx),
            self.busy.eq(board.busy),
        ]
        return m
