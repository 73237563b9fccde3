"""Figures: one style, a Chinese font that comes with the installation, and the plots the book uses.

Every function draws on a Figure of its own and returns it; nothing goes through pyplot, so a notebook shows a
Figure once, when it is the value of the cell. Each checks before it returns that every character has a glyph.
"""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from relex.errors import RelexError
from relex.figures.style import BLUE, GREY, MARKERS, ORANGE, checked


def confusion(matrix, classes: list[str], title: str = "") -> Figure:
    """Confusion matrix with counts: rows are gold classes, columns predicted ones (R × R); shade is the row's share."""
    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise RelexError(f"a confusion matrix of shape {counts.shape} does not fit {len(classes)} classes")
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.8 + 0.42 * len(classes)
    figure, axes = _axes(height=side, width=side)
    text = np.where(counts > 0, counts.astype(str), "")
    seaborn.heatmap(
        share,
        annot=text,
        fmt="",
        ax=axes,
        cmap="Blues",
        vmin=0,
        vmax=1,
        cbar=False,
        square=True,
        linewidths=0.5,
        linecolor="#EEEEEE",
        xticklabels=classes,
        yticklabels=classes,
        annot_kws={"size": 9},
    )
    axes.tick_params(length=0)
    axes.set_xticklabels(classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticklabels(classes, rotation=0)
    axes.set(xlabel="predicted", ylabel="gold", title=title)
    return checked(figure)


def per_class_bars(
    before: pd.Series, after: pd.Series, title: str = "", labels: tuple[str, str] = ("before", "after")
) -> Figure:
    """One dumbbell a class: `before` (hollow) and `after` (full), fractions indexed by class, in the order of `before`.

    Raises a `RelexError` when the two do not have the same classes.
    """
    if set(before.index) != set(after.index):
        different = ", ".join(sorted(map(str, set(before.index) ^ set(after.index))))
        raise RelexError(f"before and after do not have the same classes; only one has {different}")
    after = after.reindex(before.index)
    figure, axes = _axes(height=1.6 + 0.34 * len(before))
    rows = np.arange(len(before))
    rising = (after >= before).to_numpy()
    axes.hlines(rows, before, after, color=np.where(rising, BLUE, ORANGE), linewidth=2)
    axes.plot(before, rows, "o", color=GREY, markerfacecolor="white", label=labels[0])
    axes.scatter(after, rows, color=np.where(rising, BLUE, ORANGE), zorder=3)
    axes.plot([], [], "o", color=BLUE, label=f"{labels[1]}, higher")
    axes.plot([], [], "o", color=ORANGE, label=f"{labels[1]}, lower")
    name_rows(axes, before.index)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.2, columnspacing=1.0)
    return checked(figure)


def rates_bar(rates: pd.Series, title: str = "", xlabel: str = "") -> Figure:
    """Horizontal bars of rates (fractions, indexed by name), each with its value in percent at the end."""
    figure, axes = _axes(height=1.3 + 0.4 * len(rates))
    bars = axes.barh(np.arange(len(rates)), rates.to_numpy(float), color=BLUE, height=0.65)
    axes.bar_label(bars, labels=[f"{100 * rate:.1f} %" for rate in rates], padding=4, fontsize=10)
    name_rows(axes, rates.index)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(0, max(float(rates.max()) * 1.18, 0.01))
    axes.set(xlabel=xlabel, title=title)
    return checked(figure)


def ladder(table: pd.DataFrame, title: str = "", xlabel: str = "") -> Figure:
    """Scores one below the other: columns `score` (fraction) and `source`; a colour and marker for each of up to 4.

    Columns `low` and `high`, where there are any, are the ends of intervals; NaN for a score without one.
    """
    need(table, ("score", "source"))
    figure, axes = _axes(height=1.5 + 0.38 * len(table))
    sources = list(dict.fromkeys(table["source"]))
    if len(sources) > len(MARKERS):
        raise RelexError(f"a ladder shows {len(MARKERS)} sources at most, not {', '.join(sources)}; leave some out")
    for source, (color, marker) in zip(sources, MARKERS, strict=False):
        chosen = np.flatnonzero(table["source"] == source)
        scores = table["score"].to_numpy(float)[chosen]
        axes.hlines(chosen, 0, scores, color=color, linewidth=1, alpha=0.4)
        axes.plot(scores, chosen, marker, color=color, label=source)
        ends = table.get("high", table["score"]).fillna(table["score"]).to_numpy(float)[chosen]
        if "low" in table:
            axes.hlines(chosen, table["low"].to_numpy(float)[chosen], ends, color=color, linewidth=3)
        for x, end, y in zip(scores, ends, chosen, strict=True):
            axes.annotate(f"{100 * x:.1f}", (end, y), (7, 0), textcoords="offset points", va="center", fontsize=10)
    name_rows(axes, table.index)
    axes.set_xlim(0, 1.08)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel=xlabel, title=title)
    figure.legend(loc="outside lower center", ncols=2 if len(sources) > 3 else 3, handletextpad=0.2, columnspacing=1.0)
    return checked(figure)


