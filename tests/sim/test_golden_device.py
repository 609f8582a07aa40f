"""The golden device, register for register."""

from collections.abc import Iterator

import numpy as np
import pytest

from pmgd.gateware.device import TracingDevice
from pmgd.gateware.errors import DeviceBusyError, DeviceError, LinkError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.regmap import Access, Reg, Region, Register, registers, windows
from pmgd.gateware.seeds import expand
from pmgd.sim.golden import Golden
from pmgd.sim.golden_device import GoldenDevice

PLAN = Plan(xor())
XOR_X = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR_T = [[0], [1], [1], [0]]
STOP_AT = (Reg.STOP_AT_LOW, Reg.STOP_AT_HIGH)
SCAN, SAMPLES, PROBE, OUTPUTS = (window.address for window in windows(PLAN))

PIPELINED = {"fabric.pipeline": True, "fabric.perturbation": "chain"}
MIXED = Plan(
    xor().with_settings(
        {
            "network.layers": [3, 2, 2],
            "formats.input": "S2.11",
            "formats.target": "U1.12",
            "formats.cost": "U3.20",
            "fabric.samples": 5,
        }
    )
)
"""Samples of 65 bits: three words, every four words."""

VARIANTS = {
    name: Plan(xor().with_settings(changed))
    for name, changed in {
        "chain": {"fabric.perturbation": "chain", "fabric.baseline": "two_sided"},
        "walsh": {"fabric.perturbation": "walsh", "fabric.baseline": "mean"},
        "sequential": {"fabric.perturbation": "sequential", "fabric.baseline": "literal"},
        "sign": {"fabric.correlator": "sign", "training.tau_theta": 4, "training.eta": 0.05},
        "momentum": {"fabric.decay_shift": 2, "fabric.tau_theta_bits": 1},
        "shuffled": {"fabric.shuffle": True, "training.order": "shuffled"},
        "sequential order": {"training.order": "sequential"},
        "tanh": {"network.activation": "tanh", "formats.target": "S2.6"},
        "relu": {
            "network.activation": ["relu", "identity"],
            "formats.activation": ["U3.6", "S4.6"],
            "network.bias": False,
            "network.cost": "l1",
            "training.eta": 0.02,
        },
        "square": {"fabric.perturbation": "square", "training.tau_p": 2},
        "analog": {
            "fabric.perturbation": "sine",
            "fabric.band": [0.25, 0.4375],
            "fabric.baseline": "highpass",
            "fabric.decay_every": "timestep",
            "fabric.decay_shift": 3,
            "training.mean_shift": 2,
        },
        "noise": {
            "fabric.cost_noise": True,
            "fabric.update_noise": "each",
            "training.sigma_c": 0.01,
            "training.sigma_theta": 0.2,
        },
        "defects": {
            "fabric.defects": True,
            "fabric.update_noise": "shared",
            "training.sigma_a": 0.3,
            "training.sigma_theta": 0.2,
        },
        "pipelined chain": {**PIPELINED, "training.tau_theta": 3, "fabric.copies": 2},
        "pipelined chain, offset binary": {
            **PIPELINED,
            "fabric.baseline": "two_sided",
            "formats.overflow": "hold",
            "fabric.tau_theta_bits": 1,
        },
        "pipelined walsh": {
            **PIPELINED,
            "fabric.perturbation": "walsh",
            "formats.overflow": "hold",
            "fabric.decay_shift": 2,
        },
    }.items()
}
"""A plan for every choice, each with a name."""


def field_bits(value: int, width: int) -> str:
    """Bits of a number, least significant first."""
    return f"{value % 2**width:0{width}b}"[::-1] if width else ""


def packed(bits: str, padding: str = "") -> list[int]:
    """Words of a string of bits, the first the least significant."""
    bits += padding
    bits += "0" * (-len(bits) % 32)
    return [int(bits[k : k + 32][::-1], 2) for k in range(0, len(bits), 32)]


def scan_words(plan: Plan, golden: Golden, padding: str = "") -> list[int]:
    rows = zip(golden.theta[0], golden.gradient[0], golden.perturber[0], strict=True)
    scan = plan.scan
    if plan.spec.fabric.pipeline:
        return packed(pipelined_ring(plan, golden), padding)
    bits = "".join(
        field_bits(int(theta), scan.theta_bits)
        + field_bits(int(gradient), scan.gradient_bits)
        + field_bits(int(perturber), scan.perturber_bits)
        for theta, gradient, perturber in rows
    )
    bits += "".join(field_bits(int(defect), 16) for defect in golden.defects.ravel())
    return packed(bits, padding)


