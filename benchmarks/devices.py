"""Speed of every device on one preset, in one run: python benchmarks/devices.py [PRESET].

Each device trains the same run from the same seed for about the same time; the machine's other
work disturbs all of them alike, so read the ratios.
"""

import argparse
import time

from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import preset
from pmgd.gateware.spec import Data
from pmgd.host.datasets import load
from pmgd.host.driver import Driver
from pmgd.host.open_device import open_device
from pmgd.host.samples import quantise_exactly
from pmgd.sim.golden import Golden

SECONDS = 4.0
DEVICES = ("rtl", "golden", "pysim")


def speed(run, steps: int) -> float:
    """Timesteps per second of `run(steps)`, with `steps` raised until it takes long enough."""
    while True:
        started = time.perf_counter()
        run(steps)
        elapsed = time.perf_counter() - started
        if elapsed > SECONDS / 2:
            return steps / elapsed
        steps = int(steps * max(2.0, min(20.0, SECONDS / max(elapsed, 1e-3))))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", nargs="?", default="xor")
    spec = preset(parser.parse_args().preset)
    plan = Plan(spec)
    data = load(Data(source=spec.data.source), spec.network)
    x = quantise_exactly(data.x, spec.formats.input, "inputs")
    t = quantise_exactly(data.y, spec.formats.target, "targets")
    rates, clocks = {}, {}
    for name in DEVICES:
        device = open_device(name, plan)
        driver = Driver(device, plan)
        driver.configure(spec.training)
        driver.load_samples(x, t)
        driver.initialise(spec.training.seed)
        before = getattr(device, "cycles", None)
        done = driver.timestep
        rates[name] = speed(driver.run, 20)
        if before is not None:
            clocks[name] = (device.cycles - before) / (driver.timestep - done)
        device.close()
    lanes = 100
    golden = Golden(plan, lanes=lanes)
    golden.load_samples(x, t)
    golden.begin(range(lanes))
    rates[f"golden, {lanes} seeds"] = lanes * speed(golden.run, 100)

    print(f"{spec.name}: {'-'.join(map(str, spec.network.layers))}, {plan.parameters} parameters\n")
    print(f"{'device':<20}{'timesteps/s':>14}{'cycles/s':>14}{'ratio to pysim':>16}")
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        cycles = f"{rate * clocks[name]:,.0f}" if name in clocks else "-"
        print(f"{name:<20}{rate:>14,.0f}{cycles:>14}{rate / rates['pysim']:>16,.0f}")


if __name__ == "__main__":
    main()
