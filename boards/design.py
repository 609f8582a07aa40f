"""All that the tools are told of a design: its netlist, its pins, its clock and their options."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.build import Clock

from pmgd.boards.board import Board
from pmgd.boards.pll import Pll
from pmgd.boards.top import BoardTop
from pmgd.gateware.attributes import REPLICA
from pmgd.gateware.plan import Plan

__all__ = ["NETLIST_REPORT", "REPORT", "TOP", "Design", "prepare"]

TOP = "top"
"""Name of the top module."""
REPORT = "report.json"
"""nextpnr's report."""
NETLIST_REPORT = "synthesis.json"
"""Yosys's statistics of the netlist."""

_BEFORE_SYNTHESIS = f"""\
chformal -remove
select -set replicas w:* a:{REPLICA}=* %i
setattr -set keep 1 @replicas %ci1:+[Q] @replicas %d"""
"""Yosys commands. Assertions are for simulations; those left in a netlist keep their logic alive.
And registers that are copies on purpose are not to be merged."""

_ELEMENT = re.compile(rb"(?<=\S)\[(\d+)\]")
"""The number of an array's element at the end of its name, not of a signal's bit, which is set off
by a space. Yosys's abc9 takes the names of one-bit elements for those of bits of one signal, and
where that exists, too, with another width, ends with a failed assertion."""


@dataclass(frozen=True)
class Design:
    """A design for a board, with all that the tools are to be told.

    Attributes
    ----------
    files
        Contents by name: RTLIL, scripts, pins.
    commands
        One for each stage, with the names of tools and files.
    bitstream
        Name of the bitstream that they make; empty where they end with place and route.
    """

    files: Mapping[str, bytes]
    commands: tuple[tuple[str, ...], ...]
    bitstream: str

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that it takes."""
        return tuple(command[0] for command in self.commands)


def prepare(
    plan: Plan,
    board: Board,
    divisor: int,
    seed: int,
    *,
    pll: Pll | None = None,
    target_hz: int | None = None,
) -> Design:
    """Generate a design; the same arguments and packages give the same bytes.

    Parameters
    ----------
    plan, board
        What to build, and for which board.
    divisor
        Clock cycles of one bit of the UART.
    seed
        Of nextpnr, the first that is tried.
    pll
        Settings of the PLL that makes the fabric's clock; by default the oscillator is that.
    target_hz
        What the tools are told that the oscillator runs at, for them to strive for, though it does
        not. Such a design is for measuring alone: it ends with place and route.
    """
    family = board.family
    platform = board.platform()
    if target_hz is not None:
        _pretend(platform, target_hz)
    build = platform.prepare(
        BoardTop(plan, board, divisor, pll),
        TOP,
        emit_src=False,
        script_after_read=_BEFORE_SYNTHESIS,
        synth_opts=family.synthesis,
        script_after_synth=f"{family.rewrites}tee -q -o {NETLIST_REPORT} stat -json",
        nextpnr_opts=f"--seed {seed} --report {REPORT} --timing-allow-fail {family.placement}",
    )
    files = {
        name: content.encode() if isinstance(content, str) else content
        for name, content in build.files.items()
    }
    files[f"{TOP}.il"] = _ELEMENT.sub(rb".\1", files[f"{TOP}.il"])
    files |= {name: content.encode() for name, content in family.rewrite_files}
    commands = json.loads(files[f"{build.script}.json"])["commands"]
    bitstream = TOP + family.suffix
    if target_hz is not None:
        commands, bitstream = commands[:-1], ""
    return Design(files, tuple(tuple(command) for command in commands), bitstream)


def _pretend(platform: Any, oscillator_hz: int) -> None:
    """Let a platform say that its oscillator runs at another frequency."""
    key = platform.default_clk, 0
    oscillator = copy.copy(platform.resources[key])  # all platforms of a board share the resource
    oscillator.clock = Clock(oscillator_hz)
    platform.resources[key] = oscillator
