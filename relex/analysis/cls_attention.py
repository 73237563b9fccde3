"""Where the [CLS] state of focused attention looks: at itself, at either entity of a pair, or elsewhere.

The masks of Xue et al. (Section III-C3, Eq. 13, 14) force [CLS] to look at {CLS, EN1, EN2} alone. That they do needs no
measuring; how the attention is split among the three does, and so does how little of it falls on the entities in the
pass without a mask.
"""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from relex.documents import Document
from relex.errors import RelexError
from relex.evaluation.statistics import bootstrap_interval
from relex.heads import Focused
from relex.heads.head import Head
from relex.heads.pairs.focused_layers import attend, contextual

GROUPS = ("cls", "first", "second", "elsewhere")
"""Where attention can fall: on [CLS], on the entity that comes first in the text, on the other one, on other tokens."""
MOMENTS = ("before", "after")
"""Before the focus: the pass that tags are read from; after it: the pass of the pair, under its mask."""
RESAMPLES = 2_000

AT_ONCE = 2**12
"""Tokens of pairs that are read at a time, which bounds memory."""


def attention_weights(block: nn.Module, queries: Tensor, states: Tensor, seen: Tensor) -> Tensor:
    """Attention of a layer of BERT's shape, B×H×Q×L: `queries` B×Q×D, some rows of `states` B×L×D, look at L tokens.

    `seen` (bool) B×Q×L, or B×1×L for the same in every row, is the layer's MASK; each row sees a token at least. H
    heads; rows sum to 1; without dropout. It is in single precision, or in double where the states are.
    """
    own = block.attention.self

    def by_head(x: Tensor) -> Tensor:
        return x.unflatten(-1, (own.num_attention_heads, -1)).transpose(1, 2)

    query, key = by_head(own.query(queries)), by_head(own.key(states))
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return scores.masked_fill(~seen[:, None], -torch.inf).softmax(-1)


def groups(length: int, pairs: Tensor) -> Tensor:
    """P×L: for each of `length` tokens its group by its number in `GROUPS`.

    `pairs` P×4: first and last token of the one entity and of the other, counted from [CLS] = 0, sharing no token.
    """
    place = torch.arange(length, device=pairs.device)
    found = torch.full((len(pairs), length), GROUPS.index("elsewhere"), device=pairs.device)
    found[:, 0] = GROUPS.index("cls")
    for name, ends in (("first", pairs[:, :2]), ("second", pairs[:, 2:])):
        found[(ends[:, :1] <= place) & (place <= ends[:, 1:])] = GROUPS.index(name)
    return found


def shares(attention: Tensor, group: Tensor) -> Tensor:
    """P×4: of attention P×L, what falls on each of `GROUPS`; `group` P×L as `groups` gives it."""
    return attention.new_zeros(len(attention), len(GROUPS)).scatter_add(1, group, attention)


def even(seen: Tensor, group: Tensor) -> Tensor:
    """P: what would fall on both entities if attention were even over the tokens that are `seen` (bool) P×L."""
    of_each = shares(seen.float() / seen.sum(1, keepdim=True), group)
    return of_each[:, GROUPS.index("first")] + of_each[:, GROUPS.index("second")]


def summary(looks: pd.DataFrame) -> pd.DataFrame:
    """Means of a table with the columns document, pair, layer, moment, those of `GROUPS`, and even.

    Indexed by moment and layer: `GROUPS`; `entities`, first and second together, with its 95 % bootstrap interval over
    documents `low` … `high`; `even`; `documents` and `pairs`, how many there are. The mean of a document is that over
    its pairs, and every document counts the same: of one with ten entities there would else be 45 times as much as of
    one with two.
    """
    lines = {}
    for moment in MOMENTS:
        for layer, chosen in looks[looks["moment"] == moment].groupby("layer"):
            by_document = chosen.groupby("document", sort=False)[[*GROUPS, "even"]].mean()
            interval = bootstrap_interval((by_document["first"] + by_document["second"]).to_numpy(), RESAMPLES)
            found = {"entities": interval.mean, "low": interval.low, "high": interval.high}
            counted = {"documents": len(by_document), "pairs": len(chosen)}
            lines[moment, layer] = by_document[list(GROUPS)].mean().to_dict() | found | {
                "even": by_document["even"].mean()
            } | counted  # fmt: skip
    columns = [*GROUPS, "entities", "low", "high", "even", "documents", "pairs"]
    index = pd.MultiIndex.from_tuples(lines, names=["moment", "layer"])
    return pd.DataFrame(list(lines.values()), index=index, columns=columns)


def unmasked(head: Focused, batch: dict[str, Tensor]) -> tuple[list[Tensor], Tensor]:
    """States W×L×D before each of the last K layers and after them, K + 1 of them, under MASK^all; the attention of
    [CLS] in those layers, K×W×L."""
    k, mask = head.options.k, batch["attention_mask"]
    passed = contextual(head.encoder, k, batch["input_ids"], mask, k)
    seen = mask.bool()[:, None]
    layers = zip(_blocks(head), passed, strict=False)
    return passed, torch.stack([attention_weights(b, x[:, :1], x, seen).mean(1)[:, 0] for b, x in layers])


def masked(head: Focused, lower: Tensor, mask: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """H^rc_N[0] of pairs P×D, the attention of [CLS] in the last K layers K×P×L, and what it sees, P×L (bool).

    `lower` W×L×D: states after N − K layers; `mask` W×L; `pairs` P×5: window, first and last token of the one entity
    and of the other, counted from [CLS] = 0. Under Eq. 14 only what a pair sees is read, else all rows are.
    """
    window, length, kind = pairs[:, 0], lower.shape[1], head.options.mask
    states, real = lower.index_select(0, window), mask.bool().index_select(0, window)
    near = real if kind == "none" else groups(length, pairs[:, 1:]) != GROUPS.index("elsewhere")
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
        attention = attention_weights(block, states[:, :1], states, of_cls).mean(1)[:, 0]
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
        group, real = groups(mask.shape[1], pairs[:, 1:]), mask.bool()[pairs[:, 0]]
        for moment, attention, seen in zip(MOMENTS, (plain[:, pairs[:, 0]], focused), (real, near), strict=True):
            by_chance = even(seen, group).cpu().numpy()
            for layer, rows in zip(_numbers(head), attention, strict=True):
                table = pd.DataFrame(shares(rows, group).cpu().numpy(), columns=list(GROUPS))
                named = {"document": document.id, "pair": names[begin : begin + step], "layer": layer}
                parts.append(table.assign(**named, moment=moment, even=by_chance))
    return parts


def _numbers(head: Focused) -> tuple[int, ...]:
    return tuple(range(head.encoder.layers - head.options.k + 1, head.encoder.layers + 1))
