"""How each choice of the algorithm trains XOR: python benchmarks/variants.py [--seeds 100].

Every row is the preset `xor` with the settings that it names. All seeds run side by side on the
golden model; solved means a mean cost over the four samples below `training.solved_cost`.
"""

import argparse
import json
from typing import Any

import numpy as np

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.host.datasets import load
from pmgd.sim.golden import Golden

STEPS = (10_000, 100_000)
FILTER: dict[str, Any] = {"fabric.baseline": "highpass", "training.mean_shift": 3}
LEAK: dict[str, Any] = {
    "formats.parameter": "S4.16",
    "fabric.decay_shift": 4,
    "fabric.decay_every": "timestep",
}
ROWS: dict[str, dict[str, Any]] = {
    "SPSA (Fig. 6), the preset": {},
    "finite difference (Fig. 4)": {
        "fabric.perturbation": "sequential",
        "training.tau_theta": 9,
        "training.tau_x": 9,
    },
    "coordinate descent (Fig. 5)": {"fabric.perturbation": "sequential"},
    "batch of 4 (Fig. 8)": {"training.tau_theta": 4},
    "batch of 4, one perturbation": {"training.tau_theta": 4, "training.tau_p": 4},
    "one generator and a chain": {"fabric.perturbation": "chain"},
    "Walsh code": {"fabric.perturbation": "walsh"},
    "two-sided": {"fabric.baseline": "two_sided"},
    "running mean": {
        "fabric.baseline": "mean",
        "training.mean_shift": 6,
        "training.dtheta": 0.5,
        "training.eta": 0.25,
    },
    "Table 2: sines, filter, leak (Fig. 7)": {
        "fabric.perturbation": "sine",
        **FILTER,
        **LEAK,
        "training.dtheta": 0.5,
    },
    "squares, filter, leak": {
        "fabric.perturbation": "square",
        **FILTER,
        **LEAK,
        "training.dtheta": 0.375,
    },
    "codes, filter, leak": {**FILTER, **LEAK, "training.dtheta": 0.375},
    "sines, filter, plain updates": {
        "fabric.perturbation": "sine",
        **FILTER,
        "training.dtheta": 0.5,
    },
    "leaky integrator alone": {**LEAK, "fabric.decay_shift": 3},
    "tau_x = tau_theta = 4": {"training.tau_x": 4, "training.tau_theta": 4},
    "the same, Table 1 as printed": {
        "fabric.baseline": "literal",
        "training.tau_x": 4,
        "training.tau_theta": 4,
    },
    "momentum 7/8": {"fabric.decay_shift": 3, "training.eta": 0.0625},
    "sign-only": {"fabric.correlator": "sign", "training.eta": 2.0**-6},
    "shuffled": {"fabric.shuffle": True, "training.order": "shuffled"},
    "rounding to nearest": {"formats.rounding": "nearest"},
    "parameters hold": {"formats.overflow": "hold"},
    "tanh, then sigmoid": {"network.activation": ["tanh", "sigmoid"]},
    "relu, then sigmoid": {"network.activation": ["relu", "sigmoid"]},
    "L1 cost": {"network.cost": "l1"},
}


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    seeds = parser.parse_args().seeds
    print(f"{seeds} seeds; solved after " + " and ".join(f"{steps:,}" for steps in STEPS))
    for title, settings in ROWS.items():
        spec = xor().with_settings(settings)
        plan = Plan(spec)
        data = load(spec.data, spec.network)
        x, t = data.x.astype(np.int64), data.y.astype(np.int64)
        golden = Golden(plan, lanes=seeds)
        golden.load_samples(x, t)
        golden.begin(range(seeds))
        solved = []
        for steps in STEPS:
            golden.run(steps - int(golden.timestep[0]))
            cost = golden.evaluate(x, t)[1].mean(axis=1) / (1 << plan.cost_fraction)
            solved.append((cost < spec.training.solved_cost).mean())
        changed = " ".join(f"--set {key}={json.dumps(value)}" for key, value in settings.items())
        print(f"{title:<38}{solved[0]:>6.0%}{solved[1]:>6.0%}   {changed}", flush=True)


if __name__ == "__main__":
    main()
