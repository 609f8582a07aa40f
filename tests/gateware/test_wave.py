"""Delay lines."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module, Signal, Value

from pmgd.gateware.wave import WaveLayout, delay
from pmgd.sim.testbench import simulate


class Line(Elaboratable):
    """A delay line by itself."""

    def __init__(self, shape, cycles):
        self.cycles = cycles
        self.i = Signal(shape)
        self.o = Signal(shape)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += Signal().eq(0)  # the clock, also where there is no delay
        m.d.comb += self.o.eq(delay(m, self.i, self.cycles, "line"))
        return m


@pytest.mark.parametrize("cycles", [0, 1, 2, 7])
@pytest.mark.parametrize("shape", [7, WaveLayout], ids=["number", "wave"])
def test_delays_by_so_many_cycles(shape, cycles, random_seed):
    rng = random.Random(random_seed)
    dut = Line(shape, cycles)
    i, o = Value.cast(dut.i), Value.cast(dut.o)
    values = [rng.getrandbits(len(i)) for _ in range(50)]
    expected = [0] * cycles + values  # empty after reset

    async def testbench(ctx):
        for value, now in zip(values, expected, strict=False):
            ctx.set(i, value)
            assert ctx.get(o) == now
            await ctx.tick()

    simulate(dut, testbench)
