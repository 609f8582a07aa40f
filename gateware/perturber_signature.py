"""What every kind of perturber has in common, as a synapse sees it."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.broadcast import ScanSignature

__all__ = ["PerturberSignature"]


class PerturberSignature(wiring.Signature):
    """The ports of a perturber 110a, as it has them itself; s is its parameter's perturbation.

    Parameters
    ----------
    code_bits
        Width of the column of the Walsh code; see `pmgd.gateware.code_generator.CodeGenerator`.
    level_bits
        Width of the level; 0 for perturbations of one magnitude.

    Members
    -------
    advance
        Change to the next perturbation.
    code
        The column of the Walsh code.
    neighbour
        Of a code that moves from parameter to parameter: the previous parameter's `own`. Parameter
        0 takes the code generator's next bit (chain) or the last parameter's (sequential).
    own
        This parameter's bit p, for its neighbour.
    positive
        Sign of s: 1 for +dtheta, 0 for -dtheta.
    level
        Which of `pmgd.gateware.oscillators.LEVELS` the perturbation has.
    active
        0 if s is 0: the parameter is not perturbed.
    scan
        Access to the perturber's own state; not while `advance` is high.
    """

    def __init__(self, code_bits: int = 0, level_bits: int = 0) -> None:
        super().__init__(
            {
                "advance": In(1),
                "code": In(code_bits),
                "neighbour": In(1),
                "own": Out(1),
                "positive": Out(1),
                "level": Out(level_bits),
                "active": Out(1),
                "scan": In(ScanSignature()),
            }
        )
