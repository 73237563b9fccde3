"""Layers of CBRRel between the encoder and the taggers (CBRRel Sections 3.4, 3.6)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RelativeAttention(nn.Module):
    """Self-attention whose keys and values know how far away they stand (CBRRel Eq. 10, 11; Shaw et al. 2018).

    Distances beyond ±`distance` share their embedding. Queries meet every distance once (B×H×L×(2·distance+1)) and the
    result is looked up per pair of tokens; for the values the attention is summed per distance. No tensor L×L×D.
    Residual and LayerNorm around it, as in a transformer layer.
    """

    def __init__(self, width: int, heads: int, distance: int, dropout: float):
        super().__init__()
        self.heads, self.distance = heads, distance
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        scale = 1 / math.sqrt(width // heads)
        self.key_of_distance = nn.Parameter(torch.randn(2 * distance + 1, width // heads) * scale)
        self.value_of_distance = nn.Parameter(torch.randn(2 * distance + 1, width // heads) * scale)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """B×L×D → B×L×D."""
        b, n, width = states.shape
        query, key, value = self.project(states).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # B×H×L×d each
        reach = min(self.distance, n - 1)  # shorter texts need fewer distances
        near = slice(self.distance - reach, self.distance + reach + 1)
        place = torch.arange(n, device=states.device)
        apart = (place - place[:, None]).clamp(-reach, reach) + reach  # L×L, j − i counted from 0
        apart = apart.expand(b, self.heads, n, n)
        scores = query @ key.transpose(-1, -2) + (query @ self.key_of_distance[near].T).gather(-1, apart)  # Eq. 10
        scores = scores.float() / math.sqrt(query.shape[-1])
        share = scores.masked_fill(~mask[:, None, None, :], -torch.inf).softmax(-1)
        by_distance = share.new_zeros(b, self.heads, n, 2 * reach + 1).scatter_add(-1, apart, share)
        mixed = share.to(value.dtype) @ value + by_distance.to(value.dtype) @ self.value_of_distance[near]  # Eq. 11
        mixed = mixed.transpose(1, 2).reshape(b, n, width)
        return self.norm(states + self.dropout(self.out(mixed)))


class UNet(nn.Module):
    """The map L×D as an image of one channel through a small U-Net (CBRRel Section 3.6, Figure 2): B×L×D → B×L×D.

    `depth` times two 3×3 convolutions and a 2×2 maximum, then up again with skip connections; the result is added to
    the input. The last convolution starts at zero, so an untrained U-Net passes states through. Every convolution is
    masked at its own scale, because its bias would otherwise write into the padding, from where the next one reads.
    """

    def __init__(self, channels: int, depth: int):
        super().__init__()
        sizes = [channels * 2**i for i in range(depth + 1)]
        self.down = nn.ModuleList(_Twice(a, b) for a, b in zip([1, *sizes], sizes, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(sizes, sizes[1:], strict=False))
        self.join = nn.ModuleList(_Twice(2 * a, a) for a in sizes[:-1])
        self.last = _zero(nn.Conv2d(channels, 1, 1))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """B×L×D → B×L×D; D a multiple of 2^depth."""
        n, step = states.shape[1], 2 ** len(self.up)
        missing = -n % step
        image = F.pad(states * mask[..., None], (0, 0, 0, missing))[:, None]  # B×1×L'×D, L' a multiple of 2^depth
        masks = [F.pad(mask, (0, missing))[:, None, :, None].to(states.dtype)]
        for _ in self.up:
            masks.append(F.max_pool2d(masks[-1], (2, 1)))
        passed = []
        for i, block in enumerate(self.down):
            image = block(F.max_pool2d(image, 2) if i else image, masks[i])
            passed.append(image)
        for i in reversed(range(len(self.up))):
            image = self.join[i](torch.cat([passed[i], self.up[i](image) * masks[i]], 1), masks[i])
        return states + self.last(image)[:, 0, :n]


class ConvStack(nn.Module):
    """The row "-CNN" of CBRRel's Table 7: plain 3×3 convolutions on one scale in the U-Net's place, B×L×D → B×L×D."""

    def __init__(self, channels: int):
        super().__init__()
        self.convolve = _Twice(1, channels)
        self.last = _zero(nn.Conv2d(channels, 1, 1))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """B×L×D → B×L×D."""
        image = self.convolve((states * mask[..., None])[:, None], mask[:, None, :, None].to(states.dtype))
        return states + self.last(image)[:, 0]


class _Twice(nn.Module):
    """Two masked 3×3 convolutions with a rectifier each, on images B×C×L×D."""

    def __init__(self, inside: int, out: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(inside, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return F.relu(_convolved(F.relu(_convolved(image, self.first)) * mask, self.second)) * mask


def _convolved(image: Tensor, layer: nn.Conv2d) -> Tensor:
    # a large image of few channels: with the channels last in memory CPUs are several times faster
    last = torch.channels_last
    image, weight = image.contiguous(memory_format=last), layer.weight.contiguous(memory_format=last)
    return F.conv2d(image, weight, layer.bias, padding=layer.padding)


def _zero(layer: nn.Module) -> nn.Module:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
