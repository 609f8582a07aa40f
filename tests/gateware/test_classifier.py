"""The classifier against the specification's classes, outputs and targets of every value."""

import random
from itertools import product

import pytest
from classes import hit, plan_of
from datapath import Row, assert_pipelined, play

from pmgd.gateware.classifier import Classifier
from pmgd.gateware.formats import Format


@pytest.mark.parametrize(
    ("outputs", "activation", "output", "target", "latency"),
    [
        (1, "sigmoid", "U0.4", "U1.0", 1),
        (1, "sigmoid", "U0.3", "S1.2", 1),
        (1, "tanh", "S1.3", "S1.2", 1),
        (1, "identity", "S3.1", "U2.1", 1),
        (1, "relu", "U3.0", "U3.0", 1),
        (2, "sigmoid", "U0.3", "U1.0", 1),
        (2, "tanh", "S1.1", "S1.1", 1),
        (3, "sigmoid", "U0.2", "U1.0", 2),
        (4, "tanh", "S1.0", "U1.0", 2),
        (5, "sigmoid", "U0.1", "U1.0", 3),
    ],
)
def test_every_class(
    outputs: int, activation: str, output: str, target: str, latency: int, random_seed: int
) -> None:
    plan = plan_of(outputs, activation, output, target)
    dut = Classifier(plan)
    assert dut.latency == latency
    formats = plan.output_format, plan.spec.formats.target
    values = [list(product(range(fmt.minimum, fmt.maximum + 1), repeat=outputs)) for fmt in formats]
    cases = list(product(*values))
    random.Random(random_seed).shuffle(cases)
    seen = play(dut, (dut.y, dut.target), cases + cases[:latency], (dut.hit,))
    assert_pipelined(seen, [(int(hit(plan, *case)),) for case in cases], latency)


def test_many_outputs(random_seed: int) -> None:
    """The first among equals, of as many as make no full tournament, wherever they are."""
    rng = random.Random(random_seed)
    plan = plan_of(11, "identity", "S4.2", "S3.0")
    dut = Classifier(plan)

    def draw(fmt: Format) -> Row:
        few = rng.sample(range(fmt.minimum, fmt.maximum + 1), rng.choice([2, 3, 8]))
        return tuple(rng.choice(few) for _ in range(11))

    cases = []
    for _ in range(1500):
        y, t = draw(plan.output_format), draw(plan.spec.formats.target)
        if rng.random() < 0.5:  # of the same class, mostly
            t = tuple(
                int(k == y.index(max(y)) or (k > y.index(max(y)) and rng.random() < 0.3))
                for k in range(11)
            )
        cases.append((y, t))
    seen = play(dut, (dut.y, dut.target), cases + cases[: dut.latency], (dut.hit,))
    assert_pipelined(seen, [(int(hit(plan, *case)),) for case in cases], dut.latency)
