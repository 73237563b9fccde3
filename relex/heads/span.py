"""Span models: every stretch of a few words is a candidate entity, every pair of entities a candidate relation.

ISER (its Sections 3.2 to 3.7) and SpERT (Eberts and Ulges 2020), which is a corner of the same grid of switches.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Relation, Schema, assembled
from relex.encoders.encoder import Encoder
from relex.errors import RelexError
from relex.heads.extractor import Extractor, characters
from relex.heads.head import Batch, pad
from relex.heads.span_layers import ContextEncoder, Fusion, RangeMax, stretch
from relex.heads.windows import Window, WindowedText, word_starts

CONTEXTS = ("sea", "gru", "cls")
SCOPES = ("span", "sentence")
LOCAL_CONTEXTS = ("max", "attention", "encoder_max", "cls", "encoder_global", "global")
LOST = ("windowed", "without_tokens", "inexact", "too_wide", "two_types", "relations")
"""What `SpanModel.alignment` counts."""
CHUNK = 2**22
"""Numbers of one feature that prediction holds at a time, which bounds memory whatever the number of spans."""


@dataclass(frozen=True)
class SpanOptions:
    """Switches of the span model; SpERT is `fusion` off, `context` cls, `local_context` encoder_max.

    `context` of a candidate entity: `sea`, `gru` (ISER-GRU) or `cls`; `sea_scope`: computed for every `span` with its
    own rows hidden, or once for a `sentence`. `local_context` of a pair: `max` or `attention` over the fused states
    between both entities, `encoder_max` over the encoder's, or of the whole sentence: `global` (maximum of fused
    states), `encoder_global`, `cls`. `max_width`: words of the widest candidate; `width_size`: of its embedding.
    `negative_spans`, `negative_pairs`: at most so many drawn for each window and step. `threshold`: probability from
    which a relation holds.
    """

    fusion: bool = True
    context: str = "sea"
    sea_scope: str = "span"
    local_context: str = "max"
    max_width: int = 10
    width_size: int = 25
    negative_spans: int = 100
    negative_pairs: int = 100
    heads: int = 8
    threshold: float = 0.4
    dropout: float = 0.1

    def __post_init__(self):
        known = {"context": CONTEXTS, "sea_scope": SCOPES, "local_context": LOCAL_CONTEXTS}
        for name, names in known.items():
            if getattr(self, name) not in names:
                raise RelexError(f"there is no {name} {getattr(self, name)!r}; known are {', '.join(names)}")
        for name in ("max_width", "width_size", "negative_spans", "negative_pairs", "heads"):
            if getattr(self, name) < 1:
                raise RelexError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not (0 <= self.dropout < 1 and 0 < self.threshold < 1):
            raise RelexError(
                f"dropout is {self.dropout} and threshold {self.threshold}, but must lie between 0 and 1 "
                "(of the ends only dropout 0 is possible)"
            )


class _Text(NamedTuple):
    """States of a batch without [CLS]: of the encoder and fused W×N×D, of [CLS] W×D, the mask W×N, and maxima."""

    cls: Tensor
    encoder: Tensor
    fused: Tensor
    mask: Tensor
    maxima: RangeMax


@dataclass(frozen=True, slots=True)
class _Window:
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
    windows: tuple[_Window, ...]
    lost: Counter[str]


class SpanModel(Extractor):
    """Encoder → interactive fusion → candidate spans → entities → pairs → relations."""

    def __init__(self, encoder: Encoder, schema: Schema, options: SpanOptions):
        super().__init__(encoder, schema, options.threshold)
        self.options = options
        self.types, self.relations = schema.entity_types, schema.relation_names
        width = encoder.hidden_size
        self.fusion = Fusion(width) if options.fusion else None
        self.context = None
        if options.context != "cls":
            if width % options.heads:
                raise RelexError(f"states of width {width} do not divide among {options.heads} heads; choose others")
            self.context = ContextEncoder(width, options.heads, options.context == "sea")
        self.widths = nn.Embedding(options.max_width, options.width_size)
        self.weigh = nn.Linear(width, 1) if options.local_context == "attention" else None
        self.dropout = nn.Dropout(options.dropout)
        self.classify_span = nn.Linear(2 * width + options.width_size, len(self.types) + 1)
        self.classify_pair = nn.Linear(3 * width + 2 * options.width_size, len(self.relations))

    # From Documents to tensors

    def _row(self, document: Document, text: WindowedText) -> _Row:
        starts = word_starts(document.text, text.offsets)
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
        lost["relations"] = len(set(document.relations)) - len({r for w in windows for r in w.relations.values()})
        return _Row(windows, lost)

    def _window(self, document: Document, text: WindowedText, window: Window, starts: np.ndarray) -> _Window:
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
        return _Window(window.ids, window.offsets, words, tuple((*k, v) for k, v in entities.items()), relations)

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """What of the gold standard candidates cannot hold.

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

    # Forward and loss

    def states(self, batch: Batch) -> _Text:
        """Encoder and fused states of a batch."""
        mask = batch["attention_mask"]
        states = self.encoder(batch["input_ids"], mask)
        encoder = states[:, 1:]
        inside = torch.arange(encoder.shape[1], device=mask.device) < mask.sum(1, keepdim=True) - 2  # not [SEP]
        fused = encoder if self.fusion is None else self.fusion(encoder, inside)
        return _Text(states[:, 0], encoder, fused, inside, RangeMax(fused))

    def span_logits(self, text: _Text, spans: Tensor) -> Tensor:
        """S×(E+1) for `spans` S×4; type 0 is no entity (Eq. 10)."""
        window, first, last, width = spans.unbind(1)
        features = [text.maxima(window, first, last), self.widths(width), self._context(text, spans)]
        return self.classify_span(self.dropout(torch.cat(features, -1))).float()

    def _context(self, text: _Text, spans: Tensor) -> Tensor:
        window, first, last, _ = spans.unbind(1)
        if self.context is None:
            return text.cls[window]
        if self.options.sea_scope == "sentence":
            every = torch.arange(len(text.mask), device=window.device)
            return self.context(text.fused, text.mask, every, text.mask)[window]
        visible = text.mask[window] & ~stretch(first, last, text.mask.shape[1])
        return self.context(text.fused, text.mask, window, visible)

    def pair_logits(self, text: _Text, spans: Tensor, pairs: Tensor) -> Tensor:
        """P×R for `pairs` P×2 of indices of `spans` S×4 (Eq. 12–14)."""
        head, tail = (spans[i] for i in pairs.unbind(1))
        ends = [f for s in (head, tail) for f in (text.maxima(s[:, 0], s[:, 1], s[:, 2]), self.widths(s[:, 3]))]
        return self.classify_pair(self.dropout(torch.cat([*ends, self._between(text, head, tail)], -1))).float()

    def _between(self, text: _Text, head: Tensor, tail: Tensor) -> Tensor:
        """The local context of pairs, P×D; zeros where nothing stands between the entities."""
        kind, window = self.options.local_context, head[:, 0]
        if kind == "cls":
            return text.cls[window]
        if kind in ("global", "encoder_global"):
            states = text.fused if kind == "global" else text.encoder
            return states.masked_fill(~text.mask[..., None], -torch.inf).amax(1)[window]
        first, last = torch.minimum(head[:, 2], tail[:, 2]) + 1, torch.maximum(head[:, 1], tail[:, 1]) - 1
        if kind == "max":
            return text.maxima(window, first, last)
        if kind == "encoder_max":
            return (RangeMax(text.encoder) if self.fusion is not None else text.maxima)(window, first, last)
        between = stretch(first, last, text.mask.shape[1])  # P×N
        scores = self.weigh(text.fused)[..., 0].float()[window].masked_fill(~between, -1e9)
        share = (scores.softmax(-1) * between).to(text.fused.dtype)
        return torch.bmm(share[:, None], text.fused[window])[:, 0]

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy of spans plus binary cross entropy of pairs (Eq. 15–17), each a mean over those drawn."""
        text, gold, relations = self.states(batch), batch["entities"], batch["relations"]
        spans = torch.cat([gold[:, :4], self._negative_spans(batch)])
        kinds = torch.cat([gold[:, 4], gold.new_zeros(len(spans) - len(gold))])
        loss = F.cross_entropy(self.span_logits(text, spans), kinds) if len(spans) else text.cls.sum() * 0
        pairs, targets = self._pairs_to_learn(gold, relations)
        if len(pairs):
            loss = loss + F.binary_cross_entropy_with_logits(self.pair_logits(text, gold[:, :4], pairs), targets)
        return loss

    def _negative_spans(self, batch: Batch) -> Tensor:
        every, gold = self.candidates(batch["words"]), batch["entities"][:, :3]
        length = batch["attention_mask"].shape[1]

        def place(spans):
            return (spans[:, 0] * length + spans[:, 1]) * length + spans[:, 2]

        negative = every[~torch.isin(place(every), place(gold))]
        return negative[drawn(negative[:, 0], self.options.negative_spans)]

    def _pairs_to_learn(self, entities: Tensor, relations: Tensor) -> tuple[Tensor, Tensor]:
        """P×2 pairs of gold entities, all related ones and some others of the same window; their targets P×R."""
        pairs = pairs_within(entities[:, 0])
        count = max(1, len(entities))
        targets = torch.zeros(count * count, len(self.relations), device=entities.device)
        targets[relations[:, 0] * count + relations[:, 1], relations[:, 2]] = 1
        targets = targets[pairs[:, 0] * count + pairs[:, 1]]
        related = targets.any(1)
        kept = related.clone()
        others = torch.nonzero(~related)[:, 0]
        kept[others[drawn(entities[pairs[others, 0], 0], self.options.negative_pairs)]] = True
        return pairs[kept], targets[kept]

    # Back to Documents

    def predict(self, batch: Batch, documents: Sequence[Document]) -> list[Document]:
        """The documents with predicted entities and relations."""
        text = self.states(batch)
        spans = self.candidates(batch["words"])
        found = self.decode(spans, lambda s: self.span_logits(text, s), lambda s, p: self.pair_logits(text, s, p))
        return self._documents(documents, *found)

    def decode(
        self,
        spans: Tensor,
        span_logits: Callable[[Tensor], Tensor],
        pair_logits: Callable[[Tensor, Tensor], Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Entities G×5 (as in `collate`) and relations K×3 of candidates S×4, as SpERT filters them: a span is what is
        most probable for it; every ordered pair of different entities has the relations above the threshold.
        """
        limit = torch.tensor(self.threshold).logit().item()
        kinds = torch.cat([span_logits(part).argmax(-1) for part in spans.split(self._at_once(spans))])
        entities = torch.cat([spans, kinds[:, None]], 1)[kinds > 0]
        relations = [torch.zeros(0, 3, dtype=torch.long, device=spans.device)]
        for pairs in pairs_within(entities[:, 0]).split(self._at_once(spans)):
            pair, relation = torch.nonzero(pair_logits(entities[:, :4], pairs) >= limit, as_tuple=True)
            relations.append(torch.cat([pairs[pair], relation[:, None]], 1))
        return entities, torch.cat(relations)

    def _at_once(self, spans: Tensor) -> int:
        """Spans or pairs that are scored at a time."""
        wide = self.context is not None and self.options.sea_scope == "span" or self.weigh is not None
        tokens = int(spans[:, 2].max()) + 1 if wide and len(spans) else 1  # they hold a row of states each
        return max(1, CHUNK // (self.encoder.hidden_size * tokens))

    def _documents(self, documents: Sequence[Document], entities: Tensor, relations: Tensor) -> list[Document]:
        """Documents with what `decode` found, after one copy from the device; windows are merged by their offsets."""
        both = torch.cat([entities, F.pad(relations, (0, 2))]).tolist()
        entities, relations = both[: len(entities)], both[len(entities) :]
        windows = self.windows(documents)
        places = []
        for window, first, last, _, kind in entities:
            i, w = windows[window]
            places.append((i, characters(w, first + 1, last + 1, self.types[kind - 1])))
        spans: list[set] = [set() for _ in documents]
        triples: list[set] = [set() for _ in documents]
        for i, span in places:
            spans[i].add(span)
        for head, tail, relation, *_ in relations:
            triples[places[head][0]].add((places[head][1], self.relations[relation], places[tail][1]))
        return [assembled(*found) for found in zip(documents, spans, triples, strict=True)]


def drawn(window: Tensor, count: int) -> Tensor:
    """At most `count` indices for each value of `window` N, drawn without replacement; a window's stand together."""
    order = torch.argsort(window + torch.rand(len(window), device=window.device, dtype=torch.float64))
    sizes = torch.bincount(window)
    rank = torch.arange(len(window), device=window.device) - (sizes.cumsum(0) - sizes)[window[order]]
    return order[rank < count]


def pairs_within(window: Tensor) -> Tensor:
    """P×2: all ordered pairs of different indices with the same value of `window` G."""
    first, second = torch.nonzero(window[:, None] == window, as_tuple=True)
    different = first != second
    return torch.stack([first[different], second[different]], 1)
