"""Checks of a spec's parts against each other, beyond those of single settings."""

from pmgd.gateware.errors import SpecError
from pmgd.gateware.formats import Format, unsigned_bits
from pmgd.gateware.layout import MAX_COST_BITS, MAX_PARAMETERS, REGION_SHIFT
from pmgd.gateware.seeds import chain_is_independent
from pmgd.gateware.spec import Spec
from pmgd.gateware.widths import Widths

__all__ = ["check_parts"]


def check_parts(widths: Widths) -> None:
    """Check what is fixed when gateware is generated.

    Raises
    ------
    SpecError
        If the parts do not fit each other.
    """
    _ = widths.layers  # which refuse formats that do not suit their activations
    _check_pipeline(widths.spec)
    _check_leak(widths.spec)
    _check_generators(widths)
    _check_cost(widths)
    _check_samples(widths)


def _check_pipeline(spec: Spec) -> None:
    """Refuse what cannot start a timestep every clock, or be updated late."""
    fabric = spec.fabric
    if not fabric.pipeline:
        if fabric.copies != 1:
            raise SpecError(
                f"fabric.copies must be 1 in a fabric that is not pipelined, not {fabric.copies}; "
                f"or set fabric.pipeline to true"
            )
        return
    late = "the sign that a late update needs"
    refusals = (
        (
            "perturbation",
            fabric.perturbation in ("chain", "walsh"),
            "chain or walsh",
            f"whose generators, doubled, give {late}",
        ),
        (
            "baseline",
            fabric.baseline in ("sample", "two_sided"),
            "sample or two_sided",
            "which need nothing of the timestep before",
        ),
        (
            "correlator",
            fabric.correlator == "full",
            "full",
            "since steps, not their signs alone, wait in the queue",
        ),
        (
            "decay_every",
            fabric.decay_every == "update",
            "update",
            "since the word that rounds a leak does not wait in the queue",
        ),
        (
            "cost_noise",
            not fabric.cost_noise,
            "false",
            "since both costs of a timestep would need a random number at once",
        ),
        (
            "update_noise",
            fabric.update_noise == "none",
            "none",
            "since the parameters take their noise in turn, after a timestep",
        ),
        (
            "defects",
            not fabric.defects,
            "false",
            "since they lie in the ring of a fabric that waits",
        ),
        (
            "shuffle",
            not fabric.shuffle,
            "false",
            "since a shuffled order may take several tries for a sample",
        ),
    )
    for name, holds, allowed, reason in refusals:
        if not holds:
            raise SpecError(
                f"fabric.{name} must be {allowed} in a pipelined fabric, {reason}, not "
                f"{str(getattr(fabric, name)).lower()}; or set fabric.pipeline to false"
            )


def _check_leak(spec: Spec) -> None:
    if spec.fabric.decay_every == "timestep" and not spec.fabric.decay_shift:
        raise SpecError(
            "fabric.decay_shift must be at least 1 where G decays in every timestep, which else "
            "keeps nothing, not 0; raise it, or set fabric.decay_every to update"
        )


def _check_generators(widths: Widths) -> None:
    count, fabric = widths.parameters, widths.spec.fabric
    if count > MAX_PARAMETERS:
        raise SpecError(
            f"a spatial fabric must have at most {MAX_PARAMETERS} parameters, not {count}; choose "
            f"smaller network.layers"
        )
    bits = fabric.lfsr_bits
    # Up to P*P/2 seeds make an XOR-triple; below this width most of them would.
    needed = max(8, 2 * (count - 1).bit_length())
    if fabric.perturbation == "lfsr" and bits < needed:
        raise SpecError(
            f"fabric.lfsr_bits must be at least {needed} for independent perturbations of {count} "
            f"parameters, not {bits}; raise it"
        )
    if fabric.perturbation == "chain" and not chain_is_independent(bits, count):
        # The widest, 32 bits, suits every number of parameters up to the maximum.
        better = next(n for n in range(bits + 1, 33) if chain_is_independent(n, count))
        raise SpecError(
            f"fabric.lfsr_bits must be such that no sign in a chain of {count} parameters is the "
            f"product of two others, not {bits}; choose {better}"
        )


def _check_cost(widths: Widths) -> None:
    cost_bits = unsigned_bits(widths.full_cost_maximum) - widths.cost_shift
    if cost_bits > MAX_COST_BITS:
        which = "fraction bits in formats.cost"
        if widths.cost_fraction < cost_bits - MAX_COST_BITS:
            which = "integer bits in formats.target and formats.activation"
        raise SpecError(
            f"the cost must fit {MAX_COST_BITS} bits, not {cost_bits}; choose fewer {which}"
        )
    if widths.baseline_bits > MAX_COST_BITS:
        advice = ["fewer fraction bits in formats.cost"]
        advice += ["another fabric.baseline"] * widths.filters
        advice += ["no fabric.cost_noise"] * widths.spec.fabric.cost_noise
        raise SpecError(
            f"a baseline must fit {MAX_COST_BITS} bits, not {widths.baseline_bits}; choose "
            f"{', or '.join(advice)}"
        )
    chosen = widths.spec.formats.cost
    if chosen is None:
        return
    if widths.cost_shift < 0:
        raise SpecError(
            f"formats.cost must have at most {widths.full_cost_fraction} fraction bits, those "
            f"of the sum over the outputs, not {chosen}; lower them"
        )
    largest = widths.full_cost_maximum >> widths.cost_shift
    if largest > chosen.maximum:
        wide_enough = Format(
            False, unsigned_bits(largest) - chosen.fraction_bits, chosen.fraction_bits
        )
        raise SpecError(
            f"formats.cost must hold the largest cost of {widths.outputs} output(s), "
            f"{largest / (1 << chosen.fraction_bits):g}, not {chosen}, which ends at "
            f"{chosen.maximum / (1 << chosen.fraction_bits):g}; choose {wide_enough}"
        )


def _check_samples(widths: Widths) -> None:
    most = (1 << REGION_SHIFT) // widths.sample.stride
    if widths.sample.samples > most:
        raise SpecError(
            f"fabric.samples must be at most {most}, since each takes {widths.sample.stride} of "
            f"the {1 << REGION_SHIFT} addresses of the sample memory, not {widths.sample.samples}; "
            f"lower it"
        )
