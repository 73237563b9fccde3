"""What cells of token-pair tables say, by trying every triple that N tokens allow.

`cells` maps (table, row, column) to a tag, 1 where a table has no tags. Tokens are counted from 0 to N − 1. Each
function says of one triple (first and last token of the subject, class, first and last token of the object) whether it
is in the cells; `decode` asks for all of them.
"""

from itertools import product


def decode(says, cells, n, classes):
    """All triples of which `says(cells, triple)` is true."""
    spans = [(i, j) for i in range(n) for j in range(i, n)]
    every = ((*subject, c, *object_) for subject, c, object_ in product(spans, range(classes), spans))
    return {triple for triple in every if says(cells, triple)}


def link(cells, table, subject, object_):
    """A link over i ≤ j: tag 1 from i to j, tag 2 from j to i."""
    if subject <= object_ and cells.get((table, subject, object_)) == 1:
        return True
    return object_ <= subject and cells.get((table, object_, subject)) == 2


def handshake(classes):
    """TPLinker: table 0 of spans, then R of links of first tokens, then R of links of last ones."""

    def says(cells, triple):
        a, b, c, d, e = triple
        spans = (0, a, b) in cells and (0, d, e) in cells
        return spans and link(cells, 1 + c, a, d) and link(cells, 1 + classes + c, b, e)

    return says


def handshake_typed(pairs, types):
    """TPLinker+: a table a type, then R of links of first tokens, R of them backwards, and the same of last tokens."""

    def linked(cells, kind, c, subject, object_):
        there, back = types + kind * len(pairs) + c, types + (kind + 1) * len(pairs) + c
        ahead = subject <= object_ and (there, subject, object_) in cells
        return ahead or (object_ <= subject and (back, object_, subject) in cells)

    def says(cells, triple):
        a, b, c, d, e = triple
        head, tail = pairs[c]
        spans = (head, a, b) in cells and (tail, d, e) in cells
        return spans and linked(cells, 0, c, a, d) and linked(cells, 2, c, b, e)

    return says


def links(classes, sides):
    """GPLinker, with `sides` 2 tables of spans, or with one for subjects and objects alike."""

    def says(cells, triple):
        a, b, c, d, e = triple
        spans = (0, a, b) in cells and (sides - 1, d, e) in cells
        return spans and (sides + c, a, d) in cells and (sides + classes + c, b, e) in cells

    return says


def horns(shift):
    """OneRel: tag 1, nothing up to tag 2 in its row, and no tag 3 up to the one that ends the subject in its column."""

    def says(cells, triple):
        a, b, c, d, e = triple
        b, e = b + shift, e + shift
        if (a, d) == (a, e) or (a, e) == (b, e):
            return False
        corners = [cells.get((c, *place)) for place in ((a, d), (a, e), (b, e))]
        between = [cells.get((c, a, j)) for j in range(d + 1, e)]
        above = [cells.get((c, i, e)) for i in range(a + 1, b)]
        return corners == [1, 2, 3] and not any(between) and 3 not in above

    return says


def horns_multi(classes):
    """Three tables a class; the nearest second corner at or after the first, the nearest third at or below that."""

    def says(cells, triple):
        a, b, c, d, e = triple
        first, second, third = ((kind * classes + c) for kind in range(3))
        corners = (first, a, d) in cells and (second, a, e) in cells and (third, b, e) in cells
        nearer = any((second, a, j) in cells for j in range(d, e)) or any((third, i, e) in cells for i in range(a, b))
        return corners and not nearer

    return says


def regions(cells, triple):
    """GRTE: SS; or a first corner and the next last one in its row, its column, or below it row by row."""
    a, b, c, d, e = triple
    several = (a < b, d < e)
    begin, end = {(False, True): (2, 3), (True, False): (4, 5), (True, True): (6, 7)}.get(several, (1, 1))
    if cells.get((c, a, d)) != begin or cells.get((c, b, e)) != end:
        return False
    others = [(i, j) for t, i, j in cells if t == c and cells[t, i, j] == end]
    others = [(i, j) for i, j in others if (i > a if several[0] else i == a) and (j > d if several[1] else j == d)]
    return several == (False, False) or min(others) == (b, e)


def last_tokens(pairs, entities):
    """Multi-head selection: a link of last tokens between entities of the types of its class."""

    def says(cells, triple):
        a, b, c, d, e = triple
        head, tail = pairs[c]
        return (a, b, head) in entities and (d, e, tail) in entities and (c, b, e) in cells

    return says


def word_pairs(pairs, entities):
    """GraphRel: the same with the class as the tag of a single table."""

    def says(cells, triple):
        a, b, c, d, e = triple
        head, tail = pairs[c]
        return (a, b, head) in entities and (d, e, tail) in entities and cells.get((0, b, e)) == 1 + c

    return says


def chain(cells, n, types):
    """W2NER: all entities whose tokens are chained one to the next, and whose last one leads back to the first."""
    return {
        (first, last, kind)
        for first, last, kind in product(range(n), range(n), range(types))
        if first <= last
        and cells.get((0, last, first)) == 2 + kind
        and all(cells.get((0, i, i + 1)) == 1 for i in range(first, last))
    }
