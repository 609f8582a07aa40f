"""ULX3S-85F by Radiona: Lattice ECP5, USB serial port."""

from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.family import ECP5, Resources

__all__ = ["ULX3S_85F"]


def _platform() -> Any:
    from amaranth_boards.ulx3s import ULX3S_85F_Platform

    return ULX3S_85F_Platform()


ULX3S_85F = Board(
    name="ulx3s_85f",
    title="Radiona ULX3S-85F",
    family=ECP5,
    device="LFE5U-85F",
    capacity=Resources(lut=83_640, ff=83_640, dsp=156, block_ram=208),
    clock_hz=25_000_000,
    platform=_platform,
)
