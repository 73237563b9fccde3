"""Tables of token pairs as their papers write them: one cell after the other, losses over targets of their full size.

A scorer's function takes the parameters of a fast one and the states L×D of one text, [CLS] and [SEP] among them, and
gives logits L×L×T×C. A loss takes logits of the N tokens between them alone, N×N×T×C, and gold (table, row, column,
tag).
"""

import torch


def mlp(scorer, states):
    """W₂ act(W₁[h_i; h_j] + b₁) + b₂ (TPLinker Eq. 1; OneRel Eq. 1)."""
    act = {torch.tanh_: torch.tanh, torch.relu_: torch.relu}[scorer.activate]

    def cell(i, j):
        hidden = act(scorer.first.weight @ torch.cat([states[i], states[j]]) + scorer.first.bias)
        return scorer.last.weight @ hidden + scorer.last.bias

    return table(scorer, states, cell)


def table(scorer, states, cell):
    """L×L×T×C of a function of row and column."""
    n = len(states)
    rows = [torch.stack([cell(i, j) for j in range(n)]) for i in range(n)]
    return torch.stack(rows).reshape(n, n, scorer.tables, scorer.tags)


# Losses


def counted(n, triangle):
    """The cells that count."""
    return [(i, j) for i in range(n) for j in range(n) if not triangle or i <= j]


def targets(logits, gold):
    """N×N×T: the tag of every cell, 0 where there is none."""
    tags = torch.zeros(logits.shape[:3], dtype=torch.long)
    for t, i, j, tag in gold:
        tags[i, j, t] = tag
    return tags


def softmax(logits, gold, triangle, positive=1.0):
    """Cross entropy of exclusive tags: mean over cells, sum over tables; cells that hold something count `positive`."""
    tags, total = targets(logits, gold), 0.0
    places = counted(len(logits), triangle)
    for i, j in places:
        for t in range(logits.shape[2]):
            weight = positive if tags[i, j, t] > 0 else 1.0
            total = total - weight * logits[i, j, t].softmax(0)[tags[i, j, t]].log()
    return total / len(places)


def bce(logits, gold, triangle):
    """Binary cross entropy of tables: mean over cells, sum over tables."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places, total = counted(len(logits), triangle), 0.0
    for i, j in places:
        for t in range(logits.shape[2]):
            probability = logits[i, j, t, 0].sigmoid()
            total = total - (probability if there[i, j, t] else 1 - probability).log()
    return total / len(places)


def zlpr(scores, there):
    """log(1 + Σ over what is not there e^s) + log(1 + Σ over what is e^−s) (ZLPR Eq. 5)."""
    absent = sum((s.exp() for s, t in zip(scores, there, strict=True) if not t), torch.zeros(()))
    present = sum(((-s).exp() for s, t in zip(scores, there, strict=True) if t), torch.zeros(()))
    return (1 + absent).log() + (1 + present).log()


def zlpr_tags(logits, gold, triangle):
    """ZLPR over the tables at each cell: mean over cells (TPLinker+)."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places = counted(len(logits), triangle)
    return sum(zlpr(logits[i, j, :, 0], there[i, j]) for i, j in places) / len(places)


def zlpr_cells(logits, gold, triangle):
    """ZLPR over the cells of each table: sum over tables (GPLinker)."""
    there = targets(logits, [(t, i, j, 1) for t, i, j, _ in gold])
    places = counted(len(logits), triangle)
    return sum(
        zlpr([logits[i, j, t, 0] for i, j in places], [there[i, j, t] for i, j in places])
        for t in range(logits.shape[2])
    )
