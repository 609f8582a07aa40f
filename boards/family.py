"""What boards with the same kind of FPGA share: how it is synthesized, and how it is counted."""

from dataclasses import dataclass

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
    lut, dsp, block_ram
        What nextpnr's report calls them. There are as many flip-flops as there are `lut`.
    ff
        How the names of the flip-flops' types begin in a netlist.
    suffix
        Of the bitstream's file.
    """

    name: str
    synthesis: str
    placement: str
    lut: str
    ff: str
    dsp: str
    block_ram: str
    suffix: str


ECP5 = Family(
    name="ECP5",
    synthesis="",
    placement="",
    lut="TRELLIS_COMB",
    ff="TRELLIS_FF",
    dsp="MULT18X18D",
    block_ram="DP16KD",
    suffix=".bit",
)
"""Lattice ECP5."""

ICE40 = Family(
    name="iCE40",
    synthesis="-dsp",  # multipliers are made of LUTs otherwise
    # Nearly full devices leave the default router without end where this one takes seconds.
    placement="--router router2",
    lut="ICESTORM_LC",  # a logic cell: a LUT, a flip-flop and a carry, used or not
    ff="SB_DFF",
    dsp="ICESTORM_DSP",
    block_ram="ICESTORM_RAM",
    suffix=".bin",
)
"""Lattice iCE40 UltraPlus."""