def pipelined_ring(plan: Plan, golden: Golden) -> str:
    """The bit string of a pipelined fabric: theta and G of each, then both planes, downwards."""
    scan, bits = plan.scan, ""
    for theta, gradient in zip(golden.theta[0], golden.gradient[0], strict=True):
        number = field_bits(int(theta), scan.theta_bits)
        if plan.spec.formats.overflow == "hold" and not scan.gradient_bits:
            number = field_bits(int(theta) + 2 ** (scan.theta_bits - 1), scan.theta_bits)[::-1]
        bits += number + field_bits(int(gradient), scan.gradient_bits)
    if plan.spec.fabric.perturbation == "chain":
        for plane in (golden.perturber[0], golden.update_perturber[0]):
            bits += "".join(str(int(bit)) for bit in plane[::-1])
    return bits


def sample_words(plan: Plan, x: list[int], t: list[int]) -> list[int]:
    source, target = plan.sample.input_format.bits, plan.sample.target_format.bits
    return packed(
        "".join(field_bits(v, source) for v in x) + "".join(field_bits(v, target) for v in t)
    )


def settings_and_state(plan: Plan) -> list[Reg]:
    """Registers to restore; not stop_at, which would start a run: the timestep brings it along."""
    return [
        register.reg
        for register in registers(plan)
        if register.access == Access.STOPPED and register.reg not in (*STOP_AT, Reg.EVALUATE)
    ]


def begun(plan: Plan, seed: int = 1, kernel: str = "auto") -> tuple[GoldenDevice, Golden]:
    """A device that trains xor, and a golden model in the same state."""
    model = Golden(plan, kernel=kernel)
    model.load_samples(XOR_X, XOR_T)
    model.begin([seed])
    device = GoldenDevice(plan, kernel)
    for n, (x, t) in enumerate(zip(XOR_X, XOR_T, strict=True)):
        device.write(SAMPLES + n, sample_words(plan, x, t))
    device.write(SCAN, scan_words(plan, model))
    for reg in settings_and_state(plan):
        if reg not in (Reg.TIMESTEP_LOW, Reg.TIMESTEP_HIGH):
            device.write(reg, getattr(model, reg.name.lower()))
    return device, model


def start(device: GoldenDevice, stop_at: int) -> None:
    device.write(Reg.STOP_AT_LOW, [stop_at % 2**32, stop_at >> 32])


def number(device: GoldenDevice, low: Reg) -> int:
    words = device.read(low, 2)
    return int(words[0]) + (int(words[1]) << 32)


def state(device: GoldenDevice, plan: Plan) -> list[int]:
    """Everything that can be read while stopped."""
    readable = [int(device.read(register.reg)[0]) for register in registers(plan)]
    for window in windows(plan):
        if window.region in (Region.SCAN, Region.OUTPUTS, Region.FLIGHT):
            readable += device.read(window.address, window.words).tolist()
    return readable


def test_it_is_a_tracing_device() -> None:
    device: TracingDevice = GoldenDevice(PLAN)
    assert isinstance(device, TracingDevice)
    device.close()
    device.close()


def test_registers_read_their_reset_values() -> None:
    device = GoldenDevice(PLAN)
    for register in registers(PLAN):
        words = device.read(register.reg)
        assert words.dtype == np.uint32
        assert words.tolist() == [register.reset], register.name
    digest = device.read(Reg.DIGEST_LOW, 2)
    assert int(digest[0]) + (int(digest[1]) << 32) == PLAN.digest
    assert device.read(SCAN, PLAN.scan.words).tolist() == [0] * PLAN.scan.words
    assert device.read(OUTPUTS, 2).tolist() == [0, 0]
    assert device.read(SCAN, 0).tolist() == []


@pytest.mark.parametrize(
    ("plan", "register"),
    [
        pytest.param(plan, register, id=f"{name}-{register.name}")
        for name, plan in (("default", PLAN), *VARIANTS.items())
        for register in registers(plan)
        if register.access == Access.STOPPED and register.reg > 0xF
        if register.reg != Reg.EVALUATE
        if plan is PLAN or register.reg not in {each.reg for each in registers(PLAN)}
    ],
)
def test_settings_hold_what_fits_and_refuse_what_does_not(plan: Plan, register: Register) -> None:
    device = GoldenDevice(plan)
    largest = (1 << register.bits) - 1
    device.write(register.reg, [largest])
    before = state(device, plan)
    assert device.read(register.reg).tolist() == [largest]
    for value in (largest + 1, -1):
        with pytest.raises(DeviceError, match=f"given {value}, wider than the {register.bits} bit"):
            device.write(register.reg, [value])
    assert state(device, plan) == before
    device.write(register.reg, [0])
    assert device.read(register.reg).tolist() == [0]


