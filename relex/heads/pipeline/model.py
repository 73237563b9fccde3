"""A pipeline: a model that finds entities, and another one that reads every pair of them between markers (PURE).

Zhong and Chen 2021. The models share no parameter, so that the sum of their losses trains both as if apart, but for
the epoch that is kept, which is the best for triples, and for clipping, which sees the gradients of both. Left out
are the sentences around a text, which our documents do not have.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.encoders.encodings import markers
from relex.heads.head import Batch
from relex.heads.layers import most_probable, surest
from relex.heads.pairs.focused_layers import attend, check_encoder
from relex.heads.pipeline.marking import OPENS, appended, inserted, seen_behind
from relex.heads.pipeline.options import PipelineOptions
from relex.heads.span.spans import SpanExtractor, pairs_within

RARE = -4.0
"""Bias from which types of spans start: few candidates are entities."""
CHUNK = 2**22
"""Numbers of one feature of spans that prediction holds at a time."""
AT_ONCE = {"cuda": 2**15, "cpu": 2**11}
"""Tokens of pairs in one pass of their encoder, about, which bounds memory whatever the number of pairs."""
HELD = {"cuda": 2**15, "cpu": 2**12}
"""Tokens of pairs up to which a training step keeps what the encoder computed; of more it is computed again."""


class Pipeline(SpanExtractor):
    """Encoder → spans → entities; each ordered pair of them, its own encoder → one relation or none."""

    options_type: ClassVar[type] = PipelineOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: PipelineOptions):
        super().__init__(encoder, schema, options)
        if options.approx:
            check_encoder(encoder, 0)
        width, hidden = encoder.hidden_size, options.hidden
        self.pair_encoder = copy.deepcopy(encoder)
        marks = [markers(options.encoding, kind, kind) for kind in self.types]
        self.pair_encoder.add_markers([mark for four in marks for mark in four])
        ids = [[self.pair_encoder.marker_id(mark) for mark in four] for four in marks]
        self.register_buffer("marks", torch.tensor(ids), persistent=False)  # E×4, by the type of head or tail
        self.widths = nn.Embedding(options.max_width, options.width_size)
        self.dropout = nn.Dropout(options.dropout)
        self.classify_span = nn.Sequential(
            nn.Linear(2 * width + options.width_size, hidden), nn.ReLU(), self.dropout,
            nn.Linear(hidden, hidden), nn.ReLU(), self.dropout,
            nn.Linear(hidden, 1 + len(self.types)),
        )  # fmt: skip
        nn.init.constant_(self.classify_span[-1].bias[1:], RARE)
        self.norm = nn.LayerNorm(2 * width)
        self.classify_pair = nn.Linear(2 * width, 1 + len(self.relations))

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """As `SpanExtractor.alignment`, and what a pair cannot have.

        `two_relations`: triples beside another one of the same pair, for a pair has one class. `crowded`: relations in
        windows with more entities than are paired.
        """
        triples = [set(d.triples()) for d in documents]
        windows = [window for _, window in self.windows(documents)]
        return super().alignment(documents) | {
            "two_relations": sum(len(several) - len({(h, t) for h, _, t in several}) for several in triples),
            "crowded": sum(len(w.relations) for w in windows if len(w.entities) > self.options.most_entities),
        }

    def collate(self, documents: Sequence[Document]) -> Batch:
        """As `SpanExtractor.collate`, and what is trained on: all candidates and all pairs of gold entities.

        `spans` S×4 as `candidates` has them, `kinds` S: their types, 0 for none; `pairs` P×2 of indices of entities,
        `labels` P: their relation, from 1, 0 for none; `count`: B.
        """
        batch = super().collate(documents)
        spans, pairs = self.candidates(batch["words"]), pairs_within(batch["entities"][:, 0])
        kinds = {tuple(place): kind for *place, kind in batch["entities"].tolist()}
        labels: dict[tuple[int, int], int] = {}
        for head, tail, relation in batch["relations"].tolist():
            labels.setdefault((head, tail), relation + 1)
        return batch | {
            "spans": spans,
            "kinds": torch.tensor([kinds.get(tuple(s), 0) for s in spans.tolist()], dtype=torch.long),
            "pairs": pairs,
            "labels": torch.tensor([labels.get(tuple(p), 0) for p in pairs.tolist()], dtype=torch.long),
            "count": torch.tensor(len(documents)),
        }

    # Entities

    def span_logits(self, states: Tensor, spans: Tensor) -> Tensor:
        """S×(E+1) for `spans` S×4 of `states` W×L×D: first and last state and width, two hidden layers; 0 is none."""
        window, first, last, width = spans.unbind(1)
        rows, begin = states.flatten(0, 1), window * states.shape[1] + 1  # 1 for [CLS]
        ends = [rows.index_select(0, begin + token) for token in (first, last)]
        return self.classify_span(torch.cat([*ends, self.widths(width)], -1)).float()

    # Relations

    def pair_logits(self, batch: Batch, entities: Tensor, pairs: Tensor) -> Tensor:
        """P×(R+1) for `pairs` P×2 of indices of `entities` G×5: states of both opening markers, normed; 0 is none."""
        input_ids, mask = batch["input_ids"], batch["attention_mask"]
        head, tail = (entities[i] for i in pairs.unbind(1))
        places = torch.stack([head[:, 0], head[:, 1] + 1, head[:, 2] + 1, tail[:, 1] + 1, tail[:, 2] + 1], 1)
        marks = torch.cat([self.marks[head[:, 4] - 1, :2], self.marks[tail[:, 4] - 1, 2:]], 1)
        if not len(pairs):
            return self.marks.new_zeros(0, 1 + len(self.relations), dtype=torch.float)
        states = (self._behind if self.options.approx else self._between)(input_ids, mask, places, marks)
        return self.classify_pair(self.dropout(self.norm(states))).float()

    def _between(self, input_ids: Tensor, mask: Tensor, places: Tensor, marks: Tensor) -> Tensor:
        """P×2D: each pair has a pass of its own, its markers in the text."""

        def read(places: Tensor, marks: Tensor) -> Tensor:
            ids, real, opening = inserted(input_ids, mask, places, marks, self.pair_encoder.max_length)
            row = torch.arange(len(ids), device=ids.device)[:, None] * ids.shape[1]
            states = self.pair_encoder(ids, real).flatten(0, 1)
            return states.index_select(0, (row + opening).flatten()).view(len(ids), -1)

        return _in_parts(read, input_ids.shape[1] + 4, places, marks)

    def _behind(self, input_ids: Tensor, mask: Tensor, places: Tensor, marks: Tensor) -> Tensor:
        """P×2D: pairs of a text share a pass, their markers behind it."""
        ids, positions, text, place = appended(input_ids, places, marks)
        model, length = self.pair_encoder.model, input_ids.shape[1]
        offset = model.config.max_position_embeddings - self.pair_encoder.max_length  # RoBERTa's

        def read(ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
            states = model.embeddings(input_ids=ids, position_ids=positions + offset)
            seen = seen_behind(mask, ids.shape[1] - length)
            for block in self.pair_encoder.blocks:
                states = attend(block, states, states, seen)
            return states[:, length:].unflatten(1, (-1, 4))[:, :, OPENS].flatten(2)  # Q×K×2D

        return _in_parts(read, ids.shape[1], ids, positions, mask[text]).flatten(0, 1).index_select(0, place)

    # Loss, and back to Documents

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropies of all spans and of all pairs of gold entities, summed; the mean over documents.

        So every span and every pair counts the same, as in PURE.
        """
        states = self.encoder(batch["input_ids"], batch["attention_mask"])
        loss = F.cross_entropy(self.span_logits(states, batch["spans"]), batch["kinds"], reduction="sum")
        logits = self.pair_logits(batch, batch["entities"], batch["pairs"])
        return (loss + F.cross_entropy(logits, batch["labels"], reduction="sum")) / batch["count"]

    def predict(self, batch: Batch, documents: Sequence[Document], gold_entities: bool = False) -> list[Document]:
        """The documents with predicted entities and relations; with `gold_entities` those that they come with."""
        pair_logits = partial(self.pair_logits, batch)
        if gold_entities:
            entities = batch["entities"]
            sure = torch.ones(len(entities), device=entities.device)
            relations, of_relations = self._related(entities, sure, pair_logits)
            return self._documents(documents, entities, relations, sure, of_relations)
        states = self.encoder(batch["input_ids"], batch["attention_mask"])
        return self._documents(documents, *self.decode(batch["spans"], partial(self.span_logits, states), pair_logits))

    def decode(
        self, spans: Tensor, span_logits: Callable[[Tensor], Tensor], pair_logits: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Entities G×5 (as in `collate`) and relations K×3 of candidates S×4: what is most probable for each of them.

        And their probabilities, G and K.

        `span_logits`: S×4 → S×(E+1), `pair_logits`: entities G×5 and pairs P×2 → P×(R+1).
        """
        at_once = max(1, CHUNK // (2 * self.encoder.hidden_size + self.options.width_size))
        best = [most_probable(span_logits(part)) for part in spans.split(at_once)]
        sure, kinds = (torch.cat(parts) for parts in zip(*best, strict=True))
        entities, sure = torch.cat([spans, kinds[:, None]], 1)[kinds > 0], sure[kinds > 0]
        relations, of_relations = self._related(entities, sure, pair_logits)
        return entities, relations, sure, of_relations

    def _related(
        self, entities: Tensor, sure: Tensor, pair_logits: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """K×3 relations of the surest entities of each window, where one is likelier than none; how probable, K."""
        paired = surest(entities[:, 0], sure, self.options.most_entities).sort().values
        pairs = paired[pairs_within(entities[paired, 0])]
        probable, kinds = most_probable(pair_logits(entities, pairs))
        return torch.cat([pairs, kinds[:, None] - 1], 1)[kinds > 0], probable[kinds > 0]


def _in_parts(read: Callable[..., Tensor], length: int, *rows: Tensor) -> Tensor:
    """What `read` makes of rows of `length` tokens, some at a time."""
    kind = rows[0].device.type
    at_once = max(1, AT_ONCE.get(kind, AT_ONCE["cuda"]) // length)
    again = torch.is_grad_enabled() and len(rows[0]) * length > HELD.get(kind, HELD["cuda"])
    parts = zip(*(r.split(at_once) for r in rows), strict=True)
    return torch.cat([checkpoint(read, *part, use_reentrant=False) if again else read(*part) for part in parts])
