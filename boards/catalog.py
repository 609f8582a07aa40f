"""Every board, by name."""

from pmgd.boards.board import Board
from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import SpecError

__all__ = ["BOARDS", "board"]

BOARDS: tuple[Board, ...] = (ULX3S_85F, ICEBREAKER)
"""The boards."""


def board(name: str) -> Board:
    """Return the board of a name.

    Raises
    ------
    SpecError
        If there is none.
    """
    for known in BOARDS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in BOARDS)
    raise SpecError(f"a board must be one of {names}, not {name!r}")
