"""Table 5 of the patent, its three dense rows: python benchmarks/table5.py [--steps N].

The float loop trains every row with the learning rate that Table 4 prints for it and every tau at
1. An accuracy is that of the largest output, or of the only one against 0.5, over the whole data
set, which is also the one trained on, as in the paper; a column's figure is the median over the
seeds. At 10,000 timesteps single seeds spread by 5 points, so that a median of 16 is good to 1.5;
`--seeds 128 --steps 100000` tells these columns better.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from pmgd.gateware.spec import Data, Network, Training
from pmgd.host.datasets import load
from pmgd.sim.float_loop import train
from pmgd.sim.reference import Dense

COLUMNS = (10_000, 100_000, 1_000_000, 10_000_000)

Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Row:
    """A row of Tables 4 and 5: its task, layers, learning rate and accuracies in percent."""

    task: str
    layers: tuple[int, ...]
    eta: float
    paper: tuple[float, ...]


ROWS = (
    Row("xor", (2, 2, 1), 5.0, (100, 100, 100, 100)),
    Row("nist7x7", (49, 4, 4), 3.0, (38, 81, 94, 97.7)),
    Row("nist7x7", (49, 4, 4), 0.5, (22, 45, 93, 98.7)),
)


def start(layers: tuple[int, ...], seed: int, init: str, init_range: float) -> np.ndarray:
    """Return initial parameters, as `Training.init` names them."""
    uniform = np.random.default_rng(seed).uniform(-1, 1, Dense(layers).parameters)
    if init == "uniform":
        return init_range * uniform
    bounds = []
    for inputs, outputs in itertools.pairwise(layers):
        bounds += ([np.sqrt(6 / (inputs + outputs))] * inputs + [0.0]) * outputs
    return np.array(bounds) * uniform


def accuracy(layers: tuple[int, ...], theta: np.ndarray, data: Samples) -> float:
    """Return the percentage of samples that the network classifies as their targets do."""
    x, t = data
    y = Dense(layers).outputs(theta, x)
    right = (y > 0.5) == (t > 0.5) if layers[-1] == 1 else y.argmax(axis=1) == t.argmax(axis=1)
    return 100 * float(right.mean())


def follow(
    loop: Callable[..., np.ndarray],
    layers: tuple[int, ...],
    data: tuple[Samples, Samples],
    training: Training,
    init: str,
    limit: int,
) -> list[float]:
    """Train by one of the float loops; return the accuracy at every column up to a limit.

    `data` is what is trained on and what is tested on.
    """
    fitted, tested = data
    theta = start(layers, training.seed, init, training.init_range)
    accuracies, done = [], 0
    for number, steps in enumerate(column for column in COLUMNS if column <= limit):
        seed = len(COLUMNS) * training.seed + number
        theta = loop(layers, *fitted, theta, training=training, steps=steps - done, seed=seed)
        accuracies.append(accuracy(layers, theta, tested))
        done = steps
    return accuracies


def run(job: tuple[Row, Samples, Training, str, int]) -> tuple[Row, list[float]]:
    """Train one seed of a row."""
    row, data, *rest = job
    return row, follow(train, row.layers, (data, data), *rest)


def show(row: Row, table: np.ndarray) -> None:
    """Print a row beside the paper's; `table` has a line a seed."""
    print(f"\n{row.task} {'-'.join(map(str, row.layers))}, eta {row.eta:g}, {len(table)} seeds")
    print(f"{'timesteps':<12}" + "".join(f"{n:>12,}" for n in COLUMNS[: table.shape[1]]))
    paper, median = np.array(row.paper[: table.shape[1]]), np.median(table, axis=0)
    for name, values, form in (
        ("paper", paper, "12.1f"),
        ("median", median, "12.1f"),
        ("difference", median - paper, "+12.1f"),
        ("mean", table.mean(axis=0), "12.1f"),
        ("lowest", table.min(axis=0), "12.1f"),
        ("highest", table.max(axis=0), "12.1f"),
    ):
        print(f"{name:<12}" + "".join(format(value, form) for value in values))


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=COLUMNS[-1], help="leave out later columns")
    parser.add_argument("--dtheta", type=float, default=0.0625)
    parser.add_argument("--init", choices=("uniform", "glorot"), default="uniform")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.steps < COLUMNS[0] or arguments.seeds < 1:
        parser.error(f"--steps must be at least {COLUMNS[0]}, and --seeds at least 1")
    jobs = []
    for row in ROWS:
        loaded = load(Data(source=row.task), Network(layers=row.layers))
        for seed in range(arguments.seeds):
            training = Training(
                eta=row.eta, eta_convention="table4", dtheta=arguments.dtheta, init_range=0.5,
                seed=seed,
            )  # fmt: skip
            jobs.append((row, (loaded.x, loaded.y), training, arguments.init, arguments.steps))
    started_from = "uniform in +-0.5" if arguments.init == "uniform" else "Glorot uniform"
    print(f"start {started_from}, dtheta {arguments.dtheta:g}, eta as in Table 4", flush=True)
    began = time.perf_counter()
    found: dict[Row, list[list[float]]] = {row: [] for row in ROWS}
    with ProcessPoolExecutor(arguments.processes) as pool:
        for future in as_completed([pool.submit(run, job) for job in jobs]):
            row, accuracies = future.result()
            found[row].append(accuracies)
            elapsed = time.perf_counter() - began
            figures = " ".join(f"{value:.1f}" for value in accuracies)
            print(f"{elapsed:6.0f} s  {row.task}, eta {row.eta:g}: {figures}", flush=True)
    for row, lines in found.items():
        show(row, np.array(lines))


if __name__ == "__main__":
    main()
