import pytest

from pmgd.boards.catalog import BOARDS, board
from pmgd.gateware.errors import SpecError
from pmgd.gateware.uart import baud_divisor


def test_every_board_is_found_by_its_name():
    assert [board(each.name) for each in BOARDS] == list(BOARDS)
    assert {each.name for each in BOARDS} == {"ulx3s_85f", "icebreaker"}


def test_another_board_is_refused():
    with pytest.raises(SpecError, match="one of ulx3s_85f, icebreaker, not 'arty'"):
        board("arty")


@pytest.mark.parametrize("chosen", BOARDS, ids=lambda each: each.name)
def test_the_baud_rate_divides_the_clock(chosen):
    assert baud_divisor(chosen.clock_hz, chosen.baud) * chosen.baud == chosen.clock_hz
