"""Where [CLS] looks in the last K layers of a focused model, before and after the focus on a pair of entities.

A picture shows one pair of one text; `looks` and `summary` say what holds for many.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from relex.analysis import cls_attention
from relex.analysis.cls_attention import GROUPS, _check, _numbers, _pairs_of, masked, summary, unmasked
from relex.documents import Document, Span
from relex.errors import RelexError
from relex.figures.diagrams import cascade, focused
from relex.figures.style import BLUE, GREEN, GREY, ORANGE, checked
from relex.heads.head import Head

__all__ = ["View", "figure", "summary", "view"]

SENTENCES = {"arteriography": (focused.FINDING, focused.PAIR), "casmed": (cascade.REPORT, (0, 1))}
"""Corpus → a sentence of ours with its entity types, and a pair of its entities."""

MOST = 64
"""Tokens of a text that a figure can have, [CLS] and [SEP] left out; labels of more cannot be read."""
PALE = 4
"""The darkest colour is at least so many even shares, so that attention that looks nowhere is pale."""
COLORS = (BLUE, ORANGE, GREEN, GREY)
"""Of the labels of `GROUPS`."""
TITLES = {"before": "before the focus: whole text", "after": "after: the pair under its mask"}
UNSEEN = "#E4E4E4"
"""Colour of tokens that the mask hides."""


@dataclass(frozen=True, slots=True)
class View:
    """The attention of [CLS] over one text of L tokens, [CLS] and [SEP] among them, mean over heads.

    `before` and `after` K×L, rows sum to 1; `seen` L (bool), what the mask shows [CLS] after the focus; `group` L by
    `GROUPS`; `layers` K numbers, the encoder's last one being N; `spans`: both entities in the order of the text.
    """

    text: str
    tokens: tuple[str, ...]
    spans: tuple[Span, Span]
    layers: tuple[int, ...]
    group: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)


@torch.no_grad()
def view(head: Head, document: Document, pair: tuple[int, int]) -> View:
    """Where [CLS] looks for two entities of a document, by their numbers in it; in which order does not matter.

    Raises a `RelexError` for a head that is not focused, a text of more than `MOST` tokens, and a pair that the head
    cannot hold, since an entity has no tokens or shares some with another.
    """
    _check(head)
    window = head.windows([document])[0][1]
    count, most = len(window.ids) - 2, min(MOST, head.encoder.max_length - 2)
    if len(head.windows([document])) > 1 or count > most:
        raise RelexError(f"document {document.id!r} has more than {most} tokens, which no figure can show")
    device, training = next(head.parameters()).device, head.training
    batch = {name: value.to(device) for name, value in head.collate([document]).items()}
    names, every = _pairs_of(head, document, batch)
    found = next((i for i, name in enumerate(names) if set(name) == set(pair)), None)
    if found is None:
        raise RelexError(
            f"document {document.id!r} has no pair {tuple(pair)} that this model can classify; it has "
            f"{', '.join(map(str, names)) or 'none'}"
        )
    head.eval()
    try:
        passed, plain = unmasked(head, batch)
        _, focused, near = masked(head, passed[0], batch["attention_mask"], every[found : found + 1])
    finally:
        head.train(training)
    tokens = ("[CLS]", *(document.text[start:end] for start, end in window.offsets[1:-1]), "[SEP]")
    group = cls_attention.groups(len(tokens), every[found : found + 1, 1:])[0].cpu().numpy()
    spans = tuple(document.entities[i] for i in names[found])
    before, after, seen = (x.cpu().numpy() for x in (plain[:, 0], focused[:, 0], near[0]))
    return View(document.text, tokens, spans, _numbers(head), group, seen, before, after)


def figure(head: Head, document: Document, pair: tuple[int, int], title: str = "") -> Figure:
    """Two heat maps of where [CLS] looks, before the focus on a pair of entities and after it; see `view`.

    A row is a layer, a column a token; at its end is the share of both entities. Tokens that the mask hides are grey.
    """
    return heat_maps(view(head, document, pair), title)


def heat_maps(shown: View, title: str = "") -> Figure:
    """Both panels of a view, one above the other and on one scale; the entities' labels and bars have their colours."""
    count = len(shown.tokens)
    rotated = any(len(token) > 2 for token in shown.tokens[1:-1])
    width = float(np.clip(0.17 * count, 2.6, 6.4))
    panel = 0.24 * len(shown.layers) + (0.95 if rotated else 0.7)
    drawn = Figure(figsize=(width + 1.1, 2 * panel + 1.25 + (0.3 if title else 0)), layout="constrained")
    panels = drawn.subplots(2, 1)
    highest = max(shown.before.max(), shown.after.max(), PALE / count)
    hidden = np.where(shown.seen, shown.after, np.nan)
    for axes, (moment, words), shares in zip(panels, TITLES.items(), (shown.before, hidden), strict=True):
        image = axes.imshow(shares, vmin=0, vmax=highest, aspect="auto", interpolation="none")
        axes.set_facecolor(UNSEEN)
        axes.set_title(words, fontsize=11)
        _labels(axes, shown, getattr(shown, moment), width, rotated)
    bar = drawn.colorbar(image, ax=panels, location="bottom", shrink=0.7, aspect=40, pad=0.02)
    bar.ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0 if highest > 0.08 else 1))
    bar.ax.grid(False)
    bar.set_label("share of what [CLS] looks at", fontsize=10)
    handles = [Rectangle((0, 0), 1, 1, color=color) for color in (*COLORS[1:3], UNSEEN)]
    names = [shown.text[span.start : span.end] for span in shown.spans]
    hides = handles if not shown.seen.all() else handles[:2]
    drawn.legend(hides, [*names, "hidden"][: len(hides)], loc="outside lower center", ncols=len(hides))
    if title:
        drawn.suptitle(title, x=0.01, ha="left")
    return checked(drawn)


def _labels(axes, shown: View, attention: np.ndarray, width: float, rotated: bool) -> None:
    """Tokens below, with bars of the entities' colours; layers at the left, shares of the pair at the right."""
    count, entities = len(shown.tokens), np.isin(shown.group, (GROUPS.index("first"), GROUPS.index("second")))
    size = float(np.clip(0.8 * 72 * width / count, 5, 10.5))
    axes.set_xticks(range(count), shown.tokens, rotation=90 if rotated else 0, fontsize=size)
    axes.set_yticks(range(len(shown.layers)), [f"layer {number}" for number in shown.layers], fontsize=9.5)
    axes.tick_params(length=0, pad=3)
    axes.tick_params(axis="x", pad=7)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    if not rotated:
        for end in (0, -1):
            axes.get_xticklabels()[end].set(rotation=90, fontsize=min(size, 7))
    for label, group in zip(axes.get_xticklabels(), shown.group, strict=True):
        label.set_color(COLORS[group])
    shares = [f"{share:.0%}" for share in attention[:, entities].sum(1)]
    for row, share in enumerate(["pair", *shares], -1):
        axes.annotate(share, (1, row), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      va="center", fontsize=9.5, color=GREY if row < 0 else "black", annotation_clip=False)  # fmt: skip
    for name in ("first", "second"):
        places = np.flatnonzero(shown.group == GROUPS.index(name))
        line = {"color": COLORS[GROUPS.index(name)], "linewidth": 3, "clip_on": False, "solid_capstyle": "butt"}
        stretch = [places[0] - 0.4, places[-1] + 0.4]
        axes.plot(stretch, [len(shown.layers) - 0.32] * 2, **line)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(len(shown.layers) - 0.5, -0.5))
