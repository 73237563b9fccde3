"""What heads share that score spans: words of a text, candidates, gold in both, and the way back to Documents."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from relex.documents import Document, Relation, Schema
from relex.encoders.encoder import Encoder
from relex.heads.extraction import ExtractionHead
from relex.heads.head import Batch, pad
from relex.heads.windows import Window, WindowedText, word_starts

LOST = ("windowed", "without_tokens", "inexact", "too_wide", "two_types", "relations")
"""What `SpanExtractor.alignment` counts."""


@dataclass(frozen=True, slots=True)
class SpanWindow:
    """Words of a window as first and last token (0 for the first after [CLS]); gold entities and relations in it.

    `entities`: (first word, last word, type id from 1); `relations`: (head, tail, relation id), indices of entities,
    and the document's relation that each stands for.
    """

    ids: tuple[int, ...]
    offsets: np.ndarray
    words: np.ndarray
    entities: tuple[tuple[int, int, int], ...]
    relations: dict[tuple[int, int, int], Relation]


@dataclass(frozen=True, slots=True)
class _Row:
    windows: tuple[SpanWindow, ...]
    lost: Counter[str]


class SpanExtractor(ExtractionHead):
    """A head whose candidate entities are all stretches of at most `max_width` words, an option of every such head."""

    def __init__(self, encoder: Encoder, schema: Schema, options):
        super().__init__(encoder, schema, options)
        self.types, self.relations = schema.entity_types, schema.relation_names

    def _row(self, document: Document, text: WindowedText) -> _Row:
        starts = word_starts(document.text, text.offsets, self.options.punctuation)
        windows = tuple(self._window(document, text, window, starts) for window in text.windows)
        lost, types = Counter(windowed=len(windows) > 1), {}
        for span in document.entities:
            place = text.tokens(span.start, span.end)
            lost["without_tokens"] += place is None
            if place is not None:
                first, last = place
                whole = starts[first] and (last + 1 == len(starts) or starts[last + 1])
                lost["inexact"] += not (whole and text.exact(span.start, span.end))
                lost["too_wide"] += starts[first + 1 : last + 1].sum() >= self.options.max_width
                lost["two_types"] += types.setdefault(place, span.type) != span.type
        entities = document.entities  # one that is given twice makes no triple of its own
        held = {(entities[r.head], r.type, entities[r.tail]) for w in windows for r in w.relations.values()}
        lost["relations"] = len(set(document.triples())) - len(held)
        return _Row(windows, lost)

    def _window(self, document: Document, text: WindowedText, window: Window, starts: np.ndarray) -> SpanWindow:
        count = len(window.ids) - 2
        begins = starts[window.first : window.first + count].copy()
        begins[:1] = True  # a window may begin inside a word
        firsts = np.flatnonzero(begins)
        words = np.stack([firsts, np.append(firsts[1:], count) - 1], 1) if count else np.zeros((0, 2), int)
        word_of = begins.cumsum() - 1
        entities: dict[tuple[int, int], int] = {}
        numbers: dict[int, int] = {}
        for i, span in enumerate(document.entities):
            place = text.tokens(span.start, span.end)
            if place is None or not window.first <= place[0] <= place[1] < window.first + count:
                continue
            first, last = (int(word_of[token - window.first]) for token in place)
            type_id = self.types.index(span.type) + 1
            if last - first < self.options.max_width and entities.setdefault((first, last), type_id) == type_id:
                numbers[i] = list(entities).index((first, last))
        relations = {
            (numbers[r.head], numbers[r.tail], self.relations.index(r.type)): r
            for r in document.relations
            if r.head in numbers and r.tail in numbers and numbers[r.head] != numbers[r.tail]
        }
        return SpanWindow(window.ids, window.offsets, words, tuple((*k, v) for k, v in entities.items()), relations)

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold annotations that no candidate can represent.

        `windowed` documents exceed the encoder's positions; entities `without_tokens` (absent, or left out by the
        tokenizer), `inexact` (they begin or end inside a word), `too_wide`, or of `two_types` (the second of two that
        cover the same tokens); and `relations` that no window holds with both their entities.
        """
        total = Counter(dict.fromkeys(LOST, 0))
        for row in self.rows(documents):
            total.update(row.lost)
        return {name: int(number) for name, number in total.items()}

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with G gold entities and K gold relations.

        `input_ids`, `attention_mask` W×L; `words` W×U×2: first and last token of each word, counted after [CLS], −1 for
        padding; `entities` G×5 (window, first and last token, width in words − 1, type from 1); `relations` K×3
        (head, tail, relation), of indices of entities.
        """
        windows = [window for _, window in self.windows(documents)]
        input_ids, mask = pad([w.ids for w in windows], self.encoder.pad_id)
        words = torch.full((len(windows), max(1, max(len(w.words) for w in windows)), 2), -1)
        entities, relations = [], []
        for i, w in enumerate(windows):
            words[i, : len(w.words)] = torch.from_numpy(w.words)
            relations += [(len(entities) + h, len(entities) + t, r) for h, t, r in w.relations]
            entities += [(i, int(w.words[a, 0]), int(w.words[b, 1]), b - a, kind) for a, b, kind in w.entities]
        return {
            "input_ids": input_ids,
            "attention_mask": mask,
            "words": words,
            "entities": torch.tensor(entities, dtype=torch.long).reshape(-1, 5),
            "relations": torch.tensor(relations, dtype=torch.long).reshape(-1, 3),
        }

    def candidates(self, words: Tensor) -> Tensor:
        """S×4: window, first and last token, width − 1 of every stretch of at most `max_width` words; words W×U×2."""
        u = words.shape[1]
        first = torch.arange(u, device=words.device)[:, None]
        last = first + torch.arange(min(self.options.max_width, u), device=words.device)  # U×width
        exists = (words[..., 0] >= 0).sum(1)  # words of each window
        window, first_word, width = torch.nonzero(last[None] < exists[:, None, None], as_tuple=True)
        return torch.stack([window, words[window, first_word, 0], words[window, first_word + width, 1], width], 1)

    def _documents(self, documents: Sequence[Document], entities: Tensor, *found: Tensor) -> list[Document]:
        """Documents with entities G×5 and the other findings of `decode`: relations K×3, probabilities of both."""
        return self._paired(documents, torch.cat([entities[:, :3], entities[:, 4:] - 1], 1), *found)


def sample_per_group(window: Tensor, count: int) -> Tensor:
    """At most `count` indices for each value of `window` N, drawn without replacement; a window's stand together."""
    order = torch.argsort(window + torch.rand(len(window), device=window.device, dtype=torch.float64))
    sizes = torch.bincount(window)
    rank = torch.arange(len(window), device=window.device) - (sizes.cumsum(0) - sizes)[window[order]]
    return order[rank < count]


def pairs_within(window: Tensor, heads: Tensor | None = None) -> Tensor:
    """P×2: all ordered pairs of different indices with the same value of `window` G; the first is one of `heads`."""
    heads = torch.arange(len(window), device=window.device) if heads is None else heads
    row, tail = torch.nonzero(window[heads, None] == window, as_tuple=True)
    pairs = torch.stack([heads[row], tail], 1)
    return pairs[pairs[:, 0] != tail]
