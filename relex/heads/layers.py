"""What several heads have in common: a BiLSTM between encoder and tagger (CBRRel Section 3.3), and what is probable.

It takes states B×L×D and a mask B×L (true for tokens), and gives a token the same state in whatever batch it comes:
padding takes part in nothing.
"""

import torch
from torch import Tensor, nn

from relex.heads.lstm import LSTM


class BiLSTM(nn.Module):
    """Two LSTMs, one from each end (CBRRel Eq. 4–9): B×L×D → B×L×`size`, half of it from each direction.

    Tokens stand at the left of their row, so padding comes after all of them and cannot reach a state that counts; for
    the other direction each row is turned round within its own length. That gives what packed sequences give, without
    their loop over time steps.
    """

    def __init__(self, width: int, size: int):
        super().__init__()
        self.forwards = LSTM(width, size // 2, batch_first=True)
        self.backwards = LSTM(width, size // 2, batch_first=True)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """B×L×D → B×L×size."""
        length = mask.sum(1, keepdim=True)
        place = torch.arange(mask.shape[1], device=mask.device)
        turned = torch.where(place < length, length - 1 - place, place)  # B×L, its own inverse
        there, _ = self.forwards(states)
        back, _ = self.backwards(_take(states, turned))
        return torch.cat([there, _take(back, turned)], -1)


def inside(mask: Tensor) -> Tensor:
    """W×(L − 1): which tokens after [CLS] are those of the text, of an attention mask W×L; not [SEP], no padding."""
    return torch.arange(mask.shape[1] - 1, device=mask.device) < mask.sum(1, keepdim=True) - 2


def surest(window: Tensor, margin: Tensor, most: int) -> Tensor:
    """Indices of K cells, without those that are not among the `most` of their `window` (K) by `margin` (K)."""
    if len(window) <= most:
        return torch.arange(len(window), device=window.device)
    order = margin.argsort(descending=True, stable=True)
    order = order[window[order].argsort(stable=True)]
    grouped = window[order].contiguous()
    rank = torch.arange(len(order), device=order.device) - torch.searchsorted(grouped, grouped)
    return order[rank < most]


def most_probable(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Of logits N×C the probability of the best class, N, and its number, N."""
    best, classes = logits.float().max(-1)
    return (best - logits.float().logsumexp(-1)).exp(), classes


MILLION = 10**6
"""Scores are copied as whole millionths, beside whole numbers."""


def scored(rows: Tensor, probabilities: Tensor) -> list[tuple[list[int], float]]:
    """Rows K×C of whole numbers, each with its probability K, in one copy from the device."""
    both = torch.cat([rows, millionths(probabilities)[:, None]], 1).tolist()
    return [(row[:-1], row[-1] / MILLION) for row in both]


def millionths(probabilities: Tensor) -> Tensor:
    """Probabilities as whole numbers, of the same shape."""
    return (probabilities.float() * MILLION).round().long()


def _take(states: Tensor, places: Tensor) -> Tensor:
    return states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
