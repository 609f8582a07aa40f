"""The progress of a training on a terminal, or in a log."""

import shutil
import time
from typing import TextIO

from pmgd.host.cli.text import count, rate
from pmgd.host.trainer import Progress

__all__ = ["ProgressLine"]

LOG_INTERVAL_S = 10.0
BAR_COLUMNS = 24
MIN_BAR_COLUMNS = 6


class ProgressLine:
    """One line that keeps itself up to date; where that cannot be, a line every so often.

    Parameters
    ----------
    stream
        Where to; usually the standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._open = False
        self._tenth = -1
        self._time = 0.0

    def note(self, text: str) -> None:
        """Show a line that stays."""
        self.finish()
        print(text, file=self._stream, flush=True)

    def status(self, text: str) -> None:
        """Show what goes on until there is progress."""
        if not self._live:
            self.note(text)
            return
        self._stream.write(f"\r{text}\x1b[K")
        self._stream.flush()
        self._open = True

    def __call__(self, progress: Progress) -> None:
        """Show where the training stands."""
        if self._live:
            line = self._text(progress)
            columns = shutil.get_terminal_size().columns - 1
            width = min(BAR_COLUMNS, columns - len(line) - 2)
            if width >= MIN_BAR_COLUMNS:
                line = f"{self._bar(_share(progress), width)}  {line}"
            line = line[:columns]
            self._stream.write(f"\r{line}\x1b[K")
            self._stream.flush()
            self._open = True
            return
        tenth = progress.timestep * 10 // max(1, progress.stop_at)
        now = time.monotonic()
        if tenth != self._tenth or now - self._time >= LOG_INTERVAL_S:
            self._tenth, self._time = tenth, now
            print(self._text(progress), file=self._stream, flush=True)

    def finish(self) -> None:
        """Leave the line as it is and begin a new one."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _text(self, progress: Progress) -> str:
        goal = count(progress.stop_at)
        return "  ".join(
            [
                f"{_share(progress):4.0%}",
                f"{count(progress.timestep):>{len(goal)}}/{goal}",
                f"{rate(progress.timesteps_per_s):>7} steps/s",
                f"cost {progress.cost:.2e}",
                f"accuracy {progress.accuracy:6.1%}",
            ]
        )

    def _bar(self, share: float, width: int) -> str:
        full, empty = "\u2588", "\u2591"
        try:
            (full + empty).encode(self._stream.encoding or "ascii")
        except UnicodeEncodeError:
            full, empty = "#", "."
        done = int(share * width)
        return full * done + empty * (width - done)


def _share(progress: Progress) -> float:
    return progress.timestep / progress.stop_at if progress.stop_at else 1.0
