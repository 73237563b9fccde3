"""What the heads share that find whole triples: classes of relation, and gold triples in the tokens of windows."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.found import Triple, keep_higher
from relex.heads.extraction import ExtractionHead, characters, same_characters
from relex.heads.layers import scored
from relex.heads.windows import Window, WindowedText

RelationClass = tuple[str, str, str]
"""A relation's name, the type of its head and that of its tail."""
TokenTriple = tuple[int, int, int, int, int]
"""First and last token of the subject, class, first and last token of the object."""
TokenEntity = tuple[int, int, int]
"""First and last token, type id."""


@dataclass(frozen=True, slots=True)
class Row:
    """A document's windows, for each its gold triples and entities in tokens of the window, and
    how many triples could not be put there."""

    windows: tuple[Window, ...]
    triples: tuple[frozenset[TokenTriple], ...]
    entities: tuple[frozenset[TokenEntity], ...]
    without_tokens: int
    inexact: int
    between_windows: int


def relation_classes(schema: Schema) -> tuple[list[RelationClass], dict[tuple[str, ...], int]]:
    """All classes in the order of the schema, and the number of each.

    A triple whose entities do not fit its relation counts as its relation's first class, which the name alone finds.
    """
    classes = [(r.name, head, tail) for r in schema.relation_types for head, tail in r.allowed]
    numbers = {c: i for i, c in reversed(list(enumerate(classes)))}
    return classes, numbers | {(name,): i for i, (name, _, _) in reversed(list(enumerate(classes)))}


class ClassExtractor(ExtractionHead):
    """A head whose relations are `classes`: a relation type with one of its pairs of entity types.

    So the class of a found triple types its entities; R counts classes.
    """

    def __init__(self, encoder: Encoder, schema: Schema, options):
        super().__init__(encoder, schema, options)
        self.classes, self.class_of = relation_classes(schema)

    def _row(self, document: Document, text: WindowedText) -> Row:
        return token_row(document, text, self.schema, self.class_of)

    def _documents(self, documents: Sequence[Document], triples: Tensor, sure: Tensor) -> list[Document]:
        """Documents with triples K×6 (window, first and last token of the subject, class, first and last token of the
        object) and their probabilities K, after one copy from the device; windows are merged by their offsets.

        Two more columns are the types of subject and object, where the classes do not say them.
        """
        windows = self.windows(documents)
        found: list[dict[Triple, float]] = [{} for _ in documents]
        for (window, *triple), score in scored(triples, sure):
            i, w = windows[window]
            self._keep(found[i], w, triple, score)
        return self._assembled(documents, [()] * len(found), found)

    def _keep(self, found: dict[Triple, float], window: Window, triple: Sequence[int], score: float) -> None:
        """Put a triple of tokens into those of its text; one between tokens of the same character is none."""
        head, name, tail = self._triple(window, triple)
        if not same_characters(head, tail) or triple[:2] == triple[3:5]:
            keep_higher(found, (head, name, tail), score)

    def _triple(self, window: Window, triple: Sequence[int]) -> Triple:
        first, last, class_id, object_first, object_last, *types = triple
        name, head, tail = self.classes[class_id]
        head, tail = (self.schema.entity_types[kind] for kind in types) if types else (head, tail)
        return characters(window, first, last, head), name, characters(window, object_first, object_last, tail)


def token_row(document: Document, text: WindowedText, schema: Schema, class_of: dict[tuple[str, ...], int]) -> Row:
    """The triples and entities of a document in the windows that hold them whole; classes as `relation_classes`."""
    triples, without, inexact, between = [set() for _ in text.windows], 0, 0, 0
    for head, name, tail in set(document.triples()):
        class_id = class_of.get((name, head.type, tail.type), class_of.get((name,)))
        subject, object_ = text.tokens(head.start, head.end), text.tokens(tail.start, tail.end)
        if subject is None or object_ is None:
            without += 1
            continue
        inexact += not (text.exact(head.start, head.end) and text.exact(tail.start, tail.end))
        fits = 0
        for window, found in zip(text.windows, triples, strict=True):
            places = _places(window, *subject, *object_)
            if places:
                found.add((*places[:2], class_id, *places[2:]))
                fits += 1
        between += not fits
    entities = [set() for _ in text.windows]
    for span in set(document.entities):
        tokens = text.tokens(span.start, span.end)
        for window, found in zip(text.windows, entities, strict=True):
            places = tokens and _places(window, *tokens)
            if places:
                found.add((*places, schema.entity_types.index(span.type)))
    found = (tuple(map(frozenset, items)) for items in (triples, entities))
    return Row(text.windows, *found, without, inexact, between)


def _places(window: Window, *tokens: int) -> tuple[int, ...] | None:
    """Tokens of a text as tokens of a window, counted after [CLS], or None where it lacks one of them."""
    places = tuple(i - window.first for i in tokens)
    return places if min(places) >= 0 and max(places) < len(window.ids) - 2 else None
