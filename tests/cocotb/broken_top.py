"""In cocotb: a fault in the gateware, so that one of its assertions must fail."""

import random

import cocotb
from cocotb.triggers import ClockCycles
from whole_top import power_up


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_word_ends_early(dut):
    await power_up(dut, 0.0, random.Random(cocotb.RANDOM_SEED))
    dut.fabric.link.byte.value = 1
    await ClockCycles(dut.clk, 4)
