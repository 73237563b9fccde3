"""Drawings of the chapter on focused attention: who may look at whom in the last layers, and what that costs.

`relex.figures.diagrams.cascade` writes them with the others.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relex.documents import Document, Relation, Span
from relex.figures.style import BLUE, GREEN, GREY, MARKERS, ORANGE, checked

FINDING = Document(
    "finding",
    "前降支近段狭窄80%。",
    (Span(0, 3, "Body Part"), Span(3, 5, "Location"), Span(5, 7, "Degree"), Span(7, 10, "Quantifier")),
    (Relation(2, 0, "Modifier"), Relation(1, 2, "Position"), Relation(3, 2, "Percentage")),
)
"""The worked sentence of the chapter on focused attention."""

PAIR = (0, 2)
"""The entities of `FINDING` that its drawing is focused on: another one stands between them."""

TITLES = {
    "all": r"MASK$^\mathrm{all}$: lower layers, tags",
    "eq13": "Eq. 13: only [CLS] is confined",
    "eq14": "Eq. 14: all three are confined",
    "keys": "the authors' code: same columns",
}
"""Mask → what is written above it; the order of the drawing."""

PALER = {GREY: "#B3B3B3"}
"""Colour of a label → that of its cells, where it is another one."""

VARIANTS = {
    "plain": "plain: two passes a pair",
    "eq13": "Eq. 13, shared",
    "eq14": "Eq. 14, shared",
    "none": "no mask, text alone",
}
"""Variant of `Passes` → what it is called."""


def masks(length: int, one: tuple[int, int], other: tuple[int, int]) -> dict[str, np.ndarray]:
    """L×L (bool) by the keys of `TITLES`: row i may look at column j.

    L tokens, [CLS] first; `one`, `other`: first and last token of the two entities, counted from [CLS] = 0.
    """
    chosen = np.zeros(length, dtype=bool)
    for first, last in ((0, 0), one, other):
        chosen[first : last + 1] = True
    is_cls = np.arange(length) == 0
    return {
        "all": np.ones((length, length), dtype=bool),
        "eq13": chosen | ~is_cls[:, None],
        "eq14": chosen & chosen[:, None],
        "keys": np.tile(chosen, (length, 1)),
    }


def reached(mask: np.ndarray) -> np.ndarray:
    """L (bool): rows that [CLS] sees, itself or through others, in any number of layers under this mask."""
    found = np.arange(len(mask)) == 0
    while (grown := found | mask[found].any(0)).sum() > found.sum():
        found = grown
    return found


@dataclass(frozen=True)
class Passes:
    """What one text of L = `tokens` costs in token-layers: rows that a layer computes, one after the other.

    [CLS] and [SEP] are among the tokens; `width` tokens an entity; `layers` N, of which the last `k` are focused. Keys
    and values of rows that are only looked at are not counted: they are a sixth of a row's products in BERT's shape.
    """

    tokens: int = 64
    entities: int = 8
    width: int = 4
    layers: int = 12
    k: int = 4

    @property
    def pairs(self) -> int:
        """P: unordered pairs of the entities."""
        return self.entities * (self.entities - 1) // 2

    @property
    def seen(self) -> int:
        """M: tokens that a pair sees, [CLS] and those of both entities."""
        return 1 + 2 * self.width

    def text(self) -> int:
        """The lower N − K layers, and the upper K for tags: once a text."""
        return self.layers * self.tokens

    def pair(self, mask: str) -> int:
        """The focused layers of one pair under `eq13`, `eq14` or `none`, of which [CLS] is all that is read.

        Eq. 14: M rows, in the last layer one. Eq. 13: in the first and the last layer one, in the one before that M,
        in those between all L.
        """
        if mask == "none" or self.k == 0:
            return 0
        if self.k == 1:
            return 1
        if mask == "eq14":
            return (self.k - 1) * self.seen + 1
        return 2 if self.k == 2 else 2 + self.seen + (self.k - 3) * self.tokens

    def shared(self, mask: str) -> int:
        """What is computed once is computed once: a text and all of its pairs."""
        return self.text() + self.pairs * self.pair(mask)

    def plain(self) -> int:
        """Every pair is a row of its own, which goes through all N layers for tags and again for its class."""
        return 2 * self.pairs * self.text()

    def variants(self) -> dict[str, int]:
        """Token-layers by the keys of `VARIANTS`."""
        return {"plain": self.plain()} | {mask: self.shared(mask) for mask in ("eq13", "eq14", "none")}


def pair_masks(document: Document, pair: tuple[int, int]) -> Figure:
    """The masks for a pair of entities of a Chinese `document`, a character being a token, two above two.

    A row looks at the columns that are filled, in the colour of who is looked at. Rows that [CLS] depends on in no
    layer are pale.
    """
    one, other = (document.entities[i] for i in pair)
    tokens = ["[CLS]", *document.text, "[SEP]"]
    colors = [BLUE, *[GREY] * (len(document.text) + 1)]
    for span, color in ((one, ORANGE), (other, GREEN)):
        colors[span.start + 1 : span.end + 1] = [color] * (span.end - span.start)
    count = len(tokens)
    drawn = masks(count, (one.start + 1, one.end), (other.start + 1, other.end))
    figure = Figure(figsize=(4.5, 4.95), layout="none")
    for number, (name, title) in enumerate(TITLES.items()):
        left, bottom = 0.115 + 0.45 * (number % 2), 0.515 - 0.435 * (number // 2)
        axes = figure.add_axes((left, bottom, 0.42, 0.42 * 4.5 / 4.95))
        axes.set_title(title, fontsize=8.5, pad=17 if number < 2 else 4, parse_math=True)
        _cells(axes, drawn[name], colors)
        if number < 2:
            axes.set_xticks(range(count), [t.strip("[]") for t in tokens])
            for i in (0, count - 1):
                axes.get_xticklabels()[i].set(rotation=90, fontsize=6.5)
        if number % 2 == 0:
            axes.set_yticks(range(count), tokens)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, color in zip(labels, colors, strict=False):
                label.set_color(color)
    words = "row: who looks; column: whom; pale: nothing of it reaches [CLS]"
    figure.text(0.115, 0.03, words, fontsize=9, color=GREY)
    return checked(figure)


def _cells(axes, mask: np.ndarray, colors: list[str]) -> None:
    """A matrix of squares, filled where a row may look, without the ticks' marks."""
    axes.set(xlim=(-0.5, len(mask) - 0.5), ylim=(len(mask) - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    axes.tick_params(length=0, pad=2, labelsize=8.5, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.grid(False)
    heard = reached(mask)
    for j, color in enumerate(colors):
        start = 0
        for (looks, full), run in itertools.groupby(zip(mask[:, j].tolist(), heard.tolist(), strict=True)):
            height = len(list(run))
            if looks:
                face = {"facecolor": PALER.get(color, color), "alpha": 1 if full else 0.25, "linewidth": 0}
                axes.add_patch(Rectangle((j - 0.5, start - 0.5), 1, height, **face))
            start += height
    ends = {"color": "#D9D9D9", "linewidth": 0.5}
    axes.hlines(np.arange(len(mask) + 1) - 0.5, -0.5, len(mask) - 0.5, **ends)
    axes.vlines(np.arange(len(mask) + 1) - 0.5, -0.5, len(mask) - 0.5, **ends)


def passes(cost: Passes) -> Figure:
    """Token-layers of each variant as bars, what a text costs once apart; below, how they grow with its entities."""
    figure = Figure(figsize=(4.7, 6.2), layout="constrained")
    bars, lines = figure.subplots(2, 1, height_ratios=(1, 1.6))
    values, once = cost.variants(), cost.text()
    for y, (name, value) in enumerate(values.items()):
        shared = 0 if name == "plain" else once
        bars.barh(y, shared, color=GREY, height=0.6)
        bars.barh(y, value - shared, left=shared, color=BLUE, height=0.6)
        times = "" if name == "plain" else f", {values['plain'] / value:.0f} times fewer"
        inside = {"x": 0.98 * value, "ha": "right", "color": "white"} if name == "plain" else {"x": value, "ha": "left"}
        bars.text(y=y, s=f" {value:,}{times}", va="center", fontsize=9.5, **inside)
    bars.set_yticks(range(len(values)), [VARIANTS[name].replace(", ", ",\n").replace(": ", ":\n") for name in values])
    bars.set(ylim=(len(values) - 0.5, -0.6), xticks=[])
    bars.tick_params(axis="y", length=0)
    bars.spines["bottom"].set_visible(False)
    title = f"Token-layers: {cost.tokens} tokens, {cost.entities} entities, {cost.pairs} pairs"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5)
    handles = [Rectangle((0, 0), 1, 1, color=color) for color in (GREY, BLUE)]
    bars.legend(handles, ["once a text", "for each pair"], loc="center right", fontsize=9.5)
    numbers = range(2, (cost.tokens - 2) // cost.width + 1)
    grown = [replace(cost, entities=count).variants() for count in numbers]
    for name, (color, marker) in zip(values, (MARKERS[2], MARKERS[1], MARKERS[3], MARKERS[0]), strict=True):
        lines.plot(numbers, [v[name] for v in grown], marker=marker, markersize=4, color=color, label=VARIANTS[name])
    lines.set(yscale="log", xlabel=f"entities of {cost.width} tokens", ylabel="token-layers")
    lines.yaxis.set_major_formatter("{x:,.0f}")  # a plain number, for the style reads no mathematics
    lines.yaxis.set_minor_formatter("")
    lines.grid(True, axis="y")
    lines.set_title(f"N = {cost.layers}, K = {cost.k}", fontsize=11)
    figure.legend(*lines.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9.5)
    return checked(figure)


def drawn() -> dict[str, Figure]:
    """File name without ending → drawing."""
    return {"focus_masks": pair_masks(FINDING, PAIR), "focus_cost": passes(Passes())}
