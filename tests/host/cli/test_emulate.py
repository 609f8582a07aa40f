"""The very path that a board would take: command, port, wires, fabric."""

import json
import signal
import subprocess
import sys

import pytest

from pmgd.host.cli import main

STEPS = 2_000
LIMIT_S = 120
COMMAND = [sys.executable, "-c", "import sys; from pmgd.host.cli import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def emulator():
    """A `pmgd emulate` of this machine, and the port that it says."""
    process = subprocess.Popen(
        [*COMMAND, "emulate", "xor", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT_S) == 0


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
