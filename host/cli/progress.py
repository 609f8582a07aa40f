"""The progress of a training on a terminal, or in a log."""

import shutil
import time
from typing import TextIO

from pmgd.host.cli.text import count, rate
from pmgd.host.trainer import Progress

__all__ = ["ProgressLine"]

LOG_INTERVAL_S = 10.0


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

    def __call__(self, progress: Progress) -> None:
        """Show where the training stands."""
        if self._live:
            columns = shutil.get_terminal_size().columns - 1
            line = self._line(progress, bar=True)
            if len(line) > columns:
                line = self._line(progress, bar=False)[:columns]
            self._stream.write(f"\r{line}\x1b[K")
            self._stream.flush()
            self._open = True
            return
        tenth = progress.timestep * 10 // max(1, progress.stop_at)
        now = time.monotonic()
        if tenth != self._tenth or now - self._time >= LOG_INTERVAL_S:
            self._tenth, self._time = tenth, now
            print(self._line(progress, bar=False), file=self._stream, flush=True)

    def finish(self) -> None:
        """Leave the line as it is and begin a new one."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _line(self, progress: Progress, *, bar: bool) -> str:
        share = progress.timestep / progress.stop_at if progress.stop_at else 1.0
        goal = count(progress.stop_at)
        parts = [
            f"{count(progress.timestep):>{len(goal)}} / {goal} timesteps",
            f"{rate(progress.timesteps_per_s)}/s",
            f"cost {progress.cost:.2e}",
            f"accuracy {progress.accuracy:.1%}",
        ]
        return "  ".join([self._bar(share), *parts] if bar else [f"{share:4.0%}", *parts])

    def _bar(self, share: float, width: int = 24) -> str:
        full, empty = "\u2588", "\u2591"
        try:
            (full + empty).encode(self._stream.encoding or "ascii")
        except UnicodeEncodeError:
            full, empty = "#", "."
        done = int(share * width)
        return full * done + empty * (width - done) + f" {share:4.0%}"
