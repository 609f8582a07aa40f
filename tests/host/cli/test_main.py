import subprocess
import sys
from importlib.metadata import version

import pytest

from pmgd.host.cli import main

PROGRAM = "import sys; from pmgd.host.cli import main; sys.exit(main())"
COMMAND = [sys.executable, "-W", "error", "-c", PROGRAM]


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pmgd {version('pmgd')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["explain", "--help"],
        ["emulate", "--help"],
        ["build", "--help"],
        ["boards", "--help"],
    ],
)
def test_help(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: pmgd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND; see pmgd --help"),
        (["paint"], "'paint'"),
        (["train"], "required: SPEC; see pmgd train --help"),
        (["train", "xor", "--bogus"], "--bogus"),
        (["train", "xor", "--steps"], "--steps: expected one argument"),
        (["explain", "nor"], ", not 'nor'"),
        (["explain", "xor", "--set", "training.speed=9"], "training.speed"),
        (["emulate", "xor", "--set", "training.eta"], "must be KEY=VALUE"),
        (["build", "xor", "--board", "icebreaker", "--set", "eta=1"], "'eta'"),
        (["doctor", "xor"], "unrecognized arguments: xor"),
    ],
)
def test_a_wrong_command_is_one_sentence(capsys, arguments, message):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pmgd: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_debug_shows_where_an_error_arose(capsys):
    assert main(["explain", "nor", "--debug"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("pmgd: error: a preset must")


def test_the_command_ends_with_the_exit_code():
    done = subprocess.run(
        [*COMMAND, "explain", "nor"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pmgd: error: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error():
    with subprocess.Popen(
        [*COMMAND, "explain", "xor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()  # before anything can have been written
        error = process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert error == b""
