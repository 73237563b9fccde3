"""Scorers: states of a text → logits of some rows of some tables of token pairs, so that memory is that of a chunk.

Row i and column j are tokens of the same window; what stands at a cell (i, j) is for a scheme to say.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.heads.table.fusion import NEVER, Decoder, RelationFusion, RelationGraph, maxima

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
        """States W×L×D and a mask W×L, true for the tokens of the text, which come first: not for [SEP] and padding."""

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
    """W₂ act(W₁[h_i; h_j] + b₁) + b₂ (TPLinker; OneRel; multi-head selection).

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


class Pointer(Scorer):
    """q_i·k_j/√d, a query and a key of each table: a bilinear form of rank d (Global Pointer; GPLinker)."""

    def __init__(self, width: int, tables: int, tags: int = 1, spans: int = 0, size: int = 64):
        """The first `spans` tables hold spans: they know distances (RoPE) and have nothing below the diagonal."""
        super().__init__(tables, tags)
        self.spans, self.size = spans, size
        self.project = nn.Linear(width, 2 * self._pairings() * size)
        self.bias = nn.Parameter(torch.empty(tables * tags))
        rare(self.bias, tags)

    def _pairings(self) -> int:
        """How many queries and keys a token has."""
        return self.tables * self.tags

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Queries and keys W×O×L×d of the O = T·C outputs."""
        return self._turned(self.project(states), self.spans * self.tags)

    def _turned(self, projected: Tensor, spans: int) -> tuple[Tensor, Tensor]:
        """Queries and keys of W×L×(2·O·d), the first ones turned by their position: W×O×L×d each."""
        both = projected.unflatten(-1, (2, -1, self.size)).permute(2, 0, 3, 1, 4)
        return torch.cat([turn(both[:, :, :spans]), both[:, :, spans:]], 2).unbind() if spans else both.unbind()

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        chosen = self.outputs(tables)
        query, key = (x[:, chosen] for x in context)
        logits = (query[:, :, rows] / math.sqrt(self.size)) @ key[:, :, columns].mT
        return self._finished(logits, rows, chosen, columns)

    def _finished(self, logits: Tensor, rows: slice, chosen: slice, columns: slice) -> Tensor:
        """W×o×k×L → W×k×L×t×C, with the bias, without spans that end before they begin."""
        added, spans = self.bias[chosen][:, None, None], self.spans * self.tags - chosen.start
        if spans > 0:
            output, row, column = (torch.arange(n, device=logits.device) for n in logits.shape[1:])
            below = row[:, None] + (rows.start or 0) > column + (columns.start or 0)
            added = added + NEVER * ((output < spans)[:, None, None] & below)
        return self.shaped((logits + added).permute(0, 2, 3, 1))


class EfficientPointer(Pointer):
    """Tables of a group share a pairing: q_i·k_j/√d + a_i + b_j, with a and b of each table (Efficient GlobalPointer).

    Two tables of a group then rank pairs alike, but for what head and tail are by themselves.
    """

    def __init__(
        self, width: int, tables: int, tags: int = 1, spans: int = 0, size: int = 64, groups: Sequence[int] = ()
    ):
        """`groups`: so many tables share a pairing, the next so many another; spans, if there are any, come first."""
        self.groups = [n for n in (groups or (spans, tables - spans)) if n]
        super().__init__(width, tables, tags, spans, size)
        self.alone = nn.ModuleList(nn.Linear(2 * size, 2 * n * tags) for n in self.groups)
        of_output = [g for g, n in enumerate(self.groups) for _ in range(n * tags)]
        self.register_buffer("group", torch.tensor(of_output), persistent=False)

    def _pairings(self) -> int:
        return len(self.groups)

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Queries and keys W×G×L×d of the groups, what each token is by itself as row and as column, W×L×O each."""
        projected = self.project(states)
        of_group = projected.unflatten(-1, (2, -1, self.size)).transpose(2, 3).flatten(3).unbind(2)  # W×L×2d each
        alone = [layer(x).unflatten(-1, (2, -1)) for layer, x in zip(self.alone, of_group, strict=True)]
        return *self._turned(projected, min(self.spans, 1)), *torch.cat(alone, -1).unbind(-2)

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        chosen = self.outputs(tables)
        query, key, of_row, of_column = context
        pairs = (query[:, :, rows] / math.sqrt(self.size)) @ key[:, :, columns].mT  # W×G×k×L
        alone = of_row[:, rows, chosen].mT[..., None] + of_column[:, columns, chosen].mT[:, :, None]
        return self._finished(pairs.index_select(1, self.group[chosen]) + alone, rows, chosen, columns)


