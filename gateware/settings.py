"""Run-time settings as the values of the registers that will hold them."""

import math

from pmgd.gateware.errors import SpecError
from pmgd.gateware.layout import MANTISSA_BITS, SHIFT_BITS, LayerPlan
from pmgd.gateware.widths import Widths

__all__ = ["check_training", "dtheta_steps", "glorot_range", "scale", "sign_step"]


def check_training(widths: Widths) -> None:
    """Check the run-time settings against the registers that will hold them."""
    training, fabric = widths.spec.training, widths.spec.fabric
    for name, bits, width in (
        ("tau_x", fabric.tau_bits, "tau_bits"),
        ("tau_p", fabric.tau_bits, "tau_bits"),
        ("tau_theta", fabric.tau_theta_bits, "tau_theta_bits"),
    ):
        value = getattr(training, name)
        if value >= 1 << bits:
            raise SpecError(
                f"training.{name} must be from 1 to {(1 << bits) - 1}, not {value}; or raise "
                f"fabric.{width} to {value.bit_length()}"
            )
    if training.order == "shuffled" and not fabric.shuffle:
        raise SpecError(
            "training.order must be random or sequential in a fabric that cannot shuffle, not "
            "shuffled; set fabric.shuffle to true"
        )
    bound = -float(widths.theta.to_real(widths.theta.minimum))
    if training.init == "glorot":
        reach = max(glorot_range(layer) for layer in widths.layers)
        if reach > bound:
            raise SpecError(
                f"training.init must be uniform where weights would start beyond {bound:g}, the "
                f"bound of formats.parameter {widths.theta}, not glorot, which here needs "
                f"{reach:.3g}; or widen the format"
            )
    elif training.init_range > bound:
        raise SpecError(
            f"training.init_range must be at most {bound:g}, the bound of formats.parameter "
            f"{widths.theta}, not {training.init_range:g}; lower it or widen the format"
        )
    dtheta_steps(widths)
    if fabric.correlator == "full":
        scale(widths)
    else:
        sign_step(widths)


def glorot_range(layer: LayerPlan) -> float:
    """Return the bound of a layer's initial weights (Glorot and Bengio 2010)."""
    return math.sqrt(6 / (layer.inputs + layer.outputs))


def dtheta_steps(widths: Widths) -> int:
    """Return dtheta in units of a parameter's last bit; it must be a multiple of it.

    In a pipelined fabric, which adds the perturbations apart from the parameters, it must be a
    multiple of what the multipliers see.
    """
    dtheta = widths.spec.training.dtheta
    steps = dtheta * (1 << widths.theta.fraction_bits)
    if widths.spec.fabric.pipeline:
        fraction = widths.spec.formats.operand_fraction
        seen = dtheta * (1 << fraction)
        if not 1 <= seen < 2 << fraction or seen != int(seen):
            raise SpecError(
                f"training.dtheta must be a multiple of {2.0**-fraction:g} (the last bit of "
                f"formats.operand_fraction {fraction}) below 2 in a pipelined fabric, not "
                f"{dtheta!r}"
            )
    if not 1 <= steps < 1 << widths.dtheta_bits or steps != int(steps):
        raise SpecError(
            f"training.dtheta must be a multiple of {2.0**-widths.theta.fraction_bits:g} (a "
            f"parameter's last bit in {widths.theta}) below 2, not {dtheta!r}"
        )
    return int(steps)


def scale(widths: Widths) -> tuple[int, int]:
    """Return the mantissa and shift that take a cost change to the broadcast step.

    The step is ``-eta * C~ * sign / dtheta`` (eq. 4, [0053]-[0054]) with C averaged over the
    outputs: in stored integers, ``C~ * mantissa / 2**shift``, where the mantissa has up to 16
    bits and the shift is as large as both registers allow.
    """
    training = widths.spec.training
    divisor = training.dtheta * widths.outputs
    if training.eta_convention == "table4":
        divisor *= widths.parameters
    if widths.spec.fabric.baseline == "two_sided":
        divisor *= 2  # the change is that between +dtheta and -dtheta
    units = 2.0 ** (widths.theta.fraction_bits - widths.cost_fraction)
    factor = training.eta / divisor * units
    too_large = (1 << MANTISSA_BITS) - 0.5  # the least that rounds up to another bit
    shift = (1 << SHIFT_BITS) - 1
    while shift and factor * 2.0**shift >= too_large:
        shift -= 1
    mantissa = round(min(factor * 2.0**shift, too_large))
    if mantissa >= 1 << MANTISSA_BITS or (training.eta and not mantissa):
        per_eta = units / divisor
        raise SpecError(
            f"training.eta must be from {2.0**-32 / per_eta:.3g} to "
            f"{((1 << MANTISSA_BITS) - 1) / per_eta:.3g} for these formats and dtheta "
            f"{training.dtheta:g}, or 0, not {training.eta!r}"
        )
    return mantissa, shift


def sign_step(widths: Widths) -> int:
    """Return what an update by the sign-only correlator moves a parameter by, in last bits."""
    training = widths.spec.training
    last_bits = 2.0**widths.theta.fraction_bits  # of a parameter, for an eta of 1
    if training.eta_convention == "table4":
        last_bits /= widths.parameters
    step = training.eta * last_bits
    most = (1 << widths.step_bits) - 1
    if training.eta and not 0.5 <= step <= most:
        raise SpecError(
            f"training.eta must be from {0.5 / last_bits:g} to {most / last_bits:g} for a "
            f"sign-only update of parameters in {widths.theta}, or 0, not {training.eta!r}"
        )
    return int(step + 0.5)
