"""The register bank: every register, every bit of it, and every rule of access."""

import random

import pytest
from control import PIPELINED, PLANS, VARIANTS, access

from pmgd.gateware.frames import Status
from pmgd.gateware.latency import ACCESS_CYCLES
from pmgd.gateware.layout import WORD_BITS
from pmgd.gateware.registers import Registers, SettingsLayout, StateLayout
from pmgd.gateware.regmap import REGION_SHIFT, Access, Reg, registers
from pmgd.sim.testbench import simulate

SETTINGS = {
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
}
CONSTANTS = {Reg.MAGIC, Reg.VERSION, Reg.DIGEST_LOW, Reg.DIGEST_HIGH}
STATE = set(Reg) - SETTINGS - CONSTANTS - {Reg.HALT}
ALL = PLANS | VARIANTS | PIPELINED


class Bank:
    """A bank under test, and what it should hold."""

    def __init__(self, plan, rng):
        self.dut = Registers(plan)
        self.rng = rng
        self.registers = registers(plan)
        self.expected = {register.reg: register.reset for register in self.registers}
        # What other components keep is whatever they say.
        for register in self.registers:
            if register.reg in STATE:
                self.expected[register.reg] = rng.getrandbits(register.bits)

    async def begin(self, ctx, *, busy=False):
        ctx.set(self.dut.busy, busy)
        for register in self.registers:
            if register.reg in STATE:
                ctx.set(self.dut.state[register.name], self.expected[register.reg])

    async def check_values(self, ctx):
        for register in self.registers:
            expected = (Status.OK, self.expected[register.reg], ACCESS_CYCLES)
            assert await access(ctx, self.dut.target, register.reg) == expected, register.name
        settings = {r.name: self.expected[r.reg] for r in self.registers if r.reg in SETTINGS}
        for name, value in settings.items():
            assert ctx.get(self.dut.settings[name]) == value

    async def write(self, ctx, address, value, status, *, load=None, halt=0):
        """Write, demand a status, and that nothing is strobed but what should be."""
        target = self.dut.target
        ctx.set(target.strobe, 1)
        ctx.set(target.write, 1)
        ctx.set(target.offset, address)
        ctx.set(target.data, value)
        what = f"{value:#x} to {address:#x}"
        strobed = []
        for cycle in range(ACCESS_CYCLES + 2):
            assert ctx.get(target.done) == (cycle == ACCESS_CYCLES), what
            if cycle == ACCESS_CYCLES:
                assert ctx.get(target.status) == status, what
            names = self.dut.load.shape().members
            strobed += [
                (name, ctx.get(self.dut.loaded)) for name in names if ctx.get(self.dut.load[name])
            ]
            strobed += [("halt", 1)] if ctx.get(self.dut.halt) else []
            await ctx.tick()
            ctx.set(target.strobe, 0)
        expected = [] if load is None else [(load, value)]
        assert strobed == expected + [("halt", 1)] * halt, what


@pytest.fixture(params=ALL)
def bank(request, random_seed):
    return Bank(ALL[request.param], random.Random(random_seed))


def test_settings_and_state_are_the_listed_ones():
    """Those of the registers that the fabric has."""
    met = set()
    for plan in ALL.values():
        listed = registers(plan)
        widths = {register.name: register.bits for register in listed}
        settings, state = SettingsLayout(plan), StateLayout(plan)
        assert set(settings.members) == {each.name for each in listed if each.reg in SETTINGS}
        assert set(state.members) == {each.name for each in listed if each.reg in STATE}
        for layout in (settings, state):
            assert {n: s.width for n, s in layout.members.items()}.items() <= widths.items()
        strobes = StateLayout(plan, strobes=True)
        read_only = {each.name for each in listed if each.access is Access.READ}
        assert set(strobes.members) == set(state.members) - read_only
        assert {shape.width for shape in strobes.members.values()} == {1}
        met |= {register.reg for register in listed}
    assert met == set(Reg)