NOTHING, FORBIDDEN = "has nothing at that address", "does not allow that access there"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Reg.HALT + 1, NOTHING),
        (Reg.BASELINE_VALID + 1, NOTHING),
        (Reg.MEAN_SHIFT, NOTHING),
        (Reg.SIGN_STEP, NOTHING),
        (Reg.ORDER_POSITION, NOTHING),
        (Reg.COST_SUM_HIGH + 1, NOTHING),
        (SCAN - 1, NOTHING),
        (SCAN + MIXED.scan.words, NOTHING),
        (SAMPLES + 3, NOTHING),  # between one sample's words and the next stride
        (SAMPLES + 5 * 4, NOTHING),
        (PROBE + 3, NOTHING),
        (PROBE, FORBIDDEN),
        (OUTPUTS + 3, NOTHING),
        (5 << 24, NOTHING),
        (-1, NOTHING),
    ],
)
def test_reads_that_are_refused(address: int, reason: str) -> None:
    with pytest.raises(
        DeviceError, match=f"a read of address {int(address):#x} was refused: .*{reason}"
    ):
        GoldenDevice(MIXED).read(address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Reg.HALT + 1, NOTHING),
        (Reg.MAGIC, FORBIDDEN),
        (Reg.STATUS, FORBIDDEN),
        (Reg.HITS, FORBIDDEN),
        (Reg.COST_SUM_LOW, FORBIDDEN),
        (SCAN + MIXED.scan.words, NOTHING),
        (SAMPLES + 3, NOTHING),
        (SAMPLES + 5 * 4, NOTHING),
        (PROBE + 3, NOTHING),
        (OUTPUTS, FORBIDDEN),
        (OUTPUTS + 3, NOTHING),
        (5 << 24, NOTHING),
    ],
)
def test_writes_that_are_refused(address: int, reason: str) -> None:
    """Also with a value too wide for anything, since a value is looked at last."""
    device = GoldenDevice(MIXED)
    for value in (0, 1 << 32):
        with pytest.raises(
            DeviceError, match=f"a write to address {int(address):#x} was .*{reason}"
        ):
            device.write(address, [value])


@pytest.mark.parametrize("address", [SCAN, SAMPLES, PROBE])
def test_words_of_a_window_have_32_bits(address: int) -> None:
    device = GoldenDevice(PLAN)
    with pytest.raises(DeviceError, match="wider than the 32 bit"):
        device.write(address, [1 << 32])


def test_words_before_a_refused_one_are_written() -> None:
    device = GoldenDevice(PLAN)
    with pytest.raises(DeviceError, match=f"address {int(Reg.TAU_THETA):#x} .* wider"):
        device.write(Reg.TAU_X, [7, 8, 256, 9])
    assert device.read(Reg.TAU_X, 4).tolist() == [7, 8, 1, 0]


def test_while_busy_registers_are_read_and_little_else() -> None:
    device, model = begun(PLAN)
    start(device, 1000)
    assert device.read(Reg.STATUS).tolist() == [1]
    assert number(device, Reg.STOP_AT_LOW) == 1000
    assert device.read(Reg.ORDER_STATE).tolist() == model.order_state.tolist()
    for address in (SCAN, SAMPLES, OUTPUTS):
        with pytest.raises(DeviceBusyError, match="the device is busy; wait until"):
            device.read(address)
    for address in (SCAN, SAMPLES, PROBE, Reg.TAU_X, Reg.STOP_AT_LOW, Reg.TIMESTEP_HIGH):
        for value in (0, 1 << 40):  # busy comes before the value
            with pytest.raises(DeviceBusyError, match="the device is busy; wait until"):
                device.write(address, [value])
    for address in (Reg.MAGIC, Reg.HALT + 1, OUTPUTS):  # and after the address and the access
        with pytest.raises(DeviceError) as refused:
            device.write(address, [0])
        assert not isinstance(refused.value, DeviceBusyError)
    with pytest.raises(DeviceError, match=r"a read of .* does not allow") as refused:
        device.read(PROBE)
    assert not isinstance(refused.value, DeviceBusyError)
    with pytest.raises(DeviceBusyError, match="a trace must begin on a device that has stopped"):
        device.trace(1)
    device.wait()
    assert device.read(Reg.STATUS).tolist() == [0]
    assert number(device, Reg.TIMESTEP_LOW) == 1000


