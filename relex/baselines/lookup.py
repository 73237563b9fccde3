"""Baselines for joint extraction that read nothing: what a corpus gives away before anybody understands a sentence.

`lookup`, `masked_lookup` and `dictionary` see the text only and find entities and relations. `schema_only` and
`nearest_entity` are given the gold entities and link them without a look at the words between, so their entity scores
mean nothing and their triple scores compare with systems that are given the entities too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from relex.baselines.ngrams import Baseline
from relex.corpora.similarity import carried, masked
from relex.documents import Document, Relation, Schema, Span
from relex.errors import RelexError
from relex.evaluation.extraction import offset_triples
from relex.mentions import find_all, nearest_pair

LIKELY = 0.5
"""A dictionary entry is used when at least so many training texts with both of its mentions state it."""

Triple = tuple[Span, str, Span]
Entry = tuple[str, str, str]
"""(head mention, relation type, tail mention) of a dictionary."""
Pairs = set[tuple[int, int]]
"""(head, tail) as indices of entities."""


def schema_only(schema: Schema) -> Baseline:
    """Gold entities; every ordered pair of two of them gets every relation that allows its types.

    What it misses is what does not follow the schema; its precision is what the types alone tell.
    """
    return lambda documents: [_linked(document, schema, _fitting) for document in documents]


def nearest_entity(train: Sequence[Document], schema: Schema) -> Baseline:
    """Gold entities; each relation joins an entity to the nearest one of the fitting type.

    Which end looks for the other is counted, for each relation and pair of types: each tail is linked to its nearest
    head, each head to its nearest tail, or the two only where they choose each other, whichever has the highest
    training F1; none of them when no training document has the relation between these types. Nearest has the fewest
    characters between; entities that overlap come last, and of equally near ones the first in the text is taken.
    Mentions that the text does not contain are near to nothing.
    """
    _need(train)
    chosen: dict[tuple[str, str, str], str] = {}
    for relation in schema.relation_types:
        for head_type, tail_type in relation.pairs:
            f1 = _link_f1(train, relation.name, head_type, tail_type)
            best = max(f1, key=f1.get)
            if f1[best]:
                chosen[relation.name, head_type, tail_type] = best

    def link(entities: Sequence[Span], name: str, head_type: str, tail_type: str) -> Pairs:
        way = chosen.get((name, head_type, tail_type))
        return _nearest_links(entities, head_type, tail_type)[way] if way else set()

    return lambda documents: [_linked(document, schema, link) for document in documents]


def lookup(train: Sequence[Document]) -> Baseline:
    """A table of training texts: a text that occurs there gets its annotation from there, any other text nothing.

    Of several annotations of one text the most frequent is taken, of equally frequent ones the first met.
    """
    known = _annotations(train)
    return lambda documents: [_copied(document, known.get(document.text)) for document in documents]


def masked_lookup(train: Sequence[Document]) -> Baseline:
    """`lookup`, and for other texts the annotation of a training text that is the same but for its numbers.

    See `relex.corpora.similarity` for what a number is and where a span goes that a number of another length stands in
    or before. Of several annotations, once carried over, the most frequent is taken, of equally frequent ones the
    first met.
    """
    known = _annotations(train)
    alike = defaultdict(list)
    for document in train:
        alike[masked(document.text)].append(document)

    def read(document: Document) -> Document:
        if document.text in known:
            return _copied(document, known[document.text])
        found = [_carried(one, document.text) for one in alike.get(masked(document.text), ())]
        return _copied(document, _most_frequent(found) if found else None)

    return lambda documents: [read(document) for document in documents]


def dictionary(train: Sequence[Document]) -> Baseline:
    """`lookup`, and for other texts every training triple whose mentions both occur, where they stand nearest.

    An entry (head mention, relation, tail mention) is used when, of the distinct training texts that contain both
    mentions, at least `LIKELY` state it; without that bar it would mostly find the short mentions that stand
    everywhere. The ends get the entity types that the entry has most often.
    """
    known = _annotations(train)
    entries = _likely_entries(list(known.values()))
    mentions = Mentions(mention for head, _, tail in entries for mention in (head, tail))
    by_head = _by_head(entries)

    def read(document: Document) -> Document:
        if document.text in known:
            return _copied(document, known[document.text])
        triples = []
        for entry in _stated(mentions.within(document.text), by_head):
            (head, _, tail), (head_type, tail_type) = entry, entries[entry]
            one, other = nearest_pair(find_all(document.text, head), find_all(document.text, tail))
            if one != other:
                triples.append((Span(*one, head_type), entry[1], Span(*other, tail_type)))
        return _assembled(document, triples)

    return lambda documents: [read(document) for document in documents]


SHORTCUTS: dict[str, Callable[[Sequence[Document], Schema], Baseline]] = {
    "schema_only": lambda train, schema: schema_only(schema),
    "nearest_entity": nearest_entity,
    "lookup": lambda train, schema: lookup(train),
    "masked_lookup": lambda train, schema: masked_lookup(train),
    "dictionary": lambda train, schema: dictionary(train),
}
"""All of them by name, as functions of the training documents and the schema."""


class Mentions:
    """A set of strings, and which of them a text contains."""

    def __init__(self, strings: Iterable[str]):
        self.strings = frozenset(strings)
        self.lengths = sorted({len(s) for s in self.strings})

    def within(self, text: str) -> set[str]:
        """The strings that occur in `text`; takes time with the text's length, not with the number of strings."""
        return {text[i : i + n] for n in self.lengths for i in range(len(text) - n + 1)} & self.strings


