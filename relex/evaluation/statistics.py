"""How sure a score or a difference of scores is, given few seeds and a finite test part.

Two things make a score uncertain: another seed would train another model, and another sample of test documents
would hold easier or harder ones. Arrays are seeds × documents, S×N; a system with one seed is S = 1.

Every bootstrap here draws *documents and seeds together*. N documents are drawn with replacement, the same for
all seeds and systems, for they are paired by document; seeds are drawn for each system on its own, for seed 3 of
one system has nothing to do with seed 3 of another. Of S seeds, S − 1 are drawn: with a handful of seeds, drawing
S makes the variance of their mean too small by (S − 1)/S, and drawing one less repairs exactly that (Rao and Wu,
"Resampling inference with complex survey data", JASA 1988). Resampling both factors counts the part of the noise
that belongs to neither alone three times (Owen, "The pigeonhole bootstrap", 2007): the intervals err on the wide
side, by a factor between 1 and √3, the latter only where documents and seeds as such make no difference.
Intervals are percentile intervals.
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
    """Score of A minus score of B, its interval, and the p-value of a paired permutation test over documents."""

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
    (drawn,) = _resample(lambda weights: [weights @ values.T], [len(values)], values.shape[1], resamples, seed)
    return Interval(float(values.mean()), *_percentiles(drawn, confidence))


def paired_difference(
    correct_a: np.ndarray,
    correct_b: np.ndarray,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Accuracy of A minus accuracy of B on the same N documents; `correct_a` S×N, `correct_b` S'×N, bool or 0…1.

    The interval covers the difference that both systems would show with other seeds on other documents (with one
    seed each: on other documents). `p` is narrower: it asks whether *these trained models*, averaged over their
    seeds, differ by more than chance allots documents to them (`permutation_p`). A small p with an interval
    around 0 therefore means: these models differ, but the seeds do not show that the systems do.
    """
    a, b = _pair(correct_a, correct_b)

    def accuracies(weights):
        return [weights @ a.T, weights @ b.T]

    drawn_a, drawn_b = _resample(accuracies, [len(a), len(b)], a.shape[1], resamples, seed)
    p = permutation_p(a.mean(axis=0) - b.mean(axis=0), resamples, seed)
    return Difference(float(a.mean() - b.mean()), *_percentiles(drawn_a - drawn_b, confidence), p)