def test_two_words_take_effect_with_the_high_one() -> None:
    device, _ = begun(PLAN)
    device.write(Reg.STOP_AT_LOW, [5])
    assert device.read(Reg.STATUS).tolist() == [0]
    assert number(device, Reg.STOP_AT_LOW) == 0
    device.write(Reg.STOP_AT_HIGH, [0])
    assert device.read(Reg.STATUS).tolist() == [1]
    assert number(device, Reg.STOP_AT_LOW) == 5
    device.wait()
    assert number(device, Reg.TIMESTEP_LOW) == 5
    with pytest.raises(DeviceError, match="wider than the 16 bit"):
        device.write(Reg.STOP_AT_HIGH, [1 << 16])


def test_writing_the_timestep_never_starts_a_run() -> None:
    device, _ = begun(PLAN)
    start(device, 100)
    device.wait()
    there = 0xABCD_FFFF_FFFE
    device.write(Reg.TIMESTEP_LOW, [there & 0xFFFFFFFF])
    assert number(device, Reg.TIMESTEP_LOW) == 100
    device.write(Reg.TIMESTEP_HIGH, [there >> 32])
    assert number(device, Reg.TIMESTEP_LOW) == there
    assert number(device, Reg.STOP_AT_LOW) == there
    start(device, there + 4)  # over the edge of a word
    device.wait()
    assert number(device, Reg.TIMESTEP_LOW) == there + 4
    device.write(Reg.TIMESTEP_LOW, [0, 0])
    assert device.read(Reg.STATUS).tolist() == [0]


def test_stopping_in_the_past_does_nothing() -> None:
    device, _ = begun(PLAN)
    start(device, 10)
    device.wait()
    start(device, 3)
    assert device.read(Reg.STATUS).tolist() == [0]
    device.wait()
    assert number(device, Reg.TIMESTEP_LOW) == 10


def test_halt_ends_a_run() -> None:
    device, _ = begun(PLAN)
    start(device, 1 << 40)
    with pytest.raises(
        LinkError, match=r"a run must end within 0.2 s, but the device is still busy"
    ):
        device.wait(0.2)
    reached = number(device, Reg.TIMESTEP_LOW)
    assert reached > 0
    device.write(Reg.HALT, [0])
    assert device.read(Reg.STATUS).tolist() == [1]
    device.write(Reg.HALT, [1])
    assert device.read(Reg.STATUS).tolist() == [0]
    assert device.read(Reg.HALT).tolist() == [0]
    assert number(device, Reg.STOP_AT_LOW) == number(device, Reg.TIMESTEP_LOW) == reached
    with pytest.raises(DeviceError, match="given 2, wider than the 1 bit"):
        device.write(Reg.HALT, [2])


@pytest.mark.parametrize("tau_theta", [1, 4, 7])
def test_runs_are_those_of_the_golden_model(tau_theta: int) -> None:
    plan = Plan(xor().with_settings({"training.tau_theta": tau_theta, "training.tau_x": 4}))
    device, model = begun(plan, seed=4)
    traced, _ = begun(plan, seed=4)
    start(device, 600)  # more than one chunk
    device.wait()
    expected, record = model.trace(600), traced.trace(600)
    for field in ("cost", "baseline", "step", "parameters"):
        assert np.array_equal(getattr(record, field), getattr(expected, field)[:, 0])
    assert record.parameters.shape == (600, 9)
    assert state(device, plan) == state(traced, plan)
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, model)
    for name in ("phase_x", "phase_theta", "sample_index", "baseline", "baseline_valid"):
        assert device.read(Reg[name.upper()]).tolist() == getattr(model, name).tolist()


