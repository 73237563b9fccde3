"""Schemes of corners: a triple is a rectangle of a subject's rows and an object's columns (OneRel, GRTE)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from relex.heads.classes import TokenEntity, TokenTriple
from relex.heads.table.scheme import Cell, Found, Place, Scheme


class Horns(Scheme):
    """Three corners of the rectangle of a subject's rows and an object's columns, in one table a class (OneRel).

    Tags of Shang et al. 2022: 1 for (first, first), 2 for (first, last), 3 for (last, last). As in the public code only
    the *next* cell of the row that holds anything can be the second corner; the third is the nearest one down its
    column. No entity may have one token, for two corners would be one cell: the public code gives every word a second
    token, here such triples are lost.
    """

    groups = ("classes",)
    tags = 4
    exclusive = True

    def corners(self, triple: TokenTriple) -> tuple[Place, Place, Place]:
        """The three cells."""
        first, last, _, object_first, object_last = triple
        last, object_last = last + self.reach, object_last + self.reach
        return (first, object_first), (first, object_last), (last, object_last)

    def unsayable(self, triple: TokenTriple, entities: Collection[TokenEntity]) -> str:
        """Triples with an entity of one token, if two corners are then the same."""
        return "one_token" if len(set(self.corners(triple))) < 3 else ""

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        for tag, place in enumerate(self.corners(triple), 1):
            yield triple[2], *place, tag

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples; entities have no types of their own."""
        rows, columns, found = _lines(cells, 1), _lines([cell for cell in cells if cell[3] == 3], 2), set()
        for table, row, column, tag in cells:
            across = tag == 1 and _after(rows[table, row], column)
            if across and across[1] == 2:
                down = _after(columns.get((table, across[0]), ()), row)
                if down:
                    found.add((row, down[0] - self.reach, table, column, across[0] - self.reach))
        return found, set()


class ShiftedHorns(Horns):
    """The same with the token after an entity's last one as its end, so that an entity may have one token."""

    reach = 1


class MultiHorns(Scheme):
    """The corners in tables of their own, three a class, which hold entities of one token too: a corner goes with the
    nearest second one, that with the nearest third. Ours."""

    groups = ("classes",) * 3

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        first, last, class_id, object_first, object_last = triple
        yield class_id, first, object_first, 1
        yield self.classes + class_id, first, object_last, 1
        yield 2 * self.classes + class_id, last, object_last, 1

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples; entities have no types of their own."""
        rows, columns, found = _lines(cells, 1), _lines(cells, 2), set()
        for table, row, column, _ in cells:
            if table < self.classes:
                across = _after(rows.get((self.classes + table, row), ()), column - 1)
                down = across and _after(columns.get((2 * self.classes + table, across[0]), ()), row - 1)
                if down:
                    found.add((row, down[0], table, column, across[0]))
        return found, set()


class Regions(Scheme):
    """The first and the last corner, with tags that say which side has several tokens (GRTE, Ren et al. 2021).

    Tags 1 SS, 2 SMH, 3 SMT, 4 MSH, 5 MST, 6 MMH, 7 MMT: the subject, then the object, of a single or of several tokens,
    first or last. A first corner goes with the nearest last one of its row or column, MMH with the MMT that comes next
    row by row.
    """

    groups = ("classes",)
    tags = 8
    exclusive = True

    def cells_of(self, triple: TokenTriple) -> Iterator[Cell]:
        first, last, class_id, object_first, object_last = triple
        kind = 2 * (2 * (first < last) + (object_first < object_last))
        yield class_id, first, object_first, max(1, kind)
        if kind:
            yield class_id, last, object_last, kind + 1

    def decode(self, cells: Collection[Cell], entities: Collection[TokenEntity] = ()) -> Found:
        """Triples; entities have no types of their own."""
        tails = defaultdict(list)
        for table, row, column, tag in sorted(cells):
            if tag in (3, 5, 7):
                tails[table, tag].append((row, column))
        found = set()
        for table, row, column, tag in cells:
            if tag == 1:
                found.add((row, row, table, column, column))
            elif tag in (2, 4, 6):
                end = self._end(tails[table, tag + 1], row, column, tag)
                if end:
                    found.add((row, end[0], table, column, end[1]))
        return found, set()

    def _end(self, tails: Sequence[Place], row: int, column: int, tag: int) -> Place | None:
        for i, j in tails[bisect_right(tails, (row, column)) :]:
            if tag == 2 and i > row:
                break
            if (i == row if tag == 2 else i > row) and (j == column if tag == 4 else j > column):
                return i, j
        return None


Line = list[tuple[int, int]]
"""Where the cells of a row, or of a column, stand, and their tags."""


def _lines(cells: Collection[Cell], along: int) -> dict[tuple[int, int], Line]:
    """The cells of each (table, row), in the order of the text, for `along` 1; of each (table, column) for 2."""
    found: dict[tuple[int, int], Line] = defaultdict(list)
    for cell in sorted(cells):
        found[cell[0], cell[along]].append((cell[3 - along], cell[3]))
    return found


def _after(line: Line | tuple[()], place: int) -> tuple[int, int] | None:
    """Place and tag of the next cell of a line after a place."""
    i = bisect_right(line, place, key=lambda cell: cell[0])
    return line[i] if i < len(line) else None
