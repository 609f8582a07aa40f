"""Proofs about what a synapse does to its parameter, and about the step it is sent."""

import pytest
from amaranth.hdl import Assert, Assume, C, Cover, Module, Mux, Signal, signed
from formal import inputs, prove

from pmgd.gateware.correlator import Correlator
from pmgd.gateware.latency import TRANSMITTER_CYCLES
from pmgd.gateware.transmitter import Transmitter
from pmgd.gateware.updater import Updater
from pmgd.gateware.wave import delay


class ClaimedUpdater(Updater):
    """An updater that claims the specification's steps 6 and 7 of itself, with an exact G.

    Parameters
    ----------
    theta_bits, step_bits, overflow, correlator, decay_shift
        As of `Updater`.
    tau_theta_bits
        Gives G the width that a plan gives it; 1 leaves it out unless it decays.
    window
        The most timesteps between two updates.
    claimed_overflow, claimed_decay_shift
        The `overflow` and the `decay_shift` that it claims to have; its own if None.
    """

    def __init__(
        self,
        *,
        theta_bits: int,
        step_bits: int,
        overflow: str,
        correlator: str = "full",
        decay_shift: int = 0,
        tau_theta_bits: int,
        window: int,
        claimed_overflow: str | None = None,
        claimed_decay_shift: int | None = None,
    ) -> None:
        self._window = window
        self._clips = (claimed_overflow or overflow) == "clip"
        self._claimed_shift = decay_shift if claimed_decay_shift is None else claimed_decay_shift
        self._summand_bits = step_bits if correlator == "full" else decay_shift
        kept = self._summand_bits + tau_theta_bits + decay_shift + 1
        super().__init__(
            theta_bits=theta_bits,
            gradient_bits=kept if tau_theta_bits > 1 or decay_shift else 0,
            step_bits=step_bits,
            overflow=overflow,
            correlator=correlator,
            decay_shift=decay_shift,
        )

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += Assume(~self.scan.shift)
        # Amaranth's arithmetic is exact: only what is assigned is cut to a width.
        magnitude = 1 << self._decay_shift if self._counts else self.magnitude
        error = Mux(self.active, Mux(self.error_positive, magnitude, -magnitude), 0)
        if self._gradient_bits:
            gradient, ends = m.submodules.accumulator.a, self.update
            self._claim_bound(m, gradient)
        else:
            gradient, ends = C(0), C(1)
        accumulated = gradient + error

        updates = Signal()
        before = Signal.like(self.theta)
        step = Signal.like(self.magnitude)
        g = Signal(accumulated.shape())
        m.d.sync += [
            updates.eq(self.apply & ends),
            before.eq(self.theta),
            step.eq(self.magnitude),
            g.eq(accumulated),
        ]
        change = Mux(g > 0, step, Mux(g < 0, -step, 0)) if self._counts else g
        lowest, highest = -(2 ** (self._theta_bits - 1)), 2 ** (self._theta_bits - 1) - 1
        exact = before - change
        above, below = exact > highest, exact < lowest
        nearest = Mux(above, highest, lowest) if self._clips else before
        k = self._claimed_shift
        taken = Mux(g > 0, (g + 2**k - 1) >> k, g >> k)
        with m.If(updates):
            moved = self.theta - before
            m.d.comb += [
                Assert(self.theta == Mux(above | below, nearest, exact)),
                Assert(Mux(moved < 0, -moved, moved) <= Mux(change < 0, -change, change)),
                Assert(gradient == (g - taken if self._gradient_bits else 0)),
                Cover(above),
                Cover(below),
                Cover(~above & ~below & (change != 0)),
            ]
            if self._decay_shift:
                shrunk = Mux(
                    g > 0, (gradient >= 0) & (gradient < g), (g < gradient) & (gradient <= 0)
                )
                m.d.comb += [Assert(Mux(g == 0, gradient == 0, shrunk)), Cover(gradient != 0)]
        with m.Else():
            m.d.comb += Assert(self.theta == before)
        return m

    def _claim_bound(self, m: Module, gradient) -> None:
        """Claim a bound of G that follows from the length of a window, and so from its width.

        A window adds at most itself times the largest error. Momentum is at most ``2**k - 1`` such
        windows: with another, an update leaves ``1 - 2**-k`` of ``2**k`` of them, which is as much.
        """
        applied = Signal(range(self._window + 1))
        with m.If(self.apply):
            m.d.comb += Assume(self.update | (applied < self._window - 1))
            m.d.sync += applied.eq(Mux(self.update, 0, applied + 1))
        largest = 2**self._summand_bits - (0 if self._counts else 1)
        bound = (((1 << self._decay_shift) - 1) * self._window + applied) * largest
        m.d.comb += [
            Assert(applied < self._window),
            Assert((-bound <= gradient) & (gradient <= bound)),
        ]


