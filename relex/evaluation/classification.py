"""Scores of relation classification: one text, head and tail given, one of R relation types to choose.

A Document holds the head as entity 0, the tail as entity 1 and its label as the type of `relations[0]`.
All scores are fractions from 0 to 1; a division by zero gives 0, as scikit-learn's `zero_division=0`.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from relex.documents import Document, check_same
from relex.errors import RelexError


def labels(documents: Sequence[Document]) -> list[str]:
    """The relation type of each Document; a `RelexError` names a Document that does not hold exactly one."""
    for document in documents:
        if len(document.relations) != 1:
            raise RelexError(
                f"document {document.id!r} has {len(document.relations)} relations, but relation classification "
                "needs exactly one; use another metric or correct the document"
            )
    return [document.relations[0].type for document in documents]


def pair(document: Document) -> frozenset[str]:
    """The strings of head and tail in either order, so that a pair turned round is no new one; placeholders count."""
    return frozenset((document.mention(0), document.mention(1)))


def confusion(gold: Sequence[Document], predicted: Sequence[Document], classes: Sequence[str]) -> np.ndarray:
    """Confusion matrix, integers, R×R: rows are gold classes, columns predicted ones, in the order of `classes`.

    Raises a `RelexError` when the two sequences do not hold the same documents in the same order, or when a
    label is not among `classes`.
    """
    check_same(gold, predicted)
    rows, columns = _indices(labels(gold), classes), _indices(labels(predicted), classes)
    size = len(classes)
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)


def scores(matrix: np.ndarray) -> dict[str, float]:
    """All summary scores of a confusion matrix, R×R.

    * `accuracy`: share of correct documents.
    * `macro_p`, `macro_r`, `macro_f1`: unweighted means of the class scores over all R classes, also those
      without a document; `macro_f1` is the mean of class F1, not the F1 of the means.
    * `micro_f1`: F1 of the summed TP, FP and FN. With one label a document every FP of one class is an FN of
      another, so it always equals `accuracy`; it is here so that nobody has to take that on trust.
    * `recall_weighted_micro_f1`: see `recall_weighted_micro_f1`.
    * `f1_range`: largest minus smallest class F1.
    """
    precision, recall, f1 = _class_scores(matrix)
    correct, total = np.trace(matrix), matrix.sum()
    false = total - correct  # each error is one FP and one FN
    values = {
        "accuracy": _ratio(correct, total),
        "macro_p": precision.mean(),
        "macro_r": recall.mean(),
        "macro_f1": f1.mean(),
        "micro_f1": _ratio(2 * correct, 2 * correct + false + false),
        "recall_weighted_micro_f1": recall_weighted_micro_f1(matrix),
        "f1_range": f1.max() - f1.min(),
    }
    return {name: float(value) for name, value in values.items()}


def recall_weighted_micro_f1(matrix: np.ndarray) -> float:
    """What the authors' public code reports as "micro" F1 (UMRC Section 7), from a confusion matrix R×R.

    Each class's TP, FP and FN are multiplied by that class's recall before they are summed; precision, recall
    and F1 come from the sums.

    It is not a micro average. A micro average lets every document count once, which makes precision, recall
    and F1 all equal to accuracy. Here a document counts the more, the better its class is recognised: a class
    with recall 0 vanishes with all its errors. The weighted recall, Σ r²n / Σ rn, can only lie at or above
    accuracy, and the F1 mostly does too. So it must not be compared with micro F1 or accuracy of other work.
    """
    true = np.diag(matrix)
    weight = _ratio(true, matrix.sum(axis=1))
    tp = (weight * true).sum()
    fp = (weight * (matrix.sum(axis=0) - true)).sum()
    fn = (weight * (matrix.sum(axis=1) - true)).sum()
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    return float(_ratio(2 * precision * recall, precision + recall))


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Precision `p`, recall `r`, `f1` and `support` (gold documents) of each class; R rows, indexed by class."""
    precision, recall, f1 = _class_scores(matrix)
    columns = {"p": precision, "r": recall, "f1": f1, "support": matrix.sum(axis=1)}
    return pd.DataFrame(columns, index=pd.Index(classes, name="class"))


def evaluate(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    classes: Sequence[str],
    seen_texts: Collection[str],
    seen_pairs: Collection[frozenset[str]] = (),
) -> tuple[dict[str, float], dict]:
    """Metrics and the counts that recompute them, on all documents, on those with an unseen text, and of these on those
    with an unseen pair of mentions.

    `seen_texts` are the training texts, `seen_pairs` the `pair` of every training document. Metrics bear the names of
    `scores`, and the same names under `unseen.` and `unseen_pair.`. Counts are `classes`, `n`, `confusion` (nested
    lists, R×R, rows gold), and `n` and `confusion` under the same two prefixes. What is of no document is left out.
    """
    matrix = confusion(gold, predicted, classes)
    metrics = scores(matrix)
    counts = {"classes": list(classes), "n": len(gold), "confusion": matrix.tolist()}
    texts, pairs = frozenset(seen_texts), frozenset(seen_pairs)
    unseen = [(one, other) for one, other in zip(gold, predicted, strict=True) if one.text not in texts]
    subsets = {"unseen": unseen, "unseen_pair": [both for both in unseen if pair(both[0]) not in pairs]}
    for name, kept in subsets.items():
        if kept:
            matrix = confusion(*zip(*kept, strict=True), classes)
            metrics |= {f"{name}.{score}": value for score, value in scores(matrix).items()}
            counts |= {f"{name}.n": len(kept), f"{name}.confusion": matrix.tolist()}
    return metrics, counts


def _class_scores(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each class, R each."""
    true, gold, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return _ratio(true, predicted), _ratio(true, gold), _ratio(2 * true, gold + predicted)


def _ratio(numerator, denominator) -> np.ndarray:
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _indices(names: list[str], classes: Sequence[str]) -> np.ndarray:
    index = {name: i for i, name in enumerate(classes)}
    unknown = sorted(set(names) - set(index))
    if unknown:
        raise RelexError(f"unknown relation {unknown[0]!r}; the classes are {', '.join(classes)}")
    return np.array([index[name] for name in names], dtype=np.int64)
