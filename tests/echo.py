"""A component with a fabric's ports that is quick to compile, echoes, and fails when told to."""

from amaranth.hdl import Assert, Module
from amaranth.lib import wiring

from pmgd.gateware.export import TOP, convert
from pmgd.gateware.fabric_signature import FabricSignature
from pmgd.sim.rtl_device import harness

POISON = 0xEE
COMPLAINT = "a poisoned byte"


class Echo(wiring.Component):
    """Returns each byte one cycle later; an assertion fails on the byte `POISON`."""

    def __init__(self, plan):
        super().__init__(FabricSignature(plan))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.rx.ready.eq(~self.tx.valid | self.tx.ready)
        with m.If(self.rx.ready):
            m.d.sync += [self.tx.valid.eq(self.rx.valid), self.tx.payload.eq(self.rx.payload)]
        m.d.sync += Assert(~self.tx.valid | (self.tx.payload != POISON), COMPLAINT)
        return m


def echo_verilog(plan):
    return convert(Echo(plan), TOP) + harness(plan)
