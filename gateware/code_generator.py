"""What all perturbers of a fabric share."""

from functools import reduce
from operator import index, xor

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.seeds import lfsr_taps

__all__ = ["CodeGenerator"]


class CodeGenerator(wiring.Component):
    """Makes the signs of a chain, or the columns of the Walsh code.

    ``"chain"``: an LFSR; bit 0 of its next state enters the chain at parameter 0 in the cycle of
    `advance`, so that parameter 0 has the sign of the new state. ``"walsh"``: a counter of columns.
    It wakes up as 0, which an LFSR does not leave: the host loads a seed. Latency: one cycle from
    `advance` to `state`, as from there to the signs of all perturbers.

    Parameters
    ----------
    kind
        ``"chain"`` or ``"walsh"``. The other perturbers share nothing.
    bits
        Width of the state; for chain 8 to 32.

    Members
    -------
    advance
        Change to the next perturbation.
    load, loaded
        Set the state instead.
    state
        The register PERTURBER_STATE; for walsh, it is the code that is broadcast.
    entering
        For chain, the sign that `advance` gives to parameter 0; valid in the same cycle. For walsh
        0.
    """

    def __init__(self, kind: str, bits: int) -> None:
        if kind not in ("chain", "walsh"):
            raise ValueError(f"kind must be 'chain' or 'walsh', not {kind!r}")
        self._kind = kind
        self._bits = index(bits)
        super().__init__(
            {
                "advance": In(1),
                "load": In(1),
                "loaded": In(32),
                "state": Out(self._bits),
                "entering": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._kind == "chain":
            taps = lfsr_taps(self._bits)
            feedback = reduce(xor, (self.state[self._bits - tap] for tap in taps))
            following = Cat(self.state[1:], feedback)
            m.d.comb += self.entering.eq(following[0])
        else:
            following = self.state + 1
        with m.If(self.load):
            m.d.sync += self.state.eq(self.loaded)
        with m.Elif(self.advance):
            m.d.sync += self.state.eq(following)
        return m
