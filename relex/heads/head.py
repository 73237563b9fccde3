"""What every head is: the way from Documents to tensors and back, and a loss between them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder

Batch = dict[str, Tensor]


class Head(nn.Module, ABC):
    """A model on top of an encoder.

    A subclass says what it is for (`task`) and which switches it has (`options_type`), and owns target encoding and
    decoding side by side:

    * `length(document)`: the number of tokens of a document in a batch, by which samplers bucket;
    * `collate(documents) -> batch`: CPU tensors, the batch dimension first;
    * `loss(batch) -> scalar`: mean over the documents of the batch;
    * `predict(batch, documents) -> documents`: the same texts with predicted entities or relations, after one copy from
      the device.

    Everything else that training, records and views ask of a head stands below with its default. Nothing outside
    changes a head but the trainer its weights: what a prediction depends on besides is an argument of `predict`.
    """

    task: ClassVar[str]
    """What it predicts, and so how it is scored: `classification` (one relation between a given head and tail) or
    `extraction` (entities and relations, from text)."""
    options_type: ClassVar[type]
    """The frozen dataclass of its switches, each with a default; impossible ones raise a `RelexError`."""
    probes: tuple[str, ...] = ()
    """What is measured on it for its record besides its predictions: names in `relex.runs.probes.PROBES`."""
    selection_metric: str = ""
    """The development score that its best epoch has most of; empty for the one of its task."""

    def __init__(self, encoder: Encoder, schema: Schema, options: Any):
        """`schema` of the corpus; `options`, an `options_type`."""
        super().__init__()
        self.encoder, self.schema, self.options = encoder, schema, options
        self.class_ids = {name: i for i, name in enumerate(schema.relation_names)}
        """Relation type → id, 0 to R − 1: the classes by which samplers draw."""
        self._rows: dict[Document, Any] = {}

    def forward(self, batch: Batch) -> Tensor:
        """The loss: what data-parallel wrappers call."""
        return self.loss(batch)

    def read(self, documents: Sequence[Document]) -> list:
        """What there is to remember of each document, say its token ids; by default the document itself."""
        return list(documents)

    def prepare(self, documents: Sequence[Document]) -> None:
        """Read many documents at once, ahead of `rows`, which reads one by one those that were not prepared."""
        new = [d for d in documents if d not in self._rows]
        self._rows.update(zip(new, self.read(new), strict=True))

    def rows(self, documents: Sequence[Document]) -> list:
        """What `read` gave for each document; every document is read once."""
        self.prepare(documents)
        return [self._rows[d] for d in documents]

    def forget(self) -> None:
        """Let go of all documents that were read."""
        self._rows.clear()

    def truncated(self, documents: Sequence[Document]) -> int:
        """How many of `documents` lose text, for they exceed the encoder's positions."""
        return 0

    def alignment(self, documents: Sequence[Document]) -> dict[str, int]:
        """Gold annotations of `documents` that the head's targets cannot represent, by reason."""
        return {}

    @abstractmethod
    def collate(self, documents: Sequence[Document]) -> Batch:
        """Tensors of a batch, targets included."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """Scalar training loss, the mean over documents."""

    @abstractmethod
    def predict(self, batch: Batch, documents: Sequence[Document], **options: Any) -> list[Document]:
        """Predicted Documents, in the order of `documents`; a head says which `options` it has, if any."""

    @abstractmethod
    def length(self, document: Document) -> int:
        """Tokens of this document in a batch."""

    def parameter_groups(self, lr: float, head_lr: float, weight_decay: float) -> list[dict]:
        """Optimizer groups: encoder and head with a rate each; biases and norms (one dimension) do not decay.

        A head that has several encoders trains them all at the rate of the encoder.
        """
        groups = []
        encoder_ids = {id(p) for part in self.modules() if isinstance(part, Encoder) for p in part.parameters()}
        for is_encoder, rate in ((True, lr), (False, head_lr)):
            for decays in (True, False):
                chosen = [
                    p for p in self.parameters()
                    if p.requires_grad and (id(p) in encoder_ids) == is_encoder and (p.ndim > 1) == decays
                ]  # fmt: skip
                if chosen:
                    groups.append({"params": chosen, "lr": rate, "weight_decay": weight_decay if decays else 0.0})
        return groups


def pad(rows: Sequence[Sequence[int]], value: int) -> tuple[Tensor, Tensor]:
    """Rows of different length as one tensor B×L filled up with `value`, and the mask B×L of real positions."""
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    filled = torch.full(mask.shape, value)
    filled[mask] = torch.tensor([i for row in rows for i in row], dtype=filled.dtype)
    return filled, mask
