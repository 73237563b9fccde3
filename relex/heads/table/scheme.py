"""What a scheme is: a way to write triples into tables of token pairs, and to read them from there."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from relex.heads.classes import TokenEntity, TokenTriple

Cell = tuple[int, int, int, int]
"""Table, row, column, and the tag that stands there, from 1; a table without tags has 1 for what is there."""
Place = tuple[int, int]
"""First and last token; or row and column."""
Found = tuple[set[TokenTriple], set[TokenEntity]]
"""What cells say."""
Scored = tuple[dict[TokenTriple, float], dict[TokenEntity, float]]
"""The same, each with its score from 0 to 1."""

REASONS = ("one_token", "mistyped", "overlapping", "overwritten", "ambiguous")
"""Why a scheme does not give back a triple that it was given."""


class Scheme(ABC):
    """T tables over the tokens of a text; `encode` and `decode` are pure functions of sets.

    A cell of an `exclusive` scheme holds one of C tags, 0 for nothing; where two fall on one cell, the first stays.
    """

    groups: ClassVar[tuple[str, ...]]
    """What the tables stand for, in their order: one for all `spans`, one for each of the E `types` of entities or the
    R `classes`, or `one` for everything."""
    tags: int = 1
    """How many tags C a cell can have, O among them; 1 if it is there or not."""
    exclusive: ClassVar[bool] = False
    """Whether C > 1."""
    triangle: ClassVar[bool] = False
    """Whether only cells with column ≥ row are used."""
    typed: ClassVar[bool] = False
    """Whether entities have their types by themselves, and are found without a relation too."""
    tagged: ClassVar[bool] = False
    """Whether they are not in the tables: BIEOS tags of the tokens say them."""
    relations: ClassVar[bool] = True
    """Whether it knows relations."""
    reach: ClassVar[int] = 0
    """How many tokens after the last one of the text, that is [SEP], the tables need."""

    def __init__(self, pairs: Sequence[tuple[int, int]], types: int):
        """`pairs`: for each of R classes the type ids of its head and its tail, of E `types`."""
        self.pairs, self.types, self.classes = tuple(pairs), types, len(pairs)
        sizes = {"one": 1, "spans": 1, "types": types, "classes": self.classes}
        self.sizes = tuple(sizes[group] for group in self.groups)
        """How many tables each group has."""
        self.tables = sum(self.sizes)

    @classmethod
    def named(cls) -> bool:
        """Whether every table is of a type or a class."""
        return {"types", "classes"}.issuperset(cls.groups)

    @property
    def spans(self) -> int:
        """So many first tables hold spans."""
        return sum(n for name, n in zip(self.groups, self.sizes, strict=True) if name in ("spans", "types"))

    @property
    def alike(self) -> tuple[int, ...]:
        """Numbers of tables that stand together for the same: all of spans, links of first tokens, …"""
        others = [n for name, n in zip(self.groups, self.sizes, strict=True) if name not in ("spans", "types")]
        return (self.spans, *others) if self.spans else tuple(others)

    # What a scheme says

    @abstractmethod
    def cells_of(self, triple: TokenTriple) -> Iterable[Cell]:
        """Where one triple is written."""

    def cells_of_entity(self, entity: TokenEntity) -> Iterable[Cell]:
        """Where one entity is written, whether it has a relation or not."""
        return ()

    @abstractmethod
    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """The triples and the typed entities of a text; `entities` are those of its tags, if the scheme is `tagged`."""

    def unsayable(self, triple: TokenTriple, entities: Collection[TokenEntity]) -> str:
        """Why a triple is not written at all, one of `REASONS`, or nothing; `entities`: those that are kept."""
        first, last, class_id, object_first, object_last = triple
        head, tail = self.pairs[class_id]
        if self.typed and not {(first, last, head), (object_first, object_last, tail)} <= set(entities):
            spans = {(a, b) for a, b, _ in entities}
            return "mistyped" if {(first, last), (object_first, object_last)} <= spans else "overlapping"
        return ""

    # What follows from that

    def kept(self, entities: Collection[TokenEntity]) -> set[TokenEntity]:
        """The entities that can be said beside each other: of BIEOS tags those that share no token.

        The one is kept that begins first, of those that begin together the longest.
        """
        if not self.tagged:
            return set(entities)
        kept: list[TokenEntity] = []
        for entity in sorted(entities, key=lambda e: (e[0], -e[1], e[2])):
            if not kept or entity[0] > kept[-1][1]:
                kept.append(entity)
        return set(kept)

    def encode(self, triples: Collection[TokenTriple], entities: Collection[TokenEntity] = ()) -> set[Cell]:
        """The cells of a text; in the order of the text, so that the first of two that want a cell has it."""
        kept = self.kept(entities)
        wanted = [cell for entity in sorted(kept) for cell in self.cells_of_entity(entity)]
        for triple in sorted(triples):
            if not self.unsayable(triple, kept):
                wanted += self.cells_of(triple)
        placed: dict[tuple[int, int, int], int] = {}
        for *place, tag in wanted:
            placed.setdefault(tuple(place), tag)
        return {(*place, tag) for place, tag in placed.items()}

    def decode_scored(self, cells: Mapping[Cell, float], entities: Mapping[TokenEntity, float]) -> Scored:
        """`decode` of cells and entities with probabilities; a score is the lowest of those that something rests on."""
        triples, typed = self.decode(cells, entities)

        def lowest(wanted: Iterable[Cell]) -> float:
            return min((cells[cell] for cell in wanted if cell in cells), default=1.0)

        of_entities = {e: entities[e] if e in entities else lowest(self.cells_of_entity(e)) for e in typed}

        def score(triple: TokenTriple) -> float:
            first, last, class_id, object_first, object_last = triple
            head, tail = self.pairs[class_id]
            ends = (first, last, head), (object_first, object_last, tail)
            return min(lowest(self.cells_of(triple)), *(of_entities.get(end, 1.0) for end in ends))

        return {triple: score(triple) for triple in triples}, of_entities

    def read_back(
        self, triples: Collection[TokenTriple], entities: Collection[TokenEntity] = ()
    ) -> tuple[dict[TokenTriple, str], set[TokenTriple]]:
        """What comes back of a text's triples: those that are lost, each with one of `REASONS`, and wrong ones.

        `overwritten`: one of its cells holds another tag; `ambiguous`: all its cells are right, and read otherwise.
        """
        cells, kept = self.encode(triples, entities), self.kept(entities)
        found = self.decode(cells, kept)[0] if self.relations else set(triples)

        def reason(triple: TokenTriple) -> str:
            held = cells.issuperset(self.cells_of(triple))
            return self.unsayable(triple, kept) or ("ambiguous" if held else "overwritten")

        return {t: reason(t) for t in set(triples) - found}, found - set(triples)


Spans = dict[int, list[int]]
"""First token → last tokens of the spans that begin there."""


def by_first(spans: Iterable[Place]) -> Spans:
    """Spans by their first token; what ends before it begins is none."""
    found: Spans = defaultdict(list)
    for first, last in spans:
        if first <= last:
            found[first].append(last)
    return found


def linked(
    heads: Iterable[Place], tails: Collection[Place], subjects: Spans, objects: Spans
) -> Iterator[tuple[int, int, int, int]]:
    """First and last tokens of subjects and objects whose first tokens are linked, and whose last tokens are."""
    for first, object_first in heads:
        lasts, object_lasts = subjects.get(first, ()), objects.get(object_first, ())
        if len(lasts) * len(object_lasts) <= len(tails):
            pairs = ((a, b) for a in lasts for b in object_lasts if (a, b) in tails)
        else:
            ends, object_ends = set(lasts), set(object_lasts)
            pairs = ((a, b) for a, b in tails if a in ends and b in object_ends)
        for last, object_last in pairs:
            yield first, last, object_first, object_last
