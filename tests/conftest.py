"""What every test shares: seeds that are told, and a run in which nothing may be skipped."""

import random
import signal
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("local", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", deadline=None, print_blob=True, derandomize=True, database=None
)
hypothesis.settings.load_profile("local")

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pmgd")
    group.addoption(
        "--forbid-skips",
        action="store_true",
        help="fail where a test would be skipped, for want of a tool or whatever else",
    )
    group.addoption(
        "--random-seed",
        type=int,
        help="seed of the tests that ask for one; drawn anew, and printed, if not given",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A worker of pytest-xdist takes the seed of the process that started it.
    given = config.getoption("--random-seed")
    drawn = random.SystemRandom().getrandbits(32) if given is None else given
    config.stash[SEED] = getattr(config, "workerinput", {}).get("random_seed", drawn)
    # A shell's background job inherits Ctrl-C ignored, and so would all that the tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["random_seed"] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> str:
    return f"random seed: {config.stash[SEED]}"


@pytest.fixture
def random_seed(request: pytest.FixtureRequest) -> int:
    """Seed for a test that samples; a failure tells it."""
    return request.config.stash[SEED]


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    if report.skipped and config.getoption("--forbid-skips") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--forbid-skips: nothing may be skipped, but this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid_skip(report, collector.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid_skip(report, item.config)
    if report.failed and "random_seed" in getattr(item, "fixturenames", ()):
        run_seed = item.config.stash[SEED]
        report.sections.append(("random seed", f"run again with --random-seed {run_seed}"))
    return report
