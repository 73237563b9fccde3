"""F1 = 2PR / (P + R): whether three printed percentages can be one score. All values in percent, two decimals printed.

A printed cell stands for every value that rounds to it, or, where a program cuts digits off, for every value that is
cut to it. Means over runs need not fit: the harmonic mean is concave, so the mean of F1s lies at or *below* the F1 of
mean P and mean R. The same holds for macro averages. An F1 that is too high has no such excuse.
"""

from dataclasses import dataclass
from math import sqrt

HALF, UNIT = 0.005, 0.01
"""Half of the last printed digit, and all of it."""
SLACK = 1e-9


def f1(p: float, r: float) -> float:
    """The harmonic mean; 0 where both are 0."""
    return 2 * p * r / (p + r) if p + r > 0 else 0.0


def bounds(value: float, cut: bool = False) -> tuple[float, float]:
    """The smallest and largest number that is printed as `value`, rounded or cut."""
    return (value, value + UNIT) if cut else (value - HALF, value + HALF)


def agrees(p: float, r: float, printed: float, cut: bool = False) -> bool:
    """Whether some P and R printed so have an F1 printed so."""
    (p_low, p_high), (r_low, r_high), (low, high) = (bounds(value, cut) for value in (p, r, printed))
    return f1(p_low, r_low) <= high + SLACK and f1(p_high, r_high) >= low - SLACK


@dataclass(frozen=True)
class Miss:
    """A printed F1 that neither rounding nor cutting explains; `gap` is printed less computed, in points."""

    computed: float
    gap: float
    outside: bool
    spread: float

    @property
    def above(self) -> bool:
        """Too high, which no mean over runs or classes can be."""
        return self.gap > 0


def miss(p: float, r: float, printed: float) -> Miss | None:
    """None where the three fit. `outside`: F1 is not even between P and R. `spread`: see `spread`, 0 if F1 is above."""
    if agrees(p, r, printed) or agrees(p, r, printed, cut=True):
        return None
    computed = f1(p, r)
    gap = printed - computed
    outside = not min(p, r) - UNIT <= printed <= max(p, r) + UNIT
    return Miss(computed, gap, outside, spread(p, r, -gap) if gap < 0 else 0.0)


def spread(p: float, r: float, gap: float) -> float:
    """By how many points P − R would have to vary (standard deviation) over runs for their mean F1 to lie `gap` lower.

    Second order of F1 around means that are near each other: E[F1] ≈ F1 − Var(P − R) / (2 (P + R)).
    """
    return sqrt(2 * (p + r) * gap)


def macro_too_high(p: float, r: float, printed: float) -> bool:
    """Whether a macro F1 is above the harmonic mean of macro P and macro R, which the mean of class F1s never is."""
    return printed - HALF > f1(p + HALF, r + HALF) + SLACK and printed > f1(p + UNIT, r + UNIT) + SLACK
