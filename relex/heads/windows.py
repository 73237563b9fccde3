"""Texts as windows of tokens, and spans of characters as spans of tokens, for heads that tag or score spans."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from relex.encoders.encoder import Encoder, Tokens

OVERLAP = 4
"""Neighbouring windows share one part in `OVERLAP` of their tokens."""


FIRST_CJK = "\u2e80"
"""From here on Unicode has Chinese characters, their punctuation and what stands beside them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive tokens of a text between [CLS] and [SEP].

    `ids` L token ids, special tokens included; `offsets` L×2 characters of each token, (0, 0) for special tokens;
    `first` is the place of the window's first token in the text.
    """

    ids: tuple[int, ...]
    offsets: np.ndarray = field(repr=False)
    first: int


@dataclass(frozen=True, slots=True)
class WindowedText:
    """A text cut into windows, and for every character the first and the last token that cover it, N×2.

    Most have one; white space has none, −1; ℃ is ° and C to some tokenizers, ½ three.
    """

    windows: tuple[Window, ...]
    tokens_of: np.ndarray = field(repr=False)
    offsets: np.ndarray = field(repr=False)

    def tokens(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token (inclusive, counted over the whole text) of the characters start … end.

        None when the first or the last character has no token, which holds for an absent mention too.
        """
        if not 0 <= start < end <= len(self.tokens_of):
            return None
        first, last = int(self.tokens_of[start, 0]), int(self.tokens_of[end - 1, 1])
        return (first, last) if min(first, last) >= 0 else None

    def exact(self, start: int, end: int) -> bool:
        """Whether tokens begin and end where the characters do, so that a span of tokens gives them back."""
        found = self.tokens(start, end)
        return found is not None and self.offsets[found[0], 0] == start and self.offsets[found[1], 1] == end


def windowed(encoder: Encoder, texts: Sequence[str]) -> list[WindowedText]:
    """Each text whole where the encoder has positions for it, otherwise in overlapping windows; nothing is cut away."""
    room = encoder.max_length - 2
    return [_windowed(encoder, text, t, room) for text, t in zip(texts, encoder.tokenize(texts), strict=True)]


def _windowed(encoder: Encoder, text: str, tokens: Tokens, room: int) -> WindowedText:
    count = len(tokens.ids)
    stride = max(1, room - room // OVERLAP)
    firsts = [0] if count <= room else [*range(0, count - room, stride), count - room]
    offsets = np.array(tokens.offsets, dtype=np.int64).reshape(-1, 2)
    tokens_of = np.full((len(text), 2), -1)
    for i, (start, end) in enumerate(tokens.offsets):
        tokens_of[start:end, 1] = i
    for i, (start, end) in reversed(list(enumerate(tokens.offsets))):
        tokens_of[start:end, 0] = i
    border = np.zeros((1, 2), dtype=np.int64)
    windows = tuple(
        Window(
            (encoder.cls_id, *tokens.ids[first : first + room], encoder.sep_id),
            np.concatenate([border, offsets[first : first + room], border]),
            first,
        )
        for first in firsts
    )
    return WindowedText(windows, tokens_of, offsets)


def word_starts(text: str, offsets: np.ndarray, punctuation: bool = False) -> np.ndarray:
    """Which of the tokens (`offsets` L×2) begin a word: after white space, and beside any Chinese character.

    So a word is what stands between blanks, and each character of Chinese is one of its own. In a text that has
    Chinese characters, where names in Latin letters stand in brackets without a blank, each sign of punctuation is one
    too: "(IL-2)" has five words there. Elsewhere it has one, unless `punctuation` says that signs stand alone there as
    well, for a text that nobody has split into tokens before. Tokens of one character are one word.
    """
    apart = punctuation or any(c >= FIRST_CJK for c in text)

    def alone(c: str) -> bool:
        return c >= FIRST_CJK or (apart and not c.isalnum())

    starts = np.ones(len(offsets), dtype=bool)
    for i in range(1, len(offsets)):
        here, before = offsets[i, 0], offsets[i - 1, 1]
        starts[i] = here > before or (here == before and (alone(text[here]) or alone(text[before - 1])))
    return starts
