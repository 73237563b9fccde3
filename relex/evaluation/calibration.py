"""Whether a system is as often right as it says."""

from collections.abc import Sequence

import numpy as np

from relex.errors import RelexError


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
