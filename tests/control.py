"""What the tests of the control side share: plans of several widths, and accesses at each level."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from pmgd.gateware.formats import Format
from pmgd.gateware.frames import (
    DELIMITER,
    Operation,
    Reply,
    Request,
    Status,
    decode_reply,
    encode_request,
)
from pmgd.gateware.plan import Plan
from pmgd.gateware.presets import xor
from pmgd.gateware.spec import Fabric, Formats, Network, Spec, Training
from pmgd.sim.testbench import receive, send

S3_8 = Format(True, 3, 8)

PLANS = {
    "xor": Plan(xor()),
    # Every width at its smallest; the scan ring and a sample fit one word each.
    "narrow": Plan(
        Spec(
            name="narrow",
            network=Network(layers=(1, 1)),
            formats=Formats(parameter=Format(True, 1, 2), operand_fraction=2),
            fabric=Fabric(samples=1, lfsr_bits=8, tau_bits=1, tau_theta_bits=1),
            training=Training(dtheta=0.25),
        )
    ),
    # Every width at its largest; a sample takes three words of a stride of four.
    "wide": Plan(
        Spec(
            name="wide",
            network=Network(layers=(5, 2)),
            formats=Formats(
                parameter=Format(True, 1, 23),
                input=S3_8,
                target=S3_8,
                activation=Format(False, 0, 11),
                cost=Format(False, 10, 22),
            ),
            fabric=Fabric(samples=5, lfsr_bits=32, tau_bits=32, tau_theta_bits=24),
        )
    ),
}
"""Plans by name."""

VARIANTS = {
    "mean": Plan(
        Spec(
            name="mean",
            network=Network(layers=(2, 3), activation="identity"),
            formats=Formats(
                activation=Format(True, 3, 5),
                preactivation=Format(True, 3, 6),
                rounding="nearest",
                cost=Format(False, 9, 8),
            ),
            fabric=Fabric(baseline="mean", perturbation="chain", shuffle=True, samples=6),
            training=Training(eta=0.03),
        )
    ),
    "literal": Plan(
        Spec(
            name="literal",
            network=Network(layers=(2, 2, 1), activation="tanh", segments=8),
            formats=Formats(target=Format(True, 2, 0)),
            fabric=Fabric(
                baseline="literal", perturbation="walsh", correlator="sign", tau_theta_bits=3
            ),
            training=Training(eta=0.03),
        )
    ),
    "two_sided": Plan(
        Spec(
            name="two_sided",
            network=Network(layers=(2, 2, 2), activation=("relu", "sigmoid"), cost="l1"),
            fabric=Fabric(baseline="two_sided", perturbation="sequential", decay_shift=2),
            training=Training(eta=0.03),
        )
    ),
    "highpass": Plan(
        Spec(
            name="highpass",
            network=Network(layers=(2, 2, 1)),
            formats=Formats(operand_fraction=6, cost=Format(False, 6, 10)),
            fabric=Fabric(
                baseline="highpass",
                perturbation="sine",
                decay_shift=4,
                decay_every="timestep",
                cost_noise=True,
                defects=True,
            ),
            training=Training(eta=0.03, dtheta=0.25),
        )
    ),
    "noisy": Plan(
        Spec(
            name="noisy",
            network=Network(layers=(2, 3)),
            formats=Formats(cost=Format(False, 7, 8)),
            fabric=Fabric(
                baseline="mean",
                perturbation="square",
                correlator="sign",
                cost_noise=True,
                update_noise="each",
                defects=True,
                samples=6,
            ),
            training=Training(eta=0.03),
        )
    ),
    "shared": Plan(
        Spec(
            name="shared",
            network=Network(layers=(2, 2), activation="relu"),
            formats=Formats(operand_fraction=6, overflow="hold", activation=Format(False, 3, 6)),
            fabric=Fabric(perturbation="sine", update_noise="shared", tau_theta_bits=2),
            training=Training(eta=0.03, dtheta=0.25),
        )
    ),
}
"""Plans that have, between them, every other baseline, code, correlator, cost and imperfection."""

PIPELINED = {
    "pipelined": Plan(
        Spec(
            name="pipelined",
            network=Network(layers=(3, 2, 2), activation=("relu", "sigmoid")),
            fabric=Fabric(pipeline=True, copies=2, perturbation="walsh", samples=6),
        )
    ),
    "compact": Plan(
        Spec(
            name="compact",
            network=Network(layers=(2, 3)),
            formats=Formats(overflow="hold"),
            fabric=Fabric(
                pipeline=True, perturbation="chain", baseline="two_sided", tau_theta_bits=1
            ),
        )
    ),
}
"""Plans of pipelined fabrics."""


class Outcome(NamedTuple):
    """What came of an access."""

    status: Status
    value: int
    cycles: int
    """From the strobe to the end."""


async def access(ctx: Any, target: Any, offset: int, data: int | None = None) -> Outcome:
    """Read a word of a `TargetSignature`, or write one if `data` is given."""
    ctx.set(target.write, data is not None)
    ctx.set(target.offset, offset)
    ctx.set(target.data, data or 0)
    ctx.set(target.strobe, 1)
    cycles = 0
    while True:
        *_, done, status, value = await ctx.tick().sample(target.done, target.status, target.value)
        ctx.set(target.strobe, 0)
        if done:
            return Outcome(Status(status), value, cycles)
        cycles += 1


async def exchange(
    ctx: Any, fabric: Any, address: int, words: int | Sequence[int] = 1
) -> tuple[Status, tuple[int, ...]]:
    """Send a fabric one frame and return its reply: read `words` words, or write these."""
    if isinstance(words, int):
        request = Request(1, Operation.READ, address, words)
    else:
        request = Request(1, Operation.WRITE, address, len(words), tuple(words))
    await send(ctx, fabric.rx, encode_request(request))
    frame = bytearray()
    while not frame.endswith(DELIMITER):
        frame += bytes(await receive(ctx, fabric.tx, 1))
    reply = decode_reply(bytes(frame[:-1]))
    assert isinstance(reply, Reply)
    assert reply.sequence == 1
    return Status(reply.status), reply.words


def random_words(rng: random.Random, count: int) -> list[int]:
    """Draw 32-bit words, among them some of extreme values."""
    return [
        rng.choice([rng.getrandbits(32), rng.getrandbits(32), 0, 0xFFFFFFFF]) for _ in range(count)
    ]
