"""What boards with the same kind of FPGA share: how it is synthesized, and how it is counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pmgd.boards.carry import CUT_CARRIES, CUT_CARRIES_FILE, CUT_CARRIES_MAP
from pmgd.boards.output_register import (
    ABSORB_REGISTERS,
    ABSORB_REGISTERS_FILE,
    ABSORB_REGISTERS_MAP,
)
from pmgd.boards.pll import Pll, ecp5_plls, ice40_plls

__all__ = ["ECP5", "ICE40", "Family", "Resources"]


@dataclass(frozen=True)
class Resources:
    """An amount of what an FPGA is made of.

    Attributes
    ----------
    lut
        Look-up tables of four inputs.
    ff
        Flip-flops.
    dsp
        Multipliers.
    block_ram
        Blocks of memory.
    """

    lut: int
    ff: int
    dsp: int
    block_ram: int


@dataclass(frozen=True)
class Family:
    """A kind of FPGA.

    Attributes
    ----------
    name
        Its name.
    synthesis, placement
        Options of Yosys's ``synth_*`` command and of nextpnr.
    rewrites, rewrite_files
        Yosys commands, a line each, that take from a netlist what it can do without, and move
        registers into the blocks of memory that they stand behind; and the files
        that they read, with their names.
    lut, dsp, block_ram
        What nextpnr's report calls them. There are as many flip-flops as there are `lut`.
    ff
        How the names of the flip-flops' types begin in a netlist.
    suffix
        Of the bitstream's file.
    plls
        Yields the settings of its PLL for all that it makes of a frequency in hertz.
    target_hz
        What place and route strive for where fmax is measured: more than a fabric reaches, but not
        so much that all paths seem equally late.
    """

    name: str
    synthesis: str
    placement: str
    rewrites: str
    rewrite_files: tuple[tuple[str, str], ...]
    lut: str
    ff: str
    dsp: str
    block_ram: str
    suffix: str
    plls: Callable[[int], Iterator[Pll]]
    target_hz: int


ECP5 = Family(
    name="ECP5",
    # Multiplexers wider than a look-up table save delay where there is time, and take a tenth more.
    synthesis="-nowidelut",
    placement="",
    rewrites=f"{CUT_CARRIES}\n{ABSORB_REGISTERS}\n",
    rewrite_files=(
        (CUT_CARRIES_FILE, CUT_CARRIES_MAP),
        (ABSORB_REGISTERS_FILE, ABSORB_REGISTERS_MAP),
    ),
    lut="TRELLIS_COMB",
    ff="TRELLIS_FF",
    dsp="MULT18X18D",
    block_ram="DP16KD",
    suffix=".bit",
    plls=ecp5_plls,
    target_hz=125_000_000,
)
"""Lattice ECP5."""

ICE40 = Family(
    name="iCE40",
    synthesis="-dsp",  # multipliers are made of LUTs otherwise
    # Nearly full devices leave the default router without end where this one takes seconds; and
    # from where the default placer puts cells, some wires go detours of 31 ns.
    placement="--placer static --router router2",
    rewrites="",
    rewrite_files=(),
    lut="ICESTORM_LC",  # a logic cell: a LUT, a flip-flop and a carry, used or not
    ff="SB_DFF",
    dsp="ICESTORM_DSP",
    block_ram="ICESTORM_RAM",
    suffix=".bin",
    plls=ice40_plls,
    target_hz=36_000_000,
)
"""Lattice iCE40 UltraPlus."""
