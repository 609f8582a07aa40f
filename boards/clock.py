"""The clock of a board's fabric, where a PLL makes it of the oscillator's."""

from typing import Any

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.io import Buffer

from pmgd.boards.pll import Ecp5Pll, Pll

__all__ = ["FabricClock", "LockReset"]

_MEMORY_DELAY_S = 15e-6
"""An iCE40's block RAM reads as zeroes for some 3 us after configuration; with the margin that
Amaranth takes where there is no PLL."""


class FabricClock(Elaboratable):  # type: ignore[misc]  # Amaranth has no types
    """Clocks a domain from a PLL, and holds it in reset until that has locked.

    As where the oscillator is the clock: an ECP5's reset is its global one, which costs no logic;
    an iCE40's is that of the domain. nextpnr derives the clock's constraint from the oscillator's
    and the PLL's dividers.

    Parameters
    ----------
    pll
        The PLL's settings; `elaborate` needs a platform of its family.

    Attributes
    ----------
    domain
        The domain `sync`, for the module above to have.
    """

    def __init__(self, pll: Pll) -> None:
        self._pll = pll
        self.domain = ClockDomain("sync", reset_less=isinstance(pll, Ecp5Pll))

    def elaborate(self, platform: Any) -> Module:
        """Take the oscillator's pin from the platform."""
        m = Module()
        clock, locked = Signal(), Signal()
        pin = platform.request(platform.default_clk, dir="-")
        m.d.comb += ClockSignal("sync").eq(clock)
        if isinstance(self._pll, Ecp5Pll):
            m.submodules.oscillator = oscillator = Buffer("i", pin)
            self._ecp5(m, self._pll, oscillator.i, clock, locked)
            return m
        m.submodules.pll = Instance(
            # The oscillator's pin must be the PLL's own, which no other cell can read then.
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=self._pll.divr,
            p_DIVF=self._pll.divf,
            p_DIVQ=self._pll.divq,
            p_FILTER_RANGE=self._pll.filter_range,
            p_PLLOUT_SELECT="GENCLK",
            io_PACKAGEPIN=pin.io,
            i_RESETB=1,
            i_BYPASS=0,
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )
        cycles = round(_MEMORY_DELAY_S * self._pll.output_hz)
        m.submodules.reset = reset = LockReset(clock, locked, cycles)
        m.d.comb += ResetSignal("sync").eq(~reset.ready)
        return m

    def _ecp5(self, m: Module, pll: Ecp5Pll, oscillator: Any, clock: Any, locked: Any) -> None:
        feedback = Signal()
        outputs: dict[str, Any] = {
            "p_CLKOP_ENABLE": "ENABLED",
            "p_CLKOP_DIV": pll.clkop_div,
            "p_CLKOP_CPHASE": pll.clkop_div - 1,
            "o_CLKOP": feedback,
        }
        if pll.clkos_div is None:
            m.d.comb += clock.eq(feedback)
        else:
            outputs |= {
                "p_CLKOS_ENABLE": "ENABLED",
                "p_CLKOS_DIV": pll.clkos_div,
                "p_CLKOS_CPHASE": pll.clkos_div - 1,
                "o_CLKOS": clock,
            }
        m.submodules.pll = Instance(
            "EHXPLLL",
            # What Lattice's tools choose for the loop's filter.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_OUTDIVIDER_MUXC="DIVC",
            p_OUTDIVIDER_MUXD="DIVD",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=pll.clki_div,
            p_CLKFB_DIV=pll.clkfb_div,
            i_CLKI=oscillator,
            i_CLKFB=feedback,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=0,
            i_PHASESTEP=0,
            i_PHASELOADREG=0,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            o_LOCK=locked,
            **outputs,
        )
        # As Amaranth does with a reset pin where there is no PLL: the global reset is released in
        # step with the clock, and the synchronizer's own flip-flops are beyond its reach.
        first, second = Signal(), Signal()
        m.submodules += [
            Instance("FD1S3AX", p_GSR="DISABLED", i_CK=clock, i_D=locked, o_Q=first),
            Instance("FD1S3AX", p_GSR="DISABLED", i_CK=clock, i_D=first, o_Q=second),
            Instance("SGSR", i_CLK=clock, i_GSR=second),
        ]


class LockReset(Elaboratable):  # type: ignore[misc]  # Amaranth has no types
    """Waits for a PLL to lock, and some cycles more; again, should it lose its lock.

    Parameters
    ----------
    clock, locked
        The PLL's outputs.
    cycles
        How long a lock must last.

    Attributes
    ----------
    ready
        Whether all that may leave its reset. It changes with the clock.
    """

    def __init__(self, clock: Any, locked: Any, cycles: int) -> None:
        self._clock = clock
        self._locked = locked
        self._cycles = cycles
        self.ready = Signal()

    def elaborate(self, platform: Any) -> Module:
        """Count in a domain of its own, which starts out of reset only when there is a lock."""
        m = Module()
        m.domains.lock = ClockDomain(local=True)
        m.d.comb += ClockSignal("lock").eq(self._clock)
        m.submodules.synchronizer = ResetSynchronizer(~self._locked, domain="lock")
        timer = Signal(range(self._cycles + 1))
        with m.If(timer == self._cycles):
            m.d.lock += self.ready.eq(1)
        with m.Else():
            m.d.lock += timer.eq(timer + 1)
        return m
