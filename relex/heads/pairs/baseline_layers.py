"""Layers of the baselines without a transformer: dilated convolutions over a text, convolutions and capsules of a pair.

A text is W×N×D with a mask W×N (bool, true for tokens, which stand at the left); padding takes part in nothing.
Entities are G×4 (window, first and last token, type), pairs P×2 of indices of them, the earlier one first.
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

WINDOWS = (2, 3, 4, 5)
"""Tokens that a filter spans (Nguyen and Grishman 2015)."""
REACH = 64
"""Tokens farther than that from an entity share their position."""
POSITION = 50
"""Width of the embedding of positions (Nguyen and Grishman 2015)."""
DILATIONS = (1, 2, 4, 8)
"""Of one block each; together a token sees 30 tokens to either side."""
OF_PART, OF_CLASS = 8, 16
"""Dimensions of a primary capsule and of the capsule of a class (Sabour et al. 2017)."""
ROUNDS = 3
"""Times that capsules are routed (Sabour et al. 2017)."""
SHARPNESS = 10.0
"""What a capsule's length is multiplied with for a logit: 9 classes can then have probabilities up to 0.9996."""
AT_ONCE = 2**24
"""Numbers of all pairs that are read together, which bounds memory; a pair alone may have more."""


class DilatedConvolutions(nn.Module):
    """Residual blocks of dilated convolutions: W×N×D → W×N×`size`.

    After Qiu et al. 2019, "Chinese Clinical Named Entity Recognition Using Residual Dilated Convolutional Neural
    Network With Conditional Random Field", who read a text by dilated convolutions in residual blocks, for speed. Ours:
    blocks of two convolutions of width 3 with the same dilation, 1, 2, 4, 8, around which the input is added; no
    normalisation over the batch, with which a text would feel its neighbours; none of their features of a dictionary.
    """

    def __init__(self, width: int, size: int):
        super().__init__()
        self.enter = nn.Linear(width, size)
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv1d(size, size, 3, padding=d, dilation=d) for _ in range(2)) for d in DILATIONS
        )

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """W×N×D → W×N×size."""
        mask = mask[:, None]
        image = self.enter(states).transpose(1, 2)
        for first, second in self.blocks:
            # masked before each of them: biases would write into the padding, and the next one reads it
            image = F.relu(image + second(F.relu(first(image * mask)) * mask))
        return image.transpose(1, 2)


class PairConvolution(nn.Module):
    """Convolutions of 2–5 tokens over a pair's text, and the maximum of each filter: P×F, F of all windows together.

    Over `between` false, the whole text: Nguyen and Grishman 2015, "Relation Extraction: Perspective from Convolutional
    Neural Networks". A token is its state and its positions relative to both entities, 0 inside them. Such a
    convolution is a sum of three, over states, the first and the second positions. They are computed once for a text
    and once for an entity, so a pair costs an addition and a maximum; that is exact.

    Over `between` true, the tokens from the first entity through to the second: Zheng et al. 2017, "Joint entity and
    relation extraction based on a hybrid neural network". Where the stretch begins and ends says which entities are
    meant, there are no positions. Filters, of the same windows, stand centred on each token of the stretch; at its ends
    they see neighbours outside, and so the shortest stretch has a value as well.
    """

    def __init__(self, width: int, filters: int, between: bool):
        """`filters`: so many of each window."""
        super().__init__()
        self.between, self.size = between, filters * len(WINDOWS)
        self.text = _filters(width, filters)
        if not between:
            self.position = nn.Embedding(2 * REACH + 1, POSITION)
            self.earlier, self.later = _filters(POSITION, filters, False), _filters(POSITION, filters, False)

    def forward(self, states: Tensor, mask: Tensor, entities: Tensor, pairs: Tensor) -> Tensor:
        """W×N×D, and P pairs → P×F."""
        text = _convolved(self.text, states, mask)
        return by_batches(partial(self._pooled, text, mask, entities), pairs, text[0].numel())

    def _pooled(self, text: Tensor, mask: Tensor, entities: Tensor, pairs: Tensor) -> Tensor:
        window = entities.index_select(0, pairs[:, 0])[:, 0]
        sums, seen = text.index_select(0, window), mask.index_select(0, window)
        if self.between:
            seen = _from_to(mask, entities[pairs[:, 0], 1], entities[pairs[:, 1], 2])
        else:
            for layers, which in zip((self.earlier, self.later), pairs.unbind(1), strict=True):
                chosen, place = which.unique(return_inverse=True)
                sums = sums + self._relative(layers, entities[chosen], mask).index_select(0, place)
        return highest(sums, seen).tanh()  # which rises, so it may come after the maximum

    def _relative(self, layers: Iterable[nn.Module], entities: Tensor, mask: Tensor) -> Tensor:
        """G×F×N: what filters see of the positions relative to each entity."""
        _, first, last, _ = entities[..., None].unbind(1)
        place = torch.arange(mask.shape[1], device=mask.device)
        apart = (place - first).clamp(max=0) + (place - last).clamp(min=0)
        position = self.position(apart.clamp(-REACH, REACH) + REACH)
        return _convolved(layers, position, mask.index_select(0, entities[:, 0]))


