"""Numbers and tables as a terminal shows them."""

from collections.abc import Sequence

__all__ = ["count", "rate", "table"]


def count(number: int) -> str:
    """Return an integer with its thousands set apart."""
    return f"{number:,}"


def rate(per_s: float) -> str:
    """Return a speed to three significant digits."""
    if per_s < 100:
        return f"{per_s:.3g}"
    digits = len(str(int(per_s)))
    return count(int(round(per_s, 3 - digits)))


def table(rows: Sequence[Sequence[object]], right: str = "", indent: str = "  ") -> str:
    """Return rows as aligned columns.

    Parameters
    ----------
    rows
        The first may hold titles.
    right
        A letter for each column, ``r`` to align it to the right; columns beyond are left.
    indent
        Put before every line.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    sides = [">" if letter == "r" else "<" for letter in right.ljust(len(widths), "l")]
    return "\n".join(
        (
            indent
            + "  ".join(
                f"{cell:{side}{width}}"
                for cell, side, width in zip(row, sides, widths, strict=True)
            )
        ).rstrip()
        for row in cells
    )
