"""How imperfect hardware trains NIST7x7: python benchmarks/imperfections.py [--seeds 8].

Every line is the preset `nist7x7` with one imperfection of the patent: noise of the cost ([0083]),
noise of the updates, of every parameter or the same for all ([0084]), or defects of the activations
([0087]). The seeds, with the same initial parameters in every line, run side by side on the golden
model; accuracy is over all samples, by the trained network as it is, with its defects.
"""

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import nist7x7
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import load
from pmgd.sim.golden import Golden

ROWS: tuple[tuple[str, dict[str, Any], str, tuple[float, ...]], ...] = (
    ("none", {}, "", (0.0,)),
    ("cost noise", {"fabric.cost_noise": True}, "sigma_c", (0.003, 0.01, 0.03, 0.1)),
    (
        "update noise, each",
        {"fabric.update_noise": "each"},
        "sigma_theta",
        (0.003, 0.01, 0.03, 0.1),
    ),
    (
        "update noise, shared",
        {"fabric.update_noise": "shared"},
        "sigma_theta",
        (0.003, 0.01, 0.03, 0.1),
    ),
    ("defects", {"fabric.defects": True}, "sigma_a", (0.05, 0.1, 0.25, 0.5)),
)
"""What is imperfect, how it is built, and the standard deviations of which setting to try."""


def train(
    spec: Spec, x: NDArray[np.int64], t: NDArray[np.int64], seeds: int, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train and return every seed's accuracy and cost."""
    plan = Plan(spec)
    golden = Golden(plan, lanes=seeds)
    golden.load_samples(x, t)
    golden.begin(range(seeds))
    golden.run(steps)
    y, cost = golden.evaluate(x, t)
    accuracy = golden.hits(y, t) / len(x)
    return accuracy, cost.mean(axis=1) / plan.outputs / (1 << plan.cost_fraction)


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1_000_000)
    arguments = parser.parse_args()
    preset = nist7x7()
    data = load(preset.data, preset.network)
    x, t = data.x.astype(np.int64), data.y.astype(np.int64)
    started = time.perf_counter()
    print(f"{arguments.seeds} seeds of nist7x7, {arguments.steps:,} timesteps\n")
    print("| imperfection | sigma | accuracy: median | least | greatest | median cost |")
    print("|---|---|---|---|---|---|")
    for title, fabric, setting, levels in ROWS:
        for level in levels:
            changed = {f"training.{setting}": level} if setting else {}
            spec = preset.with_settings(fabric | changed)
            accuracy, cost = train(spec, x, t, arguments.seeds, arguments.steps)
            sigma = f"{setting} {level:g}" if setting else ""
            print(
                f"| {title} | {sigma} | {np.median(accuracy):.1%} | {accuracy.min():.1%} | "
                f"{accuracy.max():.1%} | {np.median(cost):.4f} |",
                flush=True,
            )
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
