"""Any plan, and any state of a golden model: what the tests of the golden model draw."""

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format
from pmgd.gateware.layout import DEFECTS
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import (
    ACTIVATIONS,
    FILTERS,
    OSCILLATORS,
    Fabric,
    Formats,
    Network,
    Spec,
    Training,
)
from pmgd.sim.golden import Golden

SAMPLES = 5
COST_INTEGER_BITS = 12
"""Enough for three squares of errors within +-32."""
SINE_FRACTION = 3
"""Fewest fraction bits of an operand that hold the eight magnitudes of a sine."""

ANY: dict[str, tuple[Any, ...]] = {
    "copies": (1,),
    "perturbation": ("lfsr", "chain", "walsh", "sequential", "square", "sine"),
    "band": ((0.0625, 0.4375), (0.25, 0.4375), (0.1, 0.3)),
    "baseline": ("sample", "two_sided", "mean", "highpass", "literal"),
    "correlator": ("full", "sign"),
    "decay_every": ("update", "timestep"),
    "cost_noise": (False, False, True),
    "update_noise": ("none", "none", "each", "shared"),
    "defects": (False, False, True),
    "shuffle": (False, True),
}
PIPELINED: dict[str, tuple[Any, ...]] = {
    "copies": (1, 2),
    "perturbation": ("chain", "walsh"),
    "band": ((0.0625, 0.4375),),
    "baseline": ("sample", "two_sided"),
    "correlator": ("full",),
    "decay_every": ("update",),
    "cost_noise": (False,),
    "update_noise": ("none",),
    "defects": (False,),
    "shuffle": (False,),
}
"""What the specification of a pipelined fabric allows."""


@st.composite
def fixed_point(
    draw: st.DrawFn, signed: str, bits: tuple[int, int], most_integer: int = 32
) -> Format:
    width = draw(st.integers(*bits))
    kind = draw(st.sampled_from(signed))
    integer = draw(st.integers(int(kind == "S"), min(width, most_integer)))
    return Format(kind == "S", integer, width - integer)


@st.composite
def output_formats(draw: st.DrawFn, activation: str, defects: bool) -> Format:
    if defects:
        fraction = draw(st.integers(1, 12))
        return Format(True, draw(st.integers(1, 4)), fraction)
    if activation in ("sigmoid", "tanh"):
        signed = activation == "tanh"
        return Format(signed, int(signed), draw(st.integers(1, 15)))
    return draw(fixed_point("S" if activation == "identity" else "U", (1, 16), 4))


@st.composite
def plans(draw: st.DrawFn, pipeline: bool = False) -> Plan:
    """Any small plan, its numbers from a few bits up to more than 64 bits of sum."""
    choice = PIPELINED if pipeline else ANY
    chosen = {name: draw(st.sampled_from(values)) for name, values in choice.items()}
    sine, defects = chosen["perturbation"] == "sine", chosen["defects"]
    parameter = draw(fixed_point("S", (3, 24)))
    if sine and parameter.fraction_bits < SINE_FRACTION:  # its magnitudes need them
        parameter = Format(True, 2, draw(st.integers(SINE_FRACTION, 20)))
    layers = tuple(draw(st.lists(st.integers(1, 3), min_size=2, max_size=4)))
    kinds = ("sigmoid",) if defects else ACTIVATIONS
    activations = tuple(draw(st.sampled_from(kinds)) for _ in layers[1:])
    formats = Formats(
        parameter=parameter,
        operand_fraction=draw(st.integers(SINE_FRACTION if sine else 0, parameter.fraction_bits)),
        input=draw(st.sampled_from((Format(False, 1, 0), draw(fixed_point("SU", (1, 32)))))),
        target=draw(fixed_point("SU", (1, 12), 4)),
        preactivation=draw(fixed_point("S", (3, 20))),
        activation=tuple(draw(output_formats(kind, defects)) for kind in activations),
        rounding=draw(st.sampled_from(("stochastic", "nearest"))),
        overflow=draw(st.sampled_from(("clip", "hold"))),
    )
    decays = (0, 0, 1, 3, 8)
    if chosen["decay_every"] == "timestep":  # and outlasts the beats of oscillators
        decays = (3, 8) if chosen["perturbation"] in OSCILLATORS else (1, 3, 8)
    widths = (16, 32) if chosen["perturbation"] == "chain" else range(12, 33)
    fabric = Fabric(
        **chosen,
        pipeline=pipeline,
        decay_shift=draw(st.sampled_from(decays)),
        samples=SAMPLES,
        lfsr_bits=draw(st.sampled_from(widths)),
        tau_theta_bits=draw(st.sampled_from((1, 8))),
    )
    network = Network(
        layers=layers,
        activation=activations,
        segments=2 ** draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        cost=draw(st.sampled_from(("squared", "l1"))),
    )
    last_bit = formats.operand_fraction if pipeline or sine else parameter.fraction_bits
    dtheta = 2.0 ** (SINE_FRACTION * sine - last_bit)
    training = Training(dtheta=dtheta, eta=0.0, init_range=0.25)
    spec = Spec(name="random", network=network, formats=formats, fabric=fabric, training=training)
    try:
        return Plan(spec)
    except SpecError:  # a cost beyond a word: drop what does not fit, as the message advises
        bits = 32 - 8 * (fabric.baseline in FILTERS) - 2 * fabric.cost_noise
        cost = Format(False, COST_INTEGER_BITS, bits - COST_INTEGER_BITS)
        return Plan(spec.replace(formats=dataclasses.replace(formats, cost=cost)))


