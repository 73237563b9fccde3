"""Where [CLS] looks in the last K layers of a focused model, before and after the focus on a pair of entities.

A picture shows one pair of one text; `looks` and `summary` say what holds for many.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from relex.documents import Document, Span
from relex.errors import RelexError
from relex.evaluation import focus
from relex.evaluation.focus import GROUPS, MOMENTS, summary
from relex.figures import BLUE, GREEN, GREY, ORANGE, checked
from relex.heads import Focused
from relex.heads.focused_layers import attend, contextual
from relex.heads.head import Head

__all__ = ["View", "figure", "looks", "summary", "view"]

MOST = 64
"""Tokens of a text that a figure can have, [CLS] and [SEP] left out; labels of more cannot be read."""
PALE = 4
"""The darkest colour is at least so many even shares, so that attention that looks nowhere is pale."""
AT_ONCE = 2**12
"""Tokens of pairs that are read at a time, which bounds memory."""
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


# What the head computes, and how it looks while it does


def unmasked(head: Focused, batch: dict[str, Tensor]) -> tuple[list[Tensor], Tensor]:
    """States W×L×D before each of the last K layers and after them, K + 1 of them, under MASK^all; the attention of
    [CLS] in those layers, K×W×L."""
    k, mask = head.options.k, batch["attention_mask"]
    passed = contextual(head.encoder, k, batch["input_ids"], mask, k)
    seen = mask.bool()[:, None]
    layers = zip(_blocks(head), passed, strict=False)
    return passed, torch.stack([focus.weights(b, x[:, :1], x, seen).mean(1)[:, 0] for b, x in layers])


def masked(head: Focused, lower: Tensor, mask: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """H^rc_N[0] of pairs P×D, the attention of [CLS] in the last K layers K×P×L, and what it sees, P×L (bool).

    `lower` W×L×D: states after N − K layers; `mask` W×L; `pairs` P×5: window, first and last token of the one entity
    and of the other, counted from [CLS] = 0. Under Eq. 14 only what a pair sees is read, else all rows are.
    """
    window, length, kind = pairs[:, 0], lower.shape[1], head.options.mask
    states, real = lower.index_select(0, window), mask.bool().index_select(0, window)
    near = real if kind == "none" else focus.groups(length, pairs[:, 1:]) != GROUPS.index("elsewhere")
    places = torch.arange(length, device=lower.device).expand(len(pairs), -1)
    of_cls, rows = near[:, None], real[:, None]
    if kind == "eq14":
        places = near.int().argsort(dim=1, descending=True, stable=True)[:, : int(near.sum(1).max())]
        states = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
        of_cls = rows = near.gather(1, places)[:, None]
    elif kind == "eq13":
        is_cls = torch.arange(length, device=lower.device)[:, None] == 0
        rows = torch.where(is_cls, of_cls, rows)
    found, blocks = [], _blocks(head)
    for number, block in enumerate(blocks, 1):
        attention = focus.weights(block, states[:, :1], states, of_cls).mean(1)[:, 0]
        found.append(attention.new_zeros(near.shape).scatter(1, places, attention))
        last = number == len(blocks)  # there nobody looks at rows but [CLS]
        states = attend(block, states[:, :1], states, of_cls) if last else attend(block, states, states, rows)
    return states[:, 0], torch.stack(found), near


def _blocks(head: Focused):
    return head.encoder.blocks[head.encoder.layers - head.options.k :]


def _check(head: Head) -> None:
    if not isinstance(head, Focused) or head.options.tasks == "ner" or head.options.k == 0:
        raise RelexError(
            "this model is not focused on pairs of entities; take a run of head focused with k above 0 and tasks joint "
            "or rc"
        )


def _pairs_of(head: Focused, document: Document, batch: dict[str, Tensor]) -> tuple[list[tuple[int, int]], Tensor]:
    """The pairs of a document's entities that the head can classify: numbers of both in the document, and P×5.

    Both are in the order of the text. A pair that two windows hold counts in the first of them.
    """
    spans = [span for _, window in head.windows([document]) for span in window.spans]
    one, other = (batch["entities"][batch["pairs"][:, i]] for i in (0, 1))
    every = torch.cat([one[:, :1], one[:, 1:3] + 1, other[:, 1:3] + 1], 1)
    chosen: dict[tuple[int, int], int] = {}
    for row, (a, b, _) in enumerate(batch["pairs"].tolist()):
        chosen.setdefault((document.entities.index(spans[a]), document.entities.index(spans[b])), row)
    return list(chosen), every[list(chosen.values())]


# Many documents


@torch.no_grad()
def looks(head: Head, documents: Sequence[Document]) -> pd.DataFrame:
    """One line for each pair of gold entities, layer and moment: on what share of its attention [CLS] lays where.

    Columns: `document` (its id), `pair` (numbers of both entities in the document, in the order of the text), `layer`
    (1 to N), `moment` (`before` or `after` the focus), `cls`, `first`, `second` and `elsewhere`, which sum to 1, and
    `even`: what both entities would get if attention were even over the tokens that [CLS] sees at that moment. Under
    Eq. 13 a document with ten entities costs 45·K full layers. Raises a `RelexError` for a head that is not focused.
    """
    _check(head)
    device, training = next(head.parameters()).device, head.training
    head.eval()
    try:
        parts = [part for document in documents for part in _looks(head, document, device)]
    finally:
        head.train(training)
    columns = ["document", "pair", "layer", "moment", *GROUPS, "even"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _looks(head: Focused, document: Document, device: torch.device) -> list[pd.DataFrame]:
    """The lines of one document, a table for each moment and layer of some of its pairs."""
    batch = {name: value.to(device) for name, value in head.collate([document]).items()}
    names, every = _pairs_of(head, document, batch)
    if not names:
        return []
    passed, plain = unmasked(head, batch)
    mask, parts = batch["attention_mask"], []
    step = max(1, AT_ONCE // mask.shape[1])
    for begin in range(0, len(names), step):
        pairs = every[begin : begin + step]
        _, focused, near = masked(head, passed[0], mask, pairs)
        group, real = focus.groups(mask.shape[1], pairs[:, 1:]), mask.bool()[pairs[:, 0]]
        for moment, attention, seen in zip(MOMENTS, (plain[:, pairs[:, 0]], focused), (real, near), strict=True):
            even = focus.even(seen, group).cpu().numpy()
            for layer, rows in zip(_numbers(head), attention, strict=True):
                table = pd.DataFrame(focus.shares(rows, group).cpu().numpy(), columns=list(GROUPS))
                named = {"document": document.id, "pair": names[begin : begin + step], "layer": layer}
                parts.append(table.assign(**named, moment=moment, even=even))
    return parts


def _numbers(head: Focused) -> tuple[int, ...]:
    return tuple(range(head.encoder.layers - head.options.k + 1, head.encoder.layers + 1))


# One pair


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
    group = focus.groups(len(tokens), every[found : found + 1, 1:])[0].cpu().numpy()
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
