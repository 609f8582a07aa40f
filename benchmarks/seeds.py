"""Many seeds of one preset side by side: python benchmarks/seeds.py PRESET [--set KEY=VALUE ...].

Every seed has its own initial parameters, perturbations and sample order; all run on the golden
model. At each number of timesteps it prints the median, the least and the greatest accuracy over
all samples of the data set, the median cost and, if the preset has such a threshold, how many
seeds are below `training.solved_cost`. With --against KEY=VALUE the same seeds run once more with
these settings changed, too, and the mean difference of accuracy, seed by seed, is printed with its
standard error.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import load
from pmgd.host.quantisation import quantise_samples
from pmgd.host.spec_file import load_spec, parse_setting
from pmgd.sim.golden import Golden


def train(spec: Spec, seeds: int, steps: list[int]) -> NDArray[np.float64]:
    """Train, and print a table; return the accuracy at each number of timesteps, a line each."""
    plan = Plan(spec)
    data = load(spec.data, spec.network)
    x, of_inputs = quantise_samples(data.x, spec.formats.input, "inputs", clip=spec.data.clip)
    t, of_targets = quantise_samples(data.y, spec.formats.target, "targets", clip=spec.data.clip)
    print(of_inputs.describe(), of_targets.describe(), sep="\n")
    golden = Golden(plan, lanes=seeds)
    golden.load_samples(x, t)
    golden.begin(range(seeds))
    print(
        f"{seeds} seeds, eta {spec.training.eta:g}, updates late by {plan.update_delay} timesteps"
    )
    print("timesteps   accuracy: median   least  greatest   median cost  solved")
    started = time.perf_counter()
    training_s = 0.0
    table = []
    for count in steps:
        began = time.perf_counter()
        golden.run(count - int(golden.timestep[0]))
        training_s += time.perf_counter() - began
        y, cost = golden.evaluate(x, t)
        accuracy = golden.hits(y, t) / len(x)
        cost = cost.mean(axis=1) / plan.outputs / (1 << plan.cost_fraction)
        limit = spec.training.solved_cost
        solved = f"{(cost < limit).mean():.1%}" if limit else "-"
        print(
            f"{count:>10,}  {np.median(accuracy):>16.2%}{accuracy.min():>8.2%}"
            f"{accuracy.max():>10.2%}{np.median(cost):>14.5f}{solved:>8}",
            flush=True,
        )
        table.append(accuracy)
    rate = seeds * steps[-1] / training_s
    print(f"{rate:,.0f} timesteps/s over all seeds; {time.perf_counter() - started:.0f} s in all")
    return np.array(table)


def compare(steps: list[int], table: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    """Print the difference between two tables of the same seeds, in points of accuracy."""
    print("\ntimesteps   mean difference  standard error  of medians (points, first less second)")
    for count, first, second in zip(steps, 100 * table, 100 * other, strict=True):
        difference = first - second
        error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0
        medians = np.median(first) - np.median(second)
        print(f"{count:>10,}  {difference.mean():>+15.2f}{error:>16.2f}{medians:>+12.2f}")


def main() -> None:
    """Train and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--against", metavar="KEY=VALUE", action="append", default=[])
    arguments = parser.parse_args()
    spec = load_spec(arguments.preset).with_settings(dict(map(parse_setting, arguments.set)))
    print(f"{spec.name} ({', '.join(arguments.set) or 'as it is'})")
    table = train(spec, arguments.seeds, arguments.steps)
    if arguments.against:
        changed = spec.with_settings(dict(map(parse_setting, arguments.against)))
        print(f"\n{spec.name} ({', '.join(arguments.set + arguments.against)})")
        compare(arguments.steps, table, train(changed, arguments.seeds, arguments.steps))


if __name__ == "__main__":
    main()
