"""Updater: the gradient register G and the parameter theta of one synapse."""

from operator import index

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pmgd.gateware.add_sub import AddSub
from pmgd.gateware.broadcast import ScanSignature

__all__ = ["Updater"]


class Updater(wiring.Component):
    """Accumulates the error signal and, when a window ends, moves the parameter against it.

    ``g = G + e`` is eq. (4) of the patent; at the end of a window theta becomes ``theta - d``
    ([0052], [0054]). Then, or as a leaky integrator with every `apply` ([0055]), G loses what its
    decay takes, all of it or a part. With the full correlator e
    has the step's magnitude, and d is g. With the sign-only correlator e is +1, 0 or -1, so that G
    counts up and down, and d has the step's magnitude and the sign of g. Both happen at the end of
    the cycle in which `apply` is high. G cannot overflow, by its width. Theta saturates or holds,
    and never wraps.

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
    correlator
        ``"full"`` or ``"sign"``.
    decay_shift
        When G decays, it keeps ``1 - 2**-decay_shift`` of itself, rounded towards zero unless
        `dithered`; 0 clears it.
    leaky
        G decays with every `apply`, not with every update.
    dithered
        What leaks from it is rounded with `dither` instead of away from zero.
    noisy
        Whether `noise` does anything.

    Raises
    ------
    ValueError
        If `overflow` or `correlator` is none of these, or G is to decay but left out.

    Members
    -------
    apply
        Accumulate e.
    update
        With `apply`: the window ends.
    active
        With `apply`: 0 if e is 0.
    magnitude
        The step's, with `apply`.
    error_positive
        Sign of e, if it is not 0.
    dither
        With `apply`: what is added below G's last bit, in 2**-decay_shift of it, to round the leak.
    noise
        With `apply`, `update` and `active`: move theta by the step alone; G stays.
    theta
        The parameter.
    scan
        Access to theta (first out) and G; not while `apply` is high.
    """

    def __init__(
        self,
        *,
        theta_bits: int,
        gradient_bits: int,
        step_bits: int,
        overflow: str,
        correlator: str = "full",
        decay_shift: int = 0,
        leaky: bool = False,
        dithered: bool = False,
        noisy: bool = False,
    ) -> None:
        self._theta_bits = index(theta_bits)
        self._leaky, self._dithered, self._noisy = bool(leaky), bool(dithered), bool(noisy)
        self._gradient_bits = index(gradient_bits)
        self._step_bits = index(step_bits)
        self._decay_shift = index(decay_shift)
        if overflow not in ("clip", "hold"):
            raise ValueError(f"overflow must be 'clip' or 'hold', not {overflow!r}")
        if correlator not in ("full", "sign"):
            raise ValueError(f"correlator must be 'full' or 'sign', not {correlator!r}")
        if self._decay_shift and not self._gradient_bits:
            raise ValueError(f"gradient_bits must not be 0 with a decay_shift of {decay_shift}")
        self._hold = overflow == "hold"
        self._counts = correlator == "sign"
        super().__init__(
            {
                "apply": In(1),
                "update": In(1),
                "active": In(1),
                "magnitude": In(unsigned(self._step_bits)),
                "error_positive": In(1),
                "dither": In(unsigned(self._decay_shift if self._dithered else 0)),
                "noise": In(1),
                "theta": Out(signed(self._theta_bits)),
                "scan": In(ScanSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._gradient_bits:
            gradient = Signal(signed(self._gradient_bits))
            accumulated = self._accumulated(m, gradient)
            decays = Const(1) if self._leaky else self.update
            with m.If(self.apply & ~self.noise if self._noisy else self.apply):
                m.d.sync += gradient.eq(accumulated)
                with m.If(decays):
                    m.d.sync += gradient.eq(self._decayed(m, accumulated))
            ends, state = self.update, Cat(self.theta, gradient)
            falls, moves = ~accumulated[-1], accumulated.any()
        else:
            ends, state = 1, self.theta
            falls, moves = self.error_positive, self.active

        if self._gradient_bits and not self._counts:
            moved, overflows = self._moved_by_gradient(m, accumulated)
        else:
            moved, overflows = self._moved_by_step(m, falls)
            ends &= moves

        if self._hold:
            ends &= ~overflows
        else:
            # It leaves its range on the side to which it moves.
            bound = Cat((~falls).replicate(self._theta_bits - 1), falls)
            moved = Mux(overflows, bound, moved)
        with m.If(self.apply & ends):
            m.d.sync += self.theta.eq(moved)

        with m.If(self.scan.shift):
            m.d.sync += state.eq(Cat(state[1:], self.scan.input))
        m.d.comb += self.scan.output.eq(state[0])
        return m

    def _accumulated(self, m: Module, gradient: Signal):
        """Return g."""
        m.submodules.accumulator = accumulator = AddSub(self._gradient_bits + 1)
        # A count of one leaves room below it for what a decay takes.
        magnitude = 1 << self._decay_shift if self._counts else self.magnitude
        m.d.comb += [
            accumulator.a.eq(Mux(self.noise, 0, gradient) if self._noisy else gradient),
            accumulator.b.eq(Mux(self.active, magnitude, 0)),
            accumulator.subtract.eq(~self.error_positive),
        ]
        # One bit narrower than the exact sum, which tau_theta keeps small enough.
        accumulated = accumulator.result[:-1].as_signed()
        with m.If(self.apply):
            m.d.sync += Assert(accumulated == accumulator.result, "G must not overflow")
        return accumulated

    def _decayed(self, m: Module, accumulated):
        """Return what is left of g, by an adder alone.

        What is taken is ``g >> k`` below zero and, above, 1 more if bits were dropped: rounded
        away from zero. A number is subtracted by adding its inverse and, as the carry, 1; above
        zero, leaving out this carry takes the 1 more. A dither takes it where it carries.
        """
        shift = self._decay_shift
        if not shift:
            return 0
        taken = Signal.like(accumulated)
        m.d.comb += taken.eq(accumulated >> shift)
        carry = accumulated[-1] | ~accumulated[:shift].any()
        if self._dithered:
            carry = ~(accumulated[:shift] + self.dither)[shift]
        return (Cat(carry, accumulated) + Cat(carry, ~taken))[1:]

    def _moved_by_step(self, m: Module, falls):
        """Return theta less or more the step's magnitude, and whether it leaves its range."""
        m.submodules.mover = mover = AddSub(self._theta_bits + 1)
        m.d.comb += [
            mover.a.eq(self.theta),
            mover.b.eq(self.magnitude),
            mover.subtract.eq(falls),
        ]
        return mover.result[:-1], mover.result[-1] ^ mover.result[-2]

    def _moved_by_gradient(self, m: Module, accumulated):
        """Return theta less g, and whether it leaves its range.

        A g that needs more than one bit beyond theta's takes any theta out of its range. Less any
        other g, theta ends up to 3 halves of its range's width to one side, which is known: with
        one bit beyond theta's, what comes round there does not come back into the range.
        """
        bits = self._theta_bits + 1
        difference = (self.theta - accumulated)[:bits]
        beyond = accumulated[bits - 1 :]
        overflows = (beyond.any() & ~beyond.all()) | (difference[-1] ^ difference[-2])
        return difference[:-1], overflows
