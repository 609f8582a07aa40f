"""What ``pmgd explain --board`` tells of a board: an estimate, which no tool of the board made."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pmgd.gateware.plan import Plan
from pmgd.host.cli.text import count, rate, table

if TYPE_CHECKING:
    from pmgd.boards.board import Board
    from pmgd.boards.estimate import Estimate

__all__ = ["estimate_record", "estimate_text"]

_TITLES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "block_ram": "block RAM"}
_RUN = 1_000_000
"""Timesteps whose time is told."""


def estimate_text(plan: Plan, board: "Board") -> str:
    """Return the sections of the text."""
    from pmgd.boards.capacity import advice, needs
    from pmgd.boards.estimate import estimate

    expected = estimate(plan, board)
    fits = "it fits"
    if expected.excess:
        fits = f"it does not fit: it needs {needs(expected)}; {advice(plan, board)}"
    elif _beyond(expected):
        fits = "it may just fit, or just not: pmgd build tells"
    size = (
        f"Size on {board.title}, estimated\n\n{_size(expected)}\n\n"
        f"  LUT and FF within {expected.margin:.0%} of what place and route reports; {fits}"
    )
    return f"{size}\n\nSpeed on {board.title}\n\n{_speed(expected)}"


def estimate_record(plan: Plan, board: "Board") -> dict[str, Any]:
    """Return the same as plain values."""
    from pmgd.boards.capacity import advice
    from pmgd.boards.estimate import estimate

    expected = estimate(plan, board)
    used, available = asdict(expected.used), asdict(expected.available)
    return {
        "board": board.name,
        "device": board.device,
        "utilisation": {name: {"used": used[name], "available": available[name]} for name in used},
        "margin": expected.margin,
        "parts": {name: asdict(part) for name, part in expected.parts.items()},
        "excess": list(expected.excess),
        "advice": advice(plan, board) if expected.excess else "",
        "clocks_per_timestep": expected.clocks_per_timestep,
        "oscillator": _at(expected, expected.clock_hz),
        "typical_fmax": _at(expected, expected.typical_fmax_hz),
    }


def _beyond(expected: "Estimate") -> bool:
    used, available = asdict(expected.used), asdict(expected.available)
    return any(used[name] * (1 + expected.margin) > available[name] for name in ("lut", "ff"))


def _at(expected: "Estimate", clock_hz: int) -> dict[str, Any]:
    per_s = expected.timesteps_per_s(clock_hz)
    return {
        "clock_hz": clock_hz,
        "timesteps_per_s": round(per_s),
        "seconds_per_million_timesteps": _RUN / per_s,
    }


def _size(expected: "Estimate") -> str:
    used, available = asdict(expected.used), asdict(expected.available)
    rows = [("", "used", "available", "")]
    rows += [
        (title, count(used[key]), count(available[key]), f"{used[key] / available[key]:.0%}")
        for key, title in _TITLES.items()
    ]
    parts = [("of which", *_TITLES.values())]
    parts += [
        (name, *(count(number) for number in asdict(part).values()))
        for name, part in expected.parts.items()
    ]
    return f"{table(rows, 'lrrr')}\n\n{table(parts, 'lrrrr')}"


def _speed(expected: "Estimate") -> str:
    rows = [("", "MHz", "timesteps/s", f"{count(_RUN)} timesteps")]
    for title, clock_hz in (
        ("the oscillator", expected.clock_hz),
        ("typical fmax of such fabrics", expected.typical_fmax_hz),
    ):
        per_s = expected.timesteps_per_s(clock_hz)
        rows.append((title, f"{clock_hz / 1e6:g}", rate(per_s), f"{rate(_RUN / per_s)} s"))
    clocks = f"{expected.clocks_per_timestep:.4g} clock cycle"
    clocks += "s" * (expected.clocks_per_timestep != 1)
    return (
        f"{table(rows, 'lrrr')}\n\n"
        f"  {clocks} a timestep; what this fabric reaches, "
        f"pmgd bench fabric measures, and pmgd build --clock MHZ runs it at"
    )
