"""Whether a fabric fits a board, and what would."""

from collections.abc import Callable

from pmgd.boards.board import Board
from pmgd.boards.catalog import BOARDS
from pmgd.boards.estimate import Estimate, estimate
from pmgd.gateware.errors import SpecError
from pmgd.gateware.plan import Plan
from pmgd.gateware.spec import Spec

__all__ = ["advice", "check_capacity", "needs"]

_TITLES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "block_ram": "block RAM"}


def check_capacity(plan: Plan, board: Board) -> None:
    """Refuse a fabric that cannot fit, by more than the estimate may be wrong.

    Raises
    ------
    SpecError
        If the board has too little of something. It tells what is needed, what is there, and what
        would fit.
    """
    expected = estimate(plan, board)
    if not expected.excess:
        return
    raise SpecError(
        f"{plan.spec.name} must fit {board.title}, but an estimate says that it needs "
        f"{needs(expected)}; {advice(plan, board)}"
    )


def needs(expected: Estimate) -> str:
    """Tell what a board has too little of: what is needed, and what is there."""
    parts = []
    for name in expected.excess:
        used, there = getattr(expected.used, name), getattr(expected.available, name)
        about = "" if name in ("dsp", "block_ram") else "about "
        parts.append(f"{about}{used:,} {_TITLES[name]} where there are {there:,}")
    most = ", ".join(parts[:-1])
    return f"{most} and {parts[-1]}" if most else "".join(parts)


def advice(plan: Plan, board: Board) -> str:
    """Tell what would fit, in numbers, of a fabric that does not fit."""
    spec = plan.spec
    offers = []
    layers = spec.network.layers
    most = _most(lambda n: spec.with_settings({"fabric.samples": n}), board, spec.fabric.samples)
    if most:
        offers.append(f"fabric.samples at most {most:,}")
    for number in range(1, len(layers) - 1):
        most = _most(lambda n, k=number: _resized(spec, k, n), board, layers[number])  # type: ignore[misc]
        if most:
            which = "the hidden layer" if len(layers) == 3 else f"hidden layer {number}"
            offers.append(f"{which} at most {most:,}")
    if spec.fabric.copies > 1 and _fits(spec.with_settings({"fabric.copies": 1}), board):
        offers.append("fabric.copies = 1")
    offers += [
        f"the board {each.name}, where it would take about {estimate(plan, each).used.lut:,} of "
        f"{each.capacity.lut:,} LUT"
        for each in BOARDS
        if each != board and not _lacks(plan, each)
    ]
    used = estimate(plan, board).used
    least = ", ".join(f"{getattr(used, name):,} {title}" for name, title in _TITLES.items())
    if not offers:
        return f"choose a smaller network, or add a board with at least {least}: there is none yet"
    return f"choose {', '.join(offers[:-1])}{' or ' * (len(offers) > 1)}{offers[-1]}"


def _most(changed: Callable[[int], Spec], board: Board, now: int) -> int:
    """Return the largest number below the one that is set with which a fabric fits, or 0."""
    low, high = 0, now
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(changed(middle), board):
            low = middle
        else:
            high = middle
    return low


def _resized(spec: Spec, number: int, neurons: int) -> Spec:
    sizes = list(spec.network.layers)
    sizes[number] = neurons
    return spec.with_settings({"network.layers": sizes})


def _fits(spec: Spec, board: Board) -> bool:
    try:
        return not _lacks(Plan(spec), board)
    except SpecError:  # such as a cost format that another network does not suit
        return False


def _lacks(plan: Plan, board: Board) -> bool:
    """Return whether the board probably has too little of something."""
    expected = estimate(plan, board)
    return any(getattr(expected.used, name) > getattr(expected.available, name) for name in _TITLES)
