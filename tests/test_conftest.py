"""The options of the test run itself."""

import signal
from pathlib import Path

import pytest

pytest_plugins = "pytester"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    return pytester


SKIPS = """
    import pytest

    @pytest.mark.skipif(True, reason="no such tool")
    def test_marked():
        pass

    def test_called():
        pytest.skip("no such board")

    @pytest.mark.xfail(reason="known")
    def test_expected_to_fail():
        assert False
"""


def test_a_skip_is_a_skip(inner: pytest.Pytester) -> None:
    inner.makepyfile(SKIPS)
    inner.runpytest_subprocess().assert_outcomes(skipped=2, xfailed=1)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_forbidden_skips_fail(inner: pytest.Pytester, workers: str) -> None:
    inner.makepyfile(SKIPS)
    result = inner.runpytest_subprocess("--forbid-skips", "-n", workers)
    # Where a mark skips, nothing has been called yet: pytest counts that as an error of set-up.
    result.assert_outcomes(errors=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines_random(["*nothing may be skipped*no such tool*", "*no such board*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_forbidden_skip_of_a_module_fails(inner: pytest.Pytester) -> None:
    inner.makepyfile("import pytest; pytest.importorskip('no_such_module')")
    inner.runpytest_subprocess().assert_outcomes(skipped=1)
    inner.runpytest_subprocess("--forbid-skips").assert_outcomes(errors=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_failure_tells_a_seed_that_repeats_it(inner: pytest.Pytester, workers: str) -> None:
    inner.makepyfile(
        """
        import random

        def test_odd(random_seed):
            assert False, f"drew {random.Random(random_seed).getrandbits(64)}"

        def test_also_odd(random_seed):
            assert False, f"drew {random.Random(random_seed).getrandbits(64)}"
        """
    )
    first = inner.runpytest_subprocess("-n", workers)
    told = {line for line in first.outlines if "--random-seed" in line}
    assert len(told) == 1
    drawn = {line for line in first.outlines if line.startswith("E  ") and "drew" in line}
    assert len(drawn) == 1
    again = inner.runpytest_subprocess("-n", "0", "--random-seed", told.pop().split()[-1])
    assert drawn <= set(again.outlines)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_interrupt_works_in_a_background_job(inner: pytest.Pytester, workers: str) -> None:
    inner.makepyfile(
        """
        import signal, subprocess, sys
        import pytest

        CHILD = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"

        def test_interrupt():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert subprocess.check_output([sys.executable, "-c", CHILD]) == b"False\\n"
        """
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = inner.runpytest_subprocess("-n", workers)
    finally:
        signal.signal(signal.SIGINT, before)
    result.assert_outcomes(passed=1)