@pytest.mark.parametrize("kernel", ["numpy", "numba"])
@pytest.mark.parametrize("plan", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_runs_as_the_golden_model(plan: Plan, kernel: str) -> None:
    device, model = begun(plan, seed=3, kernel=kernel)
    start(device, 70)
    device.wait()
    model.run(70)
    record, expected = device.trace(50), model.trace(50)
    for field in ("cost", "baseline", "step", "parameters"):
        assert np.array_equal(getattr(record, field), getattr(expected, field)[:, 0])
    assert len(np.unique(record.parameters, axis=0)) > 1
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, model)
    for reg in settings_and_state(plan):
        if reg not in (Reg.TIMESTEP_LOW, Reg.TIMESTEP_HIGH):
            assert device.read(reg).tolist() == getattr(model, reg.name.lower()).tolist(), reg.name


@pytest.mark.parametrize("first", [0, 1, 3, 300])
def test_two_runs_are_one_run(first: int) -> None:
    plan = Plan(xor().with_settings({"training.tau_theta": 7, "training.tau_x": 3}))
    whole, _ = begun(plan)
    parts, _ = begun(plan)
    start(whole, 400)
    whole.wait()
    for stop_at in (first, first, 400):  # to ask for a run twice does no harm
        start(parts, stop_at)
        parts.wait()
    assert state(whole, plan) == state(parts, plan)


@pytest.mark.parametrize("name", ["default", *VARIANTS])
def test_state_is_saved_and_restored(name: str) -> None:
    """In the middle of a window, through windows and registers alone."""
    plan = VARIANTS.get(name, PLAN)
    theta_bits = plan.spec.fabric.tau_theta_bits
    training = {"training.tau_theta": 7 if theta_bits > 1 else 1, "training.tau_x": 3}
    plan = Plan(plan.spec.with_settings(training))
    device, _ = begun(plan)
    start(device, 46)
    device.wait()
    other = GoldenDevice(plan)
    for window in windows(plan):
        if window.region not in (Region.SCAN, Region.SAMPLES, Region.FLIGHT):
            continue
        other.write(window.address, device.read(window.address, window.words))
    for reg in settings_and_state(plan):
        other.write(reg, device.read(reg))
    if theta_bits > 1:
        assert int(device.read(Reg.PHASE_THETA)[0]) == 46 % 7
    assert state(other, plan) == state(device, plan)
    for each in (device, other):
        start(each, 300)
        each.wait()
    assert state(other, plan) == state(device, plan)


@pytest.mark.parametrize("tau_theta_bits", [1, 8])
def test_scan_ring_is_laid_out_as_specified_and_keeps_its_padding(tau_theta_bits: int) -> None:
    plan = Plan(xor().with_settings({"fabric.tau_theta_bits": tau_theta_bits}))
    scan = plan.scan
    assert (scan.gradient_bits > 0) == (tau_theta_bits > 1)
    assert scan.padding_bits > 0
    device, model = begun(plan)
    model.theta[0] = np.linspace(plan.theta.minimum, plan.theta.maximum, 9).astype(int)
    if scan.gradient_bits:
        limit = 1 << (scan.gradient_bits - 1)
        model.gradient[0] = np.linspace(-limit, limit - 1, 9).astype(int)
    padding = ("10" * scan.padding_bits)[: scan.padding_bits]
    words = scan_words(plan, model, padding)
    device.write(SCAN, words)
    assert device.read(SCAN, scan.words).tolist() == words
    model.gradient[0] = 0
    device.write(SCAN, scan_words(plan, model, padding))
    start(device, 20)
    device.wait()
    model.run(20)
    assert device.read(SCAN, scan.words).tolist() == scan_words(plan, model, padding)
    device.write(SCAN + scan.words - 1, [0])  # one word leaves the others
    ring = scan_words(plan, model, padding)[:-1]
    assert device.read(SCAN, scan.words).tolist() == [*ring, 0]