def permutation_p(differences: np.ndarray, resamples: int = 10_000, seed: int = 0) -> float:
    """Two-sided p of a paired permutation test: the null hypothesis flips the sign of each of N differences freely.

    Exact when the differences other than 0 allow at most `resamples` flips, else from random flips.
    """
    # A difference of 0 stays 0 under a flip; without them the test is the same and faster.
    informative = np.asarray(differences, dtype=float)
    informative = informative[informative != 0]
    if not informative.size:
        return 1.0
    result = stats.permutation_test(
        (informative,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, BLOCK // informative.size),
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def paired_f1_difference(
    gold: np.ndarray,
    predicted_a: np.ndarray,
    predicted_b: np.ndarray,
    n_classes: int,
    resamples: int = 2_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Macro-F1 of A minus macro-F1 of B; class ids below R = `n_classes`: `gold` N, predictions S×N and S'×N.

    A system's score is the mean over its seeds of macro-F1 over all R classes. The interval covers what that of
    `paired_difference` covers. `p` comes from swapping the two systems' predictions document by document; so that
    S and S' may differ, it swaps each system's shares of predictions and compares the macro-F1 of the confusion
    matrices averaged over seeds, again a statement about these trained models.
    """
    gold = np.asarray(gold)
    a, b = _pair(predicted_a, predicted_b, dtype=np.int64)
    if gold.shape != a.shape[1:]:
        raise RelexError(f"{a.shape[1]} predictions for gold labels of shape {gold.shape}; give one label a document")
    if min(x.min() for x in (gold, a, b)) < 0 or max(x.max() for x in (gold, a, b)) >= n_classes:
        raise RelexError(f"a class id lies outside 0…{n_classes - 1}; give ids in the order of the classes")
    classes = np.eye(n_classes)
    truth, shown_a, shown_b = classes[gold], classes[a], classes[b]  # N×R, S×N×R, S'×N×R

    def macro_f1s(weights):
        return [_macro_f1(weights, truth, shown) for shown in (shown_a, shown_b)]

    observed_a, observed_b = macro_f1s(np.full((1, len(gold)), 1 / len(gold)))
    drawn_a, drawn_b = _resample(macro_f1s, [len(a), len(b)], len(gold), resamples, seed)
    shares_a, shares_b = shown_a.mean(axis=0), shown_b.mean(axis=0)
    p = _swap_p(truth, shares_a, truth * shares_a, shares_b, truth * shares_b, resamples, seed)
    return Difference(float(observed_a.mean() - observed_b.mean()), *_percentiles(drawn_a - drawn_b, confidence), p)


def micro_f1_interval(
    gold: np.ndarray,
    predicted: np.ndarray,
    correct: np.ndarray,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Micro-F1 with its bootstrap interval, from numbers of triples a document: `gold` N, the others S×N or N.

    A seed's micro-F1 is 2 Σ correct / (Σ gold + Σ predicted) over documents, and the score is its mean over seeds.
    The interval covers what that of `bootstrap_interval` covers.
    """
    gold, system = _counts(gold, predicted, correct)

    def score(weights):
        return [_micro_f1(weights, gold, *system)]

    (observed,) = score(np.ones((1, len(gold))))
    (drawn,) = _resample(score, [len(system[0])], len(gold), resamples, seed)
    return Interval(float(observed.mean()), *_percentiles(drawn, confidence))


def paired_micro_f1_difference(
    gold: np.ndarray,
    predicted_a: np.ndarray,
    correct_a: np.ndarray,
    predicted_b: np.ndarray,
    correct_b: np.ndarray,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    aligned: bool = False,
) -> Difference:
    """Micro-F1 of A minus micro-F1 of B on the same N documents, from numbers of triples a document.

    `gold` is N, `predicted_a` and `correct_a` S×N, those of B S'×N. Scores are those of `micro_f1_interval`, the
    interval covers what that of `paired_difference` covers. `p` comes from swapping the two systems' numbers document
    by document; so that S and S' may differ, it swaps their means over seeds and compares the micro-F1 of these.
    `aligned`: run i of A belongs to run i of B (they differ in nothing else), so the two are drawn together.
    """
    gold, a = _counts(gold, predicted_a, correct_a)
    gold, b = _counts(gold, predicted_b, correct_b)

    def scores(weights):
        return [_micro_f1(weights, gold, *system) for system in (a, b)]

    if aligned and len(a[0]) != len(b[0]):
        raise RelexError(f"{len(a[0])} runs cannot be aligned with {len(b[0])}; give each its partner")
    observed_a, observed_b = scores(np.ones((1, len(gold))))
    drawn_a, drawn_b = _resample(scores, [len(a[0]), len(b[0])], len(gold), resamples, seed, aligned)
    means = [numbers.mean(axis=0)[:, None] for numbers in (*a, *b)]  # one class: micro-F1 is macro-F1 of R = 1
    p = _swap_p(gold[:, None], *means, resamples, seed)
    return Difference(float(observed_a.mean() - observed_b.mean()), *_percentiles(drawn_a - drawn_b, confidence), p)


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


def _resample(
    score: Callable[[np.ndarray], list[np.ndarray]],
    seeds: list[int],
    documents: int,
    resamples: int,
    seed: int,
    aligned: bool = False,
) -> list[np.ndarray]:
    """Bootstrap scores, `resamples` of them for each system.

    `score` maps document weights (b×N, rows sum to 1) to one b×S array of scores for each system, whose numbers
    of seeds are `seeds`; `aligned` systems have the same seeds drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = [[] for _ in seeds]
    step = max(1, BLOCK // documents)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        for i, scores in enumerate(score(_weights(rng, rows, documents, documents))):
            if i == 0 or not aligned:
                number = scores.shape[1]
                runs = _weights(rng, rows, number, max(1, number - 1))
            drawn[i].append((scores * runs).sum(axis=1))
    return [np.concatenate(kept) for kept in drawn]


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


def _swap_p(
    truth: np.ndarray,
    shown_a: np.ndarray,
    hits_a: np.ndarray,
    shown_b: np.ndarray,
    hits_b: np.ndarray,
    resamples: int,
    seed: int,
) -> float:
    """Two-sided p from random swaps of the systems' predicted and correct masses (all N×R) document by document."""
    change, hit_change = shown_b - shown_a, hits_b - hits_a
    rows = np.maximum(np.abs(change), np.abs(hit_change)).max(axis=1) > 0
    gold, change, hit_change = truth.sum(axis=0), change[rows], hit_change[rows]

    def difference(swaps):  # b×N, 0 or 1
        moved, moved_hits = swaps @ change, swaps @ hit_change
        f1_a = _mean_f1(hits_a.sum(axis=0) + moved_hits, gold, shown_a.sum(axis=0) + moved)
        f1_b = _mean_f1(hits_b.sum(axis=0) - moved_hits, gold, shown_b.sum(axis=0) - moved)
        return f1_a - f1_b

    observed = abs(difference(np.zeros((1, rows.sum())))[0])
    rng = np.random.default_rng(seed)
    step, extreme = max(1, BLOCK // max(1, rows.sum())), 0
    for start in range(0, resamples, step):
        swaps = rng.integers(2, size=(min(step, resamples - start), rows.sum()), dtype=np.int8).astype(float)
        extreme += (np.abs(difference(swaps)) >= observed - 1e-9).sum()
    return float((extreme + 1) / (resamples + 1))  # the order found is one of the possible ones


def _percentiles(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _matrix(values: np.ndarray, dtype=float) -> np.ndarray:
    values = np.atleast_2d(np.asarray(values, dtype=dtype))
    if values.ndim != 2 or not values.size:
        raise RelexError(f"expected seeds × documents, not an array of shape {values.shape}; give one row a seed")
    return values


def _pair(a: np.ndarray, b: np.ndarray, dtype=float) -> tuple[np.ndarray, np.ndarray]:
    a, b = _matrix(a, dtype), _matrix(b, dtype)
    if a.shape[1] != b.shape[1]:
        raise RelexError(
            f"system A has {a.shape[1]} documents and system B {b.shape[1]}; a paired comparison needs the same ones"
        )
    return a, b


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
