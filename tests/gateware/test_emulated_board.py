"""A host's requests over the bits of the board's UART, in Amaranth's simulator."""

import pytest

from pmgd.gateware import presets
from pmgd.gateware.emulated_board import EmulatedBoard
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.regmap import MAGIC, Reg
from pmgd.gateware.uart import MIN_DIVISOR
from pmgd.sim.pysim_device import AmaranthSimulation
from pmgd.sim.simulated_device import SimulatedDevice

PLAN = Plan(presets.xor())


@pytest.fixture
def device():
    board = EmulatedBoard(PLAN, MIN_DIVISOR)
    device = SimulatedDevice(PLAN, AmaranthSimulation(board, PLAN))
    yield device
    device.close()


def test_identity(device):
    magic, version, low, high, status = (int(word) for word in device.read(Reg.MAGIC, 5))
    assert (magic, version, status) == (MAGIC, INTERFACE_VERSION, 0)
    assert high << 32 | low == PLAN.digest


def test_every_byte_takes_its_bits_on_the_wire():
    """A request of 13 bytes and its reply of 12, of ten bits each; the rest is the fabric's."""
    for divisor in (9, 16):
        device = SimulatedDevice(PLAN, AmaranthSimulation(EmulatedBoard(PLAN, divisor), PLAN))
        device.read(Reg.MAGIC)
        assert 0 <= device.cycles - 10 * divisor * (13 + 12) < 100
        device.close()


def test_what_noise_does_to_a_frame_the_next_request_survives(device):
    assert device.transport.exchange([b"\x05noise\x00"], 1.0) == []
    assert int(device.read(Reg.LINK_ERRORS)[0]) == 1