def updater(overflow: str, tau_theta_bits: int, **kind) -> ClaimedUpdater:
    """In the recommended formats, with windows as long as the register of tau_theta allows."""
    return ClaimedUpdater(
        theta_bits=12,
        step_bits=11,
        overflow=overflow,
        tau_theta_bits=tau_theta_bits,
        window=2**tau_theta_bits - 1,
        **kind,
    )


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize("correlator", ["full", "sign"])
@pytest.mark.parametrize(
    ("tau_theta_bits", "decay_shift"),
    [
        (1, 0),
        (8, 3),
        pytest.param(8, 0, marks=pytest.mark.slow),
        pytest.param(1, 3, marks=pytest.mark.slow),
    ],
)
def test_updater_never_wraps(
    overflow: str, correlator: str, tau_theta_bits: int, decay_shift: int, tmp_path
) -> None:
    dut = updater(overflow, tau_theta_bits, correlator=correlator, decay_shift=decay_shift)
    prove(dut, inputs(dut), folder=tmp_path, depth=2)


@pytest.mark.parametrize(
    "decay_shift",
    [1, 3, 8, *(pytest.param(shift, marks=pytest.mark.slow) for shift in (2, 4, 5, 6, 7))],
)
def test_momentum_never_overflows(decay_shift: int, tmp_path) -> None:
    """For every decay that a fabric may have, with a narrow parameter and long windows."""
    dut = ClaimedUpdater(
        theta_bits=5,
        step_bits=4,
        overflow="clip",
        decay_shift=decay_shift,
        tau_theta_bits=3,
        window=7,
    )
    prove(dut, inputs(dut), folder=tmp_path, depth=2)


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize(("correlator", "decay_shift"), [("full", 0), ("sign", 0), ("full", 3)])
def test_updater_reaches_its_bounds(
    overflow: str, correlator: str, decay_shift: int, tmp_path
) -> None:
    dut = updater(overflow, 8, correlator=correlator, decay_shift=decay_shift)
    prove(dut, inputs(dut), folder=tmp_path, depth=6, mode="cover")


@pytest.mark.parametrize("correlator", ["full", "sign"])
def test_longer_windows_are_caught(correlator: str, tmp_path) -> None:
    """5 steps of 15 do not fit 7 bits, nor 5 counts 3; 3 are what a tau_theta of 2 bits allows."""
    dut = ClaimedUpdater(
        theta_bits=5,
        step_bits=4,
        overflow="clip",
        correlator=correlator,
        tau_theta_bits=2,
        window=5,
    )
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=7, mode="bmc")


@pytest.mark.parametrize(("overflow", "claimed"), [("clip", "hold"), ("hold", "clip")])
def test_another_overflow_is_caught(overflow: str, claimed: str, tmp_path) -> None:
    dut = updater(overflow, 1, claimed_overflow=claimed)
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=4, mode="bmc")


def test_another_decay_is_caught(tmp_path) -> None:
    dut = updater("clip", 1, decay_shift=3, claimed_decay_shift=2)
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=4, mode="bmc")


def test_correlator_multiplies_by_the_sign(tmp_path) -> None:
    m = Module()
    m.submodules.correlator = dut = Correlator()
    magnitude = Signal(11)
    step = Mux(dut.negative, -magnitude, magnitude)
    sign = Mux(dut.positive, 1, -1)
    error = Mux(dut.error_positive, magnitude, -magnitude)
    m.d.comb += Assert(error == step * sign)
    prove(m, [*inputs(dut), magnitude], folder=tmp_path, depth=1)


@pytest.mark.parametrize("stochastic", [True, False], ids=["stochastic", "nearest"])
def test_step_is_the_clipped_floor(stochastic: bool, tmp_path) -> None:
    m = Module()
    m.submodules.transmitter = dut = Transmitter(
        change_bits=5, mantissa_bits=3, shift_bits=2, step_bits=4, stochastic=stochastic
    )
    cycles = TRANSMITTER_CYCLES
    change, valid = delay(m, dut.change, cycles, "change"), delay(m, dut.valid, cycles, "valid")
    # The scale, of which there is a copy, is constant and the word held from a change to its step.
    steady = 1
    for held in (dut.mantissa, dut.shift, dut.word):
        for age in range(1, cycles + 2):
            steady &= delay(m, held, age, f"{held.name}_{age}") == held
    q = dut.word & ((1 << dut.shift) - 1) if stochastic else (1 << dut.shift) >> 1
    scaled = change * dut.mantissa + q
    # The floor is the one integer u with u * 2**shift <= scaled < (u + 1) * 2**shift; where the
    # magnitude is clipped, it lies on the far side.
    u = Signal(signed(len(dut.step.magnitude) + 1))
    m.d.comb += u.eq(Mux(dut.step.negative, -dut.step.magnitude, dut.step.magnitude))
    at_least, less = (u << dut.shift) <= scaled, scaled < ((u + 1) << dut.shift)
    floor = Mux(u == 15, at_least, Mux(u == -15, less, at_least & less))
    masked = delay(m, dut.masked, 1, "masked")
    with m.If(steady):
        m.d.comb += Assert(Mux(masked, u == 0, floor))
    m.d.comb += [
        Assert(dut.arrived == valid),
        Assert(~dut.step.negative | (dut.step.magnitude != 0)),
    ]
    prove(m, inputs(dut), folder=tmp_path, depth=cycles + 2)
