"""Pipelined fabrics of every kind, and states and runs for them."""

import itertools
import random
from typing import Any

from allpairspy import AllPairs

from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Fabric, Network, Spec
from pmgd.host.state import State

KINDS: dict[str, tuple[Any, ...]] = {
    "fabric.copies": (2, 1),
    "fabric.perturbation": ("chain", "walsh"),
    "fabric.baseline": ("sample", "two_sided"),
}
"""The choices of the pipeline, which are combined in full with those of updates in slow tests."""

UPDATES: dict[str, tuple[Any, ...]] = {
    "fabric.tau_theta_bits": (1, 5),
    "formats.overflow": ("hold", "clip"),
    "fabric.decay_shift": (0, 2),
}
"""The choices of updates. The first of each, together, make a circuit of its own."""

UPDATERS = ((1, "hold", 0), (1, "clip", 0), (5, "hold", 2), (5, "clip", 0))
"""Some of their combinations, which are paired with everything else."""

OTHERS: dict[str, tuple[Any, ...]] = {
    "network.layers": ((2, 2, 1), (3, 5, 2), (3, 4, 3, 2), (1, 3, 1)),
    "network.activation": (
        ("sigmoid",),
        ("tanh", "relu"),
        ("identity", "sigmoid"),
        ("one", "sigmoid"),
        ("half", "tanh"),
    ),
    "network.bias": (True, False),
    "network.cost": ("squared", "l1"),
    "formats.input": ("U1.0", "S2.3", "U0.1"),
    "formats.target": ("U1.0", "S1.5"),
    "formats.rounding": ("stochastic", "nearest"),
    "formats.operand_fraction": (8, 5),
}
"""The rest, which is paired with them; of the activations, the layers take turns."""

FORMATS = {"sigmoid": "U0.8", "tanh": "S1.7", "relu": "U3.6", "identity": "S4.6"}
"""Of outputs; the squares of the usual ones of the last two exceed a word."""

HIDDEN = {"one": ("relu", "U1.0"), "half": ("sigmoid", "U0.1")}
"""Activations of hidden layers whose outputs are bits, of this weight."""


def pairs() -> list[dict[str, Any]]:
    """Return settings in which every two values of any two choices occur together."""
    axes = {"updater": UPDATERS, **OTHERS, **KINDS}
    chosen = []
    for row in AllPairs(list(axes.values())):
        settings = dict(zip(axes, row, strict=True))
        updater = dict(zip(UPDATES, settings.pop("updater"), strict=True))
        chosen.append({**settings, **updater})
    return chosen


def products() -> list[dict[str, Any]]:
    """Return every combination of `KINDS` and `UPDATES`, each on two networks."""
    chosen = []
    axes = {"network.layers": ((2, 2, 1), (3, 5, 2)), **KINDS, **UPDATES}
    for n, row in enumerate(itertools.product(*axes.values())):
        others = {key: values[n // 3 % len(values)] for key, values in OTHERS.items()}
        chosen.append({**others, **dict(zip(axes, row, strict=True))})
    return chosen


def identify(settings: dict[str, Any]) -> str:
    """Return a name for a test."""
    values = ("-".join(map(str, v)) if isinstance(v, tuple) else v for v in settings.values())
    return ",".join(str(value).lower() for value in values)


def make(settings: dict[str, Any], **fabric: Any) -> Spec:
    """Return a pipelined specification with these settings, 2-2-1 unless they say otherwise."""
    spec = Spec(
        name="pipeline",
        network=Network(layers=(2, 2, 1)),
        fabric=Fabric(
            **{"pipeline": True, "perturbation": "chain", "samples": 9, "tau_theta_bits": 1}
            | fabric
        ),
    )
    layers = len(settings.get("network.layers", (2, 2, 1))) - 1
    turns = settings.get("network.activation", ("sigmoid",))
    kinds = [turns[layer % len(turns)] for layer in range(layers)]
    # For the last layer, the other of the two: a bit is no cost to train by.
    if turns[0] in HIDDEN:
        kinds[-1] = turns[1]
    outputs = [HIDDEN.get(kind) or (kind, FORMATS[kind]) for kind in kinds]
    activations = {
        "network.activation": [kind for kind, _ in outputs],
        "formats.activation": [fmt for _, fmt in outputs],
    }
    return spec.with_settings({**settings, **activations})


def random_state(plan: Plan, rng: random.Random) -> State:
    """Return a state such as no run may leave: all that is kept is drawn anew."""
    fabric, scan, depth = plan.spec.fabric, plan.scan, plan.update_delay
    each = range(plan.parameters)
    bounds = plan.theta.minimum, plan.theta.maximum
    largest = (1 << plan.step_bits) - 1
    few = min(1 << plan.gradient_bits >> 3, 200)  # leaves G room for the steps in flight
    shared = range(1, 1 << plan.perturber_state_bits)

    def step() -> int:
        size = rng.choice([largest, 40, 40])
        return rng.randint(-size, size) & (1 << plan.flight.step_bits) - 1

    return State(
        parameters=tuple(rng.choice([*bounds, rng.randint(*bounds)]) for _ in each),
        gradients=tuple(rng.randint(-few, few) for _ in each),
        perturbers=tuple(rng.getrandbits(scan.perturber_bits) for _ in each),
        timestep=rng.choice([0, (1 << 32) - 20, rng.getrandbits(40)]),
        phase_x=rng.randrange(6),
        phase_p=rng.randrange(6),
        phase_theta=rng.randrange(1 << min(2, fabric.tau_theta_bits)),
        sample_index=rng.randrange(plan.sample.samples),
        order_state=rng.randrange(1, 1 << 32),
        rounding_state=rng.randrange(1, 1 << 32) if plan.stochastic else 0,
        baseline=0,
        baseline_valid=False,
        perturber_state=rng.choice(shared),
        update_perturbers=tuple(rng.getrandbits(scan.update_perturber_bits) for _ in each),
        update_state=rng.choice(shared),
        flight=tuple(
            step()
            | rng.getrandbits(1) << plan.flight.advance_bit
            | rng.getrandbits(1) << plan.flight.ends_bit
            for _ in range(depth)
        ),
        flight_position=rng.randrange(depth),
    )


def run_lengths(delay: int, steps: int, rng: random.Random) -> list[int]:
    """Split about `steps` timesteps into runs, many of them shorter than the delay."""
    lengths = [1, 1, 2, delay - 1, delay, delay + 1, rng.randint(1, delay), rng.randint(1, delay)]
    lengths.append(max(1, steps - sum(lengths)))
    rng.shuffle(lengths)
    return lengths
