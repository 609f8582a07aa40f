"""Amounts of an FPGA's cells, as an estimate adds them up."""

from dataclasses import dataclass

__all__ = ["Amount"]


@dataclass(frozen=True)
class Amount:
    """What a component is estimated to take.

    Attributes
    ----------
    lut
        Look-up tables, a carry chain's places among them.
    ff
        Flip-flops.
    lone_ff
        Those of them that have no look-up table of their own in front: on an iCE40, each takes a
        logic cell.
    dsp, block_ram
        Multipliers, and blocks of memory.
    """

    lut: float = 0.0
    ff: float = 0.0
    lone_ff: float = 0.0
    dsp: int = 0
    block_ram: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.lut + other.lut,
            self.ff + other.ff,
            self.lone_ff + other.lone_ff,
            self.dsp + other.dsp,
            self.block_ram + other.block_ram,
        )

    def __mul__(self, count: int) -> "Amount":
        return Amount(
            self.lut * count,
            self.ff * count,
            self.lone_ff * count,
            self.dsp * count,
            self.block_ram * count,
        )
