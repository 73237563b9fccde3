"""Layers of the span model: interactive fusion, context of a span, and what a stretch of tokens is summed up as.

States are W×N×D: W windows of N tokens without [CLS]; masks W×N are true for tokens, false for [SEP] and padding.
"""

import math

import torch
from torch import Tensor, nn

from relex.heads.layers import BiLSTM


class Fusion(nn.Module):
    """Interactive fusion: W×N×D → W×N×D.

    Two feed-forward views of the states, one for entities, E (ISER Eq. 1), and one for relations, R (ISER Eq. 2); each
    asks the other, by attention without parameters of its own, A·R (ISER Eq. 3) and B·E (ISER Eq. 4), and a BiLSTM
    reads both answers, H (ISER Eq. 5). As printed a token gets to the BiLSTM by its answers alone; with `residual` they
    are added to the states that asked for them.
    """

    def __init__(self, width: int, residual: bool = False):
        super().__init__()
        self.residual = residual
        self.entity_view = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.relation_view = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.bilstm = BiLSTM(2 * width, width)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """W×N×D → W×N×D."""
        entities, relations = self.entity_view(states), self.relation_view(states)
        by_entity, by_relation = _shares(entities, relations, mask)
        answers = torch.cat([by_entity.to(states.dtype) @ relations, by_relation.to(states.dtype) @ entities], -1)
        return self.bilstm(answers + torch.cat([entities, relations], -1) if self.residual else answers, mask)

    def attention(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Where entity queries look among relation states, and relation queries among entity states: W×N×N each.

        Rows are queries and sum to 1 over the tokens of the text.
        """
        return _shares(self.entity_view(states), self.relation_view(states), mask)


def _shares(entities: Tensor, relations: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    scores = (entities @ relations.transpose(1, 2)).float() / math.sqrt(entities.shape[-1])  # W×N×N
    hidden = ~mask[:, None]  # finite, because a text may have no tokens at all, and NaN of its rows spoils gradients
    return tuple(s.masked_fill(hidden, -1e9).softmax(-1) for s in (scores, scores.transpose(1, 2)))


class ContextEncoder(nn.Module):
    """What stands around a span: S×D from the states of its window, the span's own rows hidden.

    With `attention` this is SEA: self-attention (ISER Eq. 7), added to its input, Z = LayerNorm(X + self-attention(X))
    (ISER Eq. 8), then a bidirectional GRU whose two last states are joined (ISER Eq. 9); without, the GRU alone
    (ISER-GRU). Hidden rows are zeros, and nobody attends to them.
    """

    def __init__(self, width: int, heads: int, attention: bool):
        super().__init__()
        self.heads = heads
        if attention:
            self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.norm = nn.LayerNorm(width)
        self.forwards = nn.GRU(width, width // 2, batch_first=True)
        self.backwards = nn.GRU(width, width // 2, batch_first=True)

    def forward(self, states: Tensor, mask: Tensor, window: Tensor, visible: Tensor) -> Tensor:
        """`window` S: the row of `states` W×N×D that each span stands in; `visible` S×N: the tokens around it → S×D."""
        shown = visible[..., None].to(states.dtype)
        context = states.index_select(0, window) * shown
        if hasattr(self, "project"):
            context = self.norm(context + self.out(self._attended(states, window, visible))) * shown
        length = mask.sum(1)[window]
        place = torch.arange(mask.shape[1], device=mask.device)
        turned = torch.where(place < length[:, None], length[:, None] - 1 - place, place)
        each, last = torch.arange(len(window), device=mask.device), length - 1
        there, _ = self.forwards(context)
        back, _ = self.backwards(context.gather(1, turned[..., None].expand_as(context)))
        return torch.cat([there[each, last], back[each, last]], -1)

    def _attended(self, states: Tensor, window: Tensor, visible: Tensor) -> Tensor:
        w, n, width = states.shape
        split = self.project(states).view(w, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # 3×W×H×N×d, once a window
        query, key, value = split
        scores = (query @ key.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])
        # a span over the whole text leaves nothing to attend to; its rows become zeros, but must be finite until then
        share = scores.index_select(0, window).masked_fill(~visible[:, None, None], -1e9).softmax(-1)
        mixed = share.to(value.dtype) @ value.index_select(0, window)
        return mixed.transpose(1, 2).reshape(len(window), n, width)


class QueryAttention(nn.Module):
    """What a span, or a pair, is told when it asks tokens: attention of several heads with one query each, S×D.

    SPAN (Ji et al. 2020) has it for the context of both. Who may ask nobody is told zeros.
    """

    def __init__(self, asked: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(asked, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, asking: Tensor, states: Tensor, window: Tensor, visible: Tensor) -> Tensor:
        """`asking` S×Q, `window` S: the row of `states` W×N×D, `visible` S×N: the tokens it may ask → S×D."""
        query = self.query(asking).unflatten(-1, (self.heads, 1, -1))  # S×H×1×d
        key, value = (
            layer(states).unflatten(-1, (self.heads, -1)).transpose(1, 2).index_select(0, window)  # S×H×N×d
            for layer in (self.key, self.value)
        )
        scores = (query @ key.mT).float() / math.sqrt(query.shape[-1])  # S×H×1×N
        share = scores.masked_fill(~visible[:, None, None], -1e9).softmax(-1).to(value.dtype)
        told = self.out((share @ value).flatten(1))
        return told * visible.any(1, keepdim=True).to(told.dtype)


class SpanAttention(nn.Module):
    """First state of a span, last one, and a sum of all weighted by a softmax of one score a token (Ji et al. 2020)."""

    def __init__(self, width: int):
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)  # the softmax of a span would not feel a bias

    def forward(self, states: Tensor, window: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """S×3D for spans from `first` to `last` (inclusive) in the rows `window` of `states` W×N×D."""
        rows, tokens = states.flatten(0, 1), states.shape[1]
        longest = int((last - first).max()) + 1 if len(first) else 1
        place = first[:, None] + torch.arange(longest, device=first.device)  # S×K
        inside = place <= last[:, None]
        at = window[:, None] * tokens + place.where(inside, first[:, None])
        scores = self.score(rows)[:, 0].float().index_select(0, at.flatten()).view(at.shape)
        share = scores.masked_fill(~inside, -1e9).softmax(-1).to(rows.dtype)
        summed = share[:, None] @ rows.index_select(0, at.flatten()).unflatten(0, at.shape)
        ends = [rows.index_select(0, window * tokens + end) for end in (first, last)]
        return torch.cat([*ends, summed[:, 0]], -1)


class RangeMax:
    """Maxima over any stretch of tokens (ISER Eq. 6): two look-ups in a sparse table of log₂N × W×N×D numbers."""

    def __init__(self, states: Tensor):
        levels = [states]
        while 2 ** len(levels) <= states.shape[1]:
            half = 2 ** (len(levels) - 1)
            last = levels[-1]
            levels.append(torch.cat([torch.maximum(last[:, :-half], last[:, half:]), last[:, -half:]], 1))
        self.shape = len(levels), *states.shape[:2]
        self.levels = torch.stack(levels).flatten(0, 2)

    def __call__(self, window: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """S×D: the maximum over tokens `first` … `last` (inclusive) of a window; zeros where `last` < `first`."""
        length = (last - first + 1).clamp(min=1)
        level = length.float().log2().floor().long()
        size = 2**level
        _, windows, tokens = self.shape
        begin = (level * windows + window) * tokens + first.clamp(max=tokens - 1)
        # index_select, for its gradient adds up in one order on CPUs, that of plain indexing in any
        here, there = (self.levels.index_select(0, i) for i in (begin, begin + length - size))
        found = torch.maximum(here, there)
        return found * (last >= first)[:, None].to(found.dtype)


def stretch(first: Tensor, last: Tensor, size: int) -> Tensor:
    """S×`size` (bool): true from `first` to `last`, inclusive."""
    place = torch.arange(size, device=first.device)
    return (place >= first[:, None]) & (place <= last[:, None])