def turn(x: Tensor) -> Tensor:
    """Vectors …×L×d, each pair of numbers turned by position · 10000^(−2i/d): products know distances (RoPE)."""
    n, size = x.shape[-2:]
    speed = 10000.0 ** (-torch.arange(0, size, 2, device=x.device) / size)
    angle = torch.arange(n, device=x.device)[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class Tucker(Scorer):
    """Z ×₁ e_i ×₂ r ×₃ e_j + b: one core for all tables, of which each has a vector r (EmRel).

    The vectors are learned; or, ours, read from the *names* of relations, so that one which trained on nothing has a
    table too. `entity` is 128, where the paper has the width of the encoder: Z grows with its square.
    """

    def __init__(
        self, width: int, tables: int, tags: int = 1, entity: int = 128, relation: int = 128, fusion: bool = False,
        names: Sequence[tuple[int, int]] = (), dropout: float = 0.0,
    ):  # fmt: skip
        """`names`: for each table its name's number and of which kind the table is (say, of heads or of tails)."""
        super().__init__(tables, tags)
        self.of_row, self.of_column = nn.Linear(width, entity), nn.Linear(width, entity)
        self.core = nn.Parameter(torch.randn(entity, relation, entity) / (entity * math.sqrt(relation)))
        self.bias = nn.Parameter(torch.empty(tables * tags))
        rare(self.bias, tags)
        self.fusion = RelationFusion(width, entity, relation, dropout) if fusion else None
        self.vectors = None if names else nn.Parameter(torch.randn(tables * tags, relation))
        self.read = None
        if names:
            name, kind = torch.tensor(names).unbind(1)
            self.read = nn.Linear(width, (int(kind.max()) + 1) * tags * relation)
            self.register_buffer("name", name, persistent=False)
            self.register_buffer("kind", kind, persistent=False)

    def prepare(self, states: Tensor, mask: Tensor, names: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What rows have met of Z and r, W×O×L×d_e, and columns W×L×d_e; `names` N×D: a state of each name."""
        row, column, vectors = self.of_row(states), self.of_column(states), self._vectors(names)[None]
        if self.fusion is not None:
            row, column, vectors = self.fusion(row, column, vectors.expand(len(states), -1, -1), states, mask)
        forms = torch.einsum("wor,arb->woab", vectors, self.core.to(vectors.dtype))
        return row[:, None] @ forms, column

    def _vectors(self, names: Tensor | None) -> Tensor:
        """O×d_r: a vector of each table and tag."""
        if self.read is None:
            return self.vectors
        apart = names - names.mean(0)  # what all names have in common says nothing of a relation
        read = self.read(apart).view(len(names), -1, self.tags, self.core.shape[1])
        return read[self.name, self.kind].flatten(0, 1)

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        chosen = self.outputs(tables)
        row, column = context
        logits = row[:, chosen, rows] @ column[:, None, columns].mT + self.bias[chosen][:, None, None]
        return self.shaped(logits.permute(0, 2, 3, 1))


class Hadamard(Scorer):
    """W ELU(a_i ∘ b_j) + b; between `rounds` tables tell tokens what they hold (GRTE).

    The largest logits of a token's row, or column, become a state that looks at the text, and are added to a, or b. One
    decoder layer serves both and all rounds, as in the public code.
    """

    def __init__(self, width: int, tables: int, tags: int = 1, rounds: int = 1, heads: int = 4, dropout: float = 0.0):
        super().__init__(tables, tags, width)
        self.rounds, self.activate = rounds, F.elu
        self.of_row, self.of_column = nn.Linear(width, width), nn.Linear(width, width)
        self.last = nn.Linear(width, tables * tags)
        rare(self.last.bias, tags)
        if rounds > 1:
            self.read_rows = nn.Linear(tables * tags, width)
            self.read_columns = nn.Linear(tables * tags, width)
            self.decoder = Decoder(width, heads, dropout)
            nn.init.zeros_(self.decoder.norms[-1].weight)  # untrained rounds add nothing, and fill no tables

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """a and b of the last table, W×L×D each."""
        row, column = self.of_row(states), self.of_column(states)
        for _ in range(self.rounds - 1):
            of_rows, of_columns = maxima(partial(self._logits, row, column), mask, self.floats)
            row = row + self.decoder(self.read_rows(of_rows), states, mask)
            column = column + self.decoder(self.read_columns(of_columns), states, mask)
        return row, column

    def _logits(self, row: Tensor, column: Tensor, rows: slice, columns: slice = ALL, chosen: slice = ALL) -> Tensor:
        hidden = self.activate(row[:, rows, None] * column[:, None, columns])
        return F.linear(hidden, self.last.weight[chosen], self.last.bias[chosen])

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        return self.shaped(self._logits(*context, rows, columns, self.outputs(tables)))


class Additive(Scorer):
    """W₃[ReLU(W₁h_i); ReLU(W₂h_j)] + b, which is a_i + b_j: row and column never meet (GraphRel).

    With two `phases` the relations of a first table are edges of a graph convolution, from whose states a second one is
    scored. `first` is that table's scorer and the last two of the context its own, for it has a loss too.
    """

    def __init__(self, width: int, tables: int, tags: int = 1, phases: int = 1, dropout: float = 0.0):
        super().__init__(tables, tags)
        self.of_row, self.of_column = nn.Linear(width, width), nn.Linear(width, width)
        self.last = nn.Linear(2 * width, tables * tags)
        rare(self.last.bias, tags)
        self.dropout = nn.Dropout(dropout)
        self.first = Additive(width, tables, tags, 1, dropout) if phases > 1 else None
        self.graph = RelationGraph(width, tables * max(1, tags - 1)) if phases > 1 else None

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """a and b, W×L×O each; of two phases those of the second, then those of the first."""
        first = ()
        if self.first is not None:
            first = self.first.prepare(states, mask)
            states = self.graph(states, mask, partial(self.first.probabilities, first), self.floats)
        of_row, of_column = self.last.weight.chunk(2, 1)
        row = F.linear(self.dropout(self.of_row(states).relu()), of_row, self.last.bias)
        return row, F.linear(self.dropout(self.of_column(states).relu()), of_column), *first

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        chosen = self.outputs(tables)
        return self.shaped(context[0][:, rows, None, chosen] + context[1][:, None, columns, chosen])

    def probabilities(self, context: Context, rows: slice) -> Tensor:
        """W×k×L×R: how probable each tag but O is in each table."""
        logits = self(context, rows)
        return (logits.softmax(-1)[..., 1:] if self.tags > 1 else logits.sigmoid()).flatten(3)
