"""How large a fabric becomes on a board, and how fast, told without the board's tools."""

from dataclasses import dataclass
from math import lcm

from pmgd.boards.amount import Amount
from pmgd.boards.board import Board
from pmgd.boards.costs import COSTS
from pmgd.boards.fabric_parts import fabric_parts
from pmgd.boards.family import Resources
from pmgd.gateware.latency import SHUFFLE_CYCLES
from pmgd.gateware.plan import Plan

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """Size and speed of a fabric with its UART, as expected.

    Attributes
    ----------
    used, available
        Of each resource; on an iCE40, logic cells as in `pmgd.boards.report.Report`. The blocks of
        multipliers and of memory are counted, not estimated.
    margin
        By what share place and route may report other look-up tables and flip-flops.
    parts
        What each part of the fabric takes, by its name.
    clock_hz
        The board's oscillator.
    typical_fmax_hz
        What fabrics of this kind, about as large, reached on this kind of FPGA; a figure for the
        kind, not for this fabric.
    clocks_per_timestep
        The mean, with the specification's tau_x and tau_theta.
    """

    used: Resources
    available: Resources
    margin: float
    parts: dict[str, Resources]
    clock_hz: int
    typical_fmax_hz: int
    clocks_per_timestep: float

    def timesteps_per_s(self, clock_hz: int) -> float:
        """Return the timesteps a second at a clock."""
        return clock_hz / self.clocks_per_timestep

    @property
    def excess(self) -> tuple[str, ...]:
        """Names of the resources that the board has too few of, whatever the margin.

        They are fields of `Resources`.
        """
        counted = ("dsp", "block_ram")
        return tuple(
            name
            for name in ("lut", "ff", *counted)
            if getattr(self.used, name)
            > getattr(self.available, name) * (1 if name in counted else 1 + self.margin)
        )


def estimate(plan: Plan, board: Board) -> Estimate:
    """Return what a fabric is expected to take of a board."""
    costs = COSTS[board.family.name]
    parts = fabric_parts(plan, costs)
    return Estimate(
        used=_resources(sum(parts.values(), Amount()), cells=costs.logic_cells),
        available=board.capacity,
        margin=costs.margin,
        parts={name: _resources(part, cells=costs.logic_cells) for name, part in parts.items()},
        clock_hz=board.clock_hz,
        typical_fmax_hz=costs.fmax_hz(plan.parameters, pipelined=plan.spec.fabric.pipeline),
        clocks_per_timestep=_mean_clocks(plan),
    )


def _resources(amount: Amount, *, cells: bool) -> Resources:
    lut = amount.lut + (amount.lone_ff if cells else 0)
    return Resources(round(lut), round(amount.ff), amount.dsp, amount.block_ram)


def _mean_clocks(plan: Plan) -> float:
    """Return the mean of the clock cycles of a timestep over samples and updates."""
    if plan.spec.fabric.pipeline:
        return float(plan.interval)
    training = plan.spec.training
    tau_x, tau_theta = training.tau_x, training.tau_theta
    sampled = 1 / tau_x
    # A new sample needs a new baseline, and so do new parameters.
    retaken = sampled + 1 / tau_theta - 1 / lcm(tau_x, tau_theta)
    bare = plan.clocks_per_timestep(new_sample=False, new_baseline=False, update=False)
    baseline = plan.clocks_per_timestep(new_sample=False, update=False) - bare
    index = plan.index_cycles
    if training.order == "shuffled":
        # Positions that are no sample are tried in vain.
        samples = plan.sample.samples
        index = SHUFFLE_CYCLES * (1 << (samples - 1).bit_length()) // samples
    return bare + retaken * baseline + sampled * index + plan.shake_cycles / tau_theta
