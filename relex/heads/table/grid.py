"""A table as an image: what stands at a cell sees its neighbours (W2NER)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.heads.layers import BiLSTM
from relex.heads.table.scorers import ALL, Context, Scorer, rare

REACH = (1, 2, 3)
"""Dilations of the convolutions: rows and columns that they reach to either side."""
DISTANCES = 19
"""j = i, and nine classes of distance to either side, each twice as wide as the one before it."""


class Grid(Scorer):
    """Conditional LayerNorm, distance and region of a pair → dilated convolutions; plus a biaffine (W2NER Section 3).

    V_ij = γ(h_i) ∘ LN(h_j) + λ(h_i); C = GELU(W[V; E_distance; E_region]); Q_l = GELU(DConv_l(C)), l = 1, 2, 3;
    y = MLP(Q) + s_iᵀUo_j + W[s_i; o_j] + b, with states h of a BiLSTM over the tokens of the text.

    W·V is (γ_i ∘ W)·LN(h_j) + Wλ_i, so no tensor L×L×D is made; a chunk of rows is convolved with the three rows before
    and after it. Cells that are no pair of tokens are zeros to the convolutions.
    """

    def __init__(
        self, width: int, tables: int = 1, tags: int = 1, channels: int = 96, pairing: int = 128, sizes: int = 20,
        dropout: float = 0.0,
    ):  # fmt: skip
        """`channels` of a convolution; `pairing`: units of s and o; `sizes` of both embeddings."""
        super().__init__(tables, tags, 8 * channels)
        outputs = tables * tags
        self.bilstm = BiLSTM(width, width)
        self.dropout = nn.Dropout(dropout)
        self.scale, self.shift = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.ones_(self.scale.bias)  # an untrained γ and λ leave the norm as it is, up to what they draw
        self.distance, self.region = nn.Embedding(DISTANCES, sizes), nn.Embedding(2, sizes)
        self.mix = nn.Linear(width + 2 * sizes, channels)
        self.convolve = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=(0, reach), dilation=reach, groups=channels) for reach in REACH
        )
        self.read = nn.Sequential(nn.Linear(len(REACH) * channels, channels), nn.GELU(), nn.Linear(channels, outputs))
        self.of_row = nn.Sequential(nn.Linear(width, pairing), nn.GELU())
        self.of_column = nn.Sequential(nn.Linear(width, pairing), nn.GELU())
        self.pair = nn.Parameter(torch.randn(outputs, pairing + 1, pairing + 1) / pairing)
        rare(self.read[-1].bias, tags)

    def prepare(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """The mask, γ, λ and LN(h) W×L×D, what s has met of U W×O×L×(d + 1), and o W×L×(d + 1)."""
        states = self.dropout(self.bilstm(states, mask))
        normed = F.layer_norm(states, states.shape[-1:])
        row, column = (F.pad(x, (0, 1), value=1.0) for x in (self.of_row(states), self.of_column(states)))
        return mask, self.scale(states), self.shift(states), normed, row[:, None] @ self.pair.to(row.dtype), column

    def forward(self, context: Context, rows: slice, tables: slice = ALL, columns: slice = ALL) -> Tensor:
        """Float32 logits W×k×L×t×C."""
        row, column = context[4:]
        first, last, _ = rows.indices(row.shape[2])
        seen = self.dropout(self._seen(context, first, last))[:, :, columns]
        chosen = self.outputs(tables)
        final = self.read[-1]
        hidden = self.read[:-1](seen)
        pairs = (row[:, chosen, rows] @ column[:, None, columns].mT).permute(0, 2, 3, 1)
        return self.shaped(F.linear(hidden, final.weight[chosen], final.bias[chosen]) + pairs)

    def _seen(self, context: Context, first: int, last: int) -> Tensor:
        """W×k×L×(3 channels): Q of the rows from `first` up to `last`."""
        far, tokens = max(REACH), context[0].shape[1]
        above, below = max(0, first - far), min(tokens, last + far)
        image = self._cells(context, above, below)
        image = F.pad(image, (0, 0, far - (first - above), far - (below - last)))  # W×channels×(k + 6)×L
        found = []
        for reach, convolve in zip(REACH, self.convolve, strict=True):
            spare = far - reach
            found.append(F.gelu(convolve(image[:, :, spare : image.shape[2] - spare])))
        return torch.cat(found, 1).permute(0, 2, 3, 1)

    def _cells(self, context: Context, first: int, last: int) -> Tensor:
        """W×channels×k×L: C of these rows, zero where either side is no token."""
        mask, scale, shift, normed = context[:4]
        of_pair, of_distance, of_region = self.mix.weight.split(
            [normed.shape[-1], self.distance.embedding_dim, self.region.embedding_dim], 1
        )
        forms = scale[:, None, first:last] * of_pair[:, None]  # W×channels×k×D
        place = torch.arange(mask.shape[1], device=mask.device)
        apart = place - place[first:last, None]
        where = F.linear(self.distance.weight, of_distance)[distance_class(apart)]
        where = where + F.linear(self.region.weight, of_region)[(apart >= 0).long()]  # k×L×channels
        alone = F.linear(shift[:, first:last], of_pair, self.mix.bias)  # W×k×channels
        cells = forms.flatten(1, 2) @ normed.mT
        cells = cells.unflatten(1, (-1, last - first)) + where.permute(2, 0, 1) + alone.permute(0, 2, 1)[..., None]
        both = mask[:, first:last, None] & mask[:, None]
        return F.gelu(cells) * both[:, None]


def distance_class(apart: Tensor) -> Tensor:
    """Classes 0 … 18 of distances j − i: 0; 1, 2–3, 4–7, … 256 and more; the same before the token."""
    doublings = torch.frexp(apart.abs().float()).exponent.clamp(max=9).long()
    return torch.where(apart < 0, doublings + 9, doublings)