def test_the_defects_follow_the_synapses_in_the_scan_ring() -> None:
    """Any numbers there and back, also by the word; evaluations see them at once."""
    plan = VARIANTS["defects"]
    device, model = begun(plan)
    model.defects[0] = [[-32768, 32767, -1, 0], [256, -100, 300, 7], [1, -2, 32766, -32767]]
    padding = ("10" * plan.scan.padding_bits)[: plan.scan.padding_bits]
    words = scan_words(plan, model, padding)
    assert len(words) == plan.scan.words
    device.write(SCAN, words)
    assert device.read(SCAN, plan.scan.words).tolist() == words
    device.write(PROBE, sample_words(plan, [1, 0], [1]))
    y, cost = model.evaluate([[1, 0]], [[1]])
    values = [int(value) % 2**32 for value in (cost[0, 0], y[0, 0, 0])]
    outputs = next(each.address for each in windows(plan) if each.region == Region.OUTPUTS)
    assert device.read(outputs, 2).tolist() == values
    start(device, 20)
    device.wait()
    model.run(20)
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, model, padding)
    last = 3 * 64 + plan.parameters * plan.scan.synapse_bits - 1  # the sign of the last defect
    ring = scan_words(plan, model, padding)
    ring[last // 32] ^= 1 << last % 32
    device.write(SCAN + last // 32, [ring[last // 32]])
    assert device.read(SCAN, plan.scan.words).tolist() == ring
    model.defects[0, 2, 3] += 32768
    start(device, 40)
    device.wait()
    model.baseline_valid[:] = 0
    model.run(20)
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, model, padding)


def flight(plan: Plan) -> int:
    """Address of the window of steps in flight."""
    return next(each.address for each in windows(plan) if each.region == Region.FLIGHT)


@pytest.mark.parametrize("name", [name for name in VARIANTS if "pipelined" in name])
def test_the_scan_ring_of_a_pipelined_fabric(name: str) -> None:
    """Any state there and back, and padding that stays; a word that is written leaves the rest."""
    plan = VARIANTS[name]
    device, model = begun(plan)
    rng = np.random.default_rng(2)
    model.theta[0] = rng.integers(plan.theta.minimum, plan.theta.maximum + 1, 9)
    model.theta[0, :3] = plan.theta.minimum, plan.theta.maximum, 0
    if plan.gradient_bits:
        limit = 1 << (plan.gradient_bits - 2)
        model.gradient[0] = rng.integers(-limit, limit, 9)
    if plan.perturber_bits:
        model.perturber[0], model.update_perturber[0] = rng.integers(0, 2, (2, 9))
    padding = ("10" * plan.scan.padding_bits)[: plan.scan.padding_bits]
    words = scan_words(plan, model, padding)
    assert len(words) == plan.scan.words
    device.write(SCAN, words)
    assert device.read(SCAN, plan.scan.words).tolist() == words
    start(device, 50)
    device.wait()
    model.run(50)
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, model, padding)
    device.write(SCAN, [0])
    assert device.read(SCAN, 2).tolist() == [0, scan_words(plan, model, padding)[1]]


def test_after_reset_the_parameters_of_a_pipelined_fabric_are_zero() -> None:
    plan = VARIANTS["pipelined chain, offset binary"]
    device = GoldenDevice(plan)
    assert device.read(SCAN, plan.scan.words).tolist() == scan_words(plan, Golden(plan))
    assert not device.read(flight(plan), plan.update_delay).any()


