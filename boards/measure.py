"""How large and how fast a fabric is on a board, as place and route tell."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pmgd.boards.board import Board
from pmgd.boards.critical_path import CriticalPath, read_critical_path
from pmgd.boards.design import NETLIST_REPORT, REPORT, prepare
from pmgd.boards.implement import SEED, check_seed
from pmgd.boards.make import make
from pmgd.boards.pll import find_pll
from pmgd.boards.report import Report, read_report
from pmgd.boards.tools import find_tool
from pmgd.gateware.errors import SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec
from pmgd.gateware.uart import baud_divisor

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True)
class Measurement:
    """Size and speed of a fabric, with its UART.

    Attributes
    ----------
    name, board
        Names of specification and board.
    parameters, clocks_per_timestep, update_delay
        From the plan; the clocks are those with a new sample.
    report
        Utilisation and fmax.
    limit
        What limits fmax.
    constraint_hz
        What the tools strove for.
    seed
        With which it was placed and routed.
    """

    name: str
    board: str
    parameters: int
    clocks_per_timestep: int
    update_delay: int
    report: Report
    limit: CriticalPath
    constraint_hz: int
    seed: int

    @property
    def lut_per_parameter(self) -> float:
        """LUTs of all, UART and control included, for each parameter."""
        return self.report.used.lut / self.parameters

    @property
    def timesteps_per_s(self) -> float:
        """Timesteps a second at fmax."""
        return self.report.fmax_hz / self.clocks_per_timestep


def measure(
    spec: Spec,
    board: Board,
    *,
    clock_hz: int | None = None,
    target_hz: int | None = None,
    seed: int = 1,
    tools: str = "yowasp",
    cache: Path | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> Measurement:
    """Synthesize, place and route a fabric, and tell how large and how fast it became.

    It may be slower than its clock, which a build may not.

    Parameters
    ----------
    spec, board
        What to measure, and on which board.
    clock_hz
        Of the fabric, from a PLL; the tools strive for that.
    target_hz
        What the tools strive for where there is no PLL; by default the family's `target_hz`.
    seed, tools, cache, progress
        As of `pmgd.boards.build.build`, whose cache it shares.

    Raises
    ------
    SpecError
        If both a clock and a target are given, or one of them or the seed is not possible.
    ToolError
        If a tool is missing or fails.
    """
    if clock_hz is not None and target_hz is not None:
        raise SpecError(
            f"a target must not be given beside a clock, for which the tools strive then, but "
            f"there are {target_hz / 1e6:g} and {clock_hz / 1e6:g} MHz; leave one of them out"
        )
    check_seed(seed)
    plan = Plan(spec)
    pll = None
    if clock_hz is None:
        target_hz = board.family.target_hz if target_hz is None else target_hz
    else:
        pll = find_pll(board.family.plls(board.clock_hz), board.clock_hz, clock_hz)
    divisor = baud_divisor(clock_hz or board.clock_hz, board.baud)
    design = prepare(plan, board, divisor, seed, pll=pll, target_hz=target_hz)
    found = {name: find_tool(name, tools) for name in design.tools}
    products, _ = make(design, found, cache, progress)
    return Measurement(
        name=spec.name,
        board=board.name,
        parameters=plan.parameters,
        clocks_per_timestep=plan.clocks_per_timestep(),
        update_delay=plan.update_delay,
        report=read_report(board.family, products[REPORT], products[NETLIST_REPORT]),
        limit=read_critical_path(products[REPORT]),
        constraint_hz=clock_hz or target_hz or board.clock_hz,
        seed=int(products[SEED]),
    )
