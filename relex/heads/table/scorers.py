"""Scorers: states of a text → logits of some rows of some tables of token pairs, so that memory is that of a chunk.

Row i and column j are tokens of the same window; what stands at a cell (i, j) is for a scheme to say.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RARE = -4.0
"""Bias of all tags but O: few cells hold anything, and learning that costs an epoch."""
ALL = slice(None)

Context = Any
"""What a scorer computes once a text, a tuple of tensors with windows first."""


class Scorer(nn.Module, ABC):
    """T tables of C tags a cell: tag 0 of several is O, one tag alone is there or not.

    `prepare` gives what is computed once a text, calling the scorer the logits of some rows.
    """

    def __init__(self, tables: int, tags: int, floats: int = 0):
        """`floats`: numbers of a cell on the way to its logits, by which chunks are sized."""
        super().__init__()
        self.tables, self.tags = tables, tags
        self.floats = floats + tables * tags

    @abstractmethod
    def prepare(self, states: Tensor, mask: Tensor) -> Context:
        """States W×L×D and a mask W×L, true for the tokens of the text: not for [CLS], [SEP] and padding."""

    @abstractmethod
    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C of k rows, L columns and t tables."""

    def outputs(self, tables: slice) -> slice:
        """Where the tags of some tables stand among all T·C."""
        chosen = range(self.tables)[tables]
        return slice(chosen.start * self.tags, chosen.stop * self.tags)

    def shaped(self, logits: Tensor) -> Tensor:
        """W×k×L×(t·C) → W×k×L×t×C in float32."""
        return logits.unflatten(-1, (-1, self.tags)).float()


def rare(bias: Tensor, tags: int) -> None:
    """Start a bias of T·C outputs where a cell most likely holds nothing."""
    with torch.no_grad():
        bias.view(-1, tags).copy_(torch.tensor([0.0] * (tags > 1) + [RARE] * max(1, tags - 1)))


class MLP(Scorer):
    """W₂ act(W₁[h_i; h_j] + b₁) + b₂ (TPLinker Eq. 1; OneRel Eq. 1; multi-head selection Eq. 3).

    W₁[h_i; h_j] is a sum of a part of the row and one of the column, so the first matrix is applied L times, not L².
    """

    def __init__(
        self, width: int, tables: int, tags: int = 1, hidden: int = 0, activation: str = "tanh", dropout: float = 0.0
    ):
        """`hidden` units, 0 for D; `activation`: tanh or relu; `dropout` of the hidden units."""
        hidden = hidden or width
        super().__init__(tables, tags, hidden)
        self.first = nn.Linear(2 * width, hidden)
        self.activate = {"tanh": torch.tanh_, "relu": torch.relu_}[activation]
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, tables * tags)
        rare(self.last.bias, tags)

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of rows and of columns, W×L×H each."""
        of_row, of_column = self.first.weight.chunk(2, 1)
        return F.linear(states, of_row, self.first.bias), F.linear(states, of_column)

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        of_row, of_column = context
        hidden = self.dropout(self.activate(of_row[:, rows, None] + of_column[:, None, columns]))
        chosen = self.outputs(tables)
        return self.shaped(F.linear(hidden, self.last.weight[chosen], self.last.bias[chosen]))
