"""What the systems of the focused-attention paper share: BIEOS tags for entities, and a class for each pair of them.

Xue et al., "Fine-tuning BERT for Joint Entity and Relation Extraction in Chinese Medical Text", Section III. A subclass
says how a text is read (`states`) and what is seen of a pair (`pair_logits`).
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Schema, Span
from relex.encoders.encoder import Encoder
from relex.found import keep_higher
from relex.heads.extraction import ExtractionHead
from relex.heads.head import Batch, pad
from relex.heads.layers import inside, most_probable, scored
from relex.heads.pairs.crf import CRF
from relex.heads.pairs.options import PairOptions
from relex.heads.pairs.tags import Tags, lowest_within
from relex.heads.windows import Window, WindowedText

LOST = (
    "windowed", "without_tokens", "inexact", "overlapping", "outside_windows", "pairs", "relations", "two_relations",
    "without_pairs",
)  # fmt: skip
"""What `PairTagger.alignment` counts."""
AT_ONCE = 2**14
"""Pairs that prediction classifies at a time, which bounds memory whatever their number."""
IDLE = -1
"""Class of a pair that does not train."""
RARE = -4.0
"""Where biases of all tags but O start: what is untrained finds no entities, and so no pairs to read again."""

Place = tuple[int, int]
"""First and last token, counted over the whole text."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Gold entities, pairs and tags N of a window; tokens are counted after [CLS].

    `entities`: (first token, last token, type id) in the order of the text, and the document's `spans` that they stand
    for; `pairs`: (entity, later entity, class).
    """

    ids: tuple[int, ...]
    offsets: np.ndarray = field(repr=False)
    entities: tuple[tuple[int, int, int], ...]
    spans: tuple[Span, ...]
    pairs: tuple[tuple[int, int, int], ...]
    tags: np.ndarray = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Row:
    windows: tuple[_Window, ...]
    lost: Counter[str]


class PairTagger(ExtractionHead):
    """States of a text → CRF over BIEOS tags → entities; states of a text and two of its entities → their relation.

    A pair is two entities of a window in the order of the text; its C = 2R + 1 classes are 0 for No Relation and
    1 + 2·type + (1 if the later entity is the head), the paper's "e1 to e2" and "e2 to e1".
    """

    def __init__(self, encoder: Encoder, schema: Schema, options: PairOptions, width: int):
        """`width`: D of the states that tags are read from."""
        super().__init__(encoder, schema, options)
        self.probes = ("given",) if options.tasks != "ner" else ()
        self.selection_metric = "ner.strict.f1" if options.tasks == "ner" else ""
        self.types, self.relations = schema.entity_types, schema.relation_names
        self.classes = 2 * len(self.relations) + 1
        self.tags = Tags(self.types)
        self.dropout = nn.Dropout(options.dropout)
        if options.tasks != "rc":
            self.emit = nn.Linear(width, len(self.tags.names))
            nn.init.constant_(self.emit.bias[1:], RARE)
            self.crf = CRF(len(self.tags.names), self.tags.allowed())

    # What a subclass says

    @abstractmethod
    def states(self, batch: Batch) -> Any:
        """What all pairs of a text share, and its entities with them."""

    @abstractmethod
    def tokens(self, states: Any) -> Tensor:
        """W×N×D: of `states`, those of the N = L − 1 tokens after [CLS], from which tags are read."""

    @abstractmethod
    def pair_logits(self, states: Any, entities: Tensor, pairs: Tensor) -> Tensor:
        """P×C for `pairs` P×2 of indices of `entities` G×4 (as in `collate`), which share no token with each other."""

    def tag_logits(self, states: Any) -> Tensor:
        """W×N×T: scores of tags (Focused Eq. 9)."""
        return self.emit(self.dropout(self.tokens(states))).float()

    # From Documents to tensors

    def _row(self, document: Document, text: WindowedText) -> _Row:
        lost = Counter(windowed=len(text.windows) > 1)
        kept, numbers = self._entities(document, text, lost)
        classes, triples = self._classes(document, numbers, lost)
        windows, held, pairs = [], set(), set()
        for window in text.windows:
            inside = [i for i, (place, _) in enumerate(kept) if _within(place, window)]
            windows.append(self._window(window, {i: kept[i] for i in inside}, classes))
            held.update(inside)
            pairs.update((a, b) for n, a in enumerate(inside) for b in inside[n + 1 :])
        lost["outside_windows"] = len(kept) - len(held)
        lost["pairs"] = len(classes) - len(pairs)
        lost["relations"] = len(set(document.triples())) - len({t for p, t in triples.items() if p in pairs})
        lost["without_pairs"] = not pairs
        return _Row(tuple(windows), lost)

    def _entities(
        self, document: Document, text: WindowedText, lost: Counter[str]
    ) -> tuple[list[tuple[Place, Span]], dict[int, int]]:
        """Entities that BIEOS tags can hold, in the order of the text; the document's entities by their numbers there.

        Of entities that share tokens the one is kept that begins first, of those that begin together the longest, and
        of those with the same tokens the document's first.
        """
        places = {i: text.tokens(span.start, span.end) for i, span in enumerate(document.entities)}
        lost["without_tokens"] = sum(place is None for place in places.values())
        found = {i: place for i, place in places.items() if place is not None}
        kept: list[tuple[Place, Span]] = []
        numbers: dict[int, int] = {}
        for i, (first, last) in sorted(found.items(), key=lambda item: (item[1][0], -item[1][1])):
            span = document.entities[i]
            lost["inexact"] += not text.exact(span.start, span.end)
            if not kept or first > kept[-1][0][1]:
                kept.append(((first, last), span))
            elif kept[-1][0] != (first, last) or kept[-1][1].type != span.type:
                lost["overlapping"] += 1
                continue
            numbers[i] = len(kept) - 1
        return kept, numbers

    def _classes(
        self, document: Document, numbers: dict[int, int], lost: Counter[str]
    ) -> tuple[dict[Place, int], dict[Place, tuple]]:
        """The class of each pair of entities that are kept, and the triple behind it where it has a relation.

        Of a pair's relations the document's first is kept. Which of the pairs without one are idle is drawn from the
        document's id, so that they are the same in every epoch and every run.
        """
        related: dict[Place, list[tuple[int, tuple]]] = {}
        for relation, triple in zip(document.relations, document.triples(), strict=True):
            head, tail = numbers.get(relation.head), numbers.get(relation.tail)
            if head is not None and tail is not None and head != tail:
                class_id = 1 + 2 * self.relations.index(relation.type) + (head > tail)
                related.setdefault((min(head, tail), max(head, tail)), []).append((class_id, triple))
        lost["two_relations"] = sum(len({c for c, _ in found}) > 1 for found in related.values())
        draw, share, count = Random(document.id), self.options.negative_share, len(set(numbers.values()))
        classes = {
            (a, b): related[a, b][0][0] if (a, b) in related else 0 if draw.random() < share else IDLE
            for a in range(count)
            for b in range(a + 1, count)
        }
        return classes, {pair: found[0][1] for pair, found in related.items()}

    def _window(self, window: Window, kept: dict[int, tuple[Place, Span]], classes: dict[Place, int]) -> _Window:
        entities = tuple(
            (first - window.first, last - window.first, self.types.index(span.type))
            for (first, last), span in kept.values()
        )
        numbers = list(kept)
        pairs = tuple(
            (a, b, classes[numbers[a], numbers[b]]) for a in range(len(numbers)) for b in range(a + 1, len(numbers))
        )
        tags = self.tags.encode(len(window.ids) - 2, entities)
        return _Window(window.ids, window.offsets, entities, tuple(span for _, span in kept.values()), pairs, tags)

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold annotations that tags and pairs cannot represent.

        `windowed` documents exceed the encoder's positions; entities `without_tokens` (absent, or left out by the
        tokenizer), `inexact` (a token reaches over a border), `overlapping` (left out, for another that is kept has
        some of their tokens), `outside_windows` (kept, but whole in no window); `pairs` of kept entities that no window
        holds; `relations` without such a pair, of an entity with itself, or after the first of a pair: `two_relations`
        counts pairs that have several; documents `without_pairs` train entities only.
        """
        total = Counter(dict.fromkeys(LOST, 0))
        for row in self.rows(documents):
            total.update(row.lost)
        return {name: int(number) for name, number in total.items()}

    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of B documents in W ≥ B windows, with G gold entities and all P pairs of them.

        `input_ids`, `attention_mask` W×L; `tags` W×(L − 1), those of tokens after [CLS], 0 where there is none;
        `entities` G×4 (window, first and last token, counted after [CLS], type); `pairs` P×3 (entity, later entity,
        class, `IDLE` for those that do not train); `document` W: the number of each window's document; `count`: B.
        """
        numbers, windows = zip(*self.windows(documents), strict=True)
        input_ids, mask = pad([w.ids for w in windows], self.encoder.pad_id)
        tags = torch.zeros(len(windows), mask.shape[1] - 1, dtype=torch.long)
        entities, pairs = [], []
        for i, w in enumerate(windows):
            tags[i, : len(w.tags)] = torch.from_numpy(w.tags)
            pairs += [(len(entities) + a, len(entities) + b, class_id) for a, b, class_id in w.pairs]
            entities += [(i, *entity) for entity in w.entities]
        return {
            "input_ids": input_ids,
            "attention_mask": mask,
            "tags": tags,
            "entities": torch.tensor(entities, dtype=torch.long).reshape(-1, 4),
            "pairs": torch.tensor(pairs, dtype=torch.long).reshape(-1, 3),
            "document": torch.tensor(numbers),
            "count": torch.tensor(len(documents)),
        }

    # Loss

    def loss(self, batch: Batch) -> Tensor:
        """L_ner + L_rc (Focused Eq. 18): a mean over documents, weighted as `ner_weighting` says, and one over pairs.

        The cross-entropy of a pair is L_rc (Focused Eq. 17). With `pair` weighting the first mean is that over rows of
        the authors' code, which are pairs; but documents without pairs count once. The windows of a document add up.
        """
        states = self.states(batch)
        pairs = batch["pairs"][batch["pairs"][:, 2] != IDLE]
        loss = self.encoder.word_embeddings.weight[0, 0] * 0  # a batch without pairs has a gradient, too
        if self.options.tasks != "rc":
            loss = loss + self._entity_loss(states, batch, pairs)
        if self.options.tasks != "ner" and len(pairs):
            loss = loss + F.cross_entropy(self.pair_logits(states, batch["entities"], pairs[:, :2]), pairs[:, 2])
        return loss

    def _entity_loss(self, states: Any, batch: Batch, pairs: Tensor) -> Tensor:
        document = batch["document"]
        by_window = self.crf.loss(self.tag_logits(states), batch["tags"], inside(batch["attention_mask"]))
        weights = (torch.arange(len(document), device=document.device) < batch["count"]).long()  # one for a document
        if self.options.ner_weighting == "pair":
            of_pairs = document[batch["entities"][pairs[:, 0], 0]]
            weights = weights * torch.bincount(of_pairs, minlength=len(document)).clamp(min=1)
        return (by_window * weights[document]).sum() / weights.sum()

    # Back to Documents

    def predict(
        self, batch: Batch, documents: Sequence[Document], gold_entities: bool = False, kept_pairs: bool = False
    ) -> list[Document]:
        """The documents with predicted entities and relations.

        `gold_entities`: relations of the entities that the documents come with (Tables III, VI), as `predict_pairs`
        says with `kept_pairs`; `tasks` rc has no others.
        """
        if gold_entities or self.options.tasks == "rc":
            return self.predict_pairs(batch, documents, kept_pairs)
        states, mask = self.states(batch), inside(batch["attention_mask"])
        pair_logits = partial(self.pair_logits, states) if self.options.tasks == "joint" else None
        return self._paired(documents, *self.decode(self.tag_logits(states), mask, pair_logits))

    def predict_pairs(self, batch: Batch, documents: Sequence[Document], kept_pairs: bool = False) -> list[Document]:
        """The documents with the entities they have, and relations predicted between those that tags can hold.

        All their pairs are classified; with `kept_pairs` only those that `negative_share` keeps, as if the others were
        not in the data (which they are, only the gold standard tells). With `tasks` ner there are no relations.
        """
        asked, relations = batch["pairs"], [batch["pairs"].new_zeros(0, 3)]
        sure = [relations[0].new_zeros(0, dtype=torch.float)]
        if self.options.tasks != "ner":
            states, entities = self.states(batch), batch["entities"]
            asked = asked[asked[:, 2] != IDLE] if kept_pairs else asked
            for part in asked[:, :2].split(AT_ONCE):
                found, probable = related(part, self.pair_logits(states, entities, part))
                relations.append(found)
                sure.append(probable)
        numbered = self.windows(documents)
        spans = [(i, span) for i, window in numbered for span in window.spans]
        triples: list[dict] = [{} for _ in documents]
        for (head, tail, relation), score in scored(torch.cat(relations), torch.cat(sure)):
            keep_higher(triples[spans[head][0]], (spans[head][1], self.relations[relation], spans[tail][1]), score)
        return self._assembled(documents, [d.entities for d in documents], triples)

    def decode(
        self, emissions: Tensor, mask: Tensor, pair_logits: Callable[[Tensor, Tensor], Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Entities G×4 (as in `collate`) and relations K×3 (head, tail, type) of indices of them; their probabilities G
        and K, of an entity the lowest of its tags.

        `emissions` W×N×T; `mask` W×N: tokens that can be in entities; a function (entities, pairs P×2) → P×C, or None
        for no relations. The best path of tags has the entities, every pair of those of a window its best class.
        """
        best = self.crf.decode(emissions, mask)
        entities = self.tags.decode(best, mask)
        of_tags = self.crf.probabilities(emissions, best, mask)
        pairs = pairs_in_order(entities[:, 0])
        relations, sure = [pairs.new_zeros(0, 3)], [of_tags.new_zeros(0)]
        for part in pairs.split(AT_ONCE) if pair_logits is not None and len(pairs) else ():
            found, probable = related(part, pair_logits(entities, part))
            relations.append(found)
            sure.append(probable)
        return entities, torch.cat(relations), lowest_within(of_tags, entities), torch.cat(sure)


def _within(place: Place, window: Window) -> bool:
    return window.first <= place[0] and place[1] < window.first + len(window.ids) - 2


def pairs_in_order(window: Tensor) -> Tensor:
    """P×2: all pairs i < j with the same value of `window` G, which rises."""
    place = torch.arange(len(window), device=window.device)
    window = window.contiguous()
    after = torch.searchsorted(window, window, right=True) - place - 1  # later entities of the same window
    first = place.repeat_interleave(after)
    begin = (after.cumsum(0) - after).repeat_interleave(after)
    return torch.stack([first, first + 1 + torch.arange(len(first), device=window.device) - begin], 1)


def related(pairs: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """K×3 (head, tail, type): the best classes of `pairs` P×2 by P×C, No Relation left out; and how probable, K."""
    probable, classes = most_probable(logits)
    held = classes > 0
    (one, other), classes = pairs[held].unbind(1), classes[held] - 1
    later = classes % 2 == 1
    return torch.stack([other.where(later, one), one.where(later, other), classes // 2], 1), probable[held]