def _annotations(train: Sequence[Document]) -> dict[str, Document]:
    """For each training text the document with the most frequent set of triples."""
    _need(train)
    by_text = defaultdict(list)
    for document in train:
        by_text[document.text].append(document)
    return {text: _most_frequent(annotated) for text, annotated in by_text.items()}


def _most_frequent(annotated: Sequence[Document]) -> Document:
    """The first of the documents whose set of triples most of them have."""
    triples = [frozenset(offset_triples(document)) for document in annotated]
    return annotated[triples.index(Counter(triples).most_common(1)[0][0])]


def _likely_entries(documents: Sequence[Document]) -> dict[Entry, tuple[str, str]]:
    """Dictionary entries worth using, and the entity types of their ends."""
    types: dict[Entry, Counter] = defaultdict(Counter)
    stated: Counter[Entry] = Counter()
    for document in documents:
        here = set()
        for head, name, tail in document.triples():
            if not (head.absent or tail.absent):
                entry = document.text[head.start : head.end], name, document.text[tail.start : tail.end]
                here.add(entry)
                types[entry][head.type, tail.type] += 1
        stated.update(here)
    mentions = Mentions(mention for head, _, tail in stated for mention in (head, tail))
    by_head = _by_head(stated)
    possible = Counter(entry for d in documents for entry in _stated(mentions.within(d.text), by_head))
    return {e: types[e].most_common(1)[0][0] for e in stated if stated[e] >= LIKELY * possible[e]}


def _by_head(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found = defaultdict(list)
    for entry in entries:
        found[entry[0]].append(entry)
    return found


def _stated(strings: set[str], by_head: dict[str, list[Entry]]) -> list[Entry]:
    """The entries whose mentions are both among `strings`, in an order that no hash decides."""
    return sorted(entry for head in strings for entry in by_head.get(head, ()) if entry[2] in strings)


def _fitting(entities: Sequence[Span], name: str, head_type: str, tail_type: str) -> Pairs:
    heads, tails = _of_type(entities, head_type), _of_type(entities, tail_type)
    return {(head, tail) for head in heads for tail in tails if head != tail}


def _nearest_links(entities: Sequence[Span], head_type: str, tail_type: str) -> dict[str, Pairs]:
    """The three ways to link heads and tails by nearness; ways by name."""
    heads = [i for i in _of_type(entities, head_type) if not entities[i].absent]
    tails = [i for i in _of_type(entities, tail_type) if not entities[i].absent]

    def nearest(one: int, others: Sequence[int]) -> list[int]:
        others = [other for other in others if other != one]
        return [min(others, key=lambda other: _distance(entities[one], entities[other]))] if others else []

    each_tail = {(head, tail) for tail in tails for head in nearest(tail, heads)}
    each_head = {(head, tail) for head in heads for tail in nearest(head, tails)}
    return {"each tail": each_tail, "each head": each_head, "mutual": each_tail & each_head}


def _distance(one: Span, other: Span) -> tuple[bool, int, int, int]:
    gap = max(other.start - one.end, one.start - other.end)
    return gap < 0, abs(gap), other.start, other.end


def _link_f1(train: Sequence[Document], name: str, head_type: str, tail_type: str) -> dict[str, float]:
    """F1 of each way over the training triples of one relation and pair of types."""
    gold, shown, hits = 0, Counter(), Counter()
    for document in train:
        types = [span.type for span in document.entities]
        stated = {
            (r.head, r.tail)
            for r in document.relations
            if (r.type, types[r.head], types[r.tail]) == (name, head_type, tail_type)
        }
        gold += len(stated)
        for way, pairs in _nearest_links(document.entities, head_type, tail_type).items():
            shown[way] += len(pairs)
            hits[way] += len(pairs & stated)
    return {way: 2 * hits[way] / max(1, gold + shown[way]) for way in shown}


def _linked(document: Document, schema: Schema, link: Callable[[Sequence[Span], str, str, str], Pairs]) -> Document:
    """The document with its entities and the relations that `link` (entities, relation, head and tail type) gives."""
    relations = [
        Relation(head, tail, relation.name)
        for relation in schema.relation_types
        for head_type, tail_type in relation.pairs
        for head, tail in sorted(link(document.entities, relation.name, head_type, tail_type))
    ]
    return replace(document, relations=tuple(relations))


def _of_type(entities: Sequence[Span], entity_type: str) -> list[int]:
    return [i for i, span in enumerate(entities) if span.type == entity_type]


def _copied(document: Document, annotated: Document | None) -> Document:
    if annotated is None:
        return replace(document, entities=(), relations=())
    return replace(document, entities=annotated.entities, relations=annotated.relations)


def _carried(annotated: Document, text: str) -> Document:
    """The annotation of a document on a text that is the same but for its numbers."""
    places = [(span.start, span.end) for span in annotated.entities if not span.absent]
    moved = iter(carried(places, annotated.text, text))
    spans = [span if span.absent else Span(*next(moved), span.type) for span in annotated.entities]
    return replace(annotated, text=text, entities=tuple(spans))


def _assembled(document: Document, triples: Sequence[Triple]) -> Document:
    index: dict[Span, int] = {}
    relations = [
        Relation(index.setdefault(head, len(index)), index.setdefault(tail, len(index)), name)
        for head, name, tail in triples
    ]
    return replace(document, entities=tuple(index), relations=tuple(relations))


def _need(train: Sequence[Document]) -> None:
    if not train:
        raise RelexError("there are no training documents; give at least one")
