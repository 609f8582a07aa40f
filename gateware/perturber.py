"""Perturber 110a: the perturbation of one parameter, by the fabric's choice of code."""

from amaranth.lib import wiring

from pmgd.gateware.chain_perturber import ChainPerturber
from pmgd.gateware.lfsr_perturber import LfsrPerturber
from pmgd.gateware.sequential_perturber import SequentialPerturber
from pmgd.gateware.walsh_perturber import WalshPerturber

__all__ = ["make_perturber"]


def make_perturber(
    kind: str, *, lfsr_bits: int, code_bits: int, parameter: int
) -> wiring.Component:
    """Return a perturber, a component with the ports of `PerturberSignature`.

    Parameters
    ----------
    kind
        ``"lfsr"``, ``"chain"``, ``"walsh"`` or ``"sequential"``; see `pmgd.gateware.spec.Fabric`.
    lfsr_bits
        Width of an LFSR.
    code_bits
        Width of the column of the Walsh code.
    parameter
        Index of the parameter in the network.
    """
    if kind == "lfsr":
        return LfsrPerturber(lfsr_bits)
    if kind == "chain":
        return ChainPerturber()
    if kind == "walsh":
        # Row 0, all ones, is nobody's.
        return WalshPerturber(parameter + 1, code_bits)
    if kind == "sequential":
        return SequentialPerturber()
    raise ValueError(f"kind must be 'lfsr', 'chain', 'walsh' or 'sequential', not {kind!r}")
