"""Every choice that a fabric offers, combined: in pairs for every day, and all of them."""

import itertools
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from allpairspy import AllPairs

from pmgd.gateware.errors import SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec

DECAY = "decay_shift and decay_every"

KINDS: dict[str, tuple[Any, ...]] = {
    "fabric.perturbation": ("lfsr", "chain", "walsh", "sequential", "square", "sine"),
    "fabric.baseline": ("sample", "two_sided", "mean", "highpass", "literal"),
    "fabric.correlator": ("full", "sign"),
    DECAY: ((0, "update"), (3, "update"), (3, "timestep")),
}
"""The choices of the algorithm, which are combined in full in the slow tests."""

OTHERS: dict[str, tuple[Any, ...]] = {
    "network.activation": ("sigmoid", "tanh", "relu", "identity"),
    "network.cost": ("squared", "l1"),
    "network.bias": (True, False),
    "formats.rounding": ("stochastic", "nearest"),
    "formats.overflow": ("clip", "hold"),
    "formats.input": ("U1.0", "S2.3"),
    "formats.target": ("U1.0", "S1.5"),
    "fabric.tau_theta_bits": (6, 1),
    "fabric.shuffle": (True, False),
    "fabric.cost_noise": (True, False),
    "fabric.update_noise": ("none", "each", "shared"),
    "fabric.defects": (False, True),
    "network.layers": ((2, 2, 1), (3, 5, 2)),
}
"""The rest, which is paired with them."""

FORMATS = {"relu": "U3.6", "identity": "S4.6"}
"""Of outputs, where the squares of the usual ones and the fraction of their mean exceed a word."""


def pairs() -> list[dict[str, Any]]:
    """Return settings in which every two values of any two choices occur together."""
    axes = {**KINDS, **OTHERS}
    return [dict(zip(axes, row, strict=True)) for row in AllPairs(list(axes.values()))]


def products() -> list[dict[str, Any]]:
    """Return every combination of `KINDS`; the other choices take turns."""
    chosen = []
    for n, row in enumerate(itertools.product(*KINDS.values())):
        others = {key: values[n // 3 % len(values)] for key, values in OTHERS.items()}
        chosen.append({**dict(zip(KINDS, row, strict=True)), **others})
    return chosen


def identify(settings: dict[str, Any]) -> str:
    """Return a name for a test."""
    return "-".join(re.sub(r"\W+", "", str(value).lower()) for value in settings.values())


def make(settings: dict[str, Any]) -> Spec:
    """Return the specification with these settings, but for defects where there can be none."""
    chosen = dict(settings)
    chosen["fabric.decay_shift"], chosen["fabric.decay_every"] = chosen.pop(DECAY)
    activation = chosen["network.activation"]
    chosen["fabric.defects"] &= activation == "sigmoid"
    fmt = "S2.7" if chosen["fabric.defects"] else FORMATS.get(activation)
    if fmt:
        chosen["formats.activation"] = fmt
    fabric = Fabric(samples=9, lfsr_bits=16, band=(0.25, 0.4375))
    spec = Spec(name="variant", network=Network(layers=(1, 1)), fabric=fabric)
    return spec.with_settings(chosen)


def schedules(spec: Spec, count: int, rng: random.Random) -> Iterator[Spec]:
    """Draw run-time settings for a specification: what may change between two runs."""
    fabric = spec.fabric
    orders = ("random", "sequential", "shuffled") if fabric.shuffle else ("random", "sequential")
    parameters = sum((n + spec.network.bias) * m for n, m in pairwise(spec.network.layers))
    while count:
        convention = rng.choice(("eq4", "eq4", "table4"))
        drawn = spec.with_settings(
            {
                "training.tau_x": rng.choice((1, 1, 2, 3, 5, 14)),
                "training.tau_p": rng.choice((1, 1, 2, 4, 7)),
                "training.tau_theta": rng.randint(1, (1 << min(5, fabric.tau_theta_bits)) - 1),
                "training.eta": 2.0 ** -rng.randint(1, 5)
                * (parameters if convention == "table4" else 1),
                "training.eta_convention": convention,
                "training.dtheta": 2.0 ** -rng.randint(0, 5),
                "training.mean_shift": rng.choice((*range(9), 15)),
                "training.blank": rng.random() < 0.5,
                "training.sigma_c": rng.choice((0, 0.01, 0.05)) * fabric.cost_noise,
                "training.sigma_theta": rng.choice((0, 0.1, 0.3)) * (fabric.update_noise != "none"),
                "training.sigma_a": rng.choice((0, 0.3, 1)) * fabric.defects,
                "training.order": rng.choice(orders),
                "training.init_range": rng.choice((0.5, 2.0, 7.5)),
            }
        )
        try:
            Plan(drawn)
        except SpecError:
            continue  # it would not train, whatever the fabric makes of it
        count -= 1
        yield drawn
