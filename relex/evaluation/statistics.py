"""How sure a score or a difference of scores is, given few seeds and a finite test part.

Two things make a score uncertain: another seed would train another model, and another sample of test documents
would hold easier or harder ones. Arrays are seeds × documents, S×N; a system with one seed is S = 1.

The standard error of a *difference* has a part for each. Documents: N are drawn with replacement, the same for both
systems, for they are paired by document, and the variance of the difference of mean scores over such draws is taken.
Seeds: s²/S of each system, for seed 3 of one has nothing to do with seed 3 of the other; or s²/S of the differences
where run i of one is the partner of run i of the other. The interval and p are those of Student's t with this error
and the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946), which are few where seeds make the noise.
Percentiles of a bootstrap that draws seeds as well would be too narrow there: of three seeds it cannot draw a score
beyond their extremes, and calls two equal systems different whenever their seeds do not overlap, which happens one
time in ten. What belongs to neither documents nor seeds alone is counted in both parts, so that the error is on the
wide side, by a factor between 1 and √2. `tests/evaluation/test_verdicts.py` simulates size and power.

The interval of a *score* of one model, or of several, is a percentile bootstrap of documents and seeds together: of S
seeds, S − 1 are drawn, which makes the variance of their mean right (Rao and Wu, "Resampling inference with complex
survey data", JASA 1988).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from relex.errors import RelexError

BLOCK = 2_000_000
"""Numbers of a resampling matrix held at a time; bounds memory, changes no distribution."""


class Interval(NamedTuple):
    """A score and its interval."""

    mean: float
    low: float
    high: float


class Difference(NamedTuple):
    """Score of A minus score of B, its interval, and a two-sided p: below 0.05 where a 95 % interval excludes 0."""

    mean: float
    low: float
    high: float
    p: float


def bootstrap_interval(
    values: np.ndarray, resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Mean of per-document values (correctness, say), S×N or N, with its bootstrap interval.

    With S > 1 the interval covers the mean score that models of *other seeds* would have on *other documents*
    of the same kind. With S = 1 it covers the documents only: it speaks of this one trained model.
    """
    values = _matrix(values)
    seeds, documents = values.shape
    rng, drawn, step = np.random.default_rng(seed), [], max(1, BLOCK // documents)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        scores = _weights(rng, rows, documents, documents) @ values.T
        drawn.append((scores * _weights(rng, rows, seeds, max(1, seeds - 1))).sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def f1_intervals(
    gold: np.ndarray,
    predicted: np.ndarray,
    correct: np.ndarray,
    resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Interval, Interval]:
    """Micro-F1 and macro-F1 of one system with their bootstrap intervals over documents, from numbers N×T of items.

    Items (triples, say) are counted by document and by type, T of them. The macro average is over the types that a
    sample has among its gold or its predicted items, all T or not; a sample without items has both F1 0.
    """
    gold, predicted, correct = (np.asarray(x, dtype=float) for x in (gold, predicted, correct))
    _counts(gold.ravel(), predicted.reshape(1, -1), correct.reshape(1, -1))
    documents = len(gold)

    def scores(weights: np.ndarray) -> np.ndarray:
        hits, total = weights @ correct, weights @ (gold + predicted)
        by_type = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 1e-12)
        macro = by_type.sum(axis=1) / np.maximum(1, (total > 1e-12).sum(axis=1))
        hits, total = hits.sum(axis=1), total.sum(axis=1)
        return np.stack([np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 1e-12), macro])

    rng, drawn, step = np.random.default_rng(seed), [], max(1, BLOCK // documents)
    for start in range(0, resamples, step):
        drawn.append(scores(_weights(rng, min(step, resamples - start), documents, documents)))
    low, high = np.quantile(np.concatenate(drawn, axis=1), [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    micro, macro = zip(scores(np.ones((1, documents)))[:, 0], low, high, strict=True)
    return Interval(*map(float, micro)), Interval(*map(float, macro))


def paired_f1_difference(
    gold: np.ndarray,
    predicted_a: np.ndarray,
    predicted_b: np.ndarray,
    n_classes: int,
    resamples: int = 2_000,
    confidence: float = 0.95,
    seed: int = 0,
    aligned: bool = False,
) -> Difference:
    """Macro-F1 of A minus macro-F1 of B; class ids below R = `n_classes`: `gold` N, predictions S×N and S'×N.

    A system's score is the mean over its seeds of macro-F1 over all R classes. Interval and p are of the difference
    that both systems would show with *other seeds on other documents*; with one seed each, these models on other
    documents. `aligned`: run i of A belongs to run i of B, as they differ in nothing else.
    """
    truth, shown_a = _indicators(gold, predicted_a, n_classes)
    truth, shown_b = _indicators(gold, predicted_b, n_classes)
    if shown_a.shape[1] != shown_b.shape[1]:
        raise RelexError(f"{shown_a.shape[1]} documents of A and {shown_b.shape[1]} of B; give the same ones")

    def scores(weights):
        return [_macro_f1(weights, truth, shown) for shown in (shown_a, shown_b)]

    return _difference(scores, len(truth), resamples, confidence, seed, aligned)


def paired_micro_f1_difference(
    gold: np.ndarray,
    predicted_a: np.ndarray,
    correct_a: np.ndarray,
    predicted_b: np.ndarray,
    correct_b: np.ndarray,
    resamples: int = 2_000,
    confidence: float = 0.95,
    seed: int = 0,
    aligned: bool = False,
) -> Difference:
    """Micro-F1 of A minus micro-F1 of B on the same N documents, from numbers of triples a document.

    `gold` is N, `predicted_a` and `correct_a` S×N, those of B S'×N. A system's score is the mean of `micro_f1` over its
    seeds; interval, p and `aligned` are those of `paired_f1_difference`.
    """
    gold, a = _counts(gold, predicted_a, correct_a)
    gold, b = _counts(gold, predicted_b, correct_b)

    def scores(weights):
        return [_micro_f1(weights, gold, *system) for system in (a, b)]

    return _difference(scores, len(gold), resamples, confidence, seed, aligned)


def resampled_micro_f1_difference(
    gold: np.ndarray,
    predicted_a: np.ndarray,
    correct_a: np.ndarray,
    predicted_b: np.ndarray,
    correct_b: np.ndarray,
    resamples: int = 2_000,
    seed: int = 0,
) -> np.ndarray:
    """The draws of documents behind `paired_micro_f1_difference`, which takes their variance; one difference a draw."""
    gold, a = _counts(gold, predicted_a, correct_a)
    gold, b = _counts(gold, predicted_b, correct_b)
    return _resampled(lambda w: [_micro_f1(w, gold, *system) for system in (a, b)], len(gold), resamples, seed)


def macro_f1(gold: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Macro-F1 over all R classes of each seed, S: class ids below R = `n_classes`, `gold` N, `predicted` S×N."""
    truth, shown = _indicators(gold, predicted, n_classes)
    return _macro_f1(np.ones((1, len(truth))), truth, shown)[0]


def micro_f1(gold: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """2 Σ correct / (Σ gold + Σ predicted) over documents of each seed, S: `gold` N, the others S×N."""
    gold, system = _counts(gold, predicted, correct)
    return _micro_f1(np.ones((1, len(gold))), gold, *system)[0]


def _difference(
    score: Callable[[np.ndarray], list[np.ndarray]],
    documents: int,
    resamples: int,
    confidence: float,
    seed: int,
    aligned: bool,
) -> Difference:
    """The difference of the two systems that `score` maps document weights b×N to scores of, b×S and b×S'."""
    a, b = (scores[0] for scores in score(np.ones((1, documents)) / documents))
    if aligned and len(a) != len(b):
        raise RelexError(f"{len(a)} runs cannot be aligned with {len(b)}; give each its partner")
    drawn = _resampled(score, documents, resamples, seed)
    parts = [(float(np.var(drawn, ddof=1)), documents - 1)]  # variances and their degrees of freedom
    parts += [(float(np.var(x, ddof=1)) / len(x), len(x) - 1) for x in ([a - b] if aligned else [a, b]) if len(x) > 1]
    return _student(float(a.mean() - b.mean()), parts, confidence)


def _resampled(
    score: Callable[[np.ndarray], list[np.ndarray]], documents: int, resamples: int, seed: int
) -> np.ndarray:
    """The difference of mean scores on each of so many draws of documents, the same for both systems."""
    rng, drawn, step = np.random.default_rng(seed), [], max(1, BLOCK // documents)
    for start in range(0, resamples, step):
        of_a, of_b = score(_weights(rng, min(step, resamples - start), documents, documents))
        drawn.append(of_a.mean(axis=1) - of_b.mean(axis=1))
    return np.concatenate(drawn)


def _student(mean: float, parts: Sequence[tuple[float, int]], confidence: float) -> Difference:
    """Interval and p of Student's t, from the variances that make up the error and their degrees of freedom."""
    variance = sum(part for part, _ in parts)
    if variance <= 1e-18:  # all documents and seeds say the same: p is that of a sign test of the documents
        return Difference(mean, mean, mean, 1.0 if abs(mean) < 1e-9 else min(1.0, 0.5 ** parts[0][1]))
    freedom = variance**2 / sum(part**2 / max(1, own) for part, own in parts)
    error, t = variance**0.5, stats.t(freedom)
    half = t.ppf((1 + confidence) / 2) * error
    return Difference(mean, mean - half, mean + half, float(2 * t.sf(abs(mean) / error)))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values adjusted for a family of tests (Holm 1979), in the order given.

    Rejecting where the adjusted value is at most α keeps the chance of any false rejection in the family at or
    below α, whatever the dependence between the tests.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def _weights(rng: np.random.Generator, rows: int, size: int, draws: int) -> np.ndarray:
    """Shares with which each of `size` items occurs among `draws` drawn with replacement; rows×size."""
    # Counting drawn indices is several times faster than rng.multinomial, which draws a binomial for each cell.
    index = rng.integers(size, size=(rows, draws)) + size * np.arange(rows)[:, None]
    return np.bincount(index.ravel(), minlength=rows * size).reshape(rows, size) / draws


def _macro_f1(weights: np.ndarray, truth: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Macro-F1 under document weights b×N of gold indicators N×R and predicted ones S×N×R; b×S."""
    seeds, documents, classes = shown.shape
    flat = shown.transpose(1, 0, 2)  # N×S×R
    predicted = (weights @ flat.reshape(documents, -1)).reshape(-1, seeds, classes)
    hits = (weights @ (flat * truth[:, None]).reshape(documents, -1)).reshape(-1, seeds, classes)
    return _mean_f1(hits, (weights @ truth)[:, None], predicted)


def _mean_f1(hits: np.ndarray, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Macro-F1 of masses …×R; a class with neither gold nor predicted mass has F1 0."""
    total = np.broadcast_to(gold + predicted, hits.shape)
    return np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 1e-12).mean(axis=-1)


def _micro_f1(weights: np.ndarray, gold: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Micro-F1 under document weights b×N of numbers of triples, gold N, predicted and correct S×N; b×S."""
    return _mean_f1(*(x[..., None] for x in (weights @ correct.T, (weights @ gold)[:, None], weights @ predicted.T)))


def _matrix(values: np.ndarray, dtype=float) -> np.ndarray:
    values = np.atleast_2d(np.asarray(values, dtype=dtype))
    if values.ndim != 2 or not values.size:
        raise RelexError(f"expected seeds × documents, not an array of shape {values.shape}; give one row a seed")
    return values


def _indicators(gold: np.ndarray, predicted: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Class ids, checked, as indicators: gold N×R and predicted S×N×R."""
    gold, predicted = np.asarray(gold), _matrix(predicted, np.int64)
    if gold.shape != predicted.shape[1:]:
        raise RelexError(
            f"{predicted.shape[1]} predictions for gold labels of shape {gold.shape}; give one label a document"
        )
    if min(x.min() for x in (gold, predicted)) < 0 or max(x.max() for x in (gold, predicted)) >= n_classes:
        raise RelexError(f"a class id lies outside 0…{n_classes - 1}; give ids in the order of the classes")
    classes = np.eye(n_classes)
    return classes[gold], classes[predicted]


def _counts(gold: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers of triples, checked: gold N, and predicted and correct S×N each."""
    gold, predicted, correct = np.asarray(gold, dtype=float), _matrix(predicted), _matrix(correct)
    if predicted.shape != correct.shape or gold.shape != predicted.shape[1:]:
        raise RelexError(
            f"numbers of gold, predicted and correct triples have shapes {gold.shape}, {predicted.shape} and "
            f"{correct.shape}; give N gold ones and seeds × N of the others"
        )
    if correct.min() < 0 or (correct > np.minimum(gold, predicted)).any():
        raise RelexError("a document has more correct triples than gold or predicted ones, or fewer than 0")
    return gold, [predicted, correct]
