"""Span models: every stretch of a few words is a candidate entity, every pair of entities a candidate relation.

ISER (its Sections 3.2 to 3.7) and SpERT (Eberts and Ulges 2020), which is a corner of the same grid of switches.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Relation, Schema, assembled
from relex.encoders.encoder import Encoder
from relex.errors import RelexError
from relex.heads.extractor import Extractor, characters
from relex.heads.head import Batch, pad
from relex.heads.span.layers import ContextEncoder, Fusion, RangeMax, stretch
from relex.heads.span.options import SpanOptions
from relex.heads.windows import Window, WindowedText, word_starts

LOST = ("windowed", "without_tokens", "inexact", "too_wide", "two_types", "relations")
"""What `SpanModel.alignment` counts."""
CHUNK = 2**22
"""Numbers of one feature that prediction holds at a time, which bounds memory whatever the number of spans."""


class _Text(NamedTuple):
    """What spans and pairs of a batch are looked up in: fused states W×N×D, their mask W×N and maxima.

    `context` of spans W×D, unless each has its own; `local` context of pairs: maxima between them, one for the whole
    window W×D, or None for attention.
    """

    fused: Tensor
    mask: Tensor
    maxima: RangeMax
    context: Tensor | None
    local: RangeMax | Tensor | None


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

    options_type: ClassVar[type] = SpanOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: SpanOptions):
        super().__init__(encoder, schema, options)
        self.probes = ("attention",) if options.fusion else ()
        self.types, self.relations = schema.entity_types, schema.relation_names
        width = encoder.hidden_size
        self.fusion = Fusion(width, options.residual) if options.fusion else None
        self.context = None
        if options.context != "cls":
            if options.context == "sea" and width % options.heads:
                raise RelexError(f"states of width {width} do not divide among {options.heads} heads; choose others")
            self.context = ContextEncoder(width, options.heads, options.context == "sea")
        self.widths = nn.Embedding(options.max_width, options.width_size)
        self.weigh = nn.Linear(width, 1) if options.local_context == "attention" else None
        self.dropout = nn.Dropout(options.dropout)
        self.classify_span = nn.Linear(2 * width + options.width_size, len(self.types) + 1)
        self.classify_pair = nn.Linear(3 * width + 2 * options.width_size, len(self.relations))

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
        entities = document.entities  # one that is given twice makes no triple of its own
        held = {(entities[r.head], r.type, entities[r.tail]) for w in windows for r in w.relations.values()}
        lost["relations"] = len(set(document.triples())) - len(held)
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

    def states(self, batch: Batch) -> _Text:
        """Encoder and fused states of a batch."""
        mask = batch["attention_mask"]
        states = self.encoder(batch["input_ids"], mask)
        encoder, inside = states[:, 1:], _inside(mask)
        fused = encoder if self.fusion is None else self.fusion(encoder, inside)
        maxima, context = RangeMax(fused), None
        if self.context is None:
            context = states[:, 0]
        elif self.options.sea_scope == "sentence":
            context = self.context(fused, inside, torch.arange(len(inside), device=mask.device), inside)
        return _Text(fused, inside, maxima, context, self._local(states[:, 0], encoder, fused, inside, maxima))

    def attention(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Where entity queries and relation queries of the fusion look, W×N×N each, tokens without [CLS].

        Raises a `RelexError` for a model without fusion.
        """
        if self.fusion is None:
            raise RelexError("this model has no interactive fusion, so there is no attention to look at; set fusion")
        mask = batch["attention_mask"]
        return self.fusion.attention(self.encoder(batch["input_ids"], mask)[:, 1:], _inside(mask))

    def _local(self, cls: Tensor, encoder: Tensor, fused: Tensor, mask: Tensor, maxima: RangeMax):
        kind = self.options.local_context
        if kind in ("max", "encoder_max"):
            return maxima if kind == "max" or self.fusion is None else RangeMax(encoder)
        if kind in ("global", "encoder_global"):
            return (fused if kind == "global" else encoder).masked_fill(~mask[..., None], -torch.inf).amax(1)
        return cls if kind == "cls" else None

    def span_logits(self, text: _Text, spans: Tensor) -> Tensor:
        """S×(E+1) for `spans` S×4: features joined (ISER Eq. 10), classified (ISER Eq. 11); type 0 is no entity."""
        window, first, last, width = spans.unbind(1)
        features = [text.maxima(window, first, last), self.widths(width), self._context(text, spans)]
        return self.classify_span(self.dropout(torch.cat(features, -1))).float()

    def _context(self, text: _Text, spans: Tensor) -> Tensor:
        window, first, last, _ = spans.unbind(1)
        if text.context is not None:
            return text.context.index_select(0, window)
        visible = text.mask[window] & ~stretch(first, last, text.mask.shape[1])
        return self.context(text.fused, text.mask, window, visible)

    def pair_logits(self, text: _Text, spans: Tensor, pairs: Tensor) -> Tensor:
        """P×R for `pairs` P×2 of indices of `spans` S×4, one for each order (ISER Eq. 12, ISER Eq. 13, ISER Eq. 14)."""
        head, tail = (spans[i] for i in pairs.unbind(1))
        ends = [f for s in (head, tail) for f in (text.maxima(s[:, 0], s[:, 1], s[:, 2]), self.widths(s[:, 3]))]
        return self.classify_pair(self.dropout(torch.cat([*ends, self._between(text, head, tail)], -1))).float()

    def _between(self, text: _Text, head: Tensor, tail: Tensor) -> Tensor:
        """The local context of pairs, P×D; zeros where nothing stands between the entities."""
        window = head[:, 0]
        if isinstance(text.local, Tensor):
            return text.local.index_select(0, window)
        first, last = torch.minimum(head[:, 2], tail[:, 2]) + 1, torch.maximum(head[:, 1], tail[:, 1]) - 1
        if text.local is not None:
            return text.local(window, first, last)
        between = stretch(first, last, text.mask.shape[1])  # P×N
        scores = self.weigh(text.fused)[..., 0].float().index_select(0, window).masked_fill(~between, -1e9)
        share = (scores.softmax(-1) * between).to(text.fused.dtype)
        return torch.bmm(share[:, None], text.fused.index_select(0, window))[:, 0]

    def loss(self, batch: Batch) -> Tensor:
        """The sum (ISER Eq. 15) of cross entropies of spans (ISER Eq. 16) and of pairs, binary (ISER Eq. 17): means."""
        text, gold, relations = self.states(batch), batch["entities"], batch["relations"]
        spans = torch.cat([gold[:, :4], self._negative_spans(batch)])
        kinds = torch.cat([gold[:, 4], gold.new_zeros(len(spans) - len(gold))])
        loss = F.cross_entropy(self.span_logits(text, spans), kinds) if len(spans) else text.fused.sum() * 0
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
        return negative[sample_per_group(negative[:, 0], self.options.negative_spans)]

    def _pairs_to_learn(self, entities: Tensor, relations: Tensor) -> tuple[Tensor, Tensor]:
        """P×2 pairs of gold entities, all related ones and some others of the same window; their targets P×R."""
        pairs = pairs_within(entities[:, 0])
        place = pairs[:, 0] * len(entities) + pairs[:, 1]  # rising
        targets = torch.zeros(len(pairs), len(self.relations), device=entities.device)
        row = torch.searchsorted(place, relations[:, 0] * len(entities) + relations[:, 1])
        targets[row, relations[:, 2]] = 1
        related = targets.any(1)
        kept = related.clone()
        others = torch.nonzero(~related)[:, 0]
        kept[others[sample_per_group(entities[pairs[others, 0], 0], self.options.negative_pairs)]] = True
        return pairs[kept], targets[kept]

    def predict(self, batch: Batch, documents: Sequence[Document], threshold: float | None = None) -> list[Document]:
        """The documents with predicted entities and relations; `threshold` as in `decode`."""
        text = self.states(batch)
        spans = self.candidates(batch["words"])
        logits = partial(self.span_logits, text), partial(self.pair_logits, text)
        return self._documents(documents, *self.decode(spans, *logits, threshold))

    def decode(
        self,
        spans: Tensor,
        span_logits: Callable[[Tensor], Tensor],
        pair_logits: Callable[[Tensor, Tensor], Tensor],
        threshold: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Entities G×5 (as in `collate`) and relations K×3 of candidates S×4, as SpERT filters them: a span is what is
        most probable for it; every ordered pair of different entities has the relations with at least the probability
        `threshold`, by default that of the options.
        """
        limit = torch.tensor(threshold or self.options.threshold).logit().item()
        spans_at_once, pairs_at_once = self._at_once(int(spans[:, 2].max()) + 1 if len(spans) else 1)
        kinds = torch.cat([span_logits(part).argmax(-1) for part in spans.split(spans_at_once)])
        entities = torch.cat([spans, kinds[:, None]], 1)[kinds > 0]
        relations = [torch.zeros(0, 3, dtype=torch.long, device=spans.device)]
        every = torch.arange(len(entities), device=spans.device)
        for heads in every.split(max(1, CHUNK // max(1, len(entities)))):
            for pairs in pairs_within(entities[:, 0], heads).split(pairs_at_once):
                pair, relation = torch.nonzero(pair_logits(entities[:, :4], pairs) >= limit, as_tuple=True)
                relations.append(torch.cat([pairs[pair], relation[:, None]], 1))
        return entities, torch.cat(relations)

    def _at_once(self, tokens: int) -> tuple[int, int]:
        """Spans and pairs of texts of so many tokens that are scored at a time."""
        width, options = self.encoder.hidden_size, self.options
        span, pair = width, width * tokens if self.weigh is not None else width
        if self.context is not None and options.sea_scope == "span":  # a row of states each, and of attention
            span = tokens * max(width, options.heads * tokens if options.context == "sea" else 0)
        return max(1, CHUNK // span), max(1, CHUNK // pair)

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


def _inside(mask: Tensor) -> Tensor:
    """W×N: the tokens of each text without [CLS] and [SEP], of an attention mask W×(N + 1)."""
    return torch.arange(mask.shape[1] - 1, device=mask.device) < mask.sum(1, keepdim=True) - 2


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