@pytest.mark.parametrize("busy", [False, True])
def test_reset_values_can_always_be_read(bank, busy):
    async def testbench(ctx):
        await bank.begin(ctx, busy=busy)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


def test_every_bit_can_be_written(bank):
    async def testbench(ctx):
        await bank.begin(ctx)
        for register in bank.registers:
            if register.access is not Access.STOPPED:
                continue
            load = register.name if register.reg in STATE else None
            bits = [1 << k for k in range(register.bits)]
            for value in [sum(bits), *bits, 0, bank.rng.getrandbits(register.bits)]:
                await bank.write(ctx, register.reg, value, Status.OK, load=load)
                if load is None:
                    bank.expected[register.reg] = value
                got = await access(ctx, bank.dut.target, register.reg)
                assert got == (Status.OK, bank.expected[register.reg], ACCESS_CYCLES), register.name
        # No write has gone to another register.
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


def test_too_wide_a_value_is_refused(bank):
    async def testbench(ctx):
        await bank.begin(ctx)
        for register in bank.registers:
            if register.access is Access.READ:
                continue
            for k in range(register.bits, WORD_BITS):
                for value in (1 << k, 1 << k | bank.rng.getrandbits(register.bits)):
                    await bank.write(ctx, register.reg, value, Status.BAD_VALUE)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


def test_writes_are_refused_while_busy_whatever_the_value(bank):
    async def testbench(ctx):
        await bank.begin(ctx, busy=True)
        for register in bank.registers:
            if register.access is Access.STOPPED:
                for value in (0, 1, bank.rng.getrandbits(register.bits), 0xFFFFFFFF):
                    await bank.write(ctx, register.reg, value, Status.BUSY)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


@pytest.mark.parametrize("busy", [False, True])
def test_read_only_registers_refuse_access_first(bank, busy):
    async def testbench(ctx):
        await bank.begin(ctx, busy=busy)
        for register in bank.registers:
            if register.access is Access.READ:
                for value in (0, register.reset, 0xFFFFFFFF):
                    await bank.write(ctx, register.reg, value, Status.ACCESS)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


@pytest.mark.parametrize("busy", [False, True])
def test_halt_can_be_written_any_time_and_reads_0(bank, busy):
    async def testbench(ctx):
        await bank.begin(ctx, busy=busy)
        for value, status in ((1, Status.OK), (0, Status.OK), (3, Status.BAD_VALUE)):
            await bank.write(ctx, Reg.HALT, value, status, halt=value == 1)
            assert await access(ctx, bank.dut.target, Reg.HALT) == (Status.OK, 0, ACCESS_CYCLES)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


@pytest.mark.parametrize("busy", [False, True])
def test_gaps_do_not_exist(bank, busy):
    existing = {int(register.reg) for register in bank.registers}
    gaps = set(range(0x100)) - existing
    # No register answers to an address that differs from its own in a high bit.
    gaps |= {reg | 1 << k for reg in existing for k in range(8, REGION_SHIFT)}

    async def testbench(ctx):
        await bank.begin(ctx, busy=busy)
        for gap in sorted(gaps):
            assert (await access(ctx, bank.dut.target, gap)).status == Status.BAD_ADDRESS
            value = bank.rng.choice([0, 1, 0xFFFFFFFF])
            await bank.write(ctx, gap, value, Status.BAD_ADDRESS)
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)


def test_nothing_is_written_without_a_strobe(bank):
    async def testbench(ctx):
        await bank.begin(ctx)
        ctx.set(bank.dut.target.write, 1)
        for register in bank.registers:
            ctx.set(bank.dut.target.offset, register.reg)
            ctx.set(bank.dut.target.data, (1 << register.bits) - 1)
            assert not ctx.get(bank.dut.target.done)
            assert not ctx.get(bank.dut.halt)
            assert not ctx.get(bank.dut.load.as_value())
            await ctx.tick()
        await bank.check_values(ctx)

    simulate(bank.dut, testbench)
