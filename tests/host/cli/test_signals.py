import signal

import pytest

from pmgd.host.cli.signals import ended_by_signals

NUMBERS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True, params=NUMBERS)
def number(request):
    """A signal that does what it does by default, however these tests were started."""
    previous = [signal.signal(number, signal.SIG_DFL) for number in NUMBERS]
    yield request.param
    for number, handler in zip(NUMBERS, previous, strict=True):
        signal.signal(number, handler)


def test_the_first_signal_is_as_a_ctrl_c_and_others_are_none(number):
    done = []

    def command():
        with ended_by_signals():
            try:
                signal.raise_signal(number)
                done.append("work")
            finally:
                for other in NUMBERS:
                    signal.raise_signal(other)
                done.append("cleaning up")

    with pytest.raises(KeyboardInterrupt):
        command()
    assert done == ["cleaning up"]
    assert [signal.getsignal(number) for number in NUMBERS] == [signal.SIG_DFL] * 2


def test_what_is_ignored_remains_so(number):
    signal.signal(number, signal.SIG_IGN)
    with ended_by_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_IGN


def test_another_handler_is_back_afterwards(number):
    came = []
    signal.signal(number, lambda number, frame: came.append(number))
    with ended_by_signals():
        pass
    signal.raise_signal(number)
    assert came == [number]
