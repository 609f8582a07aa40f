"""Builds with tools that take no time."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from fake_tools import BOARD, FakeTools

from pmgd.boards.build import MANIFEST, build
from pmgd.gateware.errors import DataError, SpecError, ToolError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Network, Spec

SPEC = Spec(name="tiny", network=Network(layers=(1, 1)))
STAGES = ["yosys", "nextpnr-ice40", "icepack"]


@pytest.fixture
def tools(tmp_path, monkeypatch):
    made = FakeTools(tmp_path / "tools")
    monkeypatch.setenv("PATH", str(made.path))
    return made


def make(folder: Path, spec: Spec = SPEC, out: str = "out", **options):
    options = {"cache": folder / "cache", "tools": "native", **options}
    return build(spec, BOARD, folder / out, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_build_and_its_manifest(tools, tmp_path):
    stages = []
    result = make(tmp_path, progress=stages.append)
    assert stages == ["synthesis", "place and route", "pack"]
    assert tools.calls == STAGES
    assert not result.cached
    files = contents(result.folder)
    assert files.keys() == {"tiny.bin", MANIFEST}
    manifest = json.loads(files[MANIFEST])
    assert manifest == result.manifest
    assert manifest["files"] == {"tiny.bin": hashlib.sha256(files["tiny.bin"]).hexdigest()}
    assert manifest["plan_digest"] == f"{Plan(SPEC).digest:016x}"
    assert re.fullmatch("[0-9a-f]{16}", manifest["plan_digest"])
    assert (manifest["board"], manifest["baud"], manifest["clock_hz"]) == (
        "bench",
        1_000_000,
        12_000_000,
    )
    assert manifest["fmax_hz"] == 20_500_000
    assert manifest["utilisation"]["ff"] == {"used": 34, "available": 5280}
    assert manifest["tools"]["yosys"] == "Yosys 0.70 git sha1 28ba3cb92"
    assert Spec.from_mapping(manifest["spec"]) == SPEC


def test_the_same_input_gives_the_same_bytes_wherever_it_is_built(tools, tmp_path):
    first = contents(make(tmp_path, seed=7).folder)
    elsewhere = tmp_path / "else" / "where"
    second = contents(make(elsewhere, seed=7).folder)
    assert tools.calls == 2 * STAGES
    assert first == second
    for name, content in first.items():
        assert str(tmp_path).encode() not in content, name


def test_nothing_of_this_machine_reaches_the_tools(tools, tmp_path):
    tools.replace("yosys", "raise SystemExit(pathlib.Path('top.il').read_text())")
    with pytest.raises(ToolError) as caught:
        make(tmp_path)
    text = str(caught.value)
    assert "attribute" in text
    assert str(Path(__file__).parents[2]) not in text
    assert str(tmp_path) not in text


def test_a_build_comes_again_from_the_cache(tools, tmp_path):
    first = make(tmp_path)
    stages = []
    second = make(tmp_path, out="again", progress=stages.append)
    assert second.cached
    assert stages == []
    assert tools.calls == STAGES
    assert contents(first.folder) == contents(second.folder)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"baud": 500_000},
        {"spec": Spec(name="tiny", network=Network(layers=(1, 2)))},
    ],
    ids=["seed", "baud", "spec"],
)
def test_another_input_is_built_anew(tools, tmp_path, other):
    first = make(tmp_path)
    second = make(tmp_path, out="other", **other)
    assert not second.cached
    assert (first.folder / "tiny.bin").read_bytes() != (second.folder / "tiny.bin").read_bytes()
    assert first.manifest != second.manifest


def test_another_tool_builds_anew(tools, tmp_path):
    make(tmp_path)
    with (tools.path / "icepack").open("a") as program:
        program.write("# another release\n")
    assert not make(tmp_path, out="other").cached


def test_run_time_settings_need_no_other_bitstream(tools, tmp_path):
    first = make(tmp_path)
    second = make(tmp_path, SPEC.with_settings({"training.eta": 0.25}), out="other")
    assert second.cached
    assert (first.folder / "tiny.bin").read_bytes() == (second.folder / "tiny.bin").read_bytes()
    assert second.manifest["spec"]["training"]["eta"] == 0.25


def test_a_damaged_entry_is_made_again(tools, tmp_path):
    first = contents(make(tmp_path).folder)
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    again = make(tmp_path, out="again")
    assert not again.cached
    assert contents(again.folder) == first
    assert make(tmp_path).cached


@pytest.mark.parametrize(
    ("tool", "work", "message"),
    [
        (
            "yosys",
            "pathlib.Path('top.rpt').write_text('one\\nERROR: no such cell.\\n'); sys.exit(1)",
            "^synthesis must succeed, but yosys failed: no such cell; try .*\none\nERROR: no such",
        ),
        (
            "nextpnr-ice40",
            "print('ERROR: no room', file=sys.stderr); sys.exit(255)",
            "^place and route must .* nextpnr-ice40 failed: no room; choose a larger board",
        ),
        ("icepack", "print('odd'); sys.exit(3)", "^pack must .*: it ended with code 3; .*:\nodd$"),
        ("icepack", "", r"^pack must .* icepack failed: it wrote no top\.bin; "),
        ("nextpnr-ice40", "os.kill(os.getpid(), signal.SIGKILL)", "^place.*: signal 9 stopped it;"),
    ],
    ids=["synthesis", "place and route", "pack", "nothing written", "stopped"],
)
def test_a_failure_names_stage_and_cause_and_leaves_nothing(tools, tmp_path, tool, work, message):
    tools.replace(tool, work)
    with pytest.raises(ToolError, match=message):
        make(tmp_path)
    assert tools.calls == STAGES[: STAGES.index(tool) + 1]
    assert {path.name for path in tmp_path.iterdir()} == {"tools", "cache"}
    assert not list((tmp_path / "cache").iterdir())


def test_a_log_is_cut_to_its_end(tools, tmp_path):
    lines = "\n".join(f"line {n}" for n in range(100))
    tools.replace("yosys", f"pathlib.Path('top.rpt').write_text({lines!r}); sys.exit(1)")
    with pytest.raises(ToolError) as caught:
        make(tmp_path)
    tail = str(caught.value).splitlines()[1:]
    assert tail == [f"line {n}" for n in range(80, 100)]


def test_a_bitstream_too_slow_is_refused_with_both_figures(tools, tmp_path):
    earlier = contents(make(tmp_path).folder)
    tools.set_fmax(11.987)
    with pytest.raises(ToolError, match=r"at the 12 MHz .* but fmax is 11\.99 MHz; choose another"):
        make(tmp_path, seed=2)
    with pytest.raises(ToolError, match=r"fmax is 11\.99 MHz"):
        make(tmp_path, out="other", seed=2)
    assert tools.calls == 2 * STAGES
    assert contents(tmp_path / "out") == earlier
    assert not (tmp_path / "other").exists()


def test_an_earlier_build_is_replaced_as_a_whole(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    make(tmp_path, verilog=True)
    assert contents(tmp_path / "out").keys() == {"tiny.bin", "tiny.v", MANIFEST}
    make(tmp_path)
    assert contents(tmp_path / "out").keys() == {"tiny.bin", MANIFEST}
    assert {path.name for path in tmp_path.iterdir()} == {"tools", "cache", "out"}


def test_the_verilog_stands_alone(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    result = make(tmp_path, verilog=True)
    text = (result.folder / "tiny.v").read_text()
    assert f"0x{Plan(SPEC).digest:016x}" in text
    assert "12 clock cycles a bit: 1000000 baud at 12 MHz" in text
    ports = re.search(r"module pmgd_serial_fabric\((.*?)\)", text)[1].split(", ")
    assert {"clk", "rst", "rx", "tx", "busy"} <= set(ports)
    assert "SB_" not in text  # no pins, nothing of one vendor
    assert result.manifest["files"]["tiny.v"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_folder_with_something_else_is_left_alone(tools, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match=r"not .*out, which holds letter\.txt; choose another"):
        make(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="choose another folder"):
        make(tmp_path, out="file")
    assert contents(tmp_path / "out") == {"letter.txt": b"dear"}
    assert tools.calls == []


def test_a_stranger_in_an_earlier_build_is_left_alone(tools, tmp_path):
    make(tmp_path)
    (tmp_path / "out" / "notes.md").write_text("mine")
    with pytest.raises(DataError, match=r"holds notes\.md"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, r"seed must be from 0 to 2147483647, not -1"),
        ({"seed": 1 << 31}, r"seed must be from 0 to 2147483647, not 2147483648"),
        ({"baud": 5_000_000}, r"baud must be from 1 to 1500000 for a clock of 12 MHz"),
        ({"baud": 1_300_000}, r"choose 1333333"),
        ({"tools": "vendor"}, r"tools must be one of yowasp, native, not 'vendor'"),
    ],
)
def test_what_cannot_be_is_refused_at_once(tools, tmp_path, options, message):
    with pytest.raises(SpecError, match=message):
        make(tmp_path, **options)
    assert tools.calls == []
    assert not (tmp_path / "out").exists()


def test_a_missing_tool_is_told_before_any_runs(tools, tmp_path):
    (tools.path / "icepack").unlink()
    with pytest.raises(ToolError, match=r"needs icepack, which is not on the PATH; .*yowasp"):
        make(tmp_path)
    assert tools.calls == []


def test_a_cache_that_cannot_be_written_is_told(tools, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(ToolError, match=r"folder that can be written, not .*cache"):
        make(tmp_path)
    assert tools.calls == []


def test_assertions_are_removed_before_synthesis(tools, tmp_path):
    tools.replace("yosys", "raise SystemExit(pathlib.Path('top.ys').read_text())")
    with pytest.raises(ToolError) as caught:
        make(tmp_path)
    script = str(caught.value)
    assert script.index("chformal -remove") < script.index("synth_ice40 -dsp")


def test_the_cache_may_be_deleted(tools, tmp_path):
    first = contents(make(tmp_path).folder)
    shutil.rmtree(tmp_path / "cache")
    assert contents(make(tmp_path).folder) == first
