"""Speed of compiled gateware and Amaranth's simulator: python benchmarks/rtl_speed.py [PRESET].

Both run the same fabric, with the same data set, in turns of about a second; the fastest turn
counts. What Python adds is the time of a run of the driver's that is not spent in the compiled
library; a run is of `--steps` timesteps.
"""

import argparse
import time

from pmgd.gateware.plan import Plan
from pmgd.host.datasets import load
from pmgd.host.driver import Driver
from pmgd.host.quantisation import quantise_samples
from pmgd.host.spec_file import load_spec, parse_setting
from pmgd.sim.pysim_device import PysimDevice
from pmgd.sim.rtl_device import RtlDevice
from pmgd.sim.simulated_device import SimulatedDevice

SAMPLES = 64
"""Of the data set: Amaranth's simulator takes a minute to load some thousands."""


def driver_of(device: SimulatedDevice, plan: Plan) -> Driver:
    """Return a driver of a device that is ready to train."""
    spec = plan.spec
    data = load(spec.data, spec.network)
    x, _ = quantise_samples(data.x[:SAMPLES], spec.formats.input, "inputs", clip=spec.data.clip)
    t, _ = quantise_samples(data.y[:SAMPLES], spec.formats.target, "targets", clip=spec.data.clip)
    driver = Driver(device, plan)
    driver.configure(spec.training)
    driver.load_samples(x, t)
    driver.initialise(spec.training.seed)
    return driver


def turn(driver: Driver, device: SimulatedDevice, steps: int) -> tuple[float, float]:
    """Return the seconds of a run of the driver's, and its clock cycles a second."""
    cycles, started = device.cycles, time.perf_counter()
    driver.run(steps)
    elapsed = time.perf_counter() - started
    return elapsed, (device.cycles - cycles) / elapsed


def best(driver: Driver, device: SimulatedDevice, steps: int, turns: int) -> tuple[int, float]:
    """Return timesteps that take about a second, and the highest rate of cycles."""
    while True:
        elapsed, rate = turn(driver, device, steps)
        if elapsed > 0.5:
            break
        steps = int(steps * min(10.0, max(2.0, 1.0 / max(elapsed, 1e-3))))
    return steps, max([rate, *(turn(driver, device, steps)[1] for _ in range(turns - 1))])


def share_of_python(driver: Driver, device: RtlDevice, steps: int, turns: int) -> float:
    """Return the least share of a run that passes outside of the compiled library."""
    simulation = device._simulation
    inside = 0.0

    def timed(call):  # type: ignore[no-untyped-def]
        def wrapper(*arguments):  # type: ignore[no-untyped-def]
            nonlocal inside
            started = time.perf_counter()
            result = call(*arguments)
            inside += time.perf_counter() - started
            return result

        return wrapper

    library = simulation._library
    for name in ("pmgd_advance", "pmgd_exchange"):
        setattr(library, name, timed(getattr(library, name)))
    shares = []
    for _ in range(turns):
        inside = 0.0
        elapsed, _ = turn(driver, device, steps)
        shares.append(1 - inside / elapsed)
    return min(shares)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("preset", nargs="?", default="xor_fast")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=100_000, help="of a run; default: %(default)s")
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    spec = load_spec(args.preset).with_settings(dict(map(parse_setting, args.set)))
    plan = Plan(spec)

    compiled = RtlDevice(plan)
    driver = driver_of(compiled, plan)
    _, fast = best(driver, compiled, 1000, args.turns)
    simulated = PysimDevice(plan)
    _, slow = best(driver_of(simulated, plan), simulated, 20, args.turns)
    share = share_of_python(driver, compiled, args.steps, args.turns)
    print(
        f"{spec.name}: {plan.parameters} parameters, {plan.clocks_per_timestep()} clock(s) a step"
    )
    print(f"compiled           {fast:12,.0f} cycles/s")
    print(f"Amaranth simulator {slow:12,.0f} cycles/s")
    print(f"ratio              {fast / slow:12,.0f}")
    print(f"Python's share of a run of {args.steps:,} timesteps: {share:.2%}")


if __name__ == "__main__":
    main()
