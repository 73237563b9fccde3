"""What the heads share that extract entities and relations: a text is read in windows, and what is found merged."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from relex.documents import Document, Schema, Span
from relex.errors import RelexError
from relex.found import Triple, assembled, keep_higher, one_way
from relex.heads.head import Head
from relex.heads.layers import scored
from relex.heads.windows import Window, WindowedText, windowed


class Row(Protocol):
    """What a head keeps of a document: its windows, and its targets in tokens."""

    windows: Sequence[Window]


class ExtractionHead(Head):
    """A head of joint extraction; a subclass says by `_row` what it keeps of a document.

    A batch has the W ≥ B windows of its B documents as rows, in the order of `windows`. The score of an entity or a
    relation that it finds is the lowest of the probabilities that it rests on, so that of a relation is no higher than
    those of its entities.
    """

    task: ClassVar[str] = "extraction"
    _rows: dict[Document, Row]

    @abstractmethod
    def _row(self, document: Document, text: WindowedText) -> Row:
        """The windows of a text and the targets in them."""

    def read(self, documents: Sequence[Document]) -> list[Row]:
        """Windows and targets of each document; of a symmetric relation one direction, as `relex.found.one_way` has it.

        Raises a `RelexError` that names the first document with a type that the schema lacks.
        """
        for document in documents:
            _check_types(document, self.schema)
        texts = windowed(self.encoder, [d.text for d in documents])
        return [self._row(one_way(d, self.schema), text) for d, text in zip(documents, texts, strict=True)]

    def windows(self, documents: Sequence[Document]) -> list[tuple[int, Window]]:
        """All windows of a batch in their order, each with the number of its document."""
        return [(i, window) for i, row in enumerate(self.rows(documents)) for window in row.windows]

    def length(self, document: Document) -> int:
        """Tokens of this document in a batch, special tokens included; over all its windows."""
        return sum(len(window.ids) for _, window in self.windows([document]))

    def _paired(
        self,
        documents: Sequence[Document],
        entities: Tensor,
        relations: Tensor,
        of_entities: Tensor,
        of_relations: Tensor,
    ) -> list[Document]:
        """Documents with entities G×4 (window, first and last token, type) and K×3 relations (head, tail, type).

        With the probabilities G and K of either; one copy from the device; windows are merged by their offsets.
        """
        both = scored(torch.cat([entities, F.pad(relations, (0, 1))]), torch.cat([of_entities, of_relations]))
        windows, types, names = self.windows(documents), self.schema.entity_types, self.schema.relation_names
        spans: list[dict[Span, float]] = [{} for _ in documents]
        triples: list[dict[Triple, float]] = [{} for _ in documents]
        places: list[tuple[Span, float]] = []
        first_at: dict[tuple[int, int, int], int] = {}
        for (window, first, last, kind), score in both[: len(entities)]:
            i, w = windows[window]
            span = characters(w, first, last, types[kind])
            # several may have been found at tokens of one character: the first is meant
            same = first_at.setdefault((window, span.start, span.end), len(places))
            places.append((span, score) if same == len(places) else places[same])
            keep_higher(spans[i], *places[-1])
        for (head, tail, relation, _), score in both[len(entities) :]:
            (one, sure), (other, other_sure) = places[head], places[tail]
            i = windows[both[head][0][0]][0]
            if not same_characters(one, other):
                keep_higher(triples[i], (one, names[relation], other), min(score, sure, other_sure))
        return self._assembled(documents, spans, triples)

    def _assembled(self, documents: Sequence[Document], spans: Sequence, triples: Sequence) -> list[Document]:
        """Documents with the findings in each: see `relex.found.assembled`; symmetric relations `one_way`."""
        found = (assembled(*parts) for parts in zip(documents, spans, triples, strict=True))
        return [one_way(document, self.schema) for document in found]


def _check_types(document: Document, schema: Schema) -> None:
    def check(what: str, names: Iterable[str], known: Sequence[str]) -> None:
        for name in names:
            if name not in known:
                raise RelexError(
                    f"document {document.id!r} has the unknown {what} {name!r}; known are {', '.join(known)}"
                )

    check("entity type", (span.type for span in document.entities), schema.entity_types)
    check("relation", (relation.type for relation in document.relations), schema.relation_names)


def same_characters(one: Span, other: Span) -> bool:
    """Whether two spans cover the same text, whatever their types."""
    return (one.start, one.end) == (other.start, other.end)


def characters(window: Window, first: int, last: int, kind: str) -> Span:
    """The Span of the tokens `first` … `last` (inclusive) of a window, counted after [CLS]."""
    return Span(int(window.offsets[first + 1, 0]), int(window.offsets[last + 1, 1]), kind)