class PairCapsules(nn.Module):
    """Capsules of five pieces of a text, routed to one capsule a class, whose length says how present it is: P×C.

    After Wang et al. 2018, "Automatic Severity Classification of Coronary Artery Disease via Recurrent Capsule
    Network": recurrent layers read entities and their contexts piece by piece, and capsules say the relation. Ours: one
    recurrent layer over the whole text, each piece the maxima of its states (0 for a piece without tokens), and linear
    layers of their own make a piece's primary capsules. Types of entities are not told, for no other system here is
    told them. Routing is that of Sabour et al. 2017, "Dynamic Routing Between Capsules". Their margin loss is not used:
    lengths, times 10, are logits of the cross-entropy that all systems are trained with here.
    """

    PIECES = 5

    def __init__(self, width: int, capsules: int, classes: int, dropout: float):
        """`capsules`: so many primary ones of each piece."""
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(width, capsules * OF_PART) for _ in range(self.PIECES))
        self.votes = nn.Parameter(torch.randn(self.PIECES * capsules, classes, OF_PART, OF_CLASS) / OF_PART**0.5)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor, entities: Tensor, pairs: Tensor) -> Tensor:
        """W×N×D, and P pairs → P×C."""
        primary, classes, _, size = self.votes.shape
        held = max(primary * classes * size, states[0].numel())
        return by_batches(partial(self._lengths, states.transpose(1, 2), mask, entities), pairs, held, again=True)

    def _lengths(self, states: Tensor, mask: Tensor, entities: Tensor, pairs: Tensor) -> Tensor:
        pieces = self.pieces(states, mask, entities, pairs)
        primary = torch.cat([part(self.dropout(piece)) for part, piece in zip(self.parts, pieces, strict=True)], 1)
        with torch.autocast(pairs.device.type, enabled=False):  # sums over many capsules
            primary = squashed(primary.float().unflatten(1, (-1, OF_PART)))
            votes = torch.einsum("pid,icde->pice", primary, self.votes)
            return SHARPNESS * length(routed(votes)).squeeze(-1)

    def pieces(self, states: Tensor, mask: Tensor, entities: Tensor, pairs: Tensor) -> list[Tensor]:
        """States before, of, between, of and after both entities of each pair, P×D each; `states` W×D×N."""
        one, other = (entities.index_select(0, i) for i in pairs.unbind(1))
        window, first, last, _ = one.unbind(1)
        _, second, end, _ = other.unbind(1)
        states = states.index_select(0, window)
        end_of_text = mask.sum(1).index_select(0, window) - 1
        bounds = ((0 * first, first - 1), (first, last), (last + 1, second - 1), (second, end), (end + 1, end_of_text))
        return [highest(states, _from_to(mask, *bound)) for bound in bounds]


def routed(votes: Tensor) -> Tensor:
    """P×C×e: capsules of classes, on which P×I×C×e `votes` of I primary ones agree.

    A primary capsule's votes count by how well they agreed in the round before; these shares are constants to the
    gradient, which the last round alone passes on.
    """
    agreed = votes.new_zeros(votes.shape[:-1])
    constant = votes.detach()
    for _ in range(ROUNDS - 1):
        found = squashed(torch.einsum("pic,pice->pce", agreed.softmax(-1), constant))
        agreed = agreed + torch.einsum("pice,pce->pic", constant, found)
    return squashed(torch.einsum("pic,pice->pce", agreed.softmax(-1), votes))


def squashed(capsules: Tensor) -> Tensor:
    """…×d: the same directions, lengths from 0 … ∞ in 0 … 1."""
    size = length(capsules)
    return capsules * size / (1 + size**2)


def length(capsules: Tensor) -> Tensor:
    """…×1, with a gradient at 0 as well."""
    return (capsules.square().sum(-1, keepdim=True) + 1e-12).sqrt()


def highest(states: Tensor, seen: Tensor) -> Tensor:
    """P×D: the maximum of `states` P×D×N over those `seen` P×N, 0 where there are none."""
    lowest = torch.finfo(states.dtype).min
    found = states.masked_fill(~seen[:, None], lowest).max(-1).values
    return found.where(seen.any(1, keepdim=True), 0)


def by_batches(read: Callable[[Tensor], Tensor], pairs: Tensor, held: int, again: bool = False) -> Tensor:
    """`read` of P pairs, of which each holds so many numbers, a few at a time.

    `again`: where there are several batches, the backward pass computes once more what they would have to keep.
    """
    parts = pairs.split(max(1, AT_ONCE // max(1, held)))
    again = again and torch.is_grad_enabled() and len(parts) > 1
    return torch.cat([checkpoint(read, part, use_reentrant=False) if again else read(part) for part in parts])


def _from_to(mask: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """P×N: the tokens first … last, none where the last comes before the first."""
    place = torch.arange(mask.shape[1], device=mask.device)
    return (place >= first[:, None]) & (place <= last[:, None])


def _filters(width: int, filters: int, bias: bool = True) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv1d(width, filters, window, bias=bias) for window in WINDOWS)


def _convolved(layers: Iterable[nn.Module], states: Tensor, mask: Tensor) -> Tensor:
    """W×F×N: filters of each window centred on each token (even ones reach farther right), nothing outside a text."""
    image = (states * mask[..., None]).transpose(1, 2)
    padded = ((layer, (layer.kernel_size[0] - 1) // 2, layer.kernel_size[0] // 2) for layer in layers)
    return torch.cat([layer(F.pad(image, (left, right))) for layer, left, right in padded], 1)
