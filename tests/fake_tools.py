"""Stand-ins for a board's tools that take no time, for tests of what surrounds them."""

import json
import sys
from pathlib import Path

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource, Subsignal
from amaranth.vendor import LatticeICE40Platform

from pmgd.boards.board import Board
from pmgd.boards.family import ICE40, Resources

# As the real ones say it, each in its own way; icepack does not.
ANSWERS = {
    "yosys": "Yosys 0.70 (git sha1 28ba3cb92, Release, Clang /some/where/clang++ 22.1.0)",
    "nextpnr-ice40": '"/some/where/nextpnr" -- Place and Route (Version nextpnr-0.11.1)',
    "ecppack": "Project Trellis ecppack Version 1.4-82-g3afe7b5",
}

SCRIPT = """#!{python}
import hashlib, json, os, pathlib, signal, sys

name = pathlib.Path(sys.argv[0]).name
if sys.argv[1:] in (["-V"], ["--version"]):
    print({answers!r}.get(name, ""))
    sys.exit(name == "icepack")
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    calls.write(name + "\\n")
exec((folder / "instead-of" / name).read_text())
"""

WORK = {
    "yosys": """
pathlib.Path("top.rpt").write_text("reading\\nmapping\\n")
pathlib.Path("synthesis.json").write_text(
    json.dumps({"design": {"num_cells_by_type": {"SB_DFF": 30, "SB_DFFE": 4, "SB_LUT4": 50}}})
)
""",
    "nextpnr-ice40": """
design = pathlib.Path("top.il").read_bytes() + json.dumps(sys.argv[1:]).encode()
pathlib.Path("top.asc").write_text(hashlib.sha256(design).hexdigest())
edge = {"from": "posedge clk", "to": "posedge clk"}
start = {"cell": "serial.fabric.link.state_SB_DFF_Q_1"}
end = {"cell": "serial.fabric.cost_SB_DFFE_Q_D_SB_LUT4_O_LC"}
path = [
    {"type": "clk-to-q", "delay": 1.5, "from": start, "to": start},
    {"type": "routing", "delay": 10.0, "from": start, "to": end},
    {"type": "setup", "delay": 0.5, "from": end, "to": end},
]
cells = {"ICESTORM_LC": (100, 5280), "ICESTORM_DSP": (2, 8), "ICESTORM_RAM": (3, 30)}
pathlib.Path("report.json").write_text(json.dumps({
    "critical_paths": [{**edge, "path": path}],
    "fmax": {"clk": {"achieved": FMAX, "constraint": 12.0}},
    "utilization": {cell: {"used": u, "available": a} for cell, (u, a) in cells.items()},
}))
""",
    "ecppack": "",
    "icepack": """
pathlib.Path(sys.argv[-1]).write_text("packed " + pathlib.Path(sys.argv[-2]).read_text())
""",
}


class Platform(LatticeICE40Platform):
    device = "iCE40UP5K"
    package = "SG48"
    default_clk = "clk12"
    resources = (
        Resource("clk12", 0, Pins("35", dir="i"), Clock(12e6), Attrs(GLOBAL=True)),
        Resource("led", 0, PinsN("11", dir="o")),
        Resource(
            "uart", 0, Subsignal("rx", Pins("6", dir="i")), Subsignal("tx", Pins("9", dir="o"))
        ),
    )
    connectors = ()


BOARD = Board(
    name="bench",
    title="Test Bench",
    family=ICE40,
    device="iCE40UP5K",
    capacity=Resources(lut=5280, ff=5280, dsp=8, block_ram=30),
    clock_hz=12_000_000,
    platform=Platform,
)
"""A board that needs no other package than Amaranth."""


class FakeTools:
    """Native tools in a folder that is to be put on the PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        (folder / "instead-of").mkdir()
        (folder / "calls").touch()
        for name, work in WORK.items():
            program = self.path / name
            text = SCRIPT.format(python=sys.executable, folder=str(folder), answers=ANSWERS)
            program.write_text(text)
            program.chmod(0o755)
            self.replace(name, work)
        self.set_fmax(20.5)

    def replace(self, name: str, work: str) -> None:
        """Let a tool do something else."""
        (self._folder / "instead-of" / name).write_text(work)

    def set_fmax(self, mhz: float, before: str = "") -> None:
        """Let the design be as fast as this, and something happen before."""
        work = WORK["nextpnr-ice40"].replace("FMAX", json.dumps(mhz))
        self.replace("nextpnr-ice40", before + work)

    @property
    def calls(self) -> list[str]:
        """Names of the tools that have run, in order."""
        return (self._folder / "calls").read_text().split()
