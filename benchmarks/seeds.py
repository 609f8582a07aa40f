"""Many seeds of one preset side by side: python benchmarks/seeds.py PRESET [--set KEY=VALUE ...].

Every seed has its own initial parameters, perturbations and sample order; all run on the golden
model. At each number of timesteps it prints the median, the least and the greatest accuracy over
all samples of the data set, the median cost and, if the preset has such a threshold, how many
seeds are below `training.solved_cost`.
"""

import argparse
import time

import numpy as np

from pmgd.gateware.plan import Plan
from pmgd.host.datasets import load
from pmgd.host.quantisation import quantise_samples
from pmgd.host.spec_file import load_spec, parse_setting
from pmgd.sim.golden import Golden


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    arguments = parser.parse_args()
    spec = load_spec(arguments.preset).with_settings(dict(map(parse_setting, arguments.set)))
    plan = Plan(spec)
    data = load(spec.data, spec.network)
    x, of_inputs = quantise_samples(data.x, spec.formats.input, "inputs", clip=spec.data.clip)
    t, of_targets = quantise_samples(data.y, spec.formats.target, "targets", clip=spec.data.clip)
    print(of_inputs.describe(), of_targets.describe(), sep="\n")
    golden = Golden(plan, lanes=arguments.seeds)
    golden.load_samples(x, t)
    golden.begin(range(arguments.seeds))
    changed = ", ".join(arguments.set) or "as it is"
    print(f"{spec.name} ({changed}): {arguments.seeds} seeds, eta {spec.training.eta:g}")
    print("timesteps   accuracy: median   least  greatest   median cost  solved")
    started = time.perf_counter()
    training_s = 0.0
    for steps in arguments.steps:
        began = time.perf_counter()
        golden.run(steps - int(golden.timestep[0]))
        training_s += time.perf_counter() - began
        y, cost = golden.evaluate(x, t)
        accuracy = golden.hits(y, t) / len(x)
        cost = cost.mean(axis=1) / plan.outputs / (1 << plan.cost_fraction)
        limit = spec.training.solved_cost
        solved = f"{(cost < limit).mean():.1%}" if limit else "-"
        print(
            f"{steps:>10,}  {np.median(accuracy):>16.2%}{accuracy.min():>8.2%}"
            f"{accuracy.max():>10.2%}{np.median(cost):>14.5f}{solved:>8}",
            flush=True,
        )
    rate = arguments.seeds * arguments.steps[-1] / training_s
    print(f"{rate:,.0f} timesteps/s over all seeds; {time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
