"""What a model finds in a text, put together as a Document: each entity and triple once, with its score."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

from relex.documents import Document, Relation, Schema, Span

Triple = tuple[Span, str, Span]
"""Head, relation type, tail."""


def assembled(
    document: Document,
    entities: Iterable[Span] | Mapping[Span, float | None],
    triples: Iterable[Triple] | Mapping[Triple, float | None],
) -> Document:
    """`document` with these entities, and these triples with theirs, each once, in the order of the text.

    Mappings have their scores. An entity that comes with its triples alone has the highest of their scores.
    """

    def order(span):
        return span.start, span.end, span.type

    scores, of_triples = (x if isinstance(x, Mapping) else dict.fromkeys(x) for x in (entities, triples))
    with_triples: dict[Span, float | None] = {}
    for (head, _, tail), score in of_triples.items():
        keep_higher(with_triples, head, score)
        keep_higher(with_triples, tail, score)
    scores = with_triples | dict(scores)
    spans = sorted(scores, key=order)
    number = {span: i for i, span in enumerate(spans)}
    relations = sorted((number[head], number[tail], name, score) for (head, name, tail), score in of_triples.items())
    scored = tuple(span if scores[span] is None else replace(span, score=scores[span]) for span in spans)
    return replace(document, entities=scored, relations=tuple(Relation(*r) for r in relations))


def one_way(document: Document, schema: Schema) -> Document:
    """The Document with its symmetric relations written one way, the entity that comes first in the text as the head.

    Of two that are then the same, the one with the higher score stays. So a relation and its reverse are one target in
    training and one triple in scoring.
    """
    symmetric = {r.name for r in schema.relation_types if r.symmetric}
    if not any(r.type in symmetric for r in document.relations):
        return document

    def place(entity: int) -> tuple:
        span = document.entities[entity]
        return span.start, span.end, span.type, span.mention

    best: dict[Relation, float | None] = {}
    for r in document.relations:
        turned = r.type in symmetric and place(r.tail) < place(r.head)
        keep_higher(best, replace(r, head=r.tail, tail=r.head) if turned else r, r.score)
    return replace(document, relations=tuple(replace(r, score=score) for r, score in best.items()))


def keep_higher(best: dict[Hashable, float | None], item: Hashable, score: float | None) -> None:
    """Put `item` into `best`, with the higher one of its scores, either of which may be missing."""
    best[item] = higher(best.get(item), score)


def higher(one: float | None, other: float | None) -> float | None:
    """The higher of two scores, either of which may be missing."""
    return max((score for score in (one, other) if score is not None), default=None)