def scramble(golden: Golden, seed: int) -> None:
    """Put arbitrary values, different in each lane, into everything that can be written."""
    plan, rng = golden.plan, np.random.default_rng(seed)
    fabric, theta, lanes = plan.spec.fabric, plan.theta, golden.lanes

    def pick(low: int, high: int, shape: tuple[int, ...] = (lanes,)) -> np.ndarray:
        return rng.integers(low, high, shape, endpoint=True)

    def word(bits: int, shape: tuple[int, ...] = (lanes,)) -> np.ndarray:
        return pick(0, (1 << bits) - 1, shape)

    each = (lanes, plan.parameters)
    golden.theta[:] = pick(theta.minimum, theta.maximum, each)
    golden.theta[rng.random(each) < 0.2] = theta.maximum
    golden.theta[rng.random(each) < 0.2] = theta.minimum
    if plan.leaky:  # all that it can hold
        unit = (1 << plan.step_bits) - 1 if fabric.correlator == "full" else 1 << fabric.decay_shift
        most = ((1 << fabric.decay_shift) - 1) * unit
        golden.gradient[:] = pick(-most, most, each)
        golden.gradient[rng.random(each) < 0.2] = most
        golden.gradient[rng.random(each) < 0.3] //= 1 << min(20, plan.gradient_bits)
    elif plan.gradient_bits:  # room for what a few timesteps add
        most = (1 << (plan.gradient_bits - 1)) * 3 // 4 if fabric.tau_theta_bits > 1 else 0
        golden.gradient[:] = pick(-most, most, each)
        golden.gradient[rng.random(each) < 0.3] //= 1 << min(20, plan.gradient_bits)
    golden.perturber[:] = word(plan.perturber_bits, each)
    golden.perturber_state[:] = word(plan.perturber_state_bits)
    if fabric.pipeline:
        depth = plan.update_delay
        golden.update_perturber[:] = word(plan.perturber_bits, each)
        golden.update_state[:] = word(plan.perturber_state_bits)
        largest = (1 << plan.step_bits) - 1
        golden.flight[:, :, 0] = pick(-largest, largest, (lanes, depth))
        golden.flight[:, :, 1:] = pick(0, 1, (lanes, depth, 2))
        golden.flight_position[:] = pick(0, depth - 1)
    longest = 5 if fabric.tau_theta_bits > 1 else 1
    golden.tau_x[:], golden.tau_p[:], golden.tau_theta[:] = pick(0, 5), pick(0, 5), pick(0, longest)
    golden.phase_x[:], golden.phase_p[:] = pick(0, 6), pick(0, 6)
    golden.phase_theta[:] = pick(0, longest)
    golden.dtheta[:] = word(plan.dtheta_bits)
    golden.scale_mantissa[:], golden.scale_shift[:] = word(16), word(5)
    golden.sign_step[:], golden.mean_shift[:] = word(plan.step_bits), word(4)
    golden.order[:] = pick(0, 2 if fabric.shuffle else 1)
    golden.sample_count[:] = pick(1, SAMPLES)
    golden.sample_index[:] = pick(0, SAMPLES - 1)
    golden.order_position[:] = word(plan.sample.index_bits)
    golden.order_state[:], golden.rounding_state[:] = pick(1, 2**32 - 1), pick(1, 2**32 - 1)
    golden.baseline[:] = word(plan.baseline_bits)
    golden.baseline_valid[:], golden.perturbed[:] = pick(0, 1), pick(0, 1)
    golden.blank[:], golden.noise_state[:] = pick(0, 1), pick(1, 2**32 - 1)
    golden.cost_noise[:] = word(plan.cost_noise_bits)
    golden.update_noise[:] = word(plan.update_noise_bits)
    neurons = (lanes, plan.scan.neurons, len(DEFECTS))
    golden.defects[:] = pick(-(1 << 15), (1 << 15) - 1, neurons) >> pick(0, 8, neurons)
    source, target = plan.spec.formats.input, plan.spec.formats.target
    golden.load_samples(
        pick(source.minimum, source.maximum, (lanes, SAMPLES, plan.sample.inputs)),
        pick(target.minimum, target.maximum, (lanes, SAMPLES, plan.outputs)),
    )


def lane_state(golden: Golden, lane: int) -> dict[str, Any]:
    return {name: getattr(golden, name)[lane].tolist() for name in Golden.STATE}


def adder_of(fabric: Fabric, changed: dict[str, Any]) -> Golden:
    """Return a golden model to compute by hand: y = theta_0 + theta_1, in sixteenths.

    The parameters are 16 and 8, the target of both samples is 10.
    """
    spec = Spec(
        name="adder",
        network=Network(layers=(2, 1), activation="identity", bias=False),
        formats=Formats(
            parameter=Format(True, 4, 4),
            operand_fraction=4,
            target=Format(True, 4, 4),
            preactivation=Format(True, 6, 4),
            activation=Format(True, 6, 4),
            rounding="nearest",
        ),
        fabric=fabric,
        training=Training(dtheta=0.125, eta=0.0),
    )
    golden = Golden(Plan(spec.with_settings(changed)))
    golden.load_samples([[1, 1], [1, 1]], [[10], [10]])
    golden.theta[:] = [16, 8]
    return golden
