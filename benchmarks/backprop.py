"""Backpropagation, to set beside the fabric: python benchmarks/backprop.py [--steps N] [TASK ...].

Stochastic gradient descent in float64 with one sample an update, on the same networks and costs
as the fabric. Each learning rate is the one that served best, in a scan by factors of 2, except
that of NIST7x7, which is 0.5 as in earlier measurements. An accuracy is that of the largest
output, or of the only one against 0.5; a column's figure is the median over the seeds. Solved
means that every sample is classified as its target is.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from table5 import COLUMNS, Samples, follow

from pmgd.gateware.spec import Data, Network, Training
from pmgd.host.datasets import load
from pmgd.sim.float_loop import train_backprop


@dataclass(frozen=True)
class Task:
    """A data set, a network and how it is trained.

    `held_out` is the fraction of the samples, the same for every seed, that is not trained on and
    alone makes the accuracy; 0 trains and tests on all.
    """

    name: str
    source: str
    layers: tuple[int, ...]
    eta: float
    init_range: float
    held_out: float = 0.0


TASKS = (
    Task("nist7x7", "nist7x7", (49, 4, 4), eta=0.5, init_range=0.5),
    Task("parity4", "parity", (4, 4, 1), eta=1.0, init_range=2.0),
    Task("digits", "digits", (64, 8, 10), eta=4.0, init_range=0.5),
    Task("digits_split", "digits", (64, 8, 10), eta=4.0, init_range=0.5, held_out=0.2),
)


def split(data: Samples, held_out: float) -> tuple[Samples, Samples]:
    """Return what is trained on and what is tested on."""
    if not held_out:
        return data, data
    x, y = data
    order = np.random.default_rng(0).permutation(len(x))
    test, rest = np.split(order, [round(held_out * len(x))])
    return (x[rest], y[rest]), (x[test], y[test])


def run(job: tuple[Task, Samples, int, int]) -> list[float]:
    """Train one seed and return its accuracy at every column up to a limit."""
    task, data, seed, limit = job
    training = Training(eta=task.eta, init_range=task.init_range, seed=seed)
    parts = split(data, task.held_out)
    return follow(train_backprop, task.layers, parts, training, "uniform", limit)


def show(task: Task, table: np.ndarray, seconds: float) -> None:
    """Print what the seeds of a task came to; `table` has a line a seed."""
    where = f"{task.held_out:.0%} held out" if task.held_out else "tested on what it trained on"
    print(
        f"\n{task.name} {'-'.join(map(str, task.layers))}, eta {task.eta:g}, start uniform in "
        f"+-{task.init_range:g}, {len(table)} seeds, {where}; {seconds:.0f} s"
    )
    print(f"{'timesteps':<10}" + "".join(f"{n:>12,}" for n in COLUMNS[: table.shape[1]]))
    for name, values in (
        ("median", np.median(table, axis=0)),
        ("lowest", table.min(axis=0)),
        ("highest", table.max(axis=0)),
        ("solved", 100 * (table == 100).mean(axis=0)),
    ):
        print(f"{name:<10}" + "".join(f"{value:>11.1f}%" for value in values), flush=True)


def main() -> None:
    """Train and print a table a task."""
    names = [task.name for task in TASKS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="*", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=COLUMNS[-1], help="leave out later columns")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.steps < COLUMNS[0] or arguments.seeds < 1:
        parser.error(f"--steps must be at least {COLUMNS[0]}, and --seeds at least 1")
    if unknown := set(arguments.task) - set(names):
        parser.error(f"a task must be one of {', '.join(names)}, not {', '.join(unknown)}")
    with ProcessPoolExecutor(arguments.processes) as pool:
        for task in TASKS:
            if arguments.task and task.name not in arguments.task:
                continue
            loaded = load(Data(source=task.source), Network(layers=task.layers))
            data = loaded.x, loaded.y
            jobs = [(task, data, seed, arguments.steps) for seed in range(arguments.seeds)]
            began = time.perf_counter()
            show(task, np.array(list(pool.map(run, jobs))), time.perf_counter() - began)


if __name__ == "__main__":
    main()
