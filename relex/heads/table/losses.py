"""Losses of tables: sums over all cells as if nothing were there, corrected at the K cells where something is.

No target has the size of a table, and no more than some rows are held at once (`by_rows`). `gold` K×5 (window, table,
row, column, tag) is made on the CPU with the batch; nothing here asks the device for a number. Cells of [CLS], [SEP]
and padding do not count, and with `triangle` none below the diagonal. All losses are one a window: W.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from relex.heads.table.chunks import by_rows
from relex.heads.table.scorers import ALL, Context, Scorer

GONE = -1e30
"""Added to a logit that is to take no part in a sum of exponentials; finite, so that gradients are."""


class _Chunk(NamedTuple):
    """Some rows: `logits` W×k×L×T×C, whether a cell is `counted` W×k×L, and for each gold cell whether it is `here`
    and its `place` (window, row, column, table); those of other rows point to some cell of these."""

    logits: Tensor
    counted: Tensor
    here: Tensor
    place: tuple[Tensor, Tensor, Tensor, Tensor]

    def missed(self) -> Tensor:
        """K: the negative logits of gold cells, C = 1."""
        return -self.logits.squeeze(-1)[self.place]

    def without_gold(self) -> Tensor:
        """W×k×L×T: logits, those of gold cells so low that their exponential is zero; C = 1."""
        gone = torch.where(self.here, GONE, 0.0)
        return self.logits.squeeze(-1).index_put(self.place, gone, accumulate=True)


def softmax(
    scorer: Scorer, context: Context, mask: Tensor, gold: Tensor, triangle: bool, rows: int = 0, positive: float = 1.0
) -> Tensor:
    """Cross entropy of the C exclusive tags of a cell: the mean over cells, the sum over tables (OneRel).

    Cells that hold something count `positive` times (GraphRel). −log p(O) of all cells is corrected at gold ones.
    """

    def task(rows: slice) -> Tensor:
        chunk = _chunk(scorer, context, mask, gold, triangle, rows)
        surprise = -chunk.logits.log_softmax(-1)
        nothing = surprise[..., 0].sum(-1)
        of_gold = surprise[chunk.place]
        right = positive * of_gold.gather(1, gold[:, 4:])[:, 0] - of_gold[:, 0]
        return _total(nothing, chunk, right, gold)

    return _over(task, scorer, mask, rows) / cells(mask, triangle)


def bce(scorer: Scorer, context: Context, mask: Tensor, gold: Tensor, triangle: bool, rows: int = 0) -> Tensor:
    """Binary cross entropy of each table, C = 1: the mean over cells, the sum over tables (EmRel; multi-head)."""

    def task(rows: slice) -> Tensor:
        chunk = _chunk(scorer, context, mask, gold, triangle, rows)
        nothing = F.softplus(chunk.logits.squeeze(-1)).sum(-1)
        return _total(nothing, chunk, chunk.missed(), gold)

    return _over(task, scorer, mask, rows) / cells(mask, triangle)


def zlpr_tags(scorer: Scorer, context: Context, mask: Tensor, gold: Tensor, triangle: bool, rows: int = 0) -> Tensor:
    """log(1 + Σ e^s of absent tags) + log(1 + Σ e^−s of present ones), over the T tables at a cell, C = 1.

    The mean over cells (TPLinker+; ZLPR, Su et al. 2022).
    """

    def task(rows: slice) -> Tensor:
        chunk = _chunk(scorer, context, mask, gold, triangle, rows)
        wrong = _log_one_and(chunk.without_gold(), -1)
        window, row, column, _ = chunk.place
        cell = (window * wrong.shape[1] + row) * wrong.shape[2] + column
        right = _log_one_and_groups(chunk.missed(), cell, chunk.here, wrong.numel())
        return _total(wrong + right.view(wrong.shape), chunk)

    return _over(task, scorer, mask, rows) / cells(mask, triangle)


def zlpr_cells(scorer: Scorer, context: Context, mask: Tensor, gold: Tensor, triangle: bool, rows: int = 0) -> Tensor:
    """The same over the L² cells of a table, C = 1: the sum over tables (GPLinker; ZLPR)."""

    def task(rows: slice) -> tuple[Tensor, Tensor]:
        chunk = _chunk(scorer, context, mask, gold, triangle, rows)
        wrong = chunk.without_gold() + GONE * ~chunk.counted[..., None]  # a sum, for it costs nothing on the way back
        return wrong.logsumexp((1, 2)), chunk.missed().where(chunk.here, 0)

    wrong, missed = zip(*by_rows(task, *mask.shape, scorer.floats, rows), strict=True)
    table = gold[:, 0] * scorer.tables + gold[:, 1]
    right = _log_one_and_groups(sum(missed), table, torch.ones_like(table, dtype=torch.bool), wrong[0].numel())
    return _log_one_and(torch.stack(wrong), 0).sum(1) + right.view(wrong[0].shape).sum(1)


LOSSES = {"softmax": softmax, "bce": bce, "zlpr_tags": zlpr_tags, "zlpr_cells": zlpr_cells}


def cells(mask: Tensor, triangle: bool) -> Tensor:
    """W: how many cells count, at least 1."""
    tokens = mask.sum(1)
    return (tokens * (tokens + 1) // 2 if triangle else tokens**2).clamp(min=1)


def _over(task, scorer: Scorer, mask: Tensor, rows: int) -> Tensor:
    return sum(by_rows(task, *mask.shape, scorer.floats, rows))


def _chunk(scorer: Scorer, context: Context, mask: Tensor, gold: Tensor, triangle: bool, rows: slice) -> _Chunk:
    columns = slice(rows.start, None) if triangle else ALL  # left of its first row a triangle has nothing
    logits = scorer(context, rows, ALL, columns)
    counted = mask[:, rows, None] & mask[:, None, columns]
    counted = counted.triu() if triangle else counted
    window, table, row, column, _ = gold.unbind(1)
    here = (row >= rows.start) & (row < rows.stop)
    row, column = (row - rows.start).clamp(0, rows.stop - rows.start - 1), (column - (columns.start or 0)).clamp(min=0)
    return _Chunk(logits, counted, here, (window, row, column, table))


def _total(of_cells: Tensor, chunk: _Chunk, of_gold: Tensor | None = None, gold: Tensor | None = None) -> Tensor:
    """W: the sum over the cells that count, W×k×L, and over the gold ones that are here, K."""
    total = of_cells.where(chunk.counted, 0).sum((1, 2))
    return total if of_gold is None else total.index_add(0, gold[:, 0], of_gold.where(chunk.here, 0))


def _log_one_and(logits: Tensor, dim: int) -> Tensor:
    """log(1 + Σ e^s) over a dimension."""
    return F.softplus(logits.logsumexp(dim))


def _log_one_and_groups(logits: Tensor, group: Tensor, member: Tensor, groups: int) -> Tensor:
    """log(1 + Σ e^s) over the members among K logits of each of G groups: G."""
    highest = torch.zeros(groups, device=logits.device)
    highest = highest.scatter_reduce(0, group, logits.detach().where(member, 0), "amax")
    raised = (logits - highest[group]).where(member, GONE).exp()
    return highest + ((-highest).exp().index_add(0, group, raised)).log()
