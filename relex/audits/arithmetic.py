"""Differences, sums and ranks of printed numbers. Cells in percent with two decimals; counts are whole numbers."""

from collections.abc import Mapping, Sequence

from relex.audits.identity import SLACK, UNIT


def difference_error(said: float, a: float, b: float) -> float:
    """How far a printed difference is from a − b, in points; 0 within the hundredth that roundings can move it."""
    error = said - (a - b)
    return 0.0 if abs(error) <= UNIT + SLACK else error


def instead(said: float, a: float, cells: Mapping[str, float]) -> list[str]:
    """Addresses of cells b with a − b = `said` to the printed digit: which cell the author may have had at hand."""
    return [name for name, b in cells.items() if abs(a - b - said) <= SLACK]


def sum_error(parts: Sequence[float], total: float) -> float:
    """Sum of the parts less the total."""
    return sum(parts) - total


def micro(matrix: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Micro P and micro R (percent) of a confusion matrix, rows gold and columns predicted, one label a text.

    Both are the diagonal by the sum of all cells, whatever the sizes of the classes.
    """
    right = sum(line[i] for i, line in enumerate(matrix))
    found = sum(sum(line[i] for line in matrix) for i in range(len(matrix)))
    gold = sum(sum(line) for line in matrix)
    return 100 * right / found, 100 * right / gold


def ahead(row: str, scores: Mapping[str, float]) -> dict[str, float]:
    """Rows that score more than `row`, the best first."""
    above = {name: score for name, score in scores.items() if score > scores[row]}
    return dict(sorted(above.items(), key=lambda one: -one[1]))
