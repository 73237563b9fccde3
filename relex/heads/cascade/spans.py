"""Spans of tokens as tensors: their states, tags and numbers; what tagging from both ends makes of them.

A span is a row of window, first and last token, counted after [CLS].
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REACH = 3
"""Tokens by which a border of a span is moved, at most, where a wrong span is made of a gold one."""


def scaled_logits(tagger: nn.Linear, states: Tensor, window: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """S×L×2: (x ⊙ scale + shift)W + b for all tokens of the `window` (S) of each of S spans.

    `states` W×L×D; `scale` and `shift` S×D. As a tag is linear, the product goes to the weights, and no state is
    changed for each span. With a scale of 1 and the span as shift it is the cascade's tagger (CBRRel Eq. 15, 16).
    """
    weights = scale[:, None] * tagger.weight  # S×2×D
    of_tokens = torch.bmm(states.index_select(0, window), weights.transpose(1, 2))
    return (of_tokens + tagger(shift)[:, None]).float()


def ends(states: Tensor, spans: Tensor) -> Tensor:
    """S×D: the mean of the first and the last state of `spans` S×3."""
    window, first, last = spans.unbind(1)
    # index_select, for its gradient adds up in one order on CPUs, that of plain indexing in any
    rows, begin = states.flatten(0, 1), window * states.shape[1] + 1  # 1 for [CLS]
    return (rows.index_select(0, begin + first) + rows.index_select(0, begin + last)) / 2


def tags(spans: Tensor, row: Tensor, rows: int, length: int) -> Tensor:
    """rows×L×2: 1 at the first and at the last token of each of `spans` S×3, in its `row` (S)."""
    found = torch.zeros(rows, length, 2, device=spans.device)
    found[:, 1:][row, spans[:, 1], 0] = 1
    found[:, 1:][row, spans[:, 2], 1] = 1
    return found


def moved(spans: Tensor, lengths: Tensor) -> Tensor:
    """`spans` S×3 with one border of each moved by 1 to `REACH` tokens, within its window of `lengths` W tokens."""
    away, sign, border = (torch.randint(n, (len(spans),), device=spans.device) for n in (REACH, 2, 2))
    places = spans[:, 1:] + torch.stack([border, 1 - border], 1) * ((away + 1) * (2 * sign - 1))[:, None]
    places = torch.minimum(places.clamp(min=0), lengths[spans[:, 0], None] - 3)
    return torch.cat([spans[:, :1], places.sort(1).values], 1)


def number(rows: Tensor, length: int) -> Tensor:
    """One number for each of P rows of places below `length`; the first of a row is a window."""
    found = rows[:, 0]
    for column in rows.unbind(1)[1:]:
        found = found * length + column
    return found


def cross_entropy(logits: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of the binary cross entropies; the last dimension of logits has one weight."""
    return (F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(-1) * weights).sum()


def looked_up(keys: Tensor, values: Tensor, otherwise: float) -> Callable[[Tensor], Tensor]:
    """A function that finds the rows of `values` by those of `keys`; what is no key has `otherwise` all over."""
    places = {tuple(key): i for i, key in enumerate(keys.tolist())}
    values = torch.cat([values, values.new_full((1, *values.shape[1:]), otherwise)])
    return lambda asked: values[[places.get(tuple(row), len(places)) for row in asked.tolist()]]