def precision_recall(curves: dict[str, pd.DataFrame], usual: float = 0.5, title: str = "") -> Figure:
    """Precision over recall of each system, one point a threshold: columns `p` and `r`, indexed by threshold.

    Thin lines join points of the same F1. The point of the `usual` threshold is large.
    """
    figure, axes = _axes(height=4.6)
    recall = np.linspace(0.01, 1, 200)
    for f1 in (0.2, 0.4, 0.6, 0.8):
        shown = recall > f1 / (2 - f1)
        axes.plot(recall[shown], f1 * recall[shown] / (2 * recall[shown] - f1), color="#DDDDDD", linewidth=0.8)
        axes.annotate(f"F1 {f1:.0%}", (1, f1 / (2 - f1)), (3, 0), textcoords="offset points", fontsize=8, color=GREY)
    for (name, curve), (color, marker) in zip(curves.items(), MARKERS[1:], strict=False):
        need(curve, ("p", "r"))
        axes.plot(curve["r"], curve["p"], marker=marker, markersize=4, color=color, label=name)
        if usual in curve.index:
            axes.plot(curve.loc[usual, "r"], curve.loc[usual, "p"], marker, markersize=9, color=color)
    axes.set(xlabel="recall", ylabel="precision", title=title, xlim=(0, 1.02), ylim=(0, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside lower center", ncols=3)
    return checked(figure)


def sweep(table: pd.DataFrame, setting: str, title: str = "", ylabel: str = "F1") -> Figure:
    """Scores over the values of a setting, evenly spaced: columns `setting` and `score`, one line a run.

    A hollow point is a run; the full one is the mean, with one sample standard deviation each way.
    """
    need(table, (setting, "score"))
    figure, axes = _axes(height=3.4)
    values = sorted(table[setting].unique())
    for x, value in enumerate(values):
        scores = table.loc[table[setting] == value, "score"]
        axes.plot([x] * len(scores), scores, "o", color=GREY, markerfacecolor="none", markersize=5)
        spread = scores.std(ddof=1) if len(scores) > 1 else 0.0
        axes.errorbar(x, scores.mean(), spread, fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.margins(x=0.1, y=0.15)
    axes.set(xlabel=setting, ylabel=ylabel, title=title)
    return checked(figure)


def k_and_mask(table: pd.DataFrame, title: str = "") -> Figure:
    """F1 over the number of focused layers, a panel a task: columns `task`, `K`, `mask`, `score`, `printed` (bool).

    A hollow point is a run, a line joins the means of a mask, a dotted one what is printed of it.
    """
    need(table, ("task", "K", "mask", "score", "printed"))
    tasks, masks = (table[c].unique() for c in ("task", "mask"))
    figure = Figure(figsize=(3.1 * len(tasks), 3.4), layout="constrained")
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for axes, task in zip(panels, tasks, strict=True):
        for (color, marker), mask in zip(MARKERS[1:], masks, strict=False):
            cells = table[(table["task"] == task) & (table["mask"] == mask)]
            for printed, line in ((True, ":"), (False, "-")):
                chosen = cells[cells["printed"] == printed]
                means = chosen.groupby("K")["score"].mean()
                label = None if printed else mask
                axes.plot(means.index, means, line, color=color, linewidth=1.2 if printed else 1.8, label=label)
                if not printed:
                    axes.plot(chosen["K"], chosen["score"], marker, color=color, markerfacecolor="white", markersize=5)
        axes.set(title=task, xlabel="K", xticks=sorted(table["K"].unique()))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.margins(x=0.12, y=0.12)
    panels[0].plot([], [], ":", color=GREY, label="printed")
    panels[0].set_ylabel("F1")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return checked(figure)


def gradient_distance(table: pd.DataFrame, printed: float, title: str = "") -> Figure:
    """How far an adversarial gradient turns with ε, both axes logarithmic: columns `when`, `epsilon`, `distance`.

    `distance` is 1 − cosine. That at ε = 0 is the noise of the arithmetic and drawn as a level line; `printed` is the
    ε to mark.
    """
    need(table, ("when", "epsilon", "distance"))
    figure, axes = _axes(height=3.8)
    least = np.finfo(float).eps  # the least distance from a cosine of 1 in float64
    for (when, points), (color, marker) in zip(table.groupby("when", sort=False), MARKERS[1:], strict=False):
        moved = points[points["epsilon"] > 0]
        axes.plot(moved["epsilon"], moved["distance"].clip(lower=least), marker=marker, color=color, label=when)
        for level in points.loc[points["epsilon"] == 0, "distance"]:
            axes.axhline(max(abs(level), least), color=color, linestyle=":", linewidth=1)
    axes.axvline(printed, color=GREY, linestyle="--", linewidth=1, label=f"printed ε = {printed:g}")
    axes.plot([], [], color=GREY, linestyle=":", label="ε = 0: arithmetic only")
    axes.set(xscale="log", yscale="log", xlabel="ε", ylabel="1 − cosine of both gradients", title=title)
    for axis in (axes.xaxis, axes.yaxis):  # plain numbers, for the style reads no mathematics
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    figure.legend(loc="outside lower center", ncols=2)
    return checked(figure)


def lengths(table: pd.DataFrame, value: str, group: str, title: str = "") -> Figure:
    """One box a group, in order of appearance: median, quartiles, 5th and 95th percentile of column `value`."""
    groups = list(dict.fromkeys(table[group]))
    figure, axes = _axes(height=1.3 + 0.36 * len(groups))
    axes.boxplot(
        [table.loc[table[group] == g, value] for g in groups],
        positions=range(len(groups)),
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        widths=0.55,
        patch_artist=True,
        boxprops={"facecolor": "#CFE3F1", "edgecolor": BLUE},
        medianprops={"color": ORANGE},
        whiskerprops={"color": BLUE},
        capprops={"color": BLUE},
    )
    name_rows(axes, groups)
    axes.set(xlabel=value, title=title)
    return checked(figure)


def _axes(height: float, width: float = 5.6):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def name_rows(axes, names) -> None:
    """Name the rows of a horizontal plot, the first on top."""
    axes.set_yticks(range(len(names)), [str(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def need(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise a `RelexError` that names the columns which a table lacks."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise RelexError(f"the table has no column {', '.join(missing)}; it needs {', '.join(columns)}")
