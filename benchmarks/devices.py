"""Speed of every device on one preset, in one run: python benchmarks/devices.py [PRESET].

Each trains the same data set for about the same time, in turns of about a second, and the fastest
turn counts: the machine's other work slows them all, but not all turns alike. `float` is the plain
float64 loop on one core; ratios are to it, in timesteps/s summed over the seeds.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.host.datasets import load
from pmgd.host.driver import Driver
from pmgd.host.open_device import open_device
from pmgd.host.quantisation import quantise_samples
from pmgd.host.spec_file import load_spec, parse_setting
from pmgd.sim.float_loop import train
from pmgd.sim.golden import Golden

DEVICES = ("float", "golden", "batch", "numpy", "rtl", "pysim")


@dataclass
class Runner:
    """Something that executes timesteps, and what of it has been measured."""

    name: str
    run: Callable[[int], object]
    lanes: int = 1
    cycles: Callable[[], int] | None = None
    steps: int = 50
    rate: float = 0.0
    cycle_rate: float = 0.0

    def warm_up(self, turn_s: float) -> None:
        """Raise the number of timesteps until they take a turn."""
        self.run(self.steps)  # compiles what is to be compiled
        while True:
            elapsed = self.turn()
            if elapsed > turn_s / 2:
                return
            self.steps = int(self.steps * min(20.0, max(2.0, turn_s / max(elapsed, 1e-3))))

    def turn(self) -> float:
        """Measure one turn; return the seconds that it took."""
        before = self.cycles() if self.cycles else 0
        started = time.perf_counter()
        self.run(self.steps)
        elapsed = time.perf_counter() - started
        rate = self.lanes * self.steps / elapsed
        if rate > self.rate:
            self.rate = rate
            self.cycle_rate = (self.cycles() - before) / elapsed if self.cycles else 0.0
        return elapsed


def samples(spec: Spec, stored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the data set of a specification, as real numbers or as stored integers."""
    data = load(spec.data, spec.network)
    if not stored:
        return data.x, data.y
    x, _ = quantise_samples(data.x, spec.formats.input, "inputs", clip=spec.data.clip)
    t, _ = quantise_samples(data.y, spec.formats.target, "targets", clip=spec.data.clip)
    return x, t


def float_runner(spec: Spec) -> Runner:
    """Return the float loop; like the others it starts anew with every turn's first timestep."""
    plan, (x, t) = Plan(spec), samples(spec, stored=False)
    theta = np.random.default_rng(0).uniform(-1, 1, plan.parameters) * spec.training.init_range
    bound = -float(plan.theta.to_real(plan.theta.minimum))

    def run(steps: int) -> object:
        layers, training = spec.network.layers, spec.training
        return train(layers, x, t, theta, training=training, steps=steps, seed=0, bound=bound)

    return Runner("float", run)


def golden_runner(spec: Spec, name: str, kernel: str, lanes: int) -> Runner:
    """Return a golden model that has begun."""
    golden = Golden(Plan(spec), lanes, kernel)
    golden.load_samples(*samples(spec, stored=True))
    golden.begin(range(lanes))
    return Runner(name, golden.run, lanes)


def device_runner(spec: Spec, name: str) -> Runner:
    """Return a device that has been initialised."""
    plan = Plan(spec)
    device = open_device(name, plan)
    driver = Driver(device, plan)
    driver.configure(spec.training)
    driver.load_samples(*samples(spec, stored=True))
    driver.initialise(spec.training.seed)
    return Runner(name, driver.run, cycles=lambda: int(getattr(device, "cycles", 0)))


def make_runner(spec: Spec, name: str, seeds: int) -> Runner:
    """Return what a name of `DEVICES` stands for."""
    if name == "float":
        return float_runner(spec)
    if name == "batch":
        return golden_runner(spec, f"golden, {seeds} seeds", "numba", seeds)
    if name == "golden":
        return golden_runner(spec, name, "numba", 1)
    if name == "numpy":
        return golden_runner(spec, "golden, NumPy", name, 1)
    return device_runner(spec, name)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", nargs="?", default="xor")
    parser.add_argument("--devices", nargs="+", choices=DEVICES, default=DEVICES)
    parser.add_argument("--seeds", type=int, default=16, help="seeds of the batch")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--turn-s", type=float, default=1.0, help="seconds of a turn")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    arguments = parser.parse_args()
    spec = load_spec(arguments.preset).with_settings(dict(map(parse_setting, arguments.set)))
    runners = [make_runner(spec, name, arguments.seeds) for name in arguments.devices]
    for runner in runners:
        runner.warm_up(arguments.turn_s)
    for _ in range(arguments.turns):
        for runner in runners:
            runner.turn()

    sizes = "-".join(map(str, spec.network.layers))
    print(f"{spec.name}: {sizes}, {Plan(spec).parameters} parameters\n")
    reference = next((each for each in runners if each.name == "float"), runners[0])
    print(f"{'device':<20}{'timesteps/s':>14}{'cycles/s':>14}{'ratio':>10}")
    for runner in sorted(runners, key=lambda each: -each.rate):
        cycles = f"{runner.cycle_rate:,.0f}" if runner.cycle_rate else "-"
        ratio = runner.rate / reference.rate
        shown = f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"
        print(f"{runner.name:<20}{runner.rate:>14,.0f}{cycles:>14}{shown:>10}")


if __name__ == "__main__":
    main()
