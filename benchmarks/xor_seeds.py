"""How many of many seeds solve XOR: python benchmarks/xor_seeds.py [--set KEY=VALUE ...].

Every seed has its own initial parameters, perturbations and sample order. All run side by side on
the golden model. Solved means a mean cost over the four samples below `training.solved_cost`.
"""

import argparse
import time

import numpy as np

from pmgd.gateware import presets
from pmgd.gateware.plan import Plan
from pmgd.host.spec_file import parse_setting
from pmgd.sim.golden import Golden


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    arguments = parser.parse_args()
    spec = presets.xor().with_settings(dict(map(parse_setting, arguments.set)))
    plan = Plan(spec)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    t = x[:, :1] ^ x[:, 1:]
    golden = Golden(plan, lanes=arguments.seeds)
    golden.load_samples(x, t)
    golden.begin(range(arguments.seeds))
    print(f"{arguments.seeds} seeds, eta {spec.training.eta:g}, parameters {plan.theta}")
    print("timesteps  solved  median cost")
    started = time.perf_counter()
    for steps in (3_000, 10_000, 30_000, 100_000):
        golden.run(steps - int(golden.timestep[0]))
        cost = golden.evaluate(x, t)[1].mean(axis=1) / (1 << plan.cost_fraction)
        solved = (cost < spec.training.solved_cost).mean()
        print(f"{steps:9,}  {solved:6.0%}  {np.median(cost):.5f}", flush=True)
    elapsed = time.perf_counter() - started
    print(f"{arguments.seeds * steps / elapsed:,.0f} timesteps/s over all seeds")


if __name__ == "__main__":
    main()
