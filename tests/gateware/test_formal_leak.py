"""Proofs about a G that leaks in every timestep, and about noise, which G knows nothing of."""

import pytest
from amaranth.hdl import Assert, Assume, C, Cover, Module, Mux, Signal
from formal import inputs, prove

from pmgd.gateware.updater import Updater


class ClaimedIntegrator(Updater):
    """A leaking updater that claims the specification's steps 6 and 7 of itself, with an exact G.

    Parameters
    ----------
    theta_bits, step_bits, overflow, correlator, decay_shift, dithered, noisy
        As of `Updater`.
    missing_bits
        By how many bits G is narrower than a plan makes it.
    claimed_shift
        The `decay_shift` that it claims to have; its own if None.
    """

    def __init__(
        self,
        *,
        theta_bits: int = 5,
        step_bits: int = 4,
        overflow: str = "clip",
        correlator: str = "full",
        decay_shift: int,
        dithered: bool = False,
        noisy: bool = False,
        missing_bits: int = 0,
        claimed_shift: int | None = None,
    ) -> None:
        full = correlator == "full"
        summand_bits = step_bits if full else decay_shift
        self._largest = (1 << summand_bits) - full
        self._clips = overflow == "clip"
        self._claimed_shift = decay_shift if claimed_shift is None else claimed_shift
        super().__init__(
            theta_bits=theta_bits,
            gradient_bits=summand_bits + decay_shift + 1 - missing_bits,
            step_bits=step_bits,
            overflow=overflow,
            correlator=correlator,
            decay_shift=decay_shift,
            leaky=True,
            dithered=dithered,
            noisy=noisy,
        )

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += Assume(~self.scan.shift)
        noise = self.noise if self._noisy else C(0)
        # It comes as the specification's update does, and at no other time.
        m.d.comb += Assume(~noise | (self.apply & self.update & self.active))
        magnitude = 1 << self._decay_shift if self._counts else self.magnitude
        # Amaranth's arithmetic is exact: only what is assigned is cut to a width.
        error = Mux(self.active, Mux(self.error_positive, magnitude, -magnitude), 0)
        gradient = self._gradient
        accumulated = gradient + error
        g, held = Signal(accumulated.shape()), Signal.like(gradient)
        before, step = Signal.like(self.theta), Signal.like(self.magnitude)
        dither, sign = Signal(self._decay_shift), Signal()
        applied, updated, shaken = Signal(), Signal(), Signal()
        m.d.sync += [
            applied.eq(self.apply & ~noise),
            updated.eq(self.apply & ~noise & self.update),
            shaken.eq(noise),
            g.eq(accumulated),
            held.eq(gradient),
            before.eq(self.theta),
            step.eq(self.magnitude),
            dither.eq(self.dither if self._dithered else 0),
            sign.eq(self.error_positive),
        ]
        self._claim_gradient(m, applied, g, dither, held)
        change = Mux(g > 0, step, Mux(g < 0, -step, 0)) if self._counts else g
        moved = Mux(shaken, Mux(sign, step, -step), change)
        self._claim_theta(m, before, updated | shaken, moved)
        return m

    def _accumulated(self, m: Module, gradient: Signal):
        self._gradient = gradient
        return super()._accumulated(m, gradient)

    def _claim_gradient(self, m: Module, applied, g, dither, held) -> None:
        """Claim how it leaks, and the bound that follows from this, and so from its width.

        With the largest steps it grows until as much leaks: with a dither of 0 that is when the
        largest is 2**-k of g, and else, since what leaks is rounded up, a little before.
        """
        k, gradient = self._claimed_shift, self._gradient
        leaks = self._largest if self._dithered else self._largest - 1
        bound = ((1 << self._decay_shift) - 1) * leaks
        m.d.comb += Assert((-bound <= gradient) & (gradient <= bound))
        r = dither if self._dithered else Mux(g > 0, (1 << k) - 1, 0)
        with m.If(applied):
            m.d.comb += [
                Assert(gradient == g - ((g + r) >> k)),
                # It forgets, and does not turn.
                Assert(Mux(g > 0, (gradient >= 0) & (gradient <= g), gradient <= 0)),
                Assert((g > 0) | (gradient >= g)),
                Cover(gradient == bound),
                Cover(gradient == -bound),
            ]
            if not self._dithered:
                m.d.comb += Assert((g == 0) | (gradient != g))
        with m.Else():
            m.d.comb += Assert(gradient == held)

    def _claim_theta(self, m: Module, before, moves, moved) -> None:
        lowest, highest = -(2 ** (self._theta_bits - 1)), 2 ** (self._theta_bits - 1) - 1
        exact = before - moved
        above, below = exact > highest, exact < lowest
        nearest = Mux(above, highest, lowest) if self._clips else before
        expected = Mux(above | below, nearest, exact)
        m.d.comb += Assert(self.theta == Mux(moves, expected, before))


KINDS = [("full", False), ("full", True), ("sign", False)]
"""Correlator, and whether what leaks is rounded with a dither."""


@pytest.mark.parametrize(
    "decay_shift",
    [1, 3, 8, *(pytest.param(shift, marks=pytest.mark.slow) for shift in (2, 4, 5, 6, 7))],
)
@pytest.mark.parametrize(("correlator", "dithered"), KINDS)
def test_leaking_gradient_never_overflows(
    correlator: str, dithered: bool, decay_shift: int, tmp_path
) -> None:
    """For ever, however long the windows are, and it leaks as the specification says."""
    dut = ClaimedIntegrator(correlator=correlator, dithered=dithered, decay_shift=decay_shift)
    prove(dut, inputs(dut), folder=tmp_path, depth=2)


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize(("correlator", "dithered"), KINDS)
def test_leaking_updater_in_the_recommended_formats(
    correlator: str, dithered: bool, overflow: str, tmp_path
) -> None:
    """With noise, which moves theta alone."""
    dut = ClaimedIntegrator(
        theta_bits=12,
        step_bits=11,
        overflow=overflow,
        correlator=correlator,
        dithered=dithered,
        decay_shift=4,
        noisy=True,
    )
    prove(dut, inputs(dut), folder=tmp_path, depth=2)


@pytest.mark.parametrize(("correlator", "dithered"), KINDS)
def test_leaking_gradient_reaches_its_bounds(correlator: str, dithered: bool, tmp_path) -> None:
    dut = ClaimedIntegrator(
        theta_bits=3, step_bits=2, correlator=correlator, dithered=dithered, decay_shift=1
    )
    prove(dut, inputs(dut), folder=tmp_path, depth=7, mode="cover")


@pytest.mark.parametrize("dithered", [False, True])
def test_a_narrower_gradient_is_caught(dithered: bool, tmp_path) -> None:
    dut = ClaimedIntegrator(
        theta_bits=3,
        step_bits=2,
        dithered=dithered,
        decay_shift=1,
        missing_bits=1,
    )
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=8, mode="bmc")


@pytest.mark.parametrize("dithered", [False, True])
def test_another_leak_is_caught(dithered: bool, tmp_path) -> None:
    dut = ClaimedIntegrator(dithered=dithered, decay_shift=3, claimed_shift=2)
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=4, mode="bmc")
