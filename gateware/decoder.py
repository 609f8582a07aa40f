"""Routes an access on the word bus to its region."""

from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import BusSignature, RequestLayout, TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import REGION_SHIFT, Region, Window, windows

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """Checks region, offset, access and business, then passes an access to its target.

    The response to a request stands in the cycle after its target is done: three cycles after the
    request was taken, at the earliest, or two if the decoder itself refuses it.

    Parameters
    ----------
    plan
        The fabric's plan; its windows are `pmgd.gateware.regmap.windows`.

    Members
    -------
    bus
        The accesses.
    busy
        Running or evaluating: windows are closed. The registers decide for themselves.
    registers, scan, samples, probe, outputs, flight
        The targets; `flight` in a pipelined fabric alone.
    """

    def __init__(self, plan: Plan) -> None:
        self._windows = windows(plan)
        self._sample = plan.sample
        self._regions = [Region.REGISTERS, *(window.region for window in self._windows)]
        targets = {region.name.lower(): Out(TargetSignature()) for region in self._regions}
        super().__init__({"bus": In(BusSignature()), "busy": In(1), **targets})

    def elaborate(self, platform):
        m = Module()
        request = Signal(RequestLayout)
        status = Signal(Status)
        value = Signal(32)
        done = Signal()

        region = request.address[REGION_SHIFT:]
        offset = request.address[:REGION_SHIFT]
        targets = {region: getattr(self, region.name.lower()) for region in self._regions}
        for target in targets.values():
            m.d.comb += [
                target.write.eq(request.write),
                target.offset.eq(offset),
                target.data.eq(request.data),
            ]

        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += self.bus.request.ready.eq(1)
                with m.If(self.bus.request.valid):
                    m.d.sync += request.eq(self.bus.request.payload)
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += [status.eq(Status.BAD_ADDRESS), value.eq(0)]
                m.next = "RESPOND"
                with m.Switch(region):
                    with m.Case(Region.REGISTERS):
                        m.next = "ACCESS"
                    for window in self._windows:
                        with m.Case(window.region), m.If(self._exists(window, offset)):
                            refused = 0 if window.writable else request.write
                            refused |= 0 if window.readable else ~request.write
                            with m.If(refused):
                                m.d.sync += status.eq(Status.ACCESS)
                            with m.Elif(self.busy):
                                m.d.sync += status.eq(Status.BUSY)
                            with m.Else():
                                m.next = "ACCESS"
            with m.State("ACCESS"):
                started = Signal()
                m.d.sync += started.eq(~done)
                with m.Switch(region):
                    for number, target in targets.items():
                        with m.Case(number):
                            m.d.comb += [target.strobe.eq(~started), done.eq(target.done)]
                            m.d.sync += [status.eq(target.status), value.eq(target.value)]
                with m.If(done):
                    m.next = "RESPOND"
            with m.State("RESPOND"):
                m.d.comb += [
                    self.bus.response.valid.eq(1),
                    self.bus.response.payload.status.eq(status),
                    self.bus.response.payload.data.eq(value),
                ]
                with m.If(self.bus.response.ready):
                    m.next = "IDLE"

        m.d.sync += Assert(fsm.ongoing("ACCESS") | ~started, "every access begins with a strobe")
        return m

    def _exists(self, window: Window, offset):
        exists = offset < window.words
        if window.region is Region.SAMPLES:
            # The words of a sample fill its stride only if they are a power of two.
            in_stride = offset[: self._sample.stride.bit_length() - 1]
            exists &= in_stride < self._sample.words
        return exists
