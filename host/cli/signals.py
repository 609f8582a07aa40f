"""Signals that end a command as a Ctrl-C does."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ended_by_signals"]

_NAMES = ("SIGTERM", "SIGHUP")
"""A request to end, and a terminal that went away, which not every system has."""


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Let the first such signal raise `KeyboardInterrupt` meanwhile, so that all is cleaned up.

    More of them do not disturb that. What is ignored, as under nohup, remains so.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    previous = {
        number: handler
        for number in numbers
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }

    def interrupt(number: int, frame: FrameType | None) -> None:
        for other in previous:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in previous:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
