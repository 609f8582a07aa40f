"""The parameter of one synapse, with update, range check and scan in a single carry chain."""

from operator import index

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import ScanSignature
from pmgd.gateware.offset_binary import from_offset_binary, to_offset_binary
from pmgd.gateware.primitives import carry_ccu2c, family

__all__ = ["HoldUpdater"]

# Tables for pins A, B, C, D; the last is 1 unless the ring shifts. While it shifts, C is 1.
_STORED = 0x000A
"""With D = 1, P = 0; and G = A."""
_FIRST = 0xF00A
"""With D = 1, P = C; and G = A."""
_MOVED = 0x960A
"""P = D & (A ^ B ^ C), G = A."""
_FITS = 0xC355
"""P = D ? ~(B ^ C) : ~A."""


class HoldUpdater(wiring.Component):
    """Moves the parameter in every cycle, unless it would leave its range: then it holds.

    Step 7 of a timestep with tau_theta = 1 ([0054]): theta becomes ``theta - step`` where the
    perturbation was positive and ``theta + step`` where it was negative, at the end of every cycle
    in which the ring does not shift; a step of 0 leaves it alone.

    The parameter is stored in offset binary, that is, with its most significant bit inverted, and
    so the ring carries it, that bit first: a bit cannot be inverted as it passes. Then to leave
    the range is to have a carry that differs from the sign of what is added.

    On an ECP5 this is ``theta_bits + 2`` places of a carry chain, one LUT and as many flip-flops
    as theta has bits. A place whose P is 0 hands on its stored bit as the carry, and gives the
    carry from below: so shifts the chain itself. The first two places hand on the carry of bit 0,
    which is its stored bit where the step has a 1, and where it has a 0 what completes a negation;
    while the ring shifts that is the stored bit again. The last place enables the flip-flops.

    Parameters
    ----------
    theta_bits
        Width of the parameter and of the step, signed.

    Members
    -------
    step
        What theta moves by, 0 if by nothing. While the ring shifts it must be -1, all ones, and
        theta does not move.
    positive
        The sign of the perturbation: subtract the step.
    theta
        The parameter, in two's complement.
    stored
        The same as it is stored, in offset binary.
    scan
        Access to theta, in offset binary, most significant bit first.
    """

    def __init__(self, theta_bits: int) -> None:
        self._theta_bits = index(theta_bits)
        shape = signed(self._theta_bits)
        super().__init__(
            {
                "step": In(shape),
                "positive": In(1),
                "theta": Out(shape),
                "stored": Out(unsigned(self._theta_bits), init=1 << (self._theta_bits - 1)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stored = self.stored
        m.d.comb += [
            self.theta.eq(from_offset_binary(stored)),
            self.scan.output.eq(stored[-1]),
        ]
        with m.If(self.scan.shift):
            m.d.sync += Assert(self.step == -1, "the step is all ones while the ring shifts")

        if family(platform) == "ecp5":
            following, changes = self._chained(m, stored)
        else:
            following, changes = self._portable(m, stored)
        with m.If(changes):
            m.d.sync += stored.eq(following)
        return m

    def _portable(self, m: Module, stored):
        """Return what may be stored next, and whether it is."""
        m.submodules.mover = mover = AddSub(self._theta_bits + 1)
        m.d.comb += [
            mover.a.eq(self.theta),
            mover.b.eq(self.step),
            mover.subtract.eq(self.positive),
        ]
        moved, beyond = mover.result[:-1], mover.result[-1]
        following = Signal.like(stored)
        with m.If(self.scan.shift):
            m.d.comb += following.eq(Cat(self.scan.input, stored[:-1]))
        with m.Else():
            m.d.comb += following.eq(to_offset_binary(moved))
        return following, self.scan.shift | (moved[-1] == beyond)

    def _chained(self, m: Module, stored):
        """Return the same, of CCU2C."""
        moves = ~self.scan.shift
        first = Mux(self.scan.shift, self.scan.input, stored[0] ^ self.step[0])
        halves = [
            ((stored[0], 0, 0, 1), _STORED),
            ((self.positive, 0, self.step[0], 1), _FIRST),
        ]
        halves += [
            ((bit, self.positive, step, moves), _MOVED)
            for bit, step in zip(stored[1:], self.step[1:], strict=True)
        ]
        halves += [((stored[-1], self.positive, self.step[-1], moves), _FITS)]
        given = carry_ccu2c(m, halves)
        return Cat(first, given[2:-1]), given[-1]
