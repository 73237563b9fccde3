"""The figure of the ledger: how many claims of each paper have which verdict."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from relex.figures.style import BLUE, GREY, ORANGE, checked

WRAPPED = 16
"""Characters of a line of a verdict above its column."""
ACROSS = 4
"""Squares beside each other."""


def squares(
    claims: Mapping[str, Sequence[tuple[str, bool]]], verdicts: Sequence[str], decided: Sequence[str]
) -> Figure:
    """A square a claim: papers in rows, `verdicts` in columns, with their number.

    `claims`: paper → verdict of each claim, and whether nothing restricts it. Blue: `decided` by runs; orange: the last
    of `verdicts`, by figures of the paper itself; grey: the rest. Hollow: restricted.
    """
    figure = Figure(figsize=(7.2, 0.8 + 0.62 * len(claims)), layout="constrained")
    axes = figure.subplots()
    for y, found in enumerate(claims.values()):
        for x, verdict in enumerate(verdicts):
            color = BLUE if verdict in decided else ORANGE if verdict == verdicts[-1] else GREY
            own = [full for word, full in found if word == verdict]
            for i, full in enumerate(sorted(own, reverse=True)):
                face = color if full else "white"
                place = x - 0.36 + 0.16 * (i % ACROSS), y + 0.26 * (i // ACROSS - (len(own) - 1) // ACROSS / 2)
                axes.plot(*place, "s", color=color, markerfacecolor=face, markersize=8)
            axes.annotate(str(len(own) or "–"), (x + 0.36, y), ha="center", va="center", color=color if own else GREY)
    axes.set_xticks(range(len(verdicts)), [textwrap.fill(verdict, WRAPPED) for verdict in verdicts], fontsize=9)
    axes.set_yticks(range(len(claims)), claims)
    axes.set(xlim=(-0.55, len(verdicts) - 0.45), ylim=(len(claims) - 0.5, -0.5))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for y in range(1, len(claims)):
        axes.axhline(y - 0.5, color=GREY, linewidth=0.4)
    return checked(figure)
