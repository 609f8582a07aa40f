"""Perturber 110a: the perturbation of one parameter, by the fabric's choice of code."""

from amaranth.lib import wiring

from pmgd.gateware.chain_perturber import ChainPerturber
from pmgd.gateware.lfsr_perturber import LfsrPerturber
from pmgd.gateware.oscillator_perturber import OscillatorPerturber
from pmgd.gateware.sequential_perturber import SequentialPerturber
from pmgd.gateware.spec import OSCILLATORS
from pmgd.gateware.walsh_perturber import WalshPerturber

__all__ = ["make_perturber"]


def make_perturber(
    kind: str, *, bits: int, code_bits: int, parameter: int, increment: int = 0
) -> wiring.Component:
    """Return a perturber, a component with the ports of `PerturberSignature`.

    Parameters
    ----------
    kind
        See `pmgd.gateware.spec.Fabric.perturbation`.
    bits
        Width of an LFSR, or of an oscillator's phase.
    code_bits
        Width of the column of the Walsh code.
    parameter
        Index of the parameter in the network.
    increment
        Of its oscillator.

    Raises
    ------
    ValueError
        If there is no such perturbation.
    """
    if kind == "lfsr":
        return LfsrPerturber(bits)
    if kind == "chain":
        return ChainPerturber()
    if kind == "walsh":
        # Row 0, all ones, is nobody's.
        return WalshPerturber(parameter + 1, code_bits)
    if kind == "sequential":
        return SequentialPerturber()
    if kind in OSCILLATORS:
        return OscillatorPerturber(increment, bits, has_level=kind == "sine")
    raise ValueError(f"kind must be lfsr, chain, walsh, sequential, square or sine, not {kind!r}")
