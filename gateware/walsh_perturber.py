"""Perturber 110a that computes its element of an orthogonal code."""

from operator import index

from amaranth.hdl import Module
from amaranth.lib import wiring

from pmgd.gateware.perturber_signature import PerturberSignature

__all__ = ["WalshPerturber"]


class WalshPerturber(wiring.Component):
    """Computes the sign of a parameter's perturbation: an element of the Walsh-Hadamard matrix.

    The element at `row` and column `code` is +1 exactly if the number of ones in ``row & code`` is
    even. Rows of the matrix are orthogonal over all its columns, so that in as many perturbations
    no parameter disturbs another ([0079]). The perturber has no state: `positive` follows `code`
    combinationally, and the scan chain passes through. Latency: none; what all share takes one
    cycle from `advance` to `code`.

    Parameters
    ----------
    row
        The parameter's row, from 1 on; row 0 is all ones.
    code_bits
        Width of the number of a row or column.

    Raises
    ------
    ValueError
        If there is no such row, or it is row 0.

    Its members are those of `PerturberSignature`.
    """

    def __init__(self, row: int, code_bits: int) -> None:
        self._row = index(row)
        if not 1 <= self._row < 1 << code_bits:
            raise ValueError(f"row must be from 1 to {(1 << code_bits) - 1}, not {row!r}")
        super().__init__(PerturberSignature(code_bits))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.positive.eq(~(self.code & self._row).xor()),
            self.own.eq(self.positive),
            self.active.eq(1),
            self.scan.output.eq(self.scan.input),
        ]
        return m
