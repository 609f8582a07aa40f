"""Following a target that moves: python examples/moving_target.py [--device rtl] [--out FILE.png].

A 2-4-1 network learns a function of the plane, at 16 points, by the continuous algorithm of Table 2
of the patent. The function is a slope that turns: after every slice of 64 timesteps the host
rewrites the 16 targets and leaves the parameters, G and the oscillators alone. All that the fabric
notices is that its samples are new, with which its filter begins anew. It just never stops
training, and so it follows.

The cost is measured at a slow and at a fast turn, and at the slow one with eta set to 0 after a
fifth of the time: such a network was trained, and is then used while the world moves on. A target
that does not turn shows what is left of the cost at best.
"""

import argparse
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pmgd.gateware.device import Device
from pmgd.gateware.errors import PmgdError
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor_analog
from pmgd.gateware.spec import Spec
from pmgd.host.driver import Driver
from pmgd.host.open_device import open_device
from pmgd.host.plot import ACCURACY, COST, GRID, INK, MUTED
from pmgd.host.quantisation import quantise_samples

SLICE = 64
"""Timesteps between two looks at the target."""
MEASURE_EVERY = 16
"""Slices between two measurements of the cost."""
SPAN = 16
"""Measurements that are averaged for the picture."""

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """What the target does, and whether the network goes on learning.

    `period` is that of a full turn, in timesteps.
    """

    title: str
    period: float
    learns_on: bool = True


SLOW, FAST, STILL = 400_000, 40_000, math.inf
COURSES = (
    Course("a turn in 400,000 timesteps", SLOW),
    Course("a turn in 40,000 timesteps", FAST),
    Course("the first, but eta = 0 after a fifth of the time", SLOW, learns_on=False),
    Course("no turn", STILL),
)


def following_spec() -> Spec:
    """`xor_analog` with another network and samples that are no bits."""
    return (
        xor_analog()
        .replace(name="moving_target")
        .with_settings(
            {
                "network.layers": [2, 4, 1],
                "formats.input": "S2.4",
                "formats.target": "U0.8",
                "fabric.samples": 16,
            }
        )
    )


def points() -> Reals:
    """Return the 16 points, shape (16, 2): a square of 4 by 4 around 0."""
    line = (-1.5, -0.5, 0.5, 1.5)
    return np.array([(x, y) for x in line for y in line])


def targets(angle: float) -> Reals:
    """Return the slope's value at every point, shape (16, 1), when it rises towards an angle."""
    height = points() @ (math.cos(angle), math.sin(angle))
    return 1 / (1 + np.exp(-4 * height[:, None]))


def follow(
    device: Device, spec: Spec, course: Course, seed: int, steps: int, learns_until: int
) -> tuple[NDArray[np.int64], Reals]:
    """Train, and return timesteps and the cost against the target of that time.

    Parameters
    ----------
    device
        Generated from `spec`.
    spec
        Whose training settings count.
    course
        What the target does.
    seed
        Of everything random.
    steps
        Timesteps.
    learns_until
        The timestep from which on eta is 0, if the course says so.
    """
    x, _ = quantise_samples(points(), spec.formats.input, "inputs")
    driver = Driver(device, Plan(spec))
    driver.configure(spec.training)
    moments, costs = [], []
    learns = True
    for slice_, timestep in enumerate(range(0, steps, SLICE)):
        real = targets(2 * math.pi * timestep / course.period)
        t, _ = quantise_samples(real, spec.formats.target, "targets", clip=True)
        driver.load_samples(x, t)
        if timestep == 0:
            driver.initialise(seed)
        elif learns and not course.learns_on and timestep >= learns_until:
            learns = False
            driver.configure(spec.with_settings({"training.eta": 0.0}).training)
        driver.run(min(SLICE, steps - timestep))
        if slice_ % MEASURE_EVERY == 0:
            moments.append(driver.timestep)
            costs.append(driver.score().cost)
    return np.array(moments), np.array(costs)


def smoothed(values: Reals) -> Reals:
    """Return running means over `SPAN` values."""
    return np.convolve(values, np.full(SPAN, 1 / SPAN), mode="valid")


def draw(
    curves: list[tuple[NDArray[np.int64], Reals]], learns_until: int, title: str, path: Path
) -> None:
    """Draw the curves of `COURSES`, costs (logarithmic) against the timestep, as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import EngFormatter

    layout = ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.1)
    figure = Figure(figsize=(8, 4.8), dpi=160, layout=layout, facecolor="white")
    axes = figure.subplots()
    axes.set_yscale("log")
    for course, color, (moments, costs) in zip(
        COURSES, (COST, ACCURACY, INK, MUTED), curves, strict=True
    ):
        if course.period == STILL:  # one number: the least there is, once it has been learned
            least = costs[moments > learns_until].mean()
            label = f"{course.title}: {least:.2g} on average"
            axes.axhline(least, color=color, linewidth=1, linestyle=(0, (5, 3)), label=label)
            continue
        # As long as it learns, the third is the first.
        since = 0 if course.learns_on else int(np.searchsorted(moments, learns_until))
        axes.plot(moments[since:], costs[since:], color=color, linewidth=0.6, alpha=0.25)
        middle = moments[SPAN // 2 : SPAN // 2 + len(moments) - SPAN + 1]
        axes.plot(
            middle[since:], smoothed(costs)[since:], color=color, linewidth=1.8, label=course.title
        )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    axes.set_xlabel("timestep")
    axes.set_ylabel("cost")
    axes.set_xlim(0, curves[0][0][-1] + MEASURE_EVERY * SLICE)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    figure.savefig(path, format="png")


def main() -> None:
    """Carry the command out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="golden")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="FILE.png", type=Path)
    arguments = parser.parse_args()
    if arguments.steps < 5 * SPAN * MEASURE_EVERY * SLICE:
        parser.error(f"--steps must be at least {5 * SPAN * MEASURE_EVERY * SLICE}")
    if arguments.out and not arguments.out.absolute().parent.is_dir():
        parser.error(f"--out must be a file in a folder that exists, not {arguments.out}")
    try:
        show(arguments.device, arguments.seed, arguments.steps, arguments.out)
    except (PmgdError, OSError) as error:
        parser.error(str(error))


def show(device_name: str, seed: int, steps: int, out: Path | None) -> None:
    """Follow every course, print the mean costs, and draw them into a file, if there is one."""
    spec = following_spec().with_settings({"training.seed": seed})
    learns_until = steps // 5
    curves = []
    with closing(open_device(device_name, Plan(spec))) as device:
        print(f"{device_name}, seed {seed}: mean cost from {learns_until:,} timesteps on")
        for course in COURSES:
            curve = follow(device, spec, course, seed, steps, learns_until)
            print(f"{curve[1][curve[0] > learns_until].mean():>8.4f}  {course.title}", flush=True)
            curves.append(curve)
    if out:
        draw(curves, learns_until, "A 2-4-1 network follows a target that turns", out)


if __name__ == "__main__":
    main()
