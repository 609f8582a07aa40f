import re
import resource
import signal
import threading

import numpy as np
import pytest
from echo import COMPLAINT, POISON, echo_verilog
from equality import FIELDS, assert_equal, samples_3_5_2, samples_xor, spec_3_5_2, start
from pipelines import make, pairs

from pmgd.gateware import presets
from pmgd.gateware.device import StepTrace, TracingDevice
from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError, ToolError
from pmgd.gateware.plan import INTERFACE_VERSION, Plan
from pmgd.gateware.regmap import MAGIC, REGION_SHIFT, Reg, Region
from pmgd.sim.compile import load
from pmgd.sim.pysim_device import PysimDevice
from pmgd.sim.rtl_device import HARNESS, CompiledSimulation, RtlDevice

STEPS = 200


@pytest.fixture(scope="module")
def plan():
    return Plan(presets.xor())


@pytest.fixture
def device(plan):
    device = RtlDevice(plan)
    yield device
    device.close()


def test_it_says_what_it_is(device, plan):
    assert isinstance(device, TracingDevice)
    magic, version, low, high, status = (int(word) for word in device.read(Reg.MAGIC, 5))
    assert (magic, version, status) == (MAGIC, INTERFACE_VERSION, 0)
    assert high << 32 | low == plan.digest


@pytest.mark.parametrize("region", [Region.SCAN, Region.SAMPLES])
def test_windows_read_back(device, plan, region, random_seed):
    rng = np.random.default_rng(random_seed)
    count, bits = {
        Region.SCAN: (plan.scan.words, 32),
        Region.SAMPLES: (plan.sample.samples, plan.sample.bits),
    }[region]
    for _ in range(3):
        words = rng.integers(0, 1 << bits, count, dtype=np.uint32)
        device.write(region << REGION_SHIFT, words)
        assert np.array_equal(device.read(region << REGION_SHIFT, count), words)


def test_more_words_than_one_frame_carries(random_seed):
    """A scan ring of 3 frames, each way, in one call."""
    plan = Plan(spec_3_5_2())
    device = RtlDevice(plan)
    address = Region.SCAN << REGION_SHIFT
    words = np.random.default_rng(random_seed).integers(0, 1 << 32, plan.scan.words, np.uint32)
    device.write(address, words)
    assert np.array_equal(device.read(address, len(words)), words)
    device.close()


def test_the_trace_is_what_happened(device, plan, random_seed):
    driver = start(device, plan, samples_xor(), random_seed)
    trace = driver.trace(STEPS)
    state = driver.read_state()
    assert state.timestep == STEPS
    assert np.array_equal(trace.parameters[-1], driver.parameters().stored)
    assert len(np.unique(trace.parameters, axis=0)) > STEPS // 2
    assert (trace.step < 0).any()
    assert (trace.step > 0).any()
    moved = np.abs(np.diff(trace.parameters, axis=0))
    # At tau_theta 1 every parameter takes the step up or down, unless it is clipped.
    assert (moved <= np.abs(trace.step[1:, None])).all()
    assert (moved == np.abs(trace.step[1:, None])).mean() > 0.9


def test_traces_and_runs_follow_on_each_other(plan, random_seed):
    devices = [RtlDevice(plan) for _ in range(2)]
    whole, parts = (start(device, plan, samples_xor(), random_seed) for device in devices)
    expected = whole.trace(STEPS)
    first = parts.trace(50)
    assert len(parts.trace(0).cost) == 0
    parts.run(60)
    last = parts.trace(STEPS - 110)
    for of, rows in ((first, slice(0, 50)), (last, slice(110, None))):
        rows_of = StepTrace(*(getattr(expected, name)[rows] for name in FIELDS))
        assert_equal(rows_of, of, f"seed {random_seed}")
    for device in devices:
        device.close()


def pipelined():
    """Return one that is compared with golden, too, so that it is compiled once."""
    return make(next(each for each in pairs() if each["network.layers"] == (3, 5, 2)))


@pytest.mark.parametrize(
    ("spec", "samples"),
    [(presets.xor, samples_xor), (spec_3_5_2, samples_3_5_2), (pipelined, samples_3_5_2)],
)
def test_it_does_what_the_amaranth_simulator_does(spec, samples, random_seed):
    chosen = spec()
    tau_theta = min(3, (1 << chosen.fabric.tau_theta_bits) - 1)
    plan = Plan(chosen.with_settings({"training.tau_theta": tau_theta, "training.tau_x": 2}))
    devices = [PysimDevice(plan), RtlDevice(plan)]
    drivers = [start(device, plan, samples(), random_seed) for device in devices]
    assert devices[0].cycles == devices[1].cycles
    assert_equal(*(driver.trace(STEPS) for driver in drivers), f"seed {random_seed}")
    assert drivers[0].read_state() == drivers[1].read_state()
    for device in devices:
        device.close()


