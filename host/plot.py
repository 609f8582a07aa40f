"""The curves of a run as a picture."""

from pathlib import Path

from pmgd.host.history import History

__all__ = ["plot_curves"]

INK, MUTED, GRID = "#22262b", "#6b7280", "#e4e6ea"
COST, ACCURACY = "#1f5fa8", "#c2571a"


def plot_curves(history: History, title: str, solved_cost: float, path: Path) -> None:
    """Draw cost (logarithmic) and accuracy against the timestep, as a PNG of 1280 by 960.

    Parameters
    ----------
    history
        What to draw, at least one point.
    title
        Name of the run.
    solved_cost
        Drawn as a line below which the task counts as solved; none if 0.
    path
        The file to write. Needs matplotlib.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

    layout = ConstrainedLayoutEngine(h_pad=0.1)
    figure = Figure(figsize=(8, 6), dpi=160, layout=layout, facecolor="white")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    mark = "o" if len(history) <= 60 else None
    style = {"linewidth": 1.8, "marker": mark, "markersize": 3.2, "clip_on": False, "zorder": 3}
    upper.plot(history.timestep, history.cost, color=COST, **style)
    if (history.cost > 0).any():
        upper.set_yscale("log", nonpositive="mask")
    upper.set_ylabel("cost")
    if solved_cost > 0:
        upper.axhline(solved_cost, color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
        upper.annotate(
            f"solved below {solved_cost:g}",
            (1, solved_cost),
            (-4, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=9,
        )
    lower.plot(history.timestep, history.accuracy, color=ACCURACY, **style)
    lower.set_ylabel("accuracy")
    lower.set_ylim(0, 1)
    lower.yaxis.set_major_formatter(PercentFormatter(1))
    lower.set_xlabel("timestep")
    lower.xaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10), integer=True))
    lower.xaxis.set_major_formatter(EngFormatter(sep=""))
    last = int(history.timestep[-1])
    lower.set_xlim(0, max(1, last))
    upper.set_title(
        f"cost {history.cost[-1]:.3g}, accuracy {history.accuracy[-1]:.0%} "
        f"after {last:,} timesteps",
        loc="right",
        fontsize=9.5,
        color=MUTED,
    )
    upper.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)
    for axes in (upper, lower):
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=INK, labelsize=9, length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
    figure.align_ylabels()
    figure.savefig(path, format="png")
