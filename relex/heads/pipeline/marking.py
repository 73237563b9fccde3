"""Markers around the entities of many pairs, as tensors: between the tokens of a text, or behind it.

Both do what `relex.encoders.encodings.entity_marked` does, for pairs that a model has found and that are on its device.
A pair is a row of `pairs` P×5: its window, first and last token of its head and of its tail, [CLS] being token 0;
`marks` P×4 are the ids of its markers, in the order of `relex.encoders.encodings.Markers`.
"""

import torch
from torch import Tensor

OPENS = (0, 2)
"""Which of the four markers open: their states stand for head and tail."""
PAIRS = 32
"""Pairs that share a row when markers stand behind the text: a row attends to itself, which takes its square."""


def inserted(input_ids: Tensor, mask: Tensor, pairs: Tensor, marks: Tensor, positions: int) -> tuple[Tensor, ...]:
    """Texts W×L with markers between their tokens: ids and mask P×(L + 4), and where the opening markers are, P×2.

    Where both entities begin or end at one token, the longer one is the outer one, of equal ones the head. A row of
    more than `positions` tokens loses those farthest from its markers, as in the classifier.
    """
    window, head, head_last, tail, tail_last = pairs.unbind(1)
    at = torch.stack([head, head_last + 1, tail, tail_last + 1], 1)  # P×4: a marker stands before this token
    size = torch.stack([head - head_last, head_last - head, tail - tail_last, tail_last - tail], 1)
    opens, last = at.new_tensor([0, 1, 0, 1]) == 0, at.new_tensor([0, 3, 1, 2])
    length = input_ids.shape[1]
    key = ((at * 2 + opens) * 2 * length + size + length) * 4 + last
    order = key.argsort(1)
    places = torch.empty_like(at).scatter_(1, order, at.gather(1, order) + torch.arange(4, device=at.device))
    token = torch.arange(length, device=at.device)
    moved = token + (at[:, :, None] <= token).sum(1)  # P×L
    ids = input_ids.new_empty(len(pairs), length + 4)
    ids.scatter_(1, moved, input_ids.index_select(0, window)).scatter_(1, places, marks)
    sizes = mask.sum(1)[window] + 4
    real = torch.arange(length + 4, device=at.device) < sizes[:, None]
    if length + 4 <= positions:
        return ids, real, places[:, OPENS]
    kept = _nearest(places, sizes, real, positions)
    opening = (kept[:, :, None] == places[:, None, OPENS]).int().argmax(1)
    return ids.gather(1, kept), real.gather(1, kept), opening


def _nearest(places: Tensor, sizes: Tensor, real: Tensor, count: int) -> Tensor:
    """P×count: the markers, [CLS], [SEP] and the tokens nearest to a marker, in their order; padding where they end."""
    place = torch.arange(real.shape[1], device=places.device)
    distance = (place - places[:, :, None]).abs().amin(1)
    fixed = (distance == 0) | (place == 0) | (place == sizes[:, None] - 1)
    distance = distance.masked_fill(fixed, -1).masked_fill(~real, real.shape[1])
    return distance.argsort(dim=1, stable=True)[:, :count].sort(1).values


def appended(input_ids: Tensor, pairs: Tensor, marks: Tensor) -> tuple[Tensor, ...]:
    """Texts W×L with the markers of up to `PAIRS` pairs behind each: Q rows of M = L + 4K tokens.

    A marker has the position of the first or the last token of its entity. Gives ids and positions Q×M, the window of
    each row Q, and the place of each pair P among the Q·K that there is room for. `pairs` come by rising window.
    """
    window, length = pairs[:, 0].contiguous(), input_ids.shape[1]
    column = (torch.arange(len(pairs), device=pairs.device) - torch.searchsorted(window, window)) % PAIRS
    row = (column == 0).cumsum(0) - 1
    room = int(column.max()) + 1
    place, text = row * room + column, window[column == 0]

    def behind(rows: Tensor, values: Tensor) -> Tensor:
        added = rows.new_zeros(len(text) * room, 4).index_copy_(0, place, values)
        return torch.cat([rows, added.view(len(text), -1)], 1)

    positions = torch.arange(length, device=pairs.device).repeat(len(text), 1)
    return behind(input_ids[text], marks), behind(positions, pairs[:, 1:]), text, place


def seen_behind(mask: Tensor, count: int) -> Tensor:
    """Q×M×M: what each token of a row sees whose text has `mask` Q×L and `count` markers behind it.

    A marker sees the text and the markers of its pair, and the text sees no marker, so that no pair feels another one.
    """
    length = mask.shape[1]
    group = torch.arange(count, device=mask.device) // 4
    seen = mask.new_zeros(len(mask), length + count, length + count)
    seen[:, :, :length] = mask[:, None]
    seen[:, length:, length:] = group[:, None] == group
    return seen
