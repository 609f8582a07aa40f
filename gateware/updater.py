"""Updater: the gradient register G and the parameter theta of one synapse."""

from operator import index

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import ScanSignature

__all__ = ["Updater"]


class Updater(wiring.Component):
    """Accumulates the error signal and, when a window ends, moves the parameter against it.

    ``G + e`` is eq. (4) of the patent; at the end of a window theta becomes ``theta - (G + e)`` and
    G becomes 0 ([0052], [0054]). Both happen at the end of the cycle in which `apply` is high.
    G cannot overflow, by its width. Theta saturates or holds, and never wraps.

    Parameters
    ----------
    theta_bits
        Width of the parameter, signed.
    gradient_bits
        Width of G, signed; 0 leaves G out, and every `apply` is an update.
    step_bits
        Width of the step's magnitude, less than `theta_bits`.
    overflow
        ``"clip"``: a parameter that would leave its range ends at the bound. ``"hold"``: it keeps
        its value.

    Members
    -------
    apply
        Accumulate ``magnitude``, with the sign `error_positive`.
    update
        With `apply`: the window ends.
    magnitude, error_positive
        The error signal e.
    theta
        The parameter.
    scan
        Access to theta (first out) and G; not while `apply` is high.
    """

    def __init__(
        self, *, theta_bits: int, gradient_bits: int, step_bits: int, overflow: str
    ) -> None:
        self._theta_bits = index(theta_bits)
        self._gradient_bits = index(gradient_bits)
        self._step_bits = index(step_bits)
        if overflow not in ("clip", "hold"):
            raise ValueError(f"overflow must be 'clip' or 'hold', not {overflow!r}")
        self._hold = overflow == "hold"
        super().__init__(
            {
                "apply": In(1),
                "update": In(1),
                "magnitude": In(unsigned(self._step_bits)),
                "error_positive": In(1),
                "theta": Out(signed(self._theta_bits)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        gradient = Signal(signed(self._gradient_bits)) if self._gradient_bits else None
        before = 0 if gradient is None else gradient
        bits = (self._gradient_bits or self._step_bits + 1) + 1
        m.submodules.accumulator = accumulator = AddSub(bits)
        m.d.comb += [
            accumulator.a.eq(before),
            accumulator.b.eq(self.magnitude),
            accumulator.subtract.eq(~self.error_positive),
        ]
        # One bit narrower than the exact sum, which tau_theta keeps small enough.
        accumulated = accumulator.result[:-1].as_signed()
        with m.If(self.apply):
            m.d.sync += Assert(accumulated == accumulator.result, "G must not overflow")

        moved = Signal(signed(max(self._theta_bits, len(accumulated)) + 1))
        m.d.comb += moved.eq(self.theta - accumulated)
        # The bits from theta's sign bit up are all equal exactly if the value fits.
        beyond = moved[self._theta_bits - 1 :]
        overflows = beyond.any() & ~beyond.all()
        bound = Cat((~moved[-1]).replicate(self._theta_bits - 1), moved[-1])
        updated = Mux(overflows, self.theta if self._hold else bound.as_signed(), moved)

        ends = self.update if gradient is not None else 1
        with m.If(self.apply):
            with m.If(ends):
                m.d.sync += self.theta.eq(updated)
            if gradient is not None:
                m.d.sync += gradient.eq(Mux(ends, 0, accumulated))

        state = self.theta if gradient is None else Cat(self.theta, gradient)
        with m.If(self.scan.shift):
            m.d.sync += state.eq(Cat(state[1:], self.scan.input))
        m.d.comb += self.scan.output.eq(state[0])
        return m
