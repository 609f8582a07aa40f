"""Angle between G and the true gradient: python benchmarks/gradient_angle.py [--device rtl].

Each draw has its own parameters, sample and perturbations on 49-4-4. The fabric correlates N codes
without an update (tau_theta > N); then its G is read back and compared with the gradient that
backpropagation finds for the same stored parameters. For random codes theory says
cos = sqrt(N / (N + P - 1)): the other P - 1 parameters are noise (patent, [0073] and Fig. 13).
"""

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import Device
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.host.driver import Driver
from pmgd.host.nist7x7 import nist7x7
from pmgd.host.open_device import open_device
from pmgd.sim.reference import Dense

CODES = (55, 220, 880, 3520)


def fine_spec(perturbation: str = "lfsr") -> Spec:
    """49-4-4 with formats so fine, and dtheta so small, that rounding and curvature vanish."""
    return Spec(
        name="gradient_angle",
        network=Network(layers=(49, 4, 4), segments=256),
        formats=Formats(
            parameter="S4.16",
            operand_fraction=16,
            preactivation="S4.14",
            activation="U0.16",
            cost="U3.28",
        ),
        fabric=Fabric(samples=1, perturbation=perturbation, lfsr_bits=32, tau_theta_bits=13),
        training=Training(
            eta=1.0, dtheta=2.0**-7, tau_theta=CODES[-1] + 1, init_range=0.5, steps=CODES[-1]
        ),
    )


def angles(device: Device, spec: Spec, draws: int, codes: tuple[int, ...]) -> NDArray[np.float64]:
    """Return angles in degrees, shape (draws, len(codes))."""
    plan = Plan(spec)
    x, t = nist7x7()
    rng = np.random.default_rng(0)
    driver = Driver(device, plan)
    driver.configure(spec.training)
    found = np.empty((draws, len(codes)))
    for draw in range(draws):
        sample = rng.integers(len(x))
        one_x, one_t = x[[sample]], t[[sample]]
        driver.load_samples(one_x.astype(np.int64), one_t.astype(np.int64))
        driver.initialise(draw)
        theta = driver.parameters().real
        true = Dense(spec.network.layers).gradient(theta[None], one_x, one_t)[0]
        for k, count in enumerate(codes):
            driver.run(count - driver.timestep)
            gradient = np.array(driver.read_state().gradients, dtype=np.float64)
            cosine = gradient @ true / (np.linalg.norm(gradient) * np.linalg.norm(true))
            found[draw, k] = math.degrees(math.acos(cosine))
    return found


def law(codes: int, parameters: int) -> float:
    """Angle in degrees that theory expects after a number of random codes."""
    return math.degrees(math.acos(math.sqrt(codes / (codes + parameters - 1))))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="golden")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--perturbation", default="lfsr")
    arguments = parser.parse_args()
    spec = fine_spec(arguments.perturbation)
    plan = Plan(spec)
    device = open_device(arguments.device, plan)
    found = angles(device, spec, arguments.draws, CODES)
    device.close()
    print(
        f"{arguments.device}, {arguments.perturbation}: P = {plan.parameters}, "
        f"{arguments.draws} draws, dtheta {spec.training.dtheta:g}"
    )
    print(f"{'codes N':>8}{'mean angle':>12}{'law':>8}{'difference':>12}{'spread':>8}")
    for k, count in enumerate(CODES):
        mean, expected = found[:, k].mean(), law(count, plan.parameters)
        print(
            f"{count:>8}{mean:>12.2f}{expected:>8.2f}{mean - expected:>+12.2f}"
            f"{found[:, k].std():>8.2f}"
        )


if __name__ == "__main__":
    main()