@pytest.mark.parametrize("parameter", ["S1.3", "S6.14"])
def test_traces_of_few_bits(parameter, random_seed):
    """Verilator keeps ports of up to 8 and up to 64 bits in types of their own."""
    small = {"network.layers": [1, 1], "formats.parameter": parameter, "training.dtheta": 0.125}
    plan = Plan(presets.xor().with_settings({**small, "formats.operand_fraction": 3}))
    samples = np.array([[0], [1]]), np.array([[1], [0]])
    devices = [PysimDevice(plan), RtlDevice(plan, optimise=False)]
    drivers = [start(device, plan, samples, random_seed) for device in devices]
    traces = [driver.trace(STEPS) for driver in drivers]
    assert_equal(*traces, f"seed {random_seed}")
    assert (traces[0].parameters < 0).any()
    assert (traces[0].parameters > 0).any()
    for device in devices:
        device.close()


def test_two_plans_in_one_process(plan, random_seed):
    """Their libraries hold symbols of the same names."""
    other = Plan(spec_3_5_2())
    devices = [RtlDevice(plan), RtlDevice(other), RtlDevice(plan)]
    drivers = [
        start(devices[0], plan, samples_xor(), random_seed),
        start(devices[1], other, samples_3_5_2(), random_seed),
        start(devices[2], plan, samples_xor(), random_seed),
    ]
    traces = [driver.trace(STEPS) for driver in drivers]
    assert traces[1].parameters.shape == (STEPS, other.parameters)
    assert_equal(traces[0], traces[2], f"seed {random_seed}")
    for device in devices:
        device.close()


def test_time_passes_only_while_it_runs(device, plan, random_seed):
    start(device, plan, samples_xor(), random_seed)
    before = device.cycles
    device.transport.advance(0.01)
    assert device.cycles == before
    device.write(Reg.STOP_AT_LOW, [STEPS, 0])
    with pytest.raises(DeviceBusyError):
        device.trace(1)
    device.wait()
    assert device.cycles - before >= STEPS * plan.latency.evaluation


def test_an_interrupt_leaves_a_device_that_can_be_halted(plan, random_seed):
    device, other = RtlDevice(plan), RtlDevice(plan)
    driver = start(device, plan, samples_xor(), random_seed)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        driver.run(1 << 40)
    timer.join()
    state = driver.read_state()
    assert 0 < state.timestep < 1 << 40
    again = start(other, plan, samples_xor(), random_seed)
    again.run(state.timestep)
    assert again.read_state() == state
    device.close()
    other.close()


def test_refusals(device):
    with pytest.raises(DeviceError, match="nothing at that address"):
        device.read(0x7F)
    with pytest.raises(DeviceError, match="does not allow"):
        device.write(Reg.MAGIC, [1])
    with pytest.raises(DeviceError, match="wider than the register"):
        device.write(Reg.SCALE_SHIFT, [1 << 20])


def test_garbage_gets_no_answer_and_does_no_harm(device):
    assert device.transport.exchange([b"\x05garbage\0", b"\x02\0", b"\0"], 1.0) == []
    assert int(device.read(Reg.MAGIC)[0]) == MAGIC


def test_a_closed_device(plan):
    device = RtlDevice(plan)
    device.close()
    device.close()
    with pytest.raises(LinkError, match="closed"):
        device.read(Reg.STATUS)
    with pytest.raises(LinkError, match="closed"):
        assert device.cycles


def test_an_assertion_in_the_gateware_is_raised(plan):
    simulation = CompiledSimulation(load(echo_verilog(plan), HARNESS), plan)
    assert simulation.exchange([b"well\0"], 1.0) == [b"well"]
    for _ in range(2):  # it stays failed
        with pytest.raises(AssertionError, match=f"failed in cycle .*{COMPLAINT}"):
            simulation.exchange([bytes([1, POISON, 2, 0])], 1.0)
    simulation.close()


def test_a_waveform_shows_the_run(plan, tmp_path, random_seed):
    path = tmp_path / "run.vcd"
    device = RtlDevice(plan, path, optimise=False)
    plain = RtlDevice(plan)
    traces = [start(each, plan, samples_xor(), random_seed).trace(20) for each in (plain, device)]
    assert_equal(*traces, f"seed {random_seed}")
    cycles = device.cycles
    device.close()
    plain.close()
    text = path.read_text()
    for name, rises in (("clk", cycles), ("busy", 1)):
        code = re.search(rf"\$var wire +1 (\S+) {name} \$end", text)[1]
        assert len(re.findall(rf"^1{re.escape(code)}$", text, re.MULTILINE)) == rises
    assert "theta" in text


def test_a_waveform_for_which_the_disk_has_no_room(plan, tmp_path, random_seed):
    device = RtlDevice(plan, tmp_path / "run.vcd", optimise=False)
    driver = start(device, plan, samples_xor(), random_seed)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(ToolError, match="a waveform must have room on its disk, but in cycle"):
            driver.run(STEPS)
        device.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_library_without_waveforms_writes_none(plan, tmp_path):
    library = load(echo_verilog(plan), HARNESS)
    with pytest.raises(ValueError, match="a library with waveforms must be given"):
        CompiledSimulation(library, plan, tmp_path / "run.vcd")


def test_a_waveform_that_cannot_be_written(plan, tmp_path):
    with pytest.raises(ToolError, match="must go to a file that can be written"):
        RtlDevice(plan, tmp_path / "nowhere" / "run.vcd")
