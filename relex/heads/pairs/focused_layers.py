"""The encoder of the focused model: lower layers once for a text, the last K again for each pair of entities in it.

A pair is asked for its [CLS] state alone, and that spares most rows that its masks would have computed; the rows left
out are exactly those without influence on that state, so the result is that of full passes. States are W×L×D: W
windows of L tokens, [CLS] first and [SEP] last; a pair sees M tokens: [CLS] and those of its two entities.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from relex.encoders.encoder import Encoder
from relex.errors import RelexError

KINDS = ("bert", "roberta", "xlm-roberta", "camembert", "electra")
"""Models whose layers are those of BERT, in the same parts by the same names."""
AT_ONCE = {"cuda": 2**14, "cpu": 2**11}
"""Tokens of pairs in one batch of layers: bounds memory, and small batches of equal length have little padding."""
HELD = 2**14
"""Tokens of pairs up to which a training step keeps what their layers computed; of more it is computed again."""


def check_encoder(encoder: Encoder, k: int) -> None:
    """Raise a `RelexError` unless the encoder has `k` layers, built as `attend` takes them apart."""
    kind = encoder.model.config.model_type
    if kind not in KINDS:
        raise RelexError(
            f"encoder {encoder.name!r} is of the kind {kind!r}; focused layers work with {', '.join(KINDS)}"
        )
    if k > encoder.layers:
        raise RelexError(f"k is {k}, but encoder {encoder.name!r} has {encoder.layers} layers; choose k from 0 to that")


def attend(block: nn.Module, queries: Tensor, states: Tensor, seen: Tensor) -> Tensor:
    """One layer for the rows that are asked for: `queries` B×Q×D, some rows of `states` B×L×D → B×Q×D.

    (Focused Eq. 2), (Focused Eq. 3), (Focused Eq. 6), (Focused Eq. 7).

    `seen` (bool) B×Q×L, or B×1×L for the same in every row, is the layer's MASK.
    """
    own = block.attention.self

    def by_head(x: Tensor) -> Tensor:
        return x.unflatten(-1, (own.num_attention_heads, -1)).transpose(1, 2)

    asked, keys, values = (by_head(x) for x in (own.query(queries), own.key(states), own.value(states)))
    dropout = own.dropout.p if own.training else 0.0
    if queries.device.type == "cpu":  # where the backward pass of torch's fused attention is slow for short texts
        scores = (asked @ keys.mT * asked.shape[-1] ** -0.5).masked_fill(~seen[:, None], -torch.inf)
        mixed = F.dropout(scores.softmax(-1), dropout) @ values
    else:
        mixed = F.scaled_dot_product_attention(asked, keys, values, attn_mask=seen[:, None], dropout_p=dropout)
    return block.feed_forward_chunk(block.attention.output(mixed.transpose(1, 2).flatten(2), queries))


def contextual(encoder: Encoder, k: int, input_ids: Tensor, mask: Tensor, upper: int) -> list[Tensor]:
    """H_{N−K} W×L×D, and the states after each of the next `upper` ≤ K layers, all under MASK^all.

    (Focused Eq. 4), (Focused Eq. 5).
    """
    states = encoder.model.embeddings(input_ids=input_ids)
    if hasattr(encoder.model, "embeddings_project"):  # ELECTRA
        states = encoder.model.embeddings_project(states)
    seen = mask.bool()[:, None]
    passed = [states]
    for block in encoder.blocks[: encoder.layers - k + upper]:
        passed.append(attend(block, passed[-1], passed[-1], seen))
    return passed[len(passed) - 1 - upper :]


def upper_layers(kind: str, k: int, entities: bool) -> int:
    """How many of the last `k` layers are needed under MASK^all: for `entities`, or for pairs of that kind of mask."""
    return k if entities or kind == "none" else min(k - 1, 1) if kind == "eq13" and k else 0


def cls_of_pairs(
    kind: str, blocks: Sequence[nn.Module], passed: Sequence[Tensor], mask: Tensor, pairs: Tensor
) -> Tensor:
    """H^rc_N[0] of pairs: P×D (Focused Eq. 8).

    `blocks`: the last K layers; `passed`: what `contextual` gave, after as many as `upper_layers` says; `pairs` P×5:
    window, first and last token of the one entity and of the other, in which no token is in both.
    """
    window = pairs[:, 0]
    if kind == "none" or not blocks:
        return passed[len(blocks)][:, 0].index_select(0, window)
    own = 1 + pairs[:, 2] - pairs[:, 1] + 1 + pairs[:, 4] - pairs[:, 3] + 1
    whole = kind == "eq13" and len(blocks) > 1
    sizes = mask.sum(1)[window] if whole else own
    found, order = [passed[0].new_zeros(0, passed[0].shape[-1])], sizes.argsort(stable=True)
    ordered = sizes[order].tolist()
    again = torch.is_grad_enabled() and sum(ordered) > HELD
    for begin, end in _batches(ordered, AT_ONCE.get(pairs.device.type, AT_ONCE["cuda"])):
        chosen = pairs[order[begin:end]]
        seen = own[order[begin:end]]
        args = (blocks, passed[0], passed[1], mask, chosen, seen, ordered[end - 1]) if whole else (
            blocks, passed[0], chosen, seen
        )  # fmt: skip
        layers = _confined_cls if whole else _confined_all
        found.append(checkpoint(layers, *args, use_reentrant=False) if again else layers(*args))
    return torch.cat(found).index_select(0, order.argsort())


def _batches(sizes: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Begin and end of stretches of rising sizes, each padded to its last within the limit, or of one item."""
    begin = 0
    for i, size in enumerate(sizes):
        if i > begin and (i + 1 - begin) * size > limit:
            yield begin, i
            begin = i
    if sizes:
        yield begin, len(sizes)


