import json

from pmgd.boards.catalog import BOARDS
from pmgd.host.cli import main


def test_the_boards_are_listed_with_what_they_have(capsys):
    assert main(["boards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1 + len(BOARDS) :] == ["", "  another clock, from a PLL: pmgd build --clock MHZ"]
    for line, board in zip(lines[1 : 1 + len(BOARDS)], BOARDS, strict=True):
        assert line.split()[0] == board.name
        for part in (board.title, board.device, f"{board.capacity.lut:,}", f"{board.baud:,}"):
            assert part in line
    assert " 25 MHz " in lines[1]


def test_the_list_as_json(capsys):
    assert main(["boards", "--json"]) == 0
    (first, second) = json.loads(capsys.readouterr().out)["boards"]
    assert (first["name"], second["name"]) == ("ulx3s_85f", "icebreaker")
    assert second["clock_hz"] == 12_000_000
    assert (second["lut"], second["ff"], second["dsp"], second["block_ram"]) == (5280, 5280, 8, 30)
