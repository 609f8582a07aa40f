"""Whether the oscillators of a plan can be told apart, and pass its filters."""

from math import ceil, log2, pi

from pmgd.gateware.checks import rounded
from pmgd.gateware.errors import SpecError
from pmgd.gateware.spec import MAX_DECAY_SHIFT, MAX_MEAN_SHIFT
from pmgd.gateware.widths import Widths

__all__ = ["LONGEST_BEAT", "check_oscillators"]

LONGEST_BEAT = 2048
"""Most timesteps in which neighbouring oscillators may beat.

What one of them learns leaks to the other until they have beaten, while parameters move: measured,
training gets worse beyond it whatever tau_theta is, since the parameters integrate, too.
"""


def check_oscillators(widths: Widths) -> None:
    """Check the band of square and sine against the number of parameters and the time constants.

    Raises
    ------
    SpecError
        If it is too narrow, or too low.
    """
    if not widths.increments:
        return
    training, fabric, count = widths.spec.training, widths.spec.fabric, widths.parameters
    low, high = fabric.band
    width = high - low
    beat = count * training.tau_p / width
    if beat > LONGEST_BEAT:
        needed = count * training.tau_p / LONGEST_BEAT
        advice = f"widen it to {rounded(needed, ceil)}"
        if training.tau_p > 1:
            advice += ", or lower training.tau_p"
        if needed >= 0.5:
            advice = "lower training.tau_p" if training.tau_p > 1 else "choose another perturbation"
        raise SpecError(
            f"fabric.band must be so wide that neighbouring ones of {count} oscillators beat "
            f"within {LONGEST_BEAT} timesteps, not {beat:.4g}; {advice}"
        )
    if widths.leaky and width * 2**fabric.decay_shift < training.tau_p:
        shift = ceil(log2(training.tau_p / width))
        advice = f"raise it to {shift}, or widen fabric.band"
        if shift > MAX_DECAY_SHIFT:
            advice = "lower training.tau_p, or set fabric.decay_every to update"
        raise SpecError(
            f"fabric.decay_shift must be such that a leaky integrator outlasts one over the "
            f"bandwidth of the perturbations, {training.tau_p / width:.3g} timesteps ([0063]), not "
            f"{fabric.decay_shift}; {advice}"
        )
    if training.blank and 2 * training.tau_x * low < training.tau_p:
        least = rounded(training.tau_p / (2 * training.tau_x), ceil)
        raise SpecError(
            f"training.tau_x must be at least {ceil(training.tau_p / (2 * low))} where every "
            f"sample begins anew, so that the slowest oscillator swings half a cycle within one, "
            f"not {training.tau_x}; raise it, raise the low end of fabric.band to "
            f"{least}, or set training.blank to false"
        )
    if widths.filters and 2 * pi * low * (2**training.mean_shift - 1) < training.tau_p:
        shift = ceil(log2(1 + training.tau_p / (2 * pi * low)))
        advice = "raise it, or the low end of fabric.band"
        if shift > MAX_MEAN_SHIFT:
            advice = "raise the low end of fabric.band, or lower training.tau_p"
        raise SpecError(
            f"training.mean_shift must be such that the filter lets the slowest oscillator pass, "
            f"at least {shift}, not {training.mean_shift}; {advice}"
        )
