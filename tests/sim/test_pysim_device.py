import gc
import re
import signal
import threading

import pytest
from echo import COMPLAINT, POISON, Echo
from equality import assert_equal, samples_xor, start
from pipelines import make

from pmgd.gateware import presets
from pmgd.gateware.device import TracingDevice
from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError, ToolError
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC, Reg
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.pysim_device import AmaranthSimulation, PysimDevice


@pytest.fixture(scope="module")
def plan():
    return Plan(presets.xor())


@pytest.fixture
def device(plan):
    device = PysimDevice(plan)
    yield device
    device.close()


def test_it_traces_as_golden_does(device, plan, random_seed):
    assert isinstance(device, TracingDevice)
    golden = start(GoldenDevice(plan), plan, samples_xor(), random_seed)
    driver = start(device, plan, samples_xor(), random_seed)
    for steps in (0, 1, 40):
        assert_equal(golden.trace(steps), driver.trace(steps), f"seed {random_seed}")
    assert driver.read_state() == golden.read_state()


@pytest.mark.parametrize("copies", [1, 2])
def test_it_traces_a_pipelined_fabric_as_golden_does(copies, random_seed):
    """Layers use their parameters one after the other, and later runs those of the first's end."""
    plan = Plan(make({"network.layers": [2, 2, 1]}, copies=copies))
    device = PysimDevice(plan)
    golden = start(GoldenDevice(plan), plan, samples_xor(), random_seed)
    driver = start(device, plan, samples_xor(), random_seed)
    for steps in (0, 1, 40, 7):
        assert_equal(golden.trace(steps), driver.trace(steps), f"seed {random_seed}")
    assert driver.read_state() == golden.read_state()
    device.close()


def test_time_passes_only_while_it_runs(device, plan, random_seed):
    start(device, plan, samples_xor(), random_seed)
    before = device.cycles
    device.transport.advance(0.01)
    assert device.cycles == before
    device.write(Reg.STOP_AT_LOW, [100, 0])
    with pytest.raises(DeviceBusyError):
        device.trace(1)
    device.wait()
    assert device.cycles - before >= 100 * plan.latency.evaluation


def test_waiting_can_give_up(device, plan, random_seed):
    start(device, plan, samples_xor(), random_seed)
    device.write(Reg.STOP_AT_LOW, [0, 1])
    with pytest.raises(LinkError, match=r"must end within 0\.05 s"):
        device.wait(0.05)


def test_an_interrupt_leaves_a_device_that_can_be_halted(device, plan, random_seed):
    driver = start(device, plan, samples_xor(), random_seed)
    timer = threading.Timer(0.25, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        driver.run(1 << 40)
    timer.join()
    golden = start(GoldenDevice(plan), plan, samples_xor(), random_seed)
    state = driver.read_state()
    assert 0 < state.timestep < 1 << 40
    golden.run(state.timestep)
    assert state == golden.read_state()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_can_be_used_from_another_thread(device):
    words = []
    thread = threading.Thread(target=lambda: words.extend(device.read(Reg.MAGIC)))
    thread.start()
    thread.join()
    assert words == [MAGIC]


def test_refusals(device):
    with pytest.raises(DeviceError, match="nothing at that address"):
        device.read(0x7F)


def test_garbage_gets_no_answer_and_does_no_harm(device):
    assert device.transport.exchange([b"\x05garbage\0", b"\0"], 1.0) == []
    assert int(device.read(Reg.MAGIC)[0]) == MAGIC


def test_a_closed_device(plan):
    device = PysimDevice(plan)
    device.close()
    device.close()
    with pytest.raises(LinkError, match="closed"):
        device.read(Reg.STATUS)


def test_an_assertion_in_the_gateware_is_raised(plan):
    simulation = AmaranthSimulation(Echo(plan), plan)
    assert simulation.exchange([b"well\0"], 1.0) == [b"well"]
    for _ in range(2):  # it stays failed
        with pytest.raises(AssertionError, match=COMPLAINT):
            simulation.exchange([bytes([1, POISON, 2, 0])], 1.0)
    simulation.close()


def test_it_is_forgotten_without_complaint(plan):
    """Coroutines that wait for ever must not warn when they are collected."""
    device = PysimDevice(plan)
    device.read(Reg.STATUS)
    del device
    gc.collect()


def test_a_waveform_shows_the_run(plan, tmp_path, random_seed):
    path = tmp_path / "run.vcd"
    device = PysimDevice(plan, path)
    start(device, plan, samples_xor(), random_seed).trace(3)
    cycles = device.cycles
    device.close()
    text = path.read_text()
    clock = re.search(r"\$var \w+ 1 (\S+) clk \$end", text)[1]
    assert len(re.findall(rf"^1{re.escape(clock)}$", text, re.MULTILINE)) == cycles
    assert "theta" in text


def test_a_waveform_that_cannot_be_written(plan, tmp_path):
    with pytest.raises(ToolError, match="must go to a file that can be written"):
        PysimDevice(plan, tmp_path / "nowhere" / "run.vcd")
