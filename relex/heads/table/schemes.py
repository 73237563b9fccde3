"""The schemes of the printed systems: spans and links of their ends, tags and links of last words, chains; and corners.

A triple is (first and last token of the subject, class, first and last token of the object).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from relex.heads.classes import TokenEntity, TokenTriple
from relex.heads.table.corners import Horns, MultiHorns, Regions, ShiftedHorns
from relex.heads.table.scheme import Cell, Found, Place, Scheme, by_first, linked


class Handshake(Scheme):
    """Three kinds of tables over i ≤ j: entities from first to last token, links of first and links of last tokens.

    TPLinker, Wang et al. 2020. A link is tag 1 where the subject stands before the object and 2 where it stands after
    it, so a pair of tokens cannot be linked in both directions. An entity is read where two first tokens are linked, if
    a span begins there; a link of last tokens must confirm it.
    """

    groups = ("spans", "classes", "classes")
    triangle = True
    tags = 3
    exclusive = True

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        first, last, class_id, object_first, object_last = triple
        yield 0, first, last, 1
        yield 0, object_first, object_last, 1
        yield from self._link(1 + class_id, first, object_first)
        yield from self._link(1 + self.classes + class_id, last, object_last)

    def _link(self, table: int, subject: int, object_: int) -> Iterator[Cell]:
        yield table, min(subject, object_), max(subject, object_), 1 if subject <= object_ else 2

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples; entities have no types of their own."""
        spans = by_first((i, j) for table, i, j, _ in cells if table == 0)
        links = defaultdict(set)
        for table, i, j, tag in cells:
            links[table].add((i, j) if tag == 1 else (j, i))
        return _triples(self, lambda c: (links[1 + c], links[1 + self.classes + c], spans, spans)), set()


class TypedHandshake(Scheme):
    """The same with a table for each type of entity and two for each kind of link, one a direction (TPLinker+).

    Cells of different tables do not exclude each other, so nothing overwrites anything.
    """

    groups = ("types", *["classes"] * 4)
    triangle = True
    typed = True

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        first, last, class_id, object_first, object_last = triple
        for kind, subject, object_ in ((0, first, object_first), (2, last, object_last)):
            back = subject > object_
            yield self._table(kind + back, class_id), min(subject, object_), max(subject, object_), 1

    def cells_of_entity(self, entity: TokenEntity) -> Iterator[Cell]:
        first, last, kind = entity
        yield kind, first, last, 1

    def _table(self, kind: int, class_id: int) -> int:
        """`kind`: links of first tokens, the same backwards, those of last tokens, and backwards."""
        return self.types + kind * self.classes + class_id

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples, and all entities."""
        tables = defaultdict(set)
        for table, i, j, _ in cells:
            tables[table].add((i, j))
        spans = [by_first(tables[kind]) for kind in range(self.types)]

        def links(kind: int, class_id: int) -> set[Place]:
            return tables[self._table(kind, class_id)] | {(i, j) for j, i in tables[self._table(kind + 1, class_id)]}

        def parts(class_id: int):
            head, tail = self.pairs[class_id]
            return links(0, class_id), links(2, class_id), spans[head], spans[tail]

        entities = {(i, j, kind) for kind, found in enumerate(spans) for i, lasts in found.items() for j in lasts}
        return _triples(self, parts), entities


class Links(Scheme):
    """One table of spans, and over all ordered pairs one of links of first and one of links of last tokens a class.

    The row is the subject's, for EmRel has other vectors for subjects than for objects. That its Tucker tables are
    these two is our reading: Xu et al. 2022 follow TPLinker, by their own words, and print no decoding.
    """

    groups = ("spans", "classes", "classes")

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        first, last, class_id, object_first, object_last = triple
        spans = self.spans
        yield 0, first, last, 1
        yield spans - 1, object_first, object_last, 1
        yield spans + class_id, first, object_first, 1
        yield spans + self.classes + class_id, last, object_last, 1

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples; entities have no types of their own."""
        tables = defaultdict(set)
        for table, i, j, _ in cells:
            tables[table].add((i, j))
        subjects, objects, spans = by_first(tables[0]), by_first(tables[self.spans - 1]), self.spans
        return _triples(self, lambda c: (tables[spans + c], tables[spans + self.classes + c], subjects, objects)), set()


