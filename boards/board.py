"""A board as data: its FPGA, its clock, its link and where its pins are listed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pmgd.boards.family import Family, Resources

__all__ = ["Board"]


@dataclass(frozen=True)
class Board:
    """A board. A file of its own makes it, which holds no logic.

    Attributes
    ----------
    name, title
        What a command line and its maker call it.
    family, device
        Its FPGA.
    capacity
        What the FPGA has.
    clock_hz
        Its oscillator, which clocks the whole fabric unless a PLL does. On an iCE40 its pin is the
        PLL's.
    platform
        Makes the amaranth-boards platform that lists the pins. A platform serves one build, and its
        package is needed for that alone.
    uart, led
        The platform's resources, the first of either name: the link to the host, and what is lit
        while the fabric is busy.
    baud
        Of the UART, unless another is chosen.
    """

    name: str
    title: str
    family: Family
    device: str
    capacity: Resources
    clock_hz: int
    platform: Callable[[], Any]
    uart: str = "uart"
    led: str = "led"
    baud: int = 1_000_000
