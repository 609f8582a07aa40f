"""Every choice that a fabric offers, combined: in pairs for every day, and all of them."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

from allpairspy import AllPairs

from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec

KINDS: dict[str, tuple[Any, ...]] = {
    "fabric.perturbation": ("lfsr", "chain", "walsh", "sequential"),
    "fabric.baseline": ("sample", "two_sided", "mean", "literal"),
    "fabric.correlator": ("full", "sign"),
    "fabric.decay_shift": (0, 3),
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
}
"""The rest, which is paired with them."""

SHAPES = {"2-2-1": (2, 2, 1), "3-5-2": (3, 5, 2)}


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
    return "-".join(str(value).lower() for value in settings.values())


def make(shape: str, settings: dict[str, Any], **network: Any) -> Spec:
    """Return the specification of a shape with these settings."""
    spec = Spec(
        name="variant",
        network=Network(layers=SHAPES[shape], **network),
        fabric=Fabric(samples=9, lfsr_bits=16),
    )
    # The squares of these in their usual formats, and the fraction of their mean, exceed a word.
    narrow = {"relu": {"formats.activation": "U3.6"}, "identity": {"formats.activation": "S4.6"}}
    return spec.with_settings({**settings, **narrow.get(settings["network.activation"], {})})


def schedules(spec: Spec, count: int, rng: random.Random) -> Iterator[Spec]:
    """Draw run-time settings for a specification: what may change between two runs."""
    fabric = spec.fabric
    orders = ("random", "sequential", "shuffled") if fabric.shuffle else ("random", "sequential")
    parameters = Plan(spec).parameters
    for _ in range(count):
        convention = rng.choice(("eq4", "eq4", "table4"))
        yield spec.with_settings(
            {
                "training.tau_x": rng.choice((1, 1, 2, 3, 5)),
                "training.tau_p": rng.choice((1, 1, 2, 4, 7)),
                "training.tau_theta": rng.randint(1, (1 << min(5, fabric.tau_theta_bits)) - 1),
                "training.eta": 2.0 ** -rng.randint(1, 5)
                * (parameters if convention == "table4" else 1),
                "training.eta_convention": convention,
                "training.dtheta": 2.0 ** -rng.randint(0, 5),
                "training.mean_shift": rng.randint(0, 8),
                "training.order": rng.choice(orders),
                "training.init_range": rng.choice((0.5, 2.0, 7.5)),
            }
        )
