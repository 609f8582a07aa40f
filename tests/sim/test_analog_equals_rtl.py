"""Golden = RTL, after every timestep, for the continuous algorithm and for each imperfection."""

import pytest
from equality import assert_equal, samples_3_5_2, samples_xor, spec_3_5_2, start

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import load
from pmgd.sim.golden_device import GoldenDevice
from pmgd.sim.rtl_device import RtlDevice

STEPS = 20_000
SEEDS = (0, 1, 2)

ANALOG = {
    "formats.parameter": "S4.16",
    "formats.operand_fraction": 8,
    "fabric.perturbation": "sine",
    "fabric.baseline": "highpass",
    "fabric.decay_shift": 4,
    "fabric.decay_every": "timestep",
    "fabric.tau_theta_bits": 1,
    "training.dtheta": 0.5,
    "training.mean_shift": 3,
}
SIGMAS = {
    "cost noise": {"fabric.cost_noise": True, "training.sigma_c": 0.02},
    "update noise": {"fabric.update_noise": "each", "training.sigma_theta": 0.1},
    "defects": {"fabric.defects": True, "training.sigma_a": 0.25},
}
KINDS = {
    "sine, high-pass, leak": ANALOG,
    "square, high-pass, leak, blank": {
        **ANALOG,
        "fabric.perturbation": "square",
        "training.tau_x": 8,
        "training.blank": True,
    },
    "code, high-pass, leak, nearest, hold": {
        **ANALOG,
        "fabric.perturbation": "lfsr",
        "formats.rounding": "nearest",
        "formats.overflow": "hold",
        "training.eta": 8.0,
    },
    "leak, updates every 5": {
        **ANALOG,
        "fabric.baseline": "two_sided",
        "fabric.tau_theta_bits": 4,
        "training.tau_theta": 5,
    },
    "sine, plain updates": {
        "fabric.perturbation": "sine",
        "training.tau_p": 3,
        "training.tau_theta": 6,
        "training.tau_x": 3,
    },
    **SIGMAS,
    "cost noise, two-sided": {**SIGMAS["cost noise"], "fabric.baseline": "two_sided"},
    "update noise shared, momentum": {
        "fabric.update_noise": "shared",
        "training.sigma_theta": 0.1,
        "fabric.decay_shift": 3,
    },
    "all": {
        **ANALOG,
        **{key: value for each in SIGMAS.values() for key, value in each.items()},
        "training.sigma_theta": 0.01,
    },
}
NETWORKS = {"2-2-1": (presets.xor, samples_xor), "3-5-2": (spec_3_5_2, samples_3_5_2)}
EVERY_DAY = {
    ("sine, high-pass, leak", "2-2-1"),
    ("square, high-pass, leak, blank", "3-5-2"),
    ("leak, updates every 5", "2-2-1"),
    ("all", "3-5-2"),
}


def check(spec: Spec, samples, seeds, steps: int) -> None:
    plan = Plan(spec)
    devices = [GoldenDevice(plan), RtlDevice(plan)]
    for seed in seeds:
        drivers = [start(device, plan, samples, seed) for device in devices]
        traces = [driver.trace(steps) for driver in drivers]
        assert_equal(*traces, f"seed {seed}")
        states = [driver.read_state() for driver in drivers]
        assert states[0] == states[1]
        assert (traces[0].parameters[-1] != traces[0].parameters[0]).all(), "parameters stand still"
        assert not plan.noisy or states[0].noise_state != plan.expand(seed).noise
        assert drivers[0].score() == drivers[1].score()
    devices[1].close()


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        pytest.param(
            kind,
            network,
            marks=[] if (kind, network) in EVERY_DAY else pytest.mark.slow,
            id=f"{kind}-{network}",
        )
        for kind in KINDS
        for network in NETWORKS
    ],
)
def test_every_timestep(kind, network):
    make, samples = NETWORKS[network]
    check(make().with_settings(KINDS[kind]), samples(), SEEDS, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nothing", *SIGMAS])
def test_nist7x7(kind):
    """49-4-4 by the preset, alone and with each imperfection."""
    spec = presets.nist7x7_analog().with_settings({"fabric.samples": 64, **SIGMAS.get(kind, {})})
    data = load(spec.data, spec.network)
    samples = data.x[:64].astype(int), data.y[:64].astype(int)
    check(spec, samples, SEEDS, STEPS)
