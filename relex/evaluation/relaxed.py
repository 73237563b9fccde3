"""Relaxed matches: an entity is right when its type is, and at least one character of it.

Of the three modes in which entities and relations are scored, strict, boundaries and relaxed, Bekoulis et al. (2018,
"Joint entity recognition and relation extraction as a multi-head selection problem", section 5.1) say of the last: the
boundaries of the gold entities are given; an entity is right when at least one of its tokens has the right type, and a
relation when its type and both of its entities are right. Taillé et al. (2020, "Let's stop incorrect comparisons in
end-to-end relation extraction!") ask that no score of one mode be compared with one of another.

Here boundaries are predicted, and Documents have characters and no tokens. So a gold and a predicted entity *fit* when
they have the type and at least one character in common, and two triples when their relation types are equal and both
ends fit. As one entity may fit several, matches are one to one: each gold and each predicted item is in one match at
most, and what counts is the largest number of matches that can be made so. That number does not depend on any order,
is never above the number of gold or of predicted items, and never below that of the strict matches.

Keys are those of `extraction`: (start, end, type) of an entity, with ABSENT in the place of `end` where the text does
not contain it, and (*head, relation type, *tail) of a triple.
"""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from relex.documents import ABSENT


def matching_entities(gold: set[tuple], predicted: set[tuple]) -> int:
    """The largest number of one-to-one matches of the entities of one document."""
    return _matching(gold, predicted, _entities_fit)


def matching_triples(gold: set[tuple], predicted: set[tuple]) -> int:
    """The largest number of one-to-one matches of the triples of one document."""
    return _matching(gold, predicted, _triples_fit)


def _entities_fit(one: tuple, other: tuple) -> bool:
    if one[2] != other[2] or ABSENT in (one[1], other[1]):
        return False
    return one[0] < other[1] and other[0] < one[1]


def _triples_fit(one: tuple, other: tuple) -> bool:
    return one[3] == other[3] and _entities_fit(one[:3], other[:3]) and _entities_fit(one[4:], other[4:])


def _matching(gold: set[tuple], predicted: set[tuple], fit: Callable[[tuple, tuple], bool]) -> int:
    edges = [(i, j) for i, one in enumerate(gold) for j, other in enumerate(predicted) if fit(one, other)]
    rows, columns = {i for i, _ in edges}, {j for _, j in edges}
    if len(edges) in (len(rows), len(columns)):  # nearly always: the items of one side have no choice
        return min(len(rows), len(columns))
    graph = csr_array((np.ones(len(edges)), tuple(zip(*edges, strict=True))), shape=(len(gold), len(predicted)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
