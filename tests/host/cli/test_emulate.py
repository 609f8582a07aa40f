"""The very path that a board would take: command, port, wires, fabric."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from pmgd.host.cli import emulate as command
from pmgd.host.cli import main

STEPS = 2_000
LIMIT_S = 120
PROGRAM = """
import signal, sys
from pmgd.host.cli import main

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # however these tests were started
sys.exit(main())
"""
COMMAND = [
    sys.executable,
    "-W",
    "error",
    "-c",
    PROGRAM,
]


@contextmanager
def emulate(*options, end_with=signal.SIGINT):
    """A `pmgd emulate xor`, until the signal; it must end well, and complain of nothing."""
    process = subprocess.Popen(
        [*COMMAND, "emulate", "xor", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process.stdout
        finally:
            process.send_signal(end_with)
            try:
                error = process.communicate(timeout=LIMIT_S)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert (process.returncode, error.count("\n")) == (0, 1), error


@pytest.fixture(scope="module")
def emulator():
    """What a running emulator says of itself."""
    with emulate("--json") as out:
        yield json.loads(out.readline())


def trained(capsys, tmp_path, device):
    arguments = ["train", "xor", "--steps", str(STEPS), "--set", "training.tau_theta=4"]
    arguments += ["--device", device, "--out", str(tmp_path / device.partition(":")[0]), "--json"]
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_three_devices_end_in_the_same_parameters(capsys, tmp_path, emulator):
    results = [
        trained(capsys, tmp_path, device)
        for device in ("golden", "rtl", f"serial:{emulator['port']}")
    ]
    assert len({result["params_sha256"] for result in results}) == 1
    assert all(result["steps"] == STEPS for result in results)
    assert {result["plan_digest"] for result in results} == {emulator["plan_digest"]}


def test_another_specification_is_refused(capsys, tmp_path, emulator):
    arguments = ["train", "xor", "--steps", "1", "--set", "formats.overflow=hold"]
    arguments += ["--device", f"serial:{emulator['port']}", "--out", str(tmp_path / "run")]
    assert main(arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pmgd: error: ")
    assert emulator["plan_digest"] in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("end_with", [signal.SIGTERM, signal.SIGHUP])
def test_the_port_is_told_with_what_to_type(tmp_path, end_with):
    """Ended as a background job is, for which a shell has Ctrl-C ignored; or by its terminal."""
    link = tmp_path / "port"
    with emulate("--link", str(link), end_with=end_with) as out:
        told = dict(line.strip().split(maxsplit=1) for line in out.readlines(1))
        port = told["port"]
        assert str(link.readlink()) == port
    assert not link.is_symlink()


def test_a_link_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    assert main(["emulate", "xor", "--link", str(tmp_path / "taken")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pmgd: error: a link must be a new name")
    assert error.endswith("taken: File exists; choose another name, or remove it")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_setting_is_changed_and_told(capsys, monkeypatch):
    plans = []

    @contextmanager
    def open_emulator(plan, link):
        def serve():
            raise KeyboardInterrupt

        plans.append(plan)
        yield SimpleNamespace(port="PORT", serve=serve)

    monkeypatch.setattr(command, "open_emulator", open_emulator)
    changes = ["--set", "formats.overflow=hold", "--set", "network.layers=[2, 3, 1]"]
    assert main(["emulate", "xor", *changes]) == 0
    spec = plans[0].spec
    assert (spec.formats.overflow, spec.network.layers) == ("hold", (2, 3, 1))
    typed = "xor --set formats.overflow=hold --set 'network.layers=[2, 3, 1]' --device serial:PORT"
    assert f"pmgd train {typed}\n" in capsys.readouterr().out
