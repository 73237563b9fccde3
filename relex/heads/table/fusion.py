"""What scorers do with a whole text before they look at a cell: vectors that look at others (EmRel), what a table tells
the tokens (GRTE), relations as edges between words (GraphRel).

A mask W×N is true for what may be looked at; nothing else takes part, so a text does not feel its batch.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from relex.heads.table.chunks import by_rows, rows_at_once

NEVER = -1e4
"""A logit that no softmax or maximum notices beside others; finite, for a text may have no tokens at all."""


class Attention(nn.Module):
    """Q vectors of one width look at N of another, `heads` at a time: W×Q×A → W×Q×A."""

    def __init__(self, asking: int, asked: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(asking, asking), nn.Linear(asked, asking), nn.Linear(asked, asking)
        self.out = nn.Linear(asking, asking)

    def forward(self, x: Tensor, others: Tensor, mask: Tensor) -> Tensor:
        """`x` W×Q×A, `others` W×N×B and a mask W×N → W×Q×A."""

        def by_head(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        query, key, value = by_head(self.query(x)), by_head(self.key(others)), by_head(self.value(others))
        scores = (query @ key.mT).float() / math.sqrt(query.shape[-1])
        share = scores.masked_fill(~mask[:, None, None], NEVER).softmax(-1)
        return self.out((share.to(value.dtype) @ value).transpose(1, 2).flatten(2))


class FeedForward(nn.Sequential):
    """Two layers, four times as wide between: A → A."""

    def __init__(self, width: int):
        super().__init__(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))


class Looking(nn.Module):
    """Vectors that look at several others at once: LN(x + Σ attention), then LN(x + FFN(x))."""

    def __init__(self, width: int, others: Sequence[int], heads: int, dropout: float):
        """`others`: the widths of the states that are looked at."""
        super().__init__()
        self.attention = nn.ModuleList(Attention(width, other, heads) for other in others)
        self.think = FeedForward(width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *others: tuple[Tensor, Tensor]) -> Tensor:
        """`x` W×Q×A and for each of the others its vectors W×N×B and their mask W×N → W×Q×A."""
        seen = sum(look(x, *other) for look, other in zip(self.attention, others, strict=True))
        x = self.norms[0](x + self.dropout(seen))
        return self.norms[1](x + self.dropout(self.think(x)))


class RelationFusion(nn.Module):
    """One round in which relations look at subjects, objects and the text, and both of those at relations (EmRel)."""

    def __init__(self, width: int, entity: int, relation: int, dropout: float, heads: int = 4):
        super().__init__()
        self.relations = Looking(relation, [entity, entity, width], heads, dropout)
        self.subjects = Looking(entity, [relation], heads, dropout)
        self.objects = Looking(entity, [relation], heads, dropout)

    def forward(
        self, subjects: Tensor, objects: Tensor, relations: Tensor, states: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Subjects and objects W×L×d_e, relations W×R×d_r, states W×L×D, mask W×L → the first three anew."""
        text, every = ((x, mask) for x in (subjects, objects, states)), torch.ones_like(relations[..., 0], dtype=bool)
        return (
            self.subjects(subjects, (relations, every)),
            self.objects(objects, (relations, every)),
            self.relations(relations, *text),
        )


class Decoder(nn.Module):
    """A decoder layer without order: tokens look at each other, then at the text: W×L×D → W×L×D (GRTE)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.each_other, self.text = Attention(width, width, heads), Attention(width, width, heads)
        self.think = FeedForward(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """What a table says of each token W×L×D, the states W×L×D of the text, mask W×L → W×L×D."""
        x = self.norms[0](x + self.dropout(self.each_other(x, x, mask)))
        x = self.norms[1](x + self.dropout(self.text(x, states, mask)))
        return self.norms[2](x + self.dropout(self.think(x)))


def maxima(table: Callable[[slice], Tensor], mask: Tensor, floats: int) -> tuple[Tensor, Tensor]:
    """The largest logit of each row and of each column of a table, over the tokens of the text: W×L×O each.

    `table` gives logits W×k×L×O of k rows; a row that is no token has zeros.
    """

    def task(rows: slice) -> tuple[Tensor, Tensor]:
        both = mask[:, rows, None] & mask[:, None]
        logits = table(rows).masked_fill(~both[..., None], NEVER)
        return logits.amax(2), logits.amax(1)

    rows = max(rows_at_once(*mask.shape, floats), math.isqrt(mask.shape[1]))  # a chunk leaves maxima of L columns
    of_rows, of_columns = zip(*by_rows(task, *mask.shape, floats, rows), strict=True)
    both = torch.cat(of_rows, 1), torch.stack(of_columns).amax(0)
    return tuple(x.where(mask[..., None], 0) for x in both)


class RelationGraph(nn.Module):
    """A graph convolution whose edges are relations, each as heavy as it is probable: W×L×D → W×L×D (GraphRel).

    h + ReLU(Σ_r Σ_v P_r(u, v)(W_r h_v + b_r)), half of it over edges that leave u, half over those that reach it. Sums,
    not means, as the paper writes them. No relation is no edge; in the public code it is one like the others.
    """

    def __init__(self, width: int, relations: int):
        super().__init__()
        self.relations = relations
        self.leaving = nn.Linear(width, relations * (width // 2))
        self.reaching = nn.Linear(width, relations * (width - width // 2))

    def forward(self, states: Tensor, mask: Tensor, edges: Callable[[slice], Tensor], floats: int) -> Tensor:
        """States W×L×D and mask W×L; `edges` gives probabilities W×k×L×R of k rows."""
        ends = self.leaving(states).unflatten(-1, (self.relations, -1))  # W×L×R×D/2
        begins = self.reaching(states).unflatten(-1, (self.relations, -1))

        def task(rows: slice) -> tuple[Tensor, Tensor]:
            both = mask[:, rows, None] & mask[:, None]
            share = (edges(rows) * both[..., None]).to(ends.dtype)
            leaving = torch.einsum("wklr,wlrd->wkd", share, ends)
            return leaving, torch.einsum("wklr,wkrd->wld", share, begins[:, rows])

        leaving, reaching = zip(*by_rows(task, *mask.shape, floats), strict=True)
        return states + torch.cat([torch.cat(leaving, 1), sum(reaching)], -1).relu()
