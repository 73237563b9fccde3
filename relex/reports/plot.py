"""The figure of a table of differences: intervals, and beside them the scores of every row and its bar."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from relex.figures.plots import name_rows, need
from relex.figures.style import BLUE, GREY, ORANGE, checked

REFUSED = ("not learned", "no verdict")
UNDECIDED = ("within the noise", "as shuffled")
WRAPPED = 62
"""Characters of a line of a reason."""


def differences(table: pd.DataFrame, title: str = "", xlabel: str = "difference (percentage points)") -> Figure:
    """Differences with their intervals, a line each: `difference`, `low`, `high` (fractions), `verdict`, `reason`.

    Full: a verdict; hollow: an indicative one, or one on a generated corpus; hollow and grey: none, or a difference
    that cannot be distinguished from zero. The reason stands below a line without verdict. Of tables of
    `relex.reports.compare.differences` a panel has the score of each run of each row and the strongest row that learns
    nothing; rows that are not above it are hollow and grey.
    """
    need(table, ("difference", "low", "high", "verdict", "reason"))
    notes = [textwrap.fill(reason, WRAPPED) if reason else "" for reason in table["reason"]]
    runs = _runs(table) if "scores" in table else []
    height = 1.5 + max(0.5 * len(table) + 0.13 * sum(n.count("\n") + bool(n) for n in notes), 0.34 * len(runs))
    figure = Figure(figsize=(9.4 if runs else 5.6, height), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=(3, 2)) if runs else [figure.subplots()]
    _intervals(panels[0], table, notes)
    panels[0].set(xlabel=xlabel)
    if runs:
        _scores(panels[1], runs)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5)
    return checked(figure)


def _intervals(axes, table: pd.DataFrame, notes: list[str]) -> None:
    axes.axvline(0, color=GREY, linewidth=1)
    for y, ((_, line), note) in enumerate(zip(table.iterrows(), notes, strict=True)):
        color, face = style(line["verdict"])
        difference, low, high = (100 * float(line[name]) for name in ("difference", "low", "high"))
        axes.plot([low, high], [y, y], color=color, solid_capstyle="butt")
        axes.plot(difference, y, "o", color=color, markerfacecolor=face)
        if note:
            axes.annotate(
                note, (0, y), (4, -7), xycoords=("axes fraction", "data"), textcoords="offset points",
                va="top", fontsize=7, color=GREY, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
    name_rows(axes, table.index)


def style(verdict: str) -> tuple[str, str]:
    """Colour of a line and filling of its point."""
    if verdict in REFUSED or verdict.endswith(UNDECIDED):
        return GREY, "white"
    return BLUE, "white" if ": " in verdict else BLUE


def _runs(table: pd.DataFrame) -> list[tuple[str, np.ndarray, object, bool]]:
    """Name, scores, bar and whether above it, of every row, each once; a line is named where rows differ by line."""
    found: dict[str, dict[tuple, str]] = {}
    for name, line in table.iterrows():
        for row, scores, learned in zip(line["rows"], line["scores"], line["learned"], strict=True):
            found.setdefault(row, {}).setdefault((tuple(scores), line["bar"], learned), name)
    return [
        (row if len(cells) == 1 else f"{row}: {line}", np.array(scores), bar, learned)
        for row, cells in found.items()
        for (scores, bar, learned), line in cells.items()
    ]


def _scores(axes, runs: list) -> None:
    bars, names = {bar for *_, bar, _ in runs}, []
    for y, (name, scores, bar, learned) in enumerate(runs):
        names.append(name if learned or bar is None else f"{name} (not learned)")
        face = BLUE if learned else "white"
        axes.plot(scores, [y] * len(scores), "o", color=BLUE if learned else GREY, markerfacecolor=face, markersize=5)
        if bar is not None and len(bars) > 1:
            axes.plot([bar.score] * 2, [y - 0.4, y + 0.4], color=ORANGE)
            axes.annotate(bar.name, (bar.score, y - 0.4), (2, -1), textcoords="offset points", fontsize=7, color=ORANGE)
    name_rows(axes, names)
    axes.yaxis.tick_right()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="score of each run")
    one = next(iter(bars)) if len(bars) == 1 else None
    if one is not None:
        axes.axvline(one.score, color=ORANGE)
        axes.set_title(f"bar: {one.name}, {one.score:.1%}", fontsize=9, color=ORANGE)
    else:
        axes.set_title("no bar recorded" if bars == {None} else "bars: rows without learning", fontsize=9, color=ORANGE)
