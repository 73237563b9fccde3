"""Counts behind percentages: a recall is k of N gold items, a precision k of those found, and F1 is 2k / (N + found).

The idea is GRIM (Brown and Heathers 2017): of a small whole number of items only some percentages exist. Cells are in
percent with two decimals; a total is N. A mean over n runs is a count of n · N and fits more often.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor

from scipy.stats import binom

from relex.audits.identity import SLACK, bounds

Row = tuple[float, float, float]
"""Printed P, R and F1."""


def whole(share: float, total: int, cut: bool = False) -> range:
    """All k for which k of `total` is printed as `share` percent."""
    low, high = bounds(share, cut)
    last = floor(high * total / 100 + SLACK)
    if cut and last * 100 >= high * total - SLACK:  # what is cut is below the next digit
        last -= 1
    return range(max(0, ceil(low * total / 100 - SLACK)), last + 1)


def counts(row: Row, total: int, cut: bool = False) -> list[tuple[int, int]]:
    """All (right, found) that are printed as this P, R and F1 when there are `total` gold items."""
    p, r, printed = row
    low, high = bounds(printed, cut)
    fitting = []
    for right in whole(r, total, cut):
        for found in _found(right, p, cut):
            value = 200 * right / (total + found)
            if low - SLACK <= value <= high + SLACK:
                fitting.append((right, found))
    return fitting


def _found(right: int, p: float, cut: bool) -> range:
    low, high = bounds(p, cut)
    if right == 0 or low <= 0:
        return range(0)
    return range(max(right, ceil(100 * right / high - SLACK)), floor(100 * right / low + SLACK) + 1)


def recall_fits(r: float, total: int) -> bool:
    """Whether a recall is k of `total`, rounded or cut."""
    return any(whole(r, total, cut) for cut in (False, True))


def fits(row: Row, total: int) -> bool:
    """Whether P, R and F1 are counts of `total` gold items, all rounded or all cut."""
    return any(counts(row, total, cut) for cut in (False, True))


def chance(row: Row, total: int) -> float:
    """The probability, at most, that a random row near this one would fit `total` in P, R and F1 at once, rounded.

    Of the 10,001 printed recalls `total` + 1 exist; around P, neighbouring numbers of found items lie P / found apart.
    That F1 fits as well is taken as certain, since the printed three fit each other.
    """
    p, r, _ = (cell / 100 for cell in row)
    found = r * total / p
    return min(1.0, (total + 1) / 10_001) * min(1.0, 1e-4 * found / p)


def recall_chance(total: int) -> float:
    """The probability that a random recall is k of `total`, rounded."""
    return min(1.0, (total + 1) / 10_001)


def luck(fitting: int, chances: Sequence[float], tried: int = 1) -> float:
    """The probability, at most, that so many rows fit one of `tried` totals when each row fits by its chance alone."""
    mean = sum(chances) / len(chances)
    return float(min(1.0, tried * binom.sf(fitting - 1, len(chances), mean)))


def best_total(rows: Sequence[Row], totals: Iterable[int]) -> tuple[int, list[Row]]:
    """The smallest of the totals that most rows fit in P, R and F1, rounded, and the rows that do."""
    found = {total: [row for row in rows if counts(row, total)] for total in totals}
    best = max(found, key=lambda total: (len(found[total]), -total))
    return best, found[best]


def first_total(recalls: Sequence[float], bound: int) -> int | None:
    """The smallest total up to `bound` of which all recalls are whole counts, all rounded or all cut; None without."""
    for total in range(1, bound + 1):
        if any(all(whole(r, total, cut) for r in recalls) for cut in (False, True)):
            return total
    return None


def repairs(row: Row, total: int) -> list[tuple[str, float]]:
    """Each (column, value) that would make the row counts of `total` when only that one cell is changed.

    Nearest first, and only values within five points of the printed one.
    """
    p, r, printed = row
    found = {}
    for right in whole(r, total):
        for other in _found(right, p, cut=False):
            found["f1", round(200 * right / (total + other), 2)] = printed
        for other in range(right, 2 * total):
            if abs(200 * right / (total + other) - printed) <= 0.005 + SLACK:
                found["p", round(100 * right / other, 2)] = p
    for right in range(1, total + 1):
        for other in _found(right, p, cut=False):
            if abs(200 * right / (total + other) - printed) <= 0.005 + SLACK:
                found["r", round(100 * right / total, 2)] = r
    near = {key: abs(key[1] - was) for key, was in found.items() if abs(key[1] - was) <= 5}
    return sorted(near, key=near.get)
