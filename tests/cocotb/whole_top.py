"""In cocotb: the pins of a board train as golden does; `test_whole_top.py` runs it.

The driver is the one that a board has. Its calls block, so it runs in a thread, and each exchange
of frames lets the simulation go on. The plusarg ``+divisor`` tells the clock cycles of a bit.
"""

import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.simtime import get_sim_time
from cocotb.task import bridge
from cocotb.triggers import ClockCycles, RisingEdge, Timer
from equality import samples_xor, start
from uart_host import NOISES, CocotbTransport, HostUart, Noise

from pmgd.gateware import presets
from pmgd.gateware.device import Device
from pmgd.gateware.framed import FramedDevice
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import Reg
from pmgd.host.state import State
from pmgd.sim.golden_device import GoldenDevice

PLAN = Plan(presets.xor())
STEPS = 200
CYCLE_PS = 10_000
# The longest request reads 60 words, in some ten cycles each, after one turn of the scan ring.
SILENCE_PS = 3_000 * CYCLE_PS


async def power_up(dut: Any, skew: float, rng: random.Random) -> HostUart:
    """Start and reset a board; return a host whose bits are longer than its by a share."""
    bit_ps = round(int(cocotb.plusargs["divisor"]) * CYCLE_PS * (1 + skew))
    uart = HostUart(dut, bit_ps)
    dut.rst.value = 1
    Clock(dut.clk, CYCLE_PS, "ps").start()
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    await Timer(rng.randrange(1, CYCLE_PS), "ps")  # the host does not know the board's clock
    return uart


def train(device: Device) -> tuple[State, State]:
    """Do what a host does to train; return the states at the start and at the end."""
    driver = start(device, PLAN, samples_xor(), cocotb.RANDOM_SEED)
    initial = driver.read_state()
    driver.run(STEPS)
    return initial, driver.read_state()


async def assert_trains_as_golden(device: Device) -> None:
    initial, final = await bridge(train)(device)
    assert (initial, final) == train(GoldenDevice(PLAN)), f"seed {cocotb.RANDOM_SEED}"
    assert (initial.timestep, final.timestep) == (0, STEPS)
    assert len(final.parameters) == PLAN.parameters
    assert initial.parameters != final.parameters


def tell(dut: Any, uart: HostUart, transport: CocotbTransport) -> None:
    dut._log.info(
        f"{transport.frames} frames, {transport.unanswered} of them not answered; "
        f"{uart.bytes_sent} bytes sent, {uart.bytes_received} received; "
        f"{get_sim_time('ps') / CYCLE_PS:.0f} cycles since the first power-up"
    )


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(skew=[-0.02, 0.0, 0.02])
async def trains_as_golden(dut, skew):
    uart = await power_up(dut, skew, random.Random(cocotb.RANDOM_SEED))
    transport = CocotbTransport(uart, SILENCE_PS)
    became_busy = cocotb.start_soon(RisingEdge(dut.busy))
    await assert_trains_as_golden(FramedDevice(transport))
    assert transport.unanswered == 0
    assert became_busy.done()
    assert dut.busy.value == 0
    tell(dut, uart, transport)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def trains_as_golden_whatever_comes_between_frames(dut):
    rng = random.Random(cocotb.RANDOM_SEED)
    uart = await power_up(dut, 0.0, rng)
    noise = Noise(rng)
    transport = CocotbTransport(uart, SILENCE_PS, noise)
    device = FramedDevice(transport)
    await assert_trains_as_golden(device)
    assert noise.made == set(NOISES)
    assert transport.unanswered > 0
    assert (await bridge(device.read)(Reg.LINK_ERRORS))[0] > 0
    tell(dut, uart, transport)
