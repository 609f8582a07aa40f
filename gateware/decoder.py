"""Routes an access on the word bus to its region."""

from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import BusSignature, RequestLayout, ResponseLayout, TargetSignature
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
        request, response = Signal(RequestLayout), Signal(ResponseLayout)
        region = request.address[REGION_SHIFT:]
        offset = request.address[:REGION_SHIFT]
        targets = [getattr(self, each.name.lower()) for each in self._regions]
        # Each has registers for what it is told and asked, since it may be far away.
        strobes, selected = Signal(len(targets)), Signal(len(targets))
        m.d.sync += strobes.eq(0)
        for k, (number, target) in enumerate(zip(self._regions, targets, strict=True)):
            m.d.sync += selected[k].eq(region == number)
            m.d.comb += [
                target.strobe.eq(strobes[k]),
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
                m.d.sync += [response.status.eq(Status.BAD_ADDRESS), response.data.eq(0)]
                m.next = "RESPOND"
                with m.Switch(region):
                    with m.Case(Region.REGISTERS):
                        m.d.sync += strobes[0].eq(1)
                        m.next = "ACCESS"
                    for k, window in enumerate(self._windows, start=1):
                        with m.Case(window.region), m.If(self._exists(window, offset)):
                            refused = 0 if window.writable else request.write
                            refused |= 0 if window.readable else ~request.write
                            with m.If(refused):
                                m.d.sync += response.status.eq(Status.ACCESS)
                            with m.Elif(self.busy):
                                m.d.sync += response.status.eq(Status.BUSY)
                            with m.Else():
                                m.d.sync += strobes[k].eq(1)
                                m.next = "ACCESS"
            with m.State("ACCESS"):
                answers = [
                    Mux(chosen, Cat(target.status, target.value), 0)
                    for chosen, target in zip(selected, targets, strict=True)
                ]
                m.d.sync += response.eq(reduce(or_, answers))
                with m.If((selected & Cat(target.done for target in targets)).any()):
                    m.next = "RESPOND"
            with m.State("RESPOND"):
                m.d.comb += [
                    self.bus.response.valid.eq(1),
                    self.bus.response.payload.eq(response),
                ]
                with m.If(self.bus.response.ready):
                    m.next = "IDLE"

        m.d.sync += Assert(fsm.ongoing("ACCESS") | ~strobes.any(), "a strobe begins every access")
        return m

    def _exists(self, window: Window, offset):
        exists = offset < window.words
        if window.region is Region.SAMPLES:
            # The words of a sample fill its stride only if they are a power of two.
            in_stride = offset[: self._sample.stride.bit_length() - 1]
            exists &= in_stride < self._sample.words
        return exists
