"""Fabrics that estimates of size are compared with, and how their counts are kept."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pmgd.boards.board import Board
from pmgd.boards.family import Resources
from pmgd.boards.icebreaker import ICEBREAKER
from pmgd.boards.references import REFERENCES
from pmgd.boards.ulx3s_85f import ULX3S_85F
from pmgd.gateware.errors import DataError
from pmgd.gateware.presets import nist7x7, nist7x7_fast, parity4, xor, xor_analog, xor_fast
from pmgd.gateware.spec import Spec

__all__ = ["COUNTED", "Counted", "read_counts", "write_counts"]

COMMAND = "python benchmarks/calibrate.py --write benchmarks/counts.json"
"""Counts anew, and keeps what it counts."""


@dataclass(frozen=True)
class Counted:
    """A fabric whose cells were counted.

    Attributes
    ----------
    spec, board
        What it is; the specification's name is its name.
    held_out
        Whether the coefficients were chosen without it.
    """

    spec: Spec
    board: Board
    held_out: bool = True

    @property
    def name(self) -> str:
        """Name of the fabric and its board."""
        return f"{self.spec.name} on {self.board.name}"


def _changed(base: Spec, name: str, **settings: Any) -> Spec:
    """Return a specification with settings whose dots are written as double underscores."""
    keys = {key.replace("__", "."): value for key, value in settings.items()}
    return base.with_settings({"name": name, **keys})


_SEQUENTIAL, _TWO, _, _ONE = (each.spec for each in REFERENCES)
_THREE_FIVE_TWO = {"network__layers": [3, 5, 2]}
_WIDE = {
    "formats__cost": None,
    "formats__preactivation": "S4.8",
    "fabric__samples": 16,
    "fabric__tau_bits": 16,
}

COUNTED = (
    Counted(_SEQUENTIAL, ULX3S_85F, held_out=False),
    Counted(_TWO, ULX3S_85F, held_out=False),
    Counted(_changed(xor_fast(), "wide", **_WIDE), ULX3S_85F, held_out=False),
    Counted(xor(), ICEBREAKER, held_out=False),
    Counted(xor_fast(), ICEBREAKER),
    Counted(_changed(xor_fast(), "wide", **_WIDE), ICEBREAKER, held_out=False),
    Counted(parity4(), ULX3S_85F, held_out=False),
    Counted(_changed(xor(), "three_five_two", **_THREE_FIVE_TWO), ULX3S_85F, held_out=False),
    Counted(_changed(_TWO, "three_five_two_2", **_THREE_FIVE_TWO), ULX3S_85F, held_out=False),
    Counted(_changed(xor(), "chain", fabric__perturbation="chain"), ULX3S_85F, held_out=False),
    Counted(_changed(xor(), "walsh", fabric__perturbation="walsh"), ULX3S_85F),
    Counted(_changed(xor(), "one_by_one", fabric__perturbation="sequential"), ULX3S_85F),
    Counted(_changed(xor(), "mean", fabric__baseline="mean"), ULX3S_85F),
    Counted(_changed(xor(), "sign", fabric__correlator="sign"), ULX3S_85F),
    Counted(_changed(xor(), "momentum", fabric__decay_shift=3), ULX3S_85F),
    Counted(_changed(xor(), "momentum", fabric__decay_shift=3), ICEBREAKER),
    Counted(_changed(xor(), "shuffle", fabric__shuffle=True), ULX3S_85F),
    Counted(_changed(xor(), "no_gradient", fabric__tau_theta_bits=1), ULX3S_85F),
    Counted(_changed(xor(), "hold", fabric__tau_theta_bits=1, formats__overflow="hold"), ULX3S_85F),
    Counted(
        _changed(
            xor(),
            "clips",
            network__activation=["tanh", "relu"],
            network__cost="l1",
            formats__rounding="nearest",
        ),
        ULX3S_85F,
    ),
    Counted(
        _changed(xor(), "fine", formats__parameter="S4.12", formats__operand_fraction=8), ULX3S_85F
    ),
    Counted(
        _changed(_TWO, "late_gradient", fabric__tau_theta_bits=8, formats__overflow="clip"),
        ULX3S_85F,
    ),
    Counted(_changed(xor_fast(), "three_five_two_1", **_THREE_FIVE_TWO, **_WIDE), ULX3S_85F),
    Counted(
        _changed(xor_fast(), "three_five_two_1", **_THREE_FIVE_TWO, **_WIDE),
        ICEBREAKER,
        held_out=False,
    ),
    Counted(parity4(), ICEBREAKER, held_out=False),
    Counted(
        _changed(nist7x7(), "letters", network__layers=[12, 4, 4], fabric__samples=512), ULX3S_85F
    ),
    Counted(xor_analog(), ULX3S_85F),
    Counted(_changed(xor_analog(), "squares", fabric__perturbation="square"), ULX3S_85F),
    Counted(
        _changed(
            xor(),
            "imperfect",
            fabric__cost_noise=True,
            fabric__update_noise="each",
            fabric__defects=True,
        ),
        ULX3S_85F,
    ),
    Counted(_ONE, ULX3S_85F),
    Counted(nist7x7_fast(), ULX3S_85F, held_out=False),
)
"""All that are counted."""


def read_counts(file: Path) -> dict[str, Resources]:
    """Read what was counted, by the names of `COUNTED`.

    Raises
    ------
    DataError
        If the file is no such.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))["counts"]
        return {str(name): Resources(**row) for name, row in kept.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"counts must be a JSON file with an object counts, not {file} ({error}); write it "
            f"with: {COMMAND}"
        ) from error


def write_counts(file: Path, counts: Mapping[str, Resources]) -> None:
    """Write counts to a file; of other fabrics, what it holds stays."""
    kept = {**(read_counts(file) if file.exists() else {}), **counts}
    ordered = {each.name: asdict(kept[each.name]) for each in COUNTED if each.name in kept}
    text = json.dumps({"command": COMMAND, "counts": ordered}, indent=2)
    file.write_text(text + "\n", encoding="utf-8")
