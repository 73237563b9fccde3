"""Whether a system is as often right as it says, and the temperature by which it says so better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from relex.documents import ABSENT, Document
from relex.errors import RelexError
from relex.evaluation.extraction import VIEWS
from relex.found import keep_higher

WHAT = {"entities": "ner", "relations": "re"}
"""What has scores → how the names of its views begin in `relex.evaluation.extraction`."""

COOLEST, HOTTEST = 0.1, 10.0
"""The range of temperatures; beyond it all scores are nearly 0 or 1, or nearly one half."""

FEWEST = 30
"""Entities or relations with a score by which a temperature can be chosen."""

SMALLEST = 1e-6
"""Scores keep so far from 0 and from 1 that they have odds."""


def expected_calibration_error(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Mean distance of accuracy and mean confidence in `bins` bins of equal width, from 0 (calibrated) to 1.

    As Guo et al. (2017, "On calibration of modern neural networks") have it: bin i holds confidences above i / bins up
    to (i + 1) / bins, the first 0 as well; a bin weighs what it holds of the N confidences; empty bins weigh nothing.
    N = 0 gives 0. `confidence` is N numbers from 0 to 1, `correct` N truth values; else a `RelexError`.
    """
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise RelexError(f"{confidence.size} confidences for {correct.size} answers; give each answer one")
    if bins < 1 or not ((confidence >= 0) & (confidence <= 1)).all():
        raise RelexError("a confidence is no number from 0 to 1, or there is no bin; give chances and at least one bin")
    # Compared with the edges, for a product of confidence and bins may round across one.
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, confidence, side="left")
    gaps = np.bincount(place, weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / max(1, len(confidence)))


class Confidences(NamedTuple):
    """Scores N, whether each is right, N, and how many there are with those that have no score."""

    scores: list[float]
    right: list[bool]
    found: int


def confidences(gold: Sequence[Document], found: Sequence[Document], what: str) -> Confidences:
    """The scores of the `entities` or `relations` that were found, and which of them are right by strict match.

    Right is an entity with its type and characters, a relation with its type and both such ends. What a document holds
    twice counts once, with the higher score.
    """
    keys = VIEWS[f"{WHAT[what]}.strict"].keys
    scores, right, total = [], [], 0
    for one, other in zip(gold, found, strict=True):
        best: dict = {}
        for item in getattr(other, what):
            alone = {"entities": (item,), "relations": ()} if what == "entities" else {"relations": (item,)}
            for key in keys(replace(other, **alone)):
                keep_higher(best, key, item.score)
        expected, total = keys(one), total + len(best)
        scored = {key: score for key, score in best.items() if score is not None}
        scores += scored.values()
        right += [key in expected and ABSENT not in key for key in scored]
    return Confidences(scores, right, total)


def cooled(scores: Sequence[float], temperature: float) -> np.ndarray:
    """Scores whose log odds are divided by a temperature (Guo et al. 2017, Section 4.2, for two classes)."""
    return expit(logit(np.clip(scores, SMALLEST, 1 - SMALLEST)) / temperature)


@dataclass(frozen=True)
class Calibration:
    """A temperature, and the expected calibration error without it and with it, of `scored` of the `found`."""

    temperature: float
    before: float
    after: float
    scored: int
    found: int


def calibrate(gold: Sequence[Document], found: Sequence[Document], what: str) -> Calibration | None:
    """The temperature with which the scores of `entities` or `relations` are most likely; None where there are none.

    It is 1 where fewer than `FEWEST` have a score, or all or none of them are right. What was not found has no score,
    so that this says nothing of recall.
    """
    scores, right, total = confidences(gold, found, what)
    if not scores:
        return None
    temperature = 1.0
    if len(scores) >= FEWEST and len(set(right)) == 2:
        outcome = np.array(right)

        def surprise(log_temperature: float) -> float:
            probable = cooled(scores, np.exp(log_temperature))
            return -np.log(np.where(outcome, probable, 1 - probable)).mean()

        best = minimize_scalar(surprise, bounds=np.log([COOLEST, HOTTEST]), method="bounded")
        temperature = round(float(np.exp(best.x)), 3)
    before = expected_calibration_error(scores, right)
    after = before if temperature == 1 else expected_calibration_error(cooled(scores, temperature), right)
    return Calibration(temperature, before, after, len(scores), total)
