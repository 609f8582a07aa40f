import io

from pmgd.host.cli.progress import ProgressLine
from pmgd.host.trainer import Progress


class Terminal(io.StringIO):
    def __init__(self, encoding="utf-8"):
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return True


def at(timestep):
    return Progress(timestep, 100_000, 81_234.0, 0.0123, 0.75)


def size(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")


def test_a_terminal_gets_one_line_that_keeps_itself_up_to_date(monkeypatch):
    size(monkeypatch, 100)
    stream = Terminal()
    line = ProgressLine(stream)
    line.status("preparing")
    line(at(25_000))
    line(at(50_000))
    line.finish()
    line.finish()
    text = stream.getvalue()
    assert text.count("\n") == 1
    shown = [part.removesuffix("\x1b[K") for part in text.rstrip("\n").split("\r")[1:]]
    assert shown[0] == "preparing"
    bar, rest = shown[2].split("  ", 1)
    assert bar == "\u2588" * (len(bar) // 2) + "\u2591" * (len(bar) // 2)
    assert rest == " 50%   50,000/100,000   81,200 steps/s  cost 1.23e-02  accuracy  75.0%"


def test_a_narrow_terminal_is_never_overrun(monkeypatch):
    for columns in (10, 40, 70, 80, 200):
        size(monkeypatch, columns)
        stream = Terminal()
        ProgressLine(stream)(at(100_000))
        shown = stream.getvalue().removeprefix("\r").removesuffix("\x1b[K")
        assert len(shown) < columns
        assert ("\u2588" in shown) == (columns >= 80)


def test_a_terminal_without_blocks_gets_plain_characters(monkeypatch):
    size(monkeypatch, 100)
    stream = Terminal("ascii")
    ProgressLine(stream)(at(50_000))
    assert stream.getvalue().isascii()
    assert "#" * 12 + "." * 12 in stream.getvalue()


def test_a_log_gets_a_line_every_tenth():
    stream = io.StringIO()
    line = ProgressLine(stream)
    for timestep in range(0, 100_001, 500):
        line(at(timestep))
    lines = stream.getvalue().splitlines()
    assert [int(text.split("%")[0]) for text in lines] == list(range(0, 101, 10))
