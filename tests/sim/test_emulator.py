"""The emulated board within this process, and its design without a port."""

import os
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from equality import assert_golden_equals, samples_xor, start

from pmgd.gateware import presets
from pmgd.gateware.emulated_board import EmulatedBoard
from pmgd.gateware.errors import DeviceError
from pmgd.gateware.export import TOP, convert
from pmgd.gateware.frames import Operation, Request, encode_request
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC, REGION_SHIFT, Reg, Region
from pmgd.host.driver import Driver
from pmgd.host.open_device import open_device
from pmgd.sim.compile import load
from pmgd.sim.emulator import DIVISOR, Emulator
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.rtl_device import HARNESS, CompiledSimulation, harness
from pmgd.sim.simulated_device import SimulatedDevice

PLAN = Plan(presets.xor())


@pytest.fixture(scope="module")
def emulator():
    with Emulator(PLAN) as emulator:
        yield emulator


@contextmanager
def serving(emulator):
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            emulator.poll(0.05)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def host(emulator):
    device = open_device(f"serial:{emulator.port}", PLAN)
    try:
        yield device
    finally:
        device.close()


def test_every_timestep_over_the_wires_equals_golden(random_seed):
    library = load(convert(EmulatedBoard(PLAN, DIVISOR), TOP) + harness(PLAN), HARNESS)
    device = SimulatedDevice(PLAN, CompiledSimulation(library, PLAN))
    assert_golden_equals(device, GoldenDevice(PLAN), PLAN, samples_xor(), random_seed, 500)
    device.close()


def test_one_host_after_another(emulator, random_seed):
    words = np.random.default_rng(random_seed).integers(0, 1 << 16, 3, dtype=np.uint32)
    with serving(emulator):
        with host(emulator) as device:
            device.write(Reg.TAU_X, words[:1])
            device.write(Reg.SCALE_MANTISSA, words[1:2])
        with host(emulator) as device:
            assert device.read(Reg.TAU_X).tolist() == words[:1].tolist()
            assert device.read(Reg.SCALE_MANTISSA).tolist() == words[1:2].tolist()


def test_a_run_goes_on_without_its_host(emulator, random_seed):
    steps = 3000
    with serving(emulator):
        with host(emulator) as device:
            start(device, PLAN, samples_xor(), random_seed)
            device.write(Reg.STOP_AT_LOW, [steps, 0])
        with host(emulator) as device:
            driver = Driver(device, PLAN)
            device.wait(60)
            state = driver.read_state()
    golden = GoldenDevice(PLAN)
    expected = start(golden, PLAN, samples_xor(), random_seed)
    expected.run(steps)
    assert state == expected.read_state(), f"seed {random_seed}"


def test_what_nobody_reads_is_lost(emulator):
    """More than a terminal holds; neither the emulator nor the next host is stuck with it."""
    request = Request(1, Operation.READ, Region.SCAN << REGION_SHIFT, PLAN.scan.words)
    frame = encode_request(request)
    terminal = os.open(emulator.port, os.O_RDWR | os.O_NOCTTY)
    for _ in range(300):  # replies of 64 bytes
        os.write(terminal, frame)
        emulator.poll(0)
        for _ in range(20):
            emulator.poll(0)
    os.close(terminal)
    with serving(emulator), host(emulator) as device:
        assert device.read(Reg.MAGIC).tolist() == [MAGIC]


def test_an_idle_board_costs_nothing(emulator):
    with serving(emulator), host(emulator) as device:
        assert device.read(Reg.MAGIC).tolist() == [MAGIC]
        time.sleep(0.2)  # until it has noticed that nothing comes any more
        before = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - before < 0.2


def test_the_link_lives_as_long_as_the_emulator(tmp_path):
    link = tmp_path / "board"
    link.symlink_to(tmp_path / "gone")  # left behind by a killed one
    emulator = Emulator(PLAN, link)
    assert str(link.readlink()) == emulator.port
    emulator.close()
    emulator.close()
    assert not link.is_symlink()


def test_the_link_of_another_emulator_stays(tmp_path):
    link = tmp_path / "board"
    with Emulator(PLAN, link):
        link.unlink()
        link.symlink_to("another")
    assert str(link.readlink()) == "another"


def test_the_link_of_a_running_emulator_is_not_taken(tmp_path):
    link = tmp_path / "board"
    with Emulator(PLAN, link) as emulator:
        with pytest.raises(DeviceError, match="board: File exists; choose another name, or remove"):
            Emulator(PLAN, link)
        assert str(link.readlink()) == emulator.port
    assert not link.is_symlink()


@pytest.fixture
def nothing_compiled(monkeypatch):
    def convert(*_):
        raise AssertionError("a link must be refused before anything is compiled")

    monkeypatch.setattr("pmgd.sim.emulator.convert", convert)


@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_there_is_left_alone(tmp_path, kind):
    link, mine = tmp_path / "board", tmp_path / "mine"
    mine.write_text("dear")
    if kind == "file":
        link.hardlink_to(mine)
    elif kind == "folder":
        link.mkdir()
    else:
        link.symlink_to(mine)
    with pytest.raises(DeviceError, match=r"board: File exists; .* name, or remove it$"):
        Emulator(PLAN, link)
    assert link.is_symlink() == (kind == "link")
    assert link.is_dir() or link.read_text() == "dear"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("nothing_compiled")
def test_a_link_needs_its_folder(tmp_path):
    with pytest.raises(DeviceError, match=r"a folder that exists .*: No such .*; choose another"):
        Emulator(PLAN, tmp_path / "nowhere" / "board")


def test_a_name_that_is_taken_meanwhile_is_left_alone(tmp_path, monkeypatch):
    link = tmp_path / "board"

    def taken(*arguments):
        link.write_text("mine")
        return load(*arguments)

    monkeypatch.setattr("pmgd.sim.emulator.load", taken)
    with pytest.raises(DeviceError, match="File exists"):
        Emulator(PLAN, link)
    assert link.read_text() == "mine"
