"""Baselines for relation classification that know nothing of language models.

Whoever claims that BERT understands a relation should beat counts of characters first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from relex.documents import Document, Relation
from relex.errors import RelexError
from relex.evaluation.classification import labels

FEATURES = ("pair", "sentence", "pair+sentence", "pair+sentence+between")
"""Feature sets: `pair` is the head's and the tail's mention, `between` the words around and between the two."""

BEFORE, AFTER = 8, 20
"""`between` runs from so many characters before the first mention to so many after the second one's start."""


@dataclass(frozen=True)
class TfidfOptions:
    """The feature set, one of `FEATURES`."""

    features: str = FEATURES[-1]


@dataclass(frozen=True)
class NoOptions:
    """Nothing to choose."""


Baseline = Callable[[Sequence[Document]], list[Document]]
"""A fitted baseline: documents in, the same documents with predicted relations out, whatever relations they held."""


def majority(train: Sequence[Document]) -> Baseline:
    """The most frequent training relation everywhere; of equally frequent ones the first met."""
    if not train:
        raise RelexError("there are no training documents; give at least one")
    most_frequent = Counter(labels(train)).most_common(1)[0][0]
    return lambda documents: _labelled(documents, [most_frequent] * len(documents))


@dataclass(frozen=True)
class Ngrams:
    """A fitted n-gram classifier; called, it is a `Baseline`. `columns` are the fields that it reads."""

    columns: tuple[str, ...]
    classifier: Pipeline

    def __call__(self, documents: Sequence[Document]) -> list[Document]:
        return _labelled(documents, self.classifier.predict(_table(documents, self.columns))) if documents else []

    @property
    def classes(self) -> list[str]:
        """R relations of the training documents."""
        return list(map(str, self.classifier[-1].classes_))

    def probabilities(self, documents: Sequence[Document]) -> np.ndarray:
        """N×R, in the order of `classes`."""
        return self.classifier.predict_proba(_table(documents, self.columns))

    def reasons(self, document: Document, one: str, other: str) -> list[tuple[str, str, float]]:
        """What speaks for relation `one` rather than `other`: field, n-gram and its share of the difference of logits.

        The most weighty first; with the difference of intercepts the shares sum to log p(one) − log p(other).
        """
        vectors, regression = self.classifier[0], self.classifier[-1]
        found = vectors.transform(_table([document], self.columns)).tocsr()
        weights = (
            regression.coef_ if len(self.classes) > 2 else np.stack([0 * regression.coef_[0], regression.coef_[0]])
        )
        shares = found.data * (weights[self.classes.index(one)] - weights[self.classes.index(other)])[found.indices]
        names = vectors.get_feature_names_out()[found.indices]  # field__n-gram
        lines = [(*str(name).split("__", 1), float(share)) for name, share in zip(names, shares, strict=True)]
        return sorted(lines, key=lambda line: (-abs(line[2]), line[:2]))


def tfidf(features: str, train: Sequence[Document]) -> Ngrams:
    """A character n-gram classifier.

    TF-IDF of character 1–3-grams (sublinear tf, n-grams of at least two training documents) for each field on
    its own, then multinomial logistic regression with C = 10. `features` is one of `FEATURES`. Deterministic.
    Raises a `RelexError` for an unknown feature set, and when `train` is too small or has only one relation.
    """
    if features not in FEATURES:
        raise RelexError(f"unknown feature set {features!r}; known are {', '.join(FEATURES)}")
    gold = labels(train)
    if len(set(gold)) < 2:
        raise RelexError(f"the training documents hold {len(set(gold))} relations; a classifier needs at least two")
    columns = [column for part in features.split("+") for column in PARTS[part]]
    classifier = _classifier(columns)
    try:
        classifier.fit(_table(train, columns), gold)
    except ValueError as error:  # scikit-learn's word for "no n-gram occurs in two documents"
        raise RelexError(f"cannot learn from {len(train)} documents ({error}); give more of them") from None
    return Ngrams(tuple(columns), classifier)


def between(document: Document) -> str:
    """The words around and between head and tail, led by `<` when the head comes first and `>` when the tail does.

    An absent mention leaves the words around the other one, without a sign; two leave nothing.
    """
    starts = [span.start for span in document.entities[:2] if not span.absent]
    if not starts:
        return ""
    window = document.text[max(0, min(starts) - BEFORE) : max(starts) + AFTER]
    if len(starts) < 2:
        return window
    return ("<" if starts[0] <= starts[1] else ">") + window


COLUMNS: dict[str, Callable[[Document], str]] = {
    "head": lambda document: document.mention(0),
    "tail": lambda document: document.mention(1),
    "sentence": lambda document: document.text,
    "between": between,
}

PARTS = {"pair": ("head", "tail"), "sentence": ("sentence",), "between": ("between",)}


def _classifier(columns: Sequence[str]) -> Pipeline:
    ngrams = [
        (c, TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True), c) for c in columns
    ]
    # On umrc10, saga to this tolerance agrees with a converged lbfgs on over 99 % of the rows, in half its time.
    regression = LogisticRegression(C=10, solver="saga", tol=1e-3, max_iter=500, random_state=0)
    return make_pipeline(ColumnTransformer(ngrams), regression)


def _table(documents: Sequence[Document], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: [COLUMNS[name](d) for d in documents] for name in columns})


def _labelled(documents: Sequence[Document], names: Sequence[str]) -> list[Document]:
    return [
        replace(document, relations=(Relation(0, 1, str(name)),))
        for document, name in zip(documents, names, strict=True)
    ]
