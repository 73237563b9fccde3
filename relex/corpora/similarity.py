"""How alike texts are: equal but for their numbers, near duplicates by character n-grams, and clusters of either.

A *number* is a run of decimal digits, of half or full width, with the points between them: 3, 2.75, １５, 1.2.3. So
2.5×15 and 50%-70% hold two numbers each; signs, units, % and × stay. Chinese numerals (两支, 第一对角支) are words
here: they are parts of names as often as quantities.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

NUMBER = re.compile(r"\d+(?:[.．]\d+)*")
MASK = "0"
"""What stands for any number; being a number, it stays when a text is masked again."""

NGRAM = 4
"""Characters of the n-grams that near duplicates share, after the mask."""
THRESHOLD = 0.8
"""The least Jaccard index of near duplicates."""
BLOCK = 500
"""Rows of the product of n-gram counts that are held at a time; it changes no result."""

Place = tuple[int, int]
"""(start, end) in characters, end exclusive."""


def masked(text: str) -> str:
    """The text with `MASK` for every number."""
    return NUMBER.sub(MASK, text)


def carried(places: Iterable[Place], source: str, target: str) -> list[Place]:
    """Where places of `source` lie in `target`, a text that is the same but for its numbers.

    What begins or ends inside a number keeps its distance from the number's beginning when the number in `target` is
    as long; otherwise it is widened to the whole number. Raises a ValueError for texts that differ in more.
    """
    if masked(source) != masked(target):
        raise ValueError("the two texts differ in more than their numbers")
    numbers = [(a.span(), b.span()) for a, b in zip(NUMBER.finditer(source), NUMBER.finditer(target), strict=True)]

    def moved(position: int, side: int) -> int:
        shift = 0
        for here, there in numbers:
            if position <= here[0]:
                break
            shift = there[1] - here[1]
            if position < here[1] and shift != there[0] - here[0]:
                return there[side]
        return position + shift

    return [(moved(start, 0), moved(end, 1)) for start, end in places]


def ngrams(text: str, n: int = NGRAM) -> set[str]:
    """The character n-grams of a text; a text of fewer characters has none."""
    return {text[i : i + n] for i in range(len(text) - n + 1)}


def similar_pairs(
    texts: Sequence[str], others: Sequence[str], n: int = NGRAM, threshold: float = THRESHOLD, block: int = BLOCK
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices into `texts` and `others` of all pairs whose sets of n-grams have a Jaccard index of `threshold` or more.

    One pair of arrays of equal length for each block of `texts`. The index is exact: the sizes of all intersections
    are one sparse matrix product. `threshold` is above 0. A text without n-grams is similar to none, not to itself.
    """
    if not others or all(len(text) < n for text in texts):
        return
    # n-grams that only `others` have are in no intersection, so the vocabulary of `texts` is enough.
    counter = CountVectorizer(analyzer=lambda text: ngrams(text, n), binary=True, dtype=np.int32)
    grams, columns = counter.fit_transform(texts), counter.transform(others).T.tocsr()
    sizes, other_sizes = (np.array([len(ngrams(text, n)) for text in some]) for some in (texts, others))
    for start in range(0, len(texts), block):
        shared = (grams[start : start + block] @ columns).tocoo()
        rows = start + shared.row
        union = sizes[rows] + other_sizes[shared.col] - shared.data
        close = shared.data >= threshold * union
        yield rows[close], shared.col[close]


def near_duplicates(
    texts: Sequence[str], others: Iterable[str], n: int = NGRAM, threshold: float = THRESHOLD, block: int = BLOCK
) -> np.ndarray:
    """Whether each text equals one of `others` or is similar to it, as `similar_pairs` says; N, bool."""
    unique, known = list(dict.fromkeys(texts)), list(dict.fromkeys(others))
    found = set(unique) & set(known)
    for rows, _ in similar_pairs(unique, known, n, threshold, block):
        found.update(unique[row] for row in np.unique(rows))
    return np.fromiter((text in found for text in texts), dtype=bool, count=len(texts))


def clusters(texts: Sequence[str]) -> list[list[int]]:
    """Indices of the texts, grouped: near duplicates after the mask are in one group, and so are theirs in turn.

    Groups are in order of their first text and hold indices in order. So no text equals a text of another group after
    the mask, and none has with one a Jaccard index of `THRESHOLD` or more.
    """
    after = [masked(text) for text in texts]
    row_of = {text: row for row, text in enumerate(dict.fromkeys(after))}
    pairs = [np.stack(found) for found in similar_pairs(list(row_of), list(row_of))]
    rows, columns = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), dtype=int)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(row_of),) * 2)
    labels = connected_components(links, directed=False)[1]
    groups: dict[int, list[int]] = {}
    for index, text in enumerate(after):
        groups.setdefault(labels[row_of[text]], []).append(index)
    return list(groups.values())