def test_steps_in_flight_are_words() -> None:
    """Of xor: 12 bits of step, whether its perturbation was new, whether its window ended."""
    plan = VARIANTS["pipelined chain"]
    device, model = begun(plan)
    window, depth = flight(plan), plan.update_delay
    device.write(window, [0xFFFF_FFFF, 0x800, 0x1FFF, 0x2001, 0x7FF])
    assert device.read(window, 6).tolist() == [0x3FFF, 0x800, 0x1FFF, 0x2001, 0x7FF, 0]
    model.flight[0, :5] = [-1, 1, 1], [-2048, 0, 0], [-1, 1, 0], [1, 0, 1], [2047, 0, 0]
    start(device, depth // 2)
    device.wait()
    model.run(depth // 2)
    entries = [int(u) % 2**12 + (int(a) << 12) + (int(e) << 13) for u, a, e in model.flight[0]]
    assert device.read(window, depth).tolist() == entries
    assert device.read(Reg.FLIGHT_POSITION).tolist() == [depth // 2]
    assert device.read(Reg.UPDATE_STATE).tolist() == model.update_state.tolist()
    with pytest.raises(DeviceError, match=NOTHING):
        device.read(window + depth)
    start(device, 1000)
    with pytest.raises(DeviceBusyError):
        device.write(window, [0])
    with pytest.raises(DeviceBusyError):
        device.read(window)


@pytest.mark.parametrize("reg", [Reg.BASELINE, Reg.BASELINE_VALID])
def test_a_pipelined_fabric_has_no_baseline(reg: Reg) -> None:
    device, _ = begun(VARIANTS["pipelined chain"])
    with pytest.raises(DeviceError, match=NOTHING):
        device.read(reg)
    with pytest.raises(DeviceError, match=NOTHING):
        device.write(reg, [0])


def mixed_samples() -> Iterator[tuple[list[int], list[int]]]:
    rng = np.random.default_rng(3)
    for _ in range(5):
        yield rng.integers(-4096, 4096, 3).tolist(), rng.integers(0, 8192, 2).tolist()


def test_samples_are_packed_as_specified() -> None:
    layout = MIXED.sample
    assert (layout.bits, layout.words, layout.stride) == (65, 3, 4)
    device = GoldenDevice(MIXED)
    for n, (x, t) in enumerate(mixed_samples()):
        words = sample_words(MIXED, x, t)
        dirty = [*words[:2], words[2] | 0xFFFF_FFFE]
        device.write(SAMPLES + 4 * n, dirty)
        assert device.read(SAMPLES + 4 * n, 3).tolist() == words
        device.write(PROBE, dirty)
        model = Golden(MIXED)
        y, cost = model.evaluate([x], [t])
        assert device.read(OUTPUTS, 3).tolist() == [*cost[0].tolist(), *y[0, 0].tolist()]
    device.write(SAMPLES + 1, [0])  # every word is stored at once
    first = sample_words(MIXED, *next(mixed_samples()))
    assert device.read(SAMPLES, 3).tolist() == [first[0], 0, first[2]]


def test_training_sees_packed_samples() -> None:
    device, model = GoldenDevice(MIXED), Golden(MIXED)
    x, t = zip(*mixed_samples(), strict=True)
    model.load_samples(x, t)
    model.begin([8])
    device.write(SCAN, scan_words(MIXED, model))
    for n, words in enumerate(map(sample_words, [MIXED] * 5, x, t)):
        device.write(SAMPLES + 4 * n, words)
    for reg in (
        Reg.DTHETA, Reg.SCALE_MANTISSA, Reg.SCALE_SHIFT, Reg.SAMPLE_COUNT, Reg.ORDER_STATE,
        Reg.ROUNDING_STATE,
    ):  # fmt: skip
        device.write(reg, getattr(model, reg.name.lower()))
    record, expected = device.trace(100), model.trace(100)
    assert np.array_equal(record.parameters, expected.parameters[:, 0])
    assert len(set(record.cost.tolist())) > 50


@pytest.mark.parametrize("address", [SCAN, SAMPLES])
def test_writing_a_window_makes_the_baseline_invalid(address: int) -> None:
    device, _ = begun(PLAN)
    device.write(Reg.BASELINE_VALID, [1])
    device.write(PROBE, [0])
    device.read(address)
    assert device.read(Reg.BASELINE_VALID).tolist() == [1]
    device.write(address, device.read(address))
    assert device.read(Reg.BASELINE_VALID).tolist() == [0]


def test_probe_evaluates_and_touches_nothing_else() -> None:
    device, model = begun(PLAN)
    start(device, 333)
    device.wait()
    model.run(333)
    before = state(device, PLAN)[: -1 - PLAN.outputs]
    for x, t in zip(XOR_X, XOR_T, strict=True):
        device.write(PROBE, sample_words(PLAN, x, t))
        y, cost = model.evaluate([x], [t])
        assert device.read(OUTPUTS, 2).tolist() == [cost[0, 0], y[0, 0, 0]]
    assert state(device, PLAN)[: -1 - PLAN.outputs] == before


def test_probe_sees_parameters_just_written() -> None:
    device = GoldenDevice(PLAN)
    model = Golden(PLAN)
    model.theta[0] = expand(6, 9, 16).uniform * 1000
    device.write(SCAN, scan_words(PLAN, model))
    device.write(PROBE, sample_words(PLAN, [1, 0], [1]))
    y, cost = model.evaluate([[1, 0]], [[1]])
    assert device.read(OUTPUTS, 2).tolist() == [cost[0, 0], y[0, 0, 0]]


def test_an_interrupt_leaves_a_state_between_two_timesteps(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the run goes on from there, if it is waited for again."""
    device, model = begun(PLAN, kernel="numpy")
    execute, calls = Golden.execute_timestep, 0

    def interrupted(self: Golden) -> tuple[np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 1234:
            self.theta[:] = 77  # half a timestep
            raise KeyboardInterrupt
        return execute(self)

    monkeypatch.setattr(Golden, "execute_timestep", interrupted)
    start(device, 2000)
    with pytest.raises(KeyboardInterrupt):
        device.wait()
    monkeypatch.undo()
    reached = number(device, Reg.TIMESTEP_LOW)
    assert 0 < reached < 1234
    assert device.read(Reg.STATUS).tolist() == [1]
    paused = model.copy()
    paused.run(reached)
    assert device.read(Reg.ORDER_STATE).tolist() == paused.order_state.tolist()
    device.wait()
    model.run(2000)
    assert device.read(SCAN, PLAN.scan.words).tolist() == scan_words(PLAN, model)


def test_an_interrupted_trace_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = begun(PLAN, kernel="numpy")
    before = state(device, PLAN)
    execute, calls = Golden.execute_timestep, 0

    def interrupted(self: Golden) -> tuple[np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt
        return execute(self)

    monkeypatch.setattr(Golden, "execute_timestep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        device.trace(20)
    assert state(device, PLAN) == before


def test_an_evaluation_is_that_of_the_golden_model_and_touches_nothing_else() -> None:
    device, model = begun(PLAN)
    start(device, 333)
    device.wait()
    model.run(333)
    outcome = (Reg.EVALUATE, Reg.HITS, Reg.COST_SUM_LOW, Reg.COST_SUM_HIGH)
    others = [each.reg for each in registers(PLAN) if each.reg not in outcome]
    before = [device.read(reg).tolist() for reg in others]
    x, t = np.array(XOR_X), np.array(XOR_T)
    for count in (4, 3, 0, 4):
        device.write(Reg.EVALUATE, [count])
        device.wait()
        y, cost = model.evaluate(x[:count], t[:count])
        assert device.read(Reg.EVALUATE).tolist() == [count]
        assert device.read(Reg.HITS).tolist() == model.hits(y, t[:count]).tolist()
        assert number(device, Reg.COST_SUM_LOW) == int(cost.sum())
    assert [device.read(reg).tolist() for reg in others] == before
    start(device, 400)
    device.wait()
    model.run(67)
    assert device.read(SCAN, PLAN.scan.words).tolist() == scan_words(PLAN, model)


def test_an_evaluation_sees_samples_just_written_and_is_refused_during_a_run() -> None:
    device, model = begun(PLAN)
    device.write(SAMPLES, sample_words(PLAN, [1, 1], [1]))
    device.write(Reg.EVALUATE, [1])
    _, cost = model.evaluate([[1, 1]], [[1]])
    assert number(device, Reg.COST_SUM_LOW) == int(cost[0, 0])
    start(device, 10)
    with pytest.raises(DeviceBusyError):
        device.write(Reg.EVALUATE, [1])
    with pytest.raises(DeviceError, match="given 32, wider than the 5 bit"):
        GoldenDevice(PLAN).write(Reg.EVALUATE, [32])


def test_a_sum_of_costs_may_take_two_words() -> None:
    """More samples than are evaluated at a time, each at the largest cost that the format holds."""
    spec = xor().with_settings({"fabric.samples": 2000, "formats.target": "U0.16"})
    plan = Plan(spec.with_settings({"formats.cost": "U1.31"}))
    device = GoldenDevice(plan)
    model = Golden(plan)
    model.theta[:] = plan.theta.minimum
    window = next(each for each in windows(plan) if each.region == Region.SAMPLES)
    device.write(SCAN, scan_words(plan, model))
    device.write(window.address, sample_words(plan, [0, 0], [65535]) * 2000)
    device.write(Reg.EVALUATE, [2000])
    _, cost = model.evaluate([[0, 0]], [[65535]])
    assert number(device, Reg.COST_SUM_LOW) == 2000 * int(cost[0, 0]) > 1 << 40
    assert device.read(Reg.HITS).tolist() == [0]


def test_outputs_are_sign_extended() -> None:
    plan = VARIANTS["tanh"]
    device, model = begun(plan)
    model.theta[:] = -1000
    device.write(SCAN, scan_words(plan, model))
    device.write(PROBE, sample_words(plan, [1, 1], [-3]))
    y, cost = model.evaluate([[1, 1]], [[-3]])
    assert device.read(OUTPUTS, 2).tolist() == [int(cost[0, 0]), int(y[0, 0, 0]) % 2**32]


def test_a_run_without_time_stands_still() -> None:
    device, _ = begun(PLAN)
    start(device, 1)
    with pytest.raises(LinkError, match="allow more time or run fewer timesteps"):
        device.wait(0.0)
    assert number(device, Reg.TIMESTEP_LOW) == 0
    device.wait(60.0)
    assert number(device, Reg.TIMESTEP_LOW) == 1
