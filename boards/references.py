"""Fabrics whose size and speed are watched, and how they are kept and compared."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.measure import Measurement
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import DataError
from pmgd.gateware.presets import nist7x7, xor, xor_fast
from pmgd.gateware.spec import Spec

__all__ = [
    "REFERENCES",
    "TOLERANCE",
    "Reference",
    "baseline",
    "read_baselines",
    "regressions",
    "write_baselines",
]

TOLERANCE = 0.05
"""By how much a fabric may grow, or become slower, unnoticed."""


@dataclass(frozen=True)
class Reference:
    """A fabric that is watched.

    Attributes
    ----------
    spec, board
        What it is; the specification's name is its name.
    small
        Whether it takes minutes, not hours.
    """

    spec: Spec
    board: Board
    small: bool = True


def _pipelined(base: Spec, name: str, copies: int, **formats: Any) -> Spec:
    return base.with_settings(
        {
            "name": name,
            "fabric.pipeline": True,
            "fabric.copies": copies,
            "fabric.perturbation": "chain",
            "fabric.baseline": "two_sided",
            "fabric.lfsr_bits": 32,
            "fabric.tau_theta_bits": 1,
            "formats.overflow": "hold",
            **{f"formats.{key}": value for key, value in formats.items()},
        }
    )


REFERENCES = (
    Reference(xor().with_settings({"name": "xor_sequential"}), ULX3S_85F),
    Reference(_pipelined(xor(), "xor_pipelined_2", 2), ULX3S_85F),
    Reference(xor_fast().with_settings({"name": "xor_pipelined_1"}), ICEBREAKER),
    Reference(
        _pipelined(
            nist7x7(),
            "nist7x7_pipelined_1",
            1,
            parameter="S5.12",
            operand_fraction=4,
            preactivation="S4.6",
            activation="U0.10",
        ),
        ULX3S_85F,
        small=False,
    ),
)
"""All that are watched. Another specification under a name makes its baseline meaningless."""


def baseline(measurement: Measurement) -> dict[str, Any]:
    """Return what is kept of a measurement."""
    used = measurement.report.used
    return {
        "board": measurement.board,
        "lut": used.lut,
        "ff": used.ff,
        "dsp": used.dsp,
        "block_ram": used.block_ram,
        "fmax_hz": measurement.report.fmax_hz,
        "clocks_per_timestep": measurement.clocks_per_timestep,
    }


def read_baselines(file: Path) -> dict[str, dict[str, Any]]:
    """Read what was kept, by the names of the references.

    Raises
    ------
    DataError
        If the file is no such.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))["fabrics"]
        return {str(name): dict(row) for name, row in kept.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"baselines must be a JSON file with an object fabrics, not {file} ({error}); write "
            f"it with: pmgd bench fabric --write {file}"
        ) from error


def write_baselines(file: Path, measurements: Mapping[str, Measurement]) -> None:
    """Write measurements to a file; of other fabrics, what it holds stays."""
    kept = read_baselines(file) if file.exists() else {}
    kept |= {name: baseline(measurement) for name, measurement in measurements.items()}
    ordered = {r.spec.name: kept[r.spec.name] for r in REFERENCES if r.spec.name in kept}
    file.write_text(json.dumps({"fabrics": ordered}, indent=2) + "\n", encoding="utf-8")


def regressions(kept: Mapping[str, Any], measurement: Measurement, file: Path) -> list[str]:
    """Tell, in a sentence each, in what a fabric became larger or slower than it was.

    Parameters
    ----------
    kept
        Its row of the baselines.
    measurement
        Of the same specification on the same board.
    file
        Of the baselines; for the command that rewrites them.
    """
    now = baseline(measurement)
    checks = (
        ("lut", 1),
        ("ff", 1),
        ("dsp", 1),
        ("block_ram", 1),
        ("fmax_hz", -1),
        ("clocks_per_timestep", 1),
    )
    found = []
    for key, worse in checks:
        growth = now[key] - kept[key]
        # A clock more is a change of the machine, not of what the tools made of it.
        tolerance = 0.0 if key == "clocks_per_timestep" else TOLERANCE
        if growth * worse > tolerance * kept[key]:
            found.append(
                f"{key} of {measurement.name} on {measurement.board} must stay within "
                f"{tolerance:.0%} of {kept[key]:,}, but is {now[key]:,}, "
                f"{growth / kept[key]:+.1%}; if that is meant, run: pmgd bench fabric "
                f"{measurement.name} --write {file}"
            )
    return found
