"""BIEOS tags: spans of tokens as one tag a token, and back."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from relex.errors import RelexError

B, I, E, S = range(4)  # noqa: E741
"""Where in a span a token stands: begin, inside, end, or alone (single). O is outside."""


class Tags:
    """T = 4E + 1 tags of E entity types: O is 0, then B, I, E and S of each type, in the order of `types`.

    One tag a token holds no two spans that overlap.
    """

    def __init__(self, types: Sequence[str]):
        self.types = tuple(types)
        self.names = ("O", *(f"{place}-{name}" for name in self.types for place in "BIES"))

    def __len__(self) -> int:
        return len(self.names)

    def encode(self, length: int, spans: Iterable[tuple[int, int, int]]) -> np.ndarray:
        """Tag ids N of `length` tokens; `spans` are (first, last, type id from 0), last inclusive.

        Raises a `RelexError` for spans that overlap or are given twice, that do not lie within the tokens, or whose
        type there is not. What to do about overlapping entities is for the caller to decide, and to count.
        """
        ids = np.zeros(length, dtype=np.int64)
        for first, last, kind in spans:
            if not 0 <= first <= last < length:
                raise RelexError(f"a span from token {first} to {last} is not in {length} tokens; give one that is")
            if not 0 <= kind < len(self.types):
                raise RelexError(f"there is no entity type {kind}; choose one from 0 to {len(self.types) - 1}")
            if ids[first : last + 1].any():
                raise RelexError(
                    f"the span from token {first} to {last} overlaps another, and a token has one tag; leave one out"
                )
            begin = 1 + 4 * kind
            ids[first : last + 1] = begin + I
            ids[first], ids[last] = (begin + S, begin + S) if first == last else (begin + B, begin + E)
        return ids

    def allowed(self) -> Tensor:
        """(T+1)×(T+1) bool: which tag may follow which, rows from, columns to.

        Row T is the start: what a window may begin with; column T is the end: what it may end with. Both together
        are a window without tokens.
        """
        ids = torch.arange(len(self))
        open_after = torch.cat([_is(ids, B) | _is(ids, I), torch.tensor([False])])
        open_before = torch.cat([_is(ids, I) | _is(ids, E), torch.tensor([False])])
        kind = torch.cat([_kind(ids), torch.tensor([-1])])
        # inside a span only its own type goes on; outside, nothing that needs a beginning may come
        same = kind[:, None] == kind
        return torch.where(open_after[:, None], open_before & same, ~open_before)

    def decode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """K×4 spans (window, first, last, type id from 0), last inclusive, of tag ids W×N; sorted by window and end.

        `mask` W×N is true for tokens; what `ids` holds elsewhere does not matter. A span is an S alone, or B, any
        number of I, and E, all of one type; tags that make up no such span are dropped.
        """
        ids = ids.masked_fill(~mask, 0)
        kind, begin, end = _kind(ids), _is(ids, B), _is(ids, E)
        inside = _is(ids, I)
        linked = torch.zeros_like(mask)
        linked[:, 1:] = (inside | end)[:, 1:] & (begin | inside)[:, :-1] & (kind[:, 1:] == kind[:, :-1])
        place = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        # the token with which the chain of links begins that this one hangs on
        chain = place.masked_fill(linked, 0).cummax(1).values if ids.shape[1] else place
        window, last = torch.nonzero(_is(ids, S) | (end & begin.gather(1, chain)), as_tuple=True)
        return torch.stack([window, chain[window, last], last, kind[window, last]], 1)


def lowest_within(values: Tensor, spans: Tensor) -> Tensor:
    """K: the lowest of `values` W×N between first and last token of each of `spans` K×4 (window, first, last, …)."""
    place = torch.arange(values.shape[1], device=values.device)
    within = (place >= spans[:, 1, None]) & (place <= spans[:, 2, None])
    return values[spans[:, 0]].masked_fill(~within, torch.inf).amin(1) if len(spans) else values.new_zeros(0)


def _is(ids: Tensor, place: int) -> Tensor:
    return (ids > 0) & ((ids - 1) % 4 == place)


def _kind(ids: Tensor) -> Tensor:
    """Type ids from 0, −1 for O."""
    return torch.div(ids - 1, 4, rounding_mode="floor")