class Pointers(Links):
    """The same with a table of spans for subjects and one for objects (GPLinker)."""

    groups = ("spans", "spans", "classes", "classes")


class LastTokens(Scheme):
    """Entities as tags of tokens; a table for each class, which links the last tokens (Bekoulis et al. 2018)."""

    groups = ("classes",)
    typed = True
    tagged = True

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        _, last, class_id, _, object_last = triple
        yield class_id, last, object_last, 1

    def class_at(self, cell: Cell) -> int:
        """Of which class a cell is."""
        return cell[0]

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples between entities whose types fit, and all entities, which share no token."""
        ending, found = {last: (first, last, kind) for first, last, kind in entities}, set()
        for cell in cells:
            subject, object_, class_id = ending.get(cell[1]), ending.get(cell[2]), self.class_at(cell)
            if subject and object_ and (subject[2], object_[2]) == self.pairs[class_id]:
                found.add((*subject[:2], class_id, *object_[:2]))
        return found, set(entities)


class WordPairs(LastTokens):
    """Entities as tags; one table in which a pair of words has one class, or none (GraphRel, Fu et al. 2019).

    The last token stands for an entity, as where the public code is scored.
    """

    groups = ("one",)
    exclusive = True

    def __init__(self, pairs: Sequence[tuple[int, int]], types: int):
        super().__init__(pairs, types)
        self.tags = self.classes + 1

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        _, last, class_id, _, object_last = triple
        yield 0, last, object_last, 1 + class_id

    def class_at(self, cell: Cell) -> int:
        """Of which class a cell is."""
        return cell[3] - 1


class Chain(Scheme):
    """Entities as chains of neighbours, in one table (W2NER, Li et al. 2022); relations it does not know.

    Tag 1 leads from a token of an entity to its next one, above the diagonal; tag 2 + type from its last token back to
    its first one, on or below it. In our corpora no mention has gaps, so only neighbours are chained.
    """

    groups = ("one",)
    exclusive = True
    typed = True
    relations = False

    def __init__(self, pairs: Sequence[tuple[int, int]], types: int):
        super().__init__(pairs, types)
        self.tags = 2 + types

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        return iter(())

    def cells_of_entity(self, entity: TokenEntity) -> Iterator[Cell]:
        first, last, kind = entity
        yield 0, last, first, 2 + kind
        for i in range(first, last):
            yield 0, i, i + 1, 1

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """All entities, no triples."""
        linked_on = {row for _, row, column, tag in cells if tag == 1 and column == row + 1}
        ends = {}  # the last token that a chain from here reaches
        for row in sorted(linked_on, reverse=True):
            ends[row] = ends.get(row + 1, row + 1)
        closed = [(first, last, tag - 2) for _, last, first, tag in cells if tag > 1]
        return set(), {e for e in closed if e[0] <= e[1] <= ends.get(e[0], e[0])}


def _triples(scheme: Scheme, parts) -> set[TokenTriple]:
    """Triples of all classes; `parts` of a class: links of first and of last tokens, spans of subjects, of objects."""
    return {
        (first, last, class_id, object_first, object_last)
        for class_id in range(scheme.classes)
        for first, last, object_first, object_last in linked(*parts(class_id))
    }


SCHEMES = {
    "handshake": Handshake,
    "handshake_typed": TypedHandshake,
    "links": Links,
    "pointers": Pointers,
    "horns": Horns,
    "horns_shifted": ShiftedHorns,
    "horns_multi": MultiHorns,
    "regions": Regions,
    "last_tokens": LastTokens,
    "word_pairs": WordPairs,
    "chain": Chain,
}
"""By the names that options have for them."""
