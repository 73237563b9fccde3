"""The figure of the matrix: F1 with its interval against the cost of a training step, a panel a corpus."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from relex.figures.style import BLUE, GREY, checked


def cost_and_score(panels: Mapping[str, Sequence[tuple[str, float, float, float, float, bool]]]) -> Figure:
    """Title → points (name, cost in times of the encoder, F1, low, high as fractions, whether it is evidence)."""
    lines = max(1, (len(panels) + 1) // 2)
    figure = Figure(figsize=(7.2, 0.6 + 2.3 * lines), layout="constrained")
    grid = figure.subplots(lines, 2, squeeze=False, sharex=True).ravel()
    for axes, (title, points) in zip(grid, panels.items(), strict=False):
        for name, cost, score, low, high, full in points:
            color = BLUE if full else GREY
            axes.plot([cost, cost], [low, high], color=color)
            axes.plot(cost, score, "o", color=color, markerfacecolor=color if full else "white")
            axes.annotate(name, (cost, score), (5, 0), textcoords="offset points", va="center", fontsize=7.5)
        axes.set(title=title, xscale="log")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter("")
        axes.margins(x=0.25)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("training step, times its encoder")
    figure.supylabel("F1")
    return checked(figure)
