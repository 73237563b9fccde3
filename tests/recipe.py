"""The mean of a text's states: the head of the recipe on the architecture page, which shows this file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex.documents import Document, Relation, Schema
from relex.encoders.encoder import Encoder
from relex.heads.head import Batch, Head, pad
from relex.heads.options import check_dropout


@dataclass(frozen=True)
class MeanOptions:
    """Switches of the mean: its `dropout`, in 0 … 1 (1 excluded)."""

    dropout: float = 0.1

    def __post_init__(self):
        check_dropout(self)


class Mean(Head):
    """The mean state of a text → one of R relation types; it does not see where head and tail stand."""

    task: ClassVar[str] = "classification"
    options_type: ClassVar[type] = MeanOptions

    def __init__(self, encoder: Encoder, schema: Schema, options: MeanOptions):
        super().__init__(encoder, schema, options)
        self.dropout = nn.Dropout(options.dropout)
        self.classify = nn.Linear(encoder.hidden_size, len(schema.relation_names))

    def read(self, documents: Sequence[Document]) -> list:
        """Token ids of each text."""
        texts = self.encoder.tokenize([d.text for d in documents])
        return [(self.encoder.cls_id, *text.ids, self.encoder.sep_id) for text in texts]

    def length(self, document: Document) -> int:
        """Tokens of this document, special tokens included; a text ends where the encoder's positions do."""
        return min(len(self.rows([document])[0]), self.encoder.max_length)

    def truncated(self, documents: Sequence[Document]) -> int:
        """How many of `documents` lose text that way."""
        return sum(len(row) > self.encoder.max_length for row in self.rows(documents))

    def collate(self, documents: Sequence[Document]) -> Batch:
        """`input_ids`, `attention_mask` B×L; `labels` B, −1 for a document without relation."""
        rows = [row[: self.encoder.max_length] for row in self.rows(documents)]
        input_ids, mask = pad(rows, self.encoder.pad_id)
        labels = [self.class_ids[d.relations[0].type] if d.relations else -1 for d in documents]
        return {"input_ids": input_ids, "attention_mask": mask, "labels": torch.tensor(labels)}

    def logits(self, batch: Batch) -> Tensor:
        """B×R logits."""
        mask = batch["attention_mask"]
        states = self.encoder(batch["input_ids"], mask)  # B×L×D
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.classify(self.dropout(means)).float()

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy, the mean over documents."""
        return F.cross_entropy(self.logits(batch), batch["labels"])

    def predict(self, batch: Batch, documents: Sequence[Document]) -> list[Document]:
        """The documents with the most probable relation between head and tail."""
        best = self.logits(batch).argmax(-1).tolist()
        names = self.schema.relation_names
        return [replace(d, relations=(Relation(0, 1, names[i]),)) for d, i in zip(documents, best, strict=True)]
