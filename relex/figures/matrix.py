"""The figure of the matrix: F1 with its interval against the cost of a training step, a panel a corpus."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from relex.figures.style import BLUE, GREY, checked

LINE = 0.17
"""Inches from one name to the next."""


def cost_and_score(panels: Mapping[str, Sequence[tuple[str, float, float, float, float, bool]]]) -> Figure:
    """Title → points (name, cost in times of the encoder, F1, low, high as fractions, whether it is evidence).

    Names stand in a column to the right in the order of F1, each with a line to its point.
    """
    heights = [0.7 + LINE * max(8, len(points)) for points in panels.values()]
    figure = Figure(figsize=(7.2, 0.4 + sum(heights)), layout="constrained")
    rows = figure.subplots(len(panels) or 1, 1, squeeze=False, sharex=True, height_ratios=heights or [1]).ravel()
    for axes, (title, points) in zip(rows, panels.items(), strict=False):
        for _, cost, score, low, high, full in points:
            color = BLUE if full else GREY
            axes.plot([cost, cost], [low, high], color=color, alpha=0.45)
            axes.plot(cost, score, "o", color=color, markerfacecolor=color if full else "white")
        axes.set(title=title, xscale="log")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_major_locator(FixedLocator([1, 2, 4, 8]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.08)
        ordered = sorted(points, key=lambda point: point[2])
        for i, (name, cost, score, *_) in enumerate(ordered):
            text = f"{name} {100 * score:.1f}"
            axes.annotate(
                text, (cost, score), (1.06, (i + 0.5) / len(ordered)), textcoords="axes fraction",
                va="center", fontsize=8.5, arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.4, "shrinkB": 4},
            )  # fmt: skip
    for axes in rows[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("training step, times its encoder")
    figure.supylabel("F1")
    return checked(figure)