def _confined_all(blocks: Sequence[nn.Module], lower: Tensor, pairs: Tensor, sizes: Tensor) -> Tensor:
    """Nobody outside the M tokens takes part: they alone are read, of the last layer [CLS] alone (Focused Eq. 14)."""
    places, seen = _tokens(pairs, sizes)
    states = _taken(lower, pairs[:, 0], places)
    for block in blocks[:-1]:
        states = attend(block, states, states, seen)
    return attend(blocks[-1], states[:, :1], states, seen)[:, 0]


def _confined_cls(
    blocks: Sequence[nn.Module],
    lower: Tensor,
    first: Tensor,
    mask: Tensor,
    pairs: Tensor,
    sizes: Tensor,
    length: int,
) -> Tensor:
    """Two layers or more (Focused Eq. 13).

    In the first focused layer the rows of all others are those of the pass for entities (`first`); in the last only
    [CLS] is asked for, and it looks at M tokens, so that in the one before it these are enough. Between them all rows
    of each pair are read, up to the `length` of its text: they attend to a [CLS] that is not the same for two pairs.
    """
    window = pairs[:, 0]
    places, seen = _tokens(pairs, sizes)
    near = _taken(lower, window, places)
    cls = attend(blocks[0], near[:, :1], near, seen)
    states = torch.cat([cls, first[:, 1:length].index_select(0, window)], 1)
    of_cls = torch.zeros(len(pairs), 1, length, dtype=torch.bool, device=pairs.device)
    of_cls.scatter_(2, places[:, None], True)
    of_others = mask.bool()[:, None, :length].index_select(0, window)

    def mask_of(count: int) -> Tensor:
        """P×count×L: the row of [CLS], and those of others after it."""
        return torch.cat([of_cls, of_others.expand(-1, count - 1, -1)], 1)

    for block in blocks[1:-2]:
        states = attend(block, states, states, mask_of(length))
    near = _taken(states, torch.arange(len(pairs), device=pairs.device), places)
    if len(blocks) > 2:
        near = attend(blocks[-2], near, states, mask_of(near.shape[1]))
    return attend(blocks[-1], near[:, :1], near, seen)[:, 0]


def _tokens(pairs: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Places P×M of [CLS] and the tokens of both entities, 0 again where there are fewer; which are real, P×1×M."""
    _, first, last, second, _ = pairs[..., None].unbind(1)
    place = torch.arange(-1, int(sizes.max()) - 1, device=pairs.device)  # −1 for [CLS]
    length = last - first + 1
    seen = place < sizes[:, None] - 1
    places = torch.where(place < length, first + place, second + place - length)
    return places.where(seen & (place >= 0), 0), seen[:, None]


def _taken(states: Tensor, window: Tensor, places: Tensor) -> Tensor:
    """P×M×D: the states W×L×D of some places of a window each."""
    rows = window[:, None] * states.shape[1] + places
    # index_select, for its gradient adds up in one order on CPUs, that of plain indexing in any
    return states.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, rows.shape)
