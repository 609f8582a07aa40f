"""The steps on their way to the parameters of a pipelined fabric."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.pipelined_broadcast import LateLayout
from pmgd.gateware.plan import Plan

__all__ = ["Flight"]


class Flight(wiring.Component):
    """A ring of D entries: a timestep takes the oldest, and its own step will fill that place.

    Whatever passes between timesteps, a step waits for the timestep D after its own, so that
    pauses and the ends of runs change nothing. With a timestep in every interval, it arrives in
    time by the choice of D.

    Latency: one cycle from `take` to `late`. A step given by `land` can be taken from the next
    cycle on, and is seen in the one after (`pmgd.gateware.latency.FLIGHT_CYCLES`).

    Parameters
    ----------
    plan
        The plan of a pipelined fabric.

    Members
    -------
    target
        The host's accesses to the entries; not while timesteps are under way.
    take
        A timestep begins in the next cycle: take its entry.
    advance, ends
        With `take`: whether this timestep begins a perturbation, and ends a window.
    late
        The entry taken; `applies` for one cycle.
    land, step
        The step of the next timestep that has none yet.
    position
        The entry that is taken next. While no timestep is under way, its step also comes next.
    load, loaded
        The host's way to set it.
    """

    def __init__(self, plan: Plan) -> None:
        self._entries = plan.update_delay
        self._layout = plan.flight
        super().__init__(
            {
                "target": In(TargetSignature()),
                "take": In(1),
                "advance": In(1),
                "ends": In(1),
                "late": Out(LateLayout(self._layout.step_bits)),
                "land": In(1),
                "step": In(signed(self._layout.step_bits)),
                "position": Out(range(self._entries)),
                "load": In(1),
                "loaded": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout, target = self._layout, self.target
        m.submodules.steps = steps = Memory(
            shape=unsigned(layout.step_bits), depth=self._entries, init=[]
        )
        m.submodules.flags = flags = Memory(shape=unsigned(2), depth=self._entries, init=[])
        landing = Signal.like(self.position)
        for pointer, moves in ((self.position, self.take), (landing, self.land)):
            with m.If(moves):
                m.d.sync += pointer.eq(Mux(pointer == self._entries - 1, 0, pointer + 1))
            with m.If(self.load):
                m.d.sync += pointer.eq(self.loaded)

        written = target.strobe & target.write
        step_in, flags_in = steps.write_port(), flags.write_port()
        step_out, flags_out = steps.read_port(), flags.read_port()
        m.d.comb += [
            step_in.addr.eq(Mux(target.strobe, target.offset, landing)),
            step_in.data.eq(Mux(target.strobe, target.data, self.step)),
            step_in.en.eq(self.land | written),
            # In the place of the flags that are taken; the step takes longer.
            flags_in.addr.eq(Mux(target.strobe, target.offset, self.position)),
            flags_in.data.eq(
                Mux(
                    target.strobe,
                    Cat(target.data[layout.advance_bit], target.data[layout.ends_bit]),
                    Cat(self.advance, self.ends),
                )
            ),
            flags_in.en.eq(self.take | written),
        ]
        for port in (step_out, flags_out):
            m.d.comb += [
                port.addr.eq(Mux(target.strobe, target.offset, self.position)),
                port.en.eq(self.take | target.strobe),
            ]
        m.d.comb += [
            self.late.step.eq(step_out.data),
            self.late.advance.eq(flags_out.data[0]),
            self.late.ends.eq(flags_out.data[1]),
            target.value.eq(Cat(step_out.data, flags_out.data)),
            target.status.eq(Status.OK),
        ]
        m.d.sync += [self.late.applies.eq(self.take), target.done.eq(target.strobe)]

        owed = Signal(range(self._entries + 1))
        m.d.sync += owed.eq(owed + self.take - self.land)
        with m.If(self.take):
            m.d.sync += Assert(owed < self._entries, "a step must land before it is taken")
        with m.If(self.land):
            m.d.sync += Assert(owed > 0, "a step must be of a timestep that has begun")
        with m.If(target.strobe | self.load):
            m.d.sync += Assert(owed == 0, "the host must wait for the steps under way")
        return m
