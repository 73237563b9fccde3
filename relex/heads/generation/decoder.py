"""A decoder that reads a sequence so far and a text, all steps at once or one after the other with the same states."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

Held = tuple[Tensor, Tensor]
"""Keys and values, W×H×N×d each: N rows of W windows for H heads."""


class Attention(nn.Module):
    """Attention of several heads, its keys and values kept apart from who asks for them."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def hold(self, states: Tensor) -> Held:
        """Keys and values of states W×N×D."""
        return self._by_head(self.key(states)), self._by_head(self.value(states))

    def forward(self, asking: Tensor, held: Held, hidden: Tensor) -> Tensor:
        """W×T×D from `asking` W×T×D; nobody sees what is `hidden`, which spreads to W×H×T×N.

        Plain products, as the backward pass of torch's fused attention is slow for short rows on a CPU.
        """
        key, value = held
        query = self._by_head(self.query(asking))
        scores = (query @ key.mT).float() / math.sqrt(query.shape[-1])
        share = self.dropout(scores.masked_fill(hidden, -torch.inf).softmax(-1)).to(value.dtype)
        return self.out((share @ value).transpose(1, 2).flatten(2))

    def _by_head(self, states: Tensor) -> Tensor:
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """What was said before, the text, and 4D units, each added and normed (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.said, self.text = Attention(width, heads, dropout), Attention(width, heads, dropout)
        self.units = nn.Sequential(
            nn.Linear(width, 4 * width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, before: Held | None, text: Held, hidden: Tensor) -> tuple[Tensor, Held]:
        """New states W×T×D of the last T steps, and what the steps after them need of all so far."""
        held = self.said.hold(x)
        if before is not None:
            held = tuple(torch.cat(both, 2) for both in zip(before, held, strict=True))
        steps, so_far = x.shape[1], held[0].shape[2]
        later = torch.ones(steps, so_far, dtype=torch.bool, device=x.device).triu(so_far - steps + 1)
        x = self.norms[0](x + self.dropout(self.said(x, held, later)))
        x = self.norms[1](x + self.dropout(self.text(x, text, hidden)))
        return self.norms[2](x + self.dropout(self.units(x))), held


class Text(NamedTuple):
    """What a decoder reads of a text: keys and values of each layer, and the tokens that are `hidden`, W×1×1×L."""

    held: list[Held]
    hidden: Tensor


class Decoder(nn.Module):
    """Layers one over the other."""

    def __init__(self, width: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers))

    def read(self, states: Tensor, mask: Tensor) -> Text:
        """The text of states W×L×D, once for all steps; `mask` W×L is true for tokens."""
        return Text([layer.text.hold(states) for layer in self.layers], ~mask[:, None, None])

    def forward(self, x: Tensor, text: Text, before: list[Held] | None = None) -> tuple[Tensor, list[Held]]:
        """States W×T×D of T steps after those `before`, if any, and all of them for the steps that follow."""
        all_held = []
        for i, layer in enumerate(self.layers):
            x, held = layer(x, before and before[i], text.held[i], text.hidden)
            all_held.append(held)
        return x, all_held
