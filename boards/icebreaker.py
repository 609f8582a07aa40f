"""iCEBreaker by 1BitSquared: Lattice iCE40 UP5K, USB serial port."""

from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.family import ICE40, Resources

__all__ = ["ICEBREAKER"]


def _platform() -> Any:
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    return ICEBreakerPlatform()


ICEBREAKER = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    family=ICE40,
    device="iCE40UP5K",
    capacity=Resources(lut=5_280, ff=5_280, dsp=8, block_ram=30),
    clock_hz=12_000_000,
    platform=_platform,
)
