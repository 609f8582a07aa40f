"""The fabric behind a UART: all of a board's design but its pins."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from pmgd.gateware.make_fabric import make_fabric
from pmgd.gateware.plan import Plan
from pmgd.gateware.trace import TraceSignature
from pmgd.gateware.uart import UartReceiver, UartTransmitter

__all__ = ["SerialFabric"]


class SerialFabric(wiring.Component):
    """A `Fabric` with its byte link on two wires.

    Parameters
    ----------
    plan
        What to build.
    divisor
        Clock cycles of one bit; see `pmgd.gateware.uart.baud_divisor`.

    Members
    -------
    rx, tx
        The wires, high when idle; `rx` may come from another clock.
    busy, trace
        As `Fabric` has them.
    """

    def __init__(self, plan: Plan, divisor: int) -> None:
        self._fabric = make_fabric(plan)
        self._receiver = UartReceiver(divisor)
        self._transmitter = UartTransmitter(divisor)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "busy": Out(1),
                "trace": Out(TraceSignature(plan)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fabric = fabric = self._fabric
        m.submodules.receiver = receiver = self._receiver
        m.submodules.transmitter = transmitter = self._transmitter
        m.submodules.synchronizer = FFSynchronizer(self.rx, receiver.wire, init=1)
        connect(m, receiver.bytes, fabric.rx)
        connect(m, fabric.tx, transmitter.bytes)
        connect(m, fabric.trace, flipped(self.trace))
        m.d.comb += [self.tx.eq(transmitter.wire), self.busy.eq(fabric.busy)]
        return m
