"""Run-time settings as the values of the registers that will hold them."""

import math

from pmgd.gateware.checks import rounded
from pmgd.gateware.errors import SpecError
from pmgd.gateware.gaussian import DEVIATION
from pmgd.gateware.layout import MANTISSA_BITS, SHIFT_BITS, LayerPlan
from pmgd.gateware.oscillator_checks import check_oscillators
from pmgd.gateware.widths import Widths

__all__ = [
    "check_training", "cost_noise_level", "dtheta_steps", "glorot_range", "scale", "sign_step",
    "update_noise_level",
]  # fmt: skip


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
            f"training.order must be random or sequential in a fabric that cannot shuffle, not "
            f"shuffled; set {_first(widths)}fabric.shuffle to true"
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
    _check_filter(widths)
    check_oscillators(widths)
    _check_imperfections(widths)
    if fabric.correlator == "full":
        scale(widths)
    else:
        sign_step(widths)


def _check_filter(widths: Widths) -> None:
    """Refuse a filter that would leave nothing of the cost's changes."""
    training, kind = widths.spec.training, widths.spec.fabric.baseline
    if kind == "highpass" and not training.mean_shift:
        raise SpecError(
            "training.mean_shift must be at least 1 for a high-pass filter, which else has a time "
            "constant of 0 and lets nothing pass, not 0; raise it"
        )
    if training.blank and not widths.filters:
        raise SpecError(
            f"training.blank must be false for the baseline {kind}, which no new sample disturbs, "
            f"not true; or set {_first(widths)}fabric.baseline to mean or highpass"
        )
    if training.blank and training.tau_x == 1:
        raise SpecError(
            "training.blank must be false where every timestep has a new sample, whose change is "
            "then always 0, not true; or raise training.tau_x"
        )
    if training.blank and training.tau_p % training.tau_x == 0:
        raise SpecError(
            f"training.tau_p must not be a multiple of training.tau_x where every sample begins "
            f"anew, since no perturbation then changes within one, not {training.tau_p}; lower it "
            f"below {training.tau_x}, or set training.blank to false"
        )


def _first(widths: Widths) -> str:
    """Return what advice begins with that a pipelined fabric would refuse."""
    return "fabric.pipeline to false and " if widths.spec.fabric.pipeline else ""


def _check_imperfections(widths: Widths) -> None:
    training, fabric = widths.spec.training, widths.spec.fabric
    for name, built, choice in (
        ("sigma_c", fabric.cost_noise, "cost_noise to true"),
        ("sigma_theta", fabric.update_noise != "none", "update_noise to each or shared"),
        ("sigma_a", fabric.defects, "defects to true"),
    ):
        if getattr(training, name) and not built:
            raise SpecError(
                f"training.{name} must be 0 in a fabric that was built without it, not "
                f"{getattr(training, name):g}; set {_first(widths)}fabric.{choice}"
            )
    cost_noise_level(widths)
    update_noise_level(widths)


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
    bound = 2.0 ** (widths.dtheta_bits - widths.theta.fraction_bits)
    if widths.spec.fabric.pipeline:
        fraction = widths.spec.formats.operand_fraction
        seen = dtheta * (1 << fraction)
        if seen < 1 or dtheta >= bound or seen != int(seen):
            raise SpecError(
                f"training.dtheta must be a multiple of {2.0**-fraction:g} (the last bit of "
                f"formats.operand_fraction {fraction}) below {bound:g} in a pipelined fabric, not "
                f"{dtheta!r}; change it, or raise formats.operand_fraction"
            )
    if steps < 1 or dtheta >= bound or steps != int(steps):
        raise SpecError(
            f"training.dtheta must be a multiple of {2.0**-widths.theta.fraction_bits:g} (a "
            f"parameter's last bit in {widths.theta}) below {bound:g}, not {dtheta!r}; change it, "
            f"or widen formats.parameter"
        )
    fraction, levels = widths.spec.formats.operand_fraction, widths.levels
    least = levels / (1 << fraction)
    if levels > 1 and (int(steps) % (1 << widths.operand_shift) or dtheta < least):
        raise SpecError(
            f"training.dtheta must be a multiple of {2.0**-fraction:g} (the last bit of "
            f"formats.operand_fraction {fraction}) from {least:g} for a sine, "
            f"whose magnitudes it scales, not {dtheta!r}; "
            f"{'change it, or ' if least < bound else ''}raise formats.operand_fraction"
        )
    return int(steps)


def scale(widths: Widths) -> tuple[int, int]:
    """Return the mantissa and shift that take a cost change to the broadcast step.

    The step is ``-eta * C~ * sign / dtheta`` (eq. 4, [0053]-[0054]) with C averaged over the
    outputs: in stored integers, ``C~ * mantissa / 2**shift``, where the mantissa has up to 16
    bits and the shift is as large as both registers allow. A leaky integrator, which sums every
    step 2**decay_shift times as it decays, gets as much less of it: a gain of 1, as in eq. (5).
    """
    training = widths.spec.training
    divisor = training.dtheta * widths.outputs
    if training.eta_convention == "table4":
        divisor *= widths.parameters
    if widths.spec.fabric.baseline == "two_sided":
        divisor *= 2  # the change is that between +dtheta and -dtheta
    if widths.leaky:
        divisor *= 1 << widths.spec.fabric.decay_shift
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
            f"training.eta must be from {rounded(2.0**-32 / per_eta, math.ceil)} to "
            f"{rounded(((1 << MANTISSA_BITS) - 1) / per_eta, math.floor)} for these formats and "
            f"dtheta {training.dtheta:g}, or 0, not {training.eta!r}; change it, or "
            f"formats.parameter"
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
            f"training.eta must be from {rounded(0.5 / last_bits, math.ceil)} to "
            f"{rounded(most / last_bits, math.floor)} for a sign-only update of parameters in "
            f"{widths.theta}, or 0, not {training.eta!r}; change it, or formats.parameter"
        )
    return int(step + 0.5)


def cost_noise_level(widths: Widths) -> int:
    """Return the level of the cost noise: what its greatest value is, in a cost's last bits.

    `Training.sigma_c` is of a reported cost, the mean over the outputs ([0083]).
    """
    unit = 1 / (widths.outputs << widths.cost_fraction)
    return _level(widths, "sigma_c", unit, widths.cost_noise_bits, "formats.cost")


def update_noise_level(widths: Widths) -> int:
    """Return the level of the update noise, in a parameter's last bits.

    `Training.sigma_theta` is in units of dtheta ([0084]).
    """
    unit = 1 / dtheta_steps(widths)
    bits = widths.update_noise_bits
    advice = "training.dtheta or formats.parameter"
    return _level(widths, "sigma_theta", unit, bits, advice)


def _level(widths: Widths, name: str, unit: float, bits: int, advice: str) -> int:
    """Return the level of a noise whose last bit is worth `unit` of its sigma."""
    sigma: float = getattr(widths.spec.training, name)
    level = round(min(sigma / unit / DEVIATION, float(1 << bits)))
    least, most = 0.5 * unit, ((1 << bits) - 1) * DEVIATION * unit
    if sigma and not (least <= sigma and level < 1 << bits):
        if least > most:
            raise SpecError(
                f"training.{name} must be 0 here, as the level of this noise has no more than "
                f"{bits} bit{'s' * (bits != 1)}, not {sigma!r}; change {advice}"
            )
        bounds = f"from {rounded(least, math.ceil)} to {rounded(most, math.floor)}"
        raise SpecError(
            f"training.{name} must be {bounds} here, or 0, not {sigma!r}; change it, or {advice}"
        )
    return level
