"""Proofs about what a synapse does to its parameter, and about the step it is sent."""

import pytest
from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal, signed
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
    theta_bits, step_bits, overflow
        As of `Updater`.
    tau_theta_bits
        Gives G the width that a plan gives it; 1 leaves it out.
    window
        The most timesteps between two updates.
    claimed_overflow
        The `overflow` that it claims to have.
    """

    def __init__(
        self,
        *,
        theta_bits: int,
        step_bits: int,
        overflow: str,
        tau_theta_bits: int,
        window: int,
        claimed_overflow: str,
    ) -> None:
        self._window = window
        self._clips = claimed_overflow == "clip"
        super().__init__(
            theta_bits=theta_bits,
            gradient_bits=0 if tau_theta_bits == 1 else step_bits + tau_theta_bits + 1,
            step_bits=step_bits,
            overflow=overflow,
        )

    def elaborate(self, platform):
        m = super().elaborate(platform)
        gradient = m.submodules.accumulator.a
        m.d.comb += Assume(~self.scan.shift)
        ends = self.update if self._gradient_bits else 1

        # G is at most the number of timesteps of the window times the largest step.
        applied = Signal(range(self._window + 1))
        with m.If(self.apply):
            m.d.comb += Assume(ends | (applied < self._window - 1))
            m.d.sync += applied.eq(Mux(ends, 0, applied + 1))
        largest = applied * (2**self._step_bits - 1)
        m.d.comb += [
            Assert(applied < self._window),
            Assert((-largest <= gradient) & (gradient <= largest)),
        ]

        # Amaranth's arithmetic is exact: only what is assigned is cut to a width.
        error = Mux(self.error_positive, self.magnitude, -self.magnitude)
        accumulated = gradient + error
        updates = Signal()
        before = Signal.like(self.theta)
        change = Signal(accumulated.shape())
        m.d.sync += [
            updates.eq(self.apply & ends),
            before.eq(self.theta),
            change.eq(accumulated),
        ]
        lowest, highest = -(2 ** (self._theta_bits - 1)), 2 ** (self._theta_bits - 1) - 1
        exact = before - change
        above, below = exact > highest, exact < lowest
        nearest = Mux(above, highest, lowest) if self._clips else before
        with m.If(updates):
            moved = self.theta - before
            m.d.comb += [
                Assert(self.theta == Mux(above | below, nearest, exact)),
                Assert(Mux(moved < 0, -moved, moved) <= Mux(change < 0, -change, change)),
                Assert(gradient == 0),
                Cover(above),
                Cover(below),
                Cover(~above & ~below & (change != 0)),
            ]
        with m.Else():
            m.d.comb += Assert(self.theta == before)
        return m


def updater(overflow: str, tau_theta_bits: int, claimed_overflow: str) -> ClaimedUpdater:
    """In the recommended formats, with windows as long as the register of tau_theta allows."""
    return ClaimedUpdater(
        theta_bits=12,
        step_bits=11,
        overflow=overflow,
        tau_theta_bits=tau_theta_bits,
        window=2**tau_theta_bits - 1,
        claimed_overflow=claimed_overflow,
    )


@pytest.mark.parametrize("overflow", ["clip", "hold"])
@pytest.mark.parametrize("tau_theta_bits", [1, 8])
def test_updater_never_wraps(overflow: str, tau_theta_bits: int, tmp_path) -> None:
    dut = updater(overflow, tau_theta_bits, overflow)
    prove(dut, inputs(dut), folder=tmp_path, depth=2)


@pytest.mark.parametrize("overflow", ["clip", "hold"])
def test_updater_reaches_its_bounds(overflow: str, tmp_path) -> None:
    dut = updater(overflow, 8, overflow)
    prove(dut, inputs(dut), folder=tmp_path, depth=6, mode="cover")


def test_longer_windows_are_caught(tmp_path) -> None:
    """5 steps of 15 do not fit 7 bits; 3 are what a tau_theta of 2 bits allows."""
    dut = ClaimedUpdater(
        theta_bits=5,
        step_bits=4,
        overflow="clip",
        tau_theta_bits=2,
        window=5,
        claimed_overflow="clip",
    )
    with pytest.raises(AssertionError, match="failed assertion"):
        prove(dut, inputs(dut), folder=tmp_path, depth=7, mode="bmc")


@pytest.mark.parametrize(("overflow", "claimed"), [("clip", "hold"), ("hold", "clip")])
def test_another_overflow_is_caught(overflow: str, claimed: str, tmp_path) -> None:
    dut = updater(overflow, 1, claimed)
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
    # The scale is constant and the word held from a change to its step.
    steady = 1
    for held in (dut.mantissa, dut.shift, dut.word):
        for age in range(1, cycles + 1):
            steady &= delay(m, held, age, f"{held.name}_{age}") == held
    q = dut.word & ((1 << dut.shift) - 1) if stochastic else (1 << dut.shift) >> 1
    scaled = change * dut.mantissa + q
    # The floor is the one integer u with u * 2**shift <= scaled < (u + 1) * 2**shift; where the
    # magnitude is clipped, it lies on the far side.
    u = Signal(signed(len(dut.step.magnitude) + 1))
    m.d.comb += u.eq(Mux(dut.step.negative, -dut.step.magnitude, dut.step.magnitude))
    at_least, less = (u << dut.shift) <= scaled, scaled < ((u + 1) << dut.shift)
    with m.If(steady):
        m.d.comb += Assert(Mux(u == 15, at_least, Mux(u == -15, less, at_least & less)))
    m.d.comb += [
        Assert(dut.arrived == valid),
        Assert(~dut.step.negative | (dut.step.magnitude != 0)),
    ]
    prove(m, inputs(dut), folder=tmp_path, depth=cycles + 1)
