"""The layer that several heads have between encoder and tagger: a BiLSTM (CBRRel Section 3.3).

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


def _take(states: Tensor, places: Tensor) -> Tensor:
    return states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
