"""Totals of classes: a recall over all items is the mean of class recalls, weighted by the gold items of each class.

So it lies between them, and the weights belong to the test part: all systems scored on it share them. Precisions and
F1s of classes mix with weights of each system's own (found items; gold and found), so of them only the bounds hold.
Recalls are linear in counts of the same gold items, so a mean over runs obeys both rules.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from relex.audits.identity import UNIT


def beyond(total: float, parts: Sequence[float]) -> float:
    """By how many points a total lies outside of its parts, beyond what rounding or cutting hides; 0 inside."""
    return max(0.0, min(parts) - total - UNIT, total - max(parts) - UNIT)


def shared_weights(totals: Sequence[float], parts: Sequence[Sequence[float]]) -> tuple[np.ndarray, float]:
    """The weights (C, at least 0, sum 1) that all systems can share best, and how far off the worst total then is.

    `totals` are S numbers, `parts` S×C. Minimises the largest |parts · weights − total|, a linear programme.
    """
    parts, totals = np.asarray(parts, dtype=float), np.asarray(totals, dtype=float)
    systems, classes = parts.shape
    slack = -np.ones((systems, 1))
    found = linprog(
        [0.0] * classes + [1.0],
        A_ub=np.vstack([np.hstack([parts, slack]), np.hstack([-parts, slack])]),
        b_ub=np.concatenate([totals, -totals]),
        A_eq=[[1.0] * classes + [0.0]],
        b_eq=[1.0],
        bounds=[(0, 1)] * classes + [(0, None)],
    )
    return found.x[:classes], float(found.fun)


def precision_range(total: float, recalls: Sequence[float], precisions: Sequence[float]) -> tuple[float, float] | None:
    """Between which precisions over all items lie when the recall over all is `total`, whatever the class sizes are.

    With w the shares of gold items, the recall is Σ w r and the found items per gold item are Σ w r / p, so precision
    is the one by the other. The range of the latter over all w that give the recall is a linear programme; None where
    no w gives it. The recall may be off by a hundredth, for roundings.
    """
    recalls, found = np.asarray(recalls, dtype=float), np.asarray(recalls, dtype=float) / precisions
    limits = {
        "A_ub": np.vstack([recalls, -recalls]),
        "b_ub": [total + UNIT, UNIT - total],
        "A_eq": [np.ones_like(recalls)],
        "b_eq": [1.0],
    }
    most, least = (linprog(sign * found, bounds=(0, 1), **limits) for sign in (-1, 1))
    if most.status != 0 or least.status != 0:
        return None
    return float(total / -most.fun), float(total / least.fun)


def weighted(parts: Sequence[float], sizes: Sequence[float]) -> float:
    """The total that classes of these sizes would have."""
    return float(np.average(parts, weights=sizes))
