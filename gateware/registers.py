"""The register bank: region 0, generated from the register list."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.bus import TargetSignature
from pmgd.gateware.frames import Status
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Access, Reg, Register, registers

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
    """Decodes region 0 and keeps the run-time settings. An access is done in the next cycle.

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
        status, value = Signal(Status, init=Status.BAD_ADDRESS), Signal(WORD_BITS)
        # Deciding takes a cycle of its own, and writing another.
        writes = Signal(len(self._registers))
        m.d.comb += self.loaded.eq(target.data)
        m.d.sync += [
            target.done.eq(target.strobe),
            target.status.eq(status),
            target.value.eq(value),
            writes.eq(0),
        ]
        with m.Switch(target.offset):
            for k, register in enumerate(self._registers):
                with m.Case(register.reg):
                    m.d.comb += value.eq(self._value(register))
                    with m.If(~target.write):
                        m.d.comb += status.eq(Status.OK)
                    if register.access is Access.READ:
                        with m.Else():
                            m.d.comb += status.eq(Status.ACCESS)
                        continue
                    if register.access is Access.STOPPED:
                        with m.Elif(self.busy):
                            m.d.comb += status.eq(Status.BUSY)
                    with m.Elif(target.data[register.bits :].any()):
                        m.d.comb += status.eq(Status.BAD_VALUE)
                    with m.Else():
                        m.d.comb += status.eq(Status.OK)
                        m.d.sync += writes[k].eq(target.strobe)
        for k, register in enumerate(self._registers):
            if register.access is not Access.READ:
                with m.If(writes[k]):
                    self._write(m, register)
        return m

    def _value(self, register: Register):
        if register.reg in _SETTINGS:
            return self.settings[register.name]
        if _belongs_elsewhere(register):
            return self.state[register.name]
        return register.reset

    def _write(self, m: Module, register: Register) -> None:
        if register.reg in _SETTINGS:
            m.d.sync += self.settings[register.name].eq(self.target.data)
        elif register.reg is Reg.HALT:
            m.d.comb += self.halt.eq(self.target.data[0])
        else:
            m.d.comb += self.load[register.name].eq(1)
