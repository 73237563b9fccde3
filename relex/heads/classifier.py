"""Relation classification: one label for a text with a head and a tail (UMRC Section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Relation, Schema
from relex.encoders.encoder import Encoder
from relex.encoders.encodings import MARKED, encode, markers
from relex.errors import RelexError
from relex.heads.head import Batch, Head, pad
from relex.heads.layers import most_probable, scored
from relex.heads.options import check_choices, check_dropout


@dataclass(frozen=True)
class ClassifierOptions:
    """Switches of the classifier.

    `encoding`, `mark` and `absent` as in `relex.encoders.encodings`. `pooling`: `cls` takes the state of [CLS], as the
    paper does; `marker` the states of the opening markers of head and tail (Soares et al. 2019, "entity start").
    `hard_classes` get the weight `hard_weight` in the loss, all others 1; `auto` in their place stands for the
    two classes with the lowest development F1 of the run without enhancement.
    """

    encoding: str = "entity2"
    mark: str = "span"
    absent: str = "prefix"
    pooling: Literal["cls", "marker"] = "marker"
    hard_weight: float = 1.0
    hard_classes: tuple[str, ...] = ()
    dropout: float = 0.1

    def __post_init__(self):
        check_choices(self)
        check_dropout(self)
        if not self.hard_weight > 0:
            raise RelexError(f"hard_weight is {self.hard_weight}, but must be above 0")


@dataclass(frozen=True, slots=True)
class _Row:
    """Token ids of one document, positions of its opening head and tail markers, and tokens cut away."""

    ids: tuple[int, ...]
    heads: tuple[int, ...]
    tails: tuple[int, ...]
    cut: int


class Classifier(Head):
    """Encoder, pooling, dropout, one linear layer onto R relation types."""

    task: ClassVar[str] = "classification"
    options_type: ClassVar[type] = ClassifierOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: ClassifierOptions):
        super().__init__(encoder, schema, options)
        if options.pooling == "marker" and options.encoding not in MARKED:
            raise RelexError(
                f"encoding {options.encoding!r} has no markers to pool at; "
                f"take pooling cls, or one of {', '.join(MARKED)}"
            )
        self.classes = schema.relation_names
        for name in options.hard_classes:
            if name not in self.class_ids:
                raise RelexError(
                    f"hard class {name!r} is not a relation of the corpus; known are {', '.join(self.classes)}"
                )
        self.head_opens, self.tail_opens = self._add_markers(schema)
        weights = [options.hard_weight if name in options.hard_classes else 1.0 for name in self.classes]
        self.register_buffer("class_weights", torch.tensor(weights), persistent=False)
        width = encoder.hidden_size * (2 if options.pooling == "marker" else 1)
        self.dropout = nn.Dropout(options.dropout)
        self.classify = nn.Linear(width, len(self.classes))

    def _add_markers(self, schema: Schema) -> tuple[set[int], set[int]]:
        """Give the encoder the markers of every type; return the ids of the opening ones of heads and of tails."""
        heads, tails = set(), set()
        for entity_type in schema.entity_types:
            marks = markers(self.options.encoding, entity_type, entity_type)
            if marks:
                self.encoder.add_markers(list(marks))
                heads.add(self.encoder.marker_id(marks.head_open))
                tails.add(self.encoder.marker_id(marks.tail_open))
        return heads, tails

    # From Documents to tensors

    def read(self, documents: Sequence[Document]) -> list[_Row]:
        """Tokens and markers of each document; raises a `RelexError` for one that is not a pair of entities."""
        o = self.options
        for document in documents:
            _check(document)
        pieces = [encode(d, o.encoding, o.mark, o.absent) for d in documents]
        plain = iter(self.encoder.tokenize([p.text for row in pieces for p in row if not p.special]))
        special = {"[SEP]": self.encoder.sep_id}
        rows = []
        for row in pieces:
            ids, anchors = [self.encoder.cls_id], []
            for piece in row:
                if piece.special:
                    if piece.text != "[SEP]":
                        anchors.append(len(ids))
                        special.setdefault(piece.text, self.encoder.marker_id(piece.text))
                    ids.append(special[piece.text])
                else:
                    ids.extend(next(plain).ids)
            ids.append(self.encoder.sep_id)
            rows.append(self._fit(ids, anchors))
        return rows

    def _fit(self, ids: list[int], anchors: list[int]) -> _Row:
        """Cut a row that exceeds the encoder's positions: the tokens nearest to the markers stay, [CLS] and [SEP] too.

        Should the markers alone be too many (`mark="all"`), the first of each kind stays before all others.
        """
        cut = max(0, len(ids) - self.encoder.max_length)
        if cut:
            positions, places = np.arange(len(ids)), np.array(anchors or [0])
            after = np.searchsorted(places, positions).clip(max=len(places) - 1)
            distance = np.minimum(abs(positions - places[after]), abs(positions - places[(after - 1).clip(0)]))
            first_of_kind = {ids[i]: i for i in reversed(anchors)}
            distance[[0, -1, *first_of_kind.values()]] = -1
            kept = np.sort(np.argsort(distance, kind="stable")[: self.encoder.max_length])
            ids = [ids[i] for i in kept]
        heads = tuple(i for i, token in enumerate(ids) if token in self.head_opens)
        tails = tuple(i for i, token in enumerate(ids) if token in self.tail_opens)
        return _Row(tuple(ids), heads, tails, cut)

    def length(self, document: Document) -> int:
        """Tokens of this document, special tokens included."""
        return len(self.rows([document])[0].ids)

    def truncated(self, documents: Sequence[Document]) -> int:
        """How many of `documents` exceed the encoder's positions and are cut."""
        return sum(row.cut > 0 for row in self.rows(documents))

    def collate(self, documents: Sequence[Document]) -> Batch:
        """`input_ids`, `attention_mask` B×L; `head_weights`, `tail_weights` B×L, rows sum to 1; `labels` B, −1 none."""
        rows = self.rows(documents)
        input_ids, mask = pad([row.ids for row in rows], self.encoder.pad_id)
        labels = [self.class_ids[d.relations[0].type] if d.relations else -1 for d in documents]
        batch = {"input_ids": input_ids, "attention_mask": mask, "labels": torch.tensor(labels)}
        if self.options.pooling == "marker":
            for name, places in (("head_weights", [r.heads for r in rows]), ("tail_weights", [r.tails for r in rows])):
                weights = torch.zeros(input_ids.shape)
                for i, positions in enumerate(places):
                    # a mention dropped as absent has no marker: [CLS] speaks for it
                    weights[i, list(positions) or [0]] = 1 / max(1, len(positions))
                batch[name] = weights
        return batch

    # Forward, loss, and back to Documents

    def logits(self, batch: Batch) -> Tensor:
        """B×R logits (UMRC Section 4.2)."""
        states = self.encoder(batch["input_ids"], batch["attention_mask"])  # B×L×D
        if self.options.pooling == "cls":
            pooled = states[:, 0]
        else:
            weights = torch.stack([batch["head_weights"], batch["tail_weights"]], 1).to(states.dtype)  # B×2×L
            pooled = (weights @ states).flatten(1)  # B×2D
        return self.classify(self.dropout(pooled))

    def loss(self, batch: Batch) -> Tensor:
        """Weighted cross entropy, divided by the number of documents (UMRC Eq. 1), not by the sum of their weights."""
        logits = self.logits(batch).float()
        return F.cross_entropy(logits, batch["labels"], self.class_weights, reduction="sum") / len(logits)

    def predict(self, batch: Batch, documents: Sequence[Document]) -> list[Document]:
        """The documents with the most probable relation between head and tail."""
        sure, best = most_probable(self.logits(batch))
        return [
            replace(d, relations=(Relation(0, 1, self.classes[i], score),))
            for d, ((i,), score) in zip(documents, scored(best[:, None], sure), strict=True)
        ]


def _check(document: Document) -> None:
    pairs = [(r.head, r.tail) for r in document.relations]
    if len(document.entities) != 2 or pairs not in ([], [(0, 1)]):
        raise RelexError(
            f"document {document.id!r} does not fit relation classification: it has {len(document.entities)} entities "
            f"and relations between {pairs}; give it two entities, head first, and one relation from 0 to 1"
        )
