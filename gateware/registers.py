"""The register bank: region 0, generated from the register list."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.latency import ACCESS_CYCLES
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Access, Reg, Register, registers
from pmgd.gateware.wave import delay

__all__ = ["Registers", "SettingsLayout", "StateLayout"]

_SETTINGS = (
    Reg.TAU_X,
    Reg.TAU_P,
    Reg.TAU_THETA,
    Reg.DTHETA,
    Reg.SCALE_MANTISSA,
    Reg.SCALE_SHIFT,
    Reg.ORDER,
    Reg.SAMPLE_COUNT,
    Reg.MEAN_SHIFT,
    Reg.SIGN_STEP,
    Reg.BLANK,
    Reg.COST_NOISE,
    Reg.UPDATE_NOISE,
)
"""Kept in the bank, where the fabric has them; every other register belongs to the component whose
state it is."""


class SettingsLayout(data.StructLayout):
    """Run-time settings, a field for each; constant while running."""

    def __init__(self, plan: Plan) -> None:
        chosen = [register for register in registers(plan) if register.reg in _SETTINGS]
        super().__init__({register.name: unsigned(register.bits) for register in chosen})


class StateLayout(data.StructLayout):
    """Registers that other components keep, a field for each.

    Parameters
    ----------
    plan
        The fabric's plan.
    strobes
        One bit a field, and only for those that can be written.
    """

    def __init__(self, plan: Plan, *, strobes: bool = False) -> None:
        kept = [register for register in registers(plan) if _belongs_elsewhere(register)]
        if strobes:
            kept = [register for register in kept if register.access is Access.STOPPED]
        super().__init__(
            {register.name: unsigned(1 if strobes else register.bits) for register in kept}
        )


def _belongs_elsewhere(register: Register) -> bool:
    constants = (Reg.MAGIC, Reg.VERSION, Reg.DIGEST_LOW, Reg.DIGEST_HIGH)
    return register.reg not in (*_SETTINGS, *constants, Reg.HALT)


class Registers(wiring.Component):
    """Decodes region 0 and keeps the run-time settings.

    An access is done `pmgd.gateware.latency.ACCESS_CYCLES` cycles after its strobe.

    Parameters
    ----------
    plan
        The fabric's plan; its registers are `pmgd.gateware.regmap.registers`.

    Members
    -------
    target
        The accesses.
    busy
        Running or evaluating: only `halt` can be written.
    settings
        See `SettingsLayout`.
    state
        Values of the registers kept elsewhere.
    load, loaded
        For one cycle, a strobe for the register that is to take the value `loaded`.
    halt
        For one cycle: stop after this timestep.
    """

    def __init__(self, plan: Plan) -> None:
        self._registers = registers(plan)
        settings = SettingsLayout(plan)
        resets = {r.name: r.reset for r in self._registers if r.reg in _SETTINGS}
        super().__init__(
            {
                "target": In(TargetSignature()),
                "busy": In(1),
                "settings": Out(settings, init=resets),
                "state": In(StateLayout(plan)),
                "load": Out(StateLayout(plan, strobes=True)),
                "loaded": Out(32),
                "halt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        target = self.target
        # An access stays until it is done, and the registers stand all over the fabric: so each of
        # its steps has a cycle of its own.
        selected = Signal(len(self._registers))
        m.d.sync += [
            selected[k].eq(target.offset == register.reg)
            for k, register in enumerate(self._registers)
        ]
        m.d.comb += [
            self.loaded.eq(target.data),
            target.done.eq(delay(m, target.strobe, ACCESS_CYCLES, "done")),
        ]
        # A value comes from pairs, each of which a look-up table makes for its flip-flop.
        values = [Mux(selected[k], self._value(r), 0) for k, r in enumerate(self._registers)]
        pairs = [reduce(or_, values[first : first + 2]) for first in range(0, len(values), 2)]
        kept = [Signal.like(pair, name=f"pair_{k}") for k, pair in enumerate(pairs)]
        m.d.sync += [register.eq(pair) for register, pair in zip(kept, pairs, strict=True)]
        m.d.sync += target.value.eq(reduce(or_, kept))

        status, accepts = self._judge(m, selected)
        judged = delay(m, target.strobe, ACCESS_CYCLES - 1, "judged")
        writes = Signal.like(selected)
        m.d.sync += writes.eq(Mux(judged & accepts, selected, 0))
        with m.If(judged):  # and not later, when what was written may have made the fabric busy
            m.d.sync += target.status.eq(status)
        for k, register in enumerate(self._registers):
            if register.access is not Access.READ:
                with m.If(writes[k]):
                    self._write(m, register)
        return m

    def _judge(self, m: Module, selected: Signal) -> tuple[Signal, Signal]:
        """Return what comes of an access to the register selected before, and whether it writes."""
        target = self.target
        chosen = list(zip(selected, self._registers, strict=True))
        wider = {
            bits: Signal(name=f"wider_than_{bits}") for bits in {r.bits for r in self._registers}
        }
        exists, constant, locked, exceeds = (
            Signal(name=name) for name in ("exists", "constant", "locked", "exceeds")
        )
        m.d.sync += [
            *(signal.eq(target.data[bits:].any()) for bits, signal in wider.items()),
            exists.eq(selected.any()),
            constant.eq(Cat(bit for bit, r in chosen if r.access is Access.READ).any()),
            locked.eq(
                self.busy & Cat(bit for bit, r in chosen if r.access is Access.STOPPED).any()
            ),
            exceeds.eq(Cat(bit & wider[r.bits] for bit, r in chosen).any()),
        ]
        status, accepts = Signal(Status), Signal()
        with m.If(~exists):
            m.d.comb += status.eq(Status.BAD_ADDRESS)
        with m.Elif(~target.write):
            m.d.comb += status.eq(Status.OK)
        with m.Elif(constant):
            m.d.comb += status.eq(Status.ACCESS)
        with m.Elif(locked):
            m.d.comb += status.eq(Status.BUSY)
        with m.Elif(exceeds):
            m.d.comb += status.eq(Status.BAD_VALUE)
        with m.Else():
            m.d.comb += [status.eq(Status.OK), accepts.eq(1)]
        return status, accepts

    def _value(self, register: Register):
        if register.reg in _SETTINGS:
            return self.settings[register.name]
        if _belongs_elsewhere(register):
            return self.state[register.name]
        return Const(register.reset, register.bits)

    def _write(self, m: Module, register: Register) -> None:
        if register.reg in _SETTINGS:
            m.d.sync += self.settings[register.name].eq(self.target.data)
        elif register.reg is Reg.HALT:
            m.d.comb += self.halt.eq(self.target.data[0])
        else:
            m.d.comb += self.load[register.name].eq(1)
