"""The parts of a record that depend on the task: its scores, the counts behind them, and what paired tests need."""

from collections.abc import Sequence

import numpy as np

from relex.corpora import Corpus
from relex.documents import Document
from relex.evaluation import classification, extraction

EXTRACTED = ("triples.offset", "triples.string", "ner.strict", "re.strict")

DEV = {
    "classification": ("accuracy", "macro_f1"),
    "extraction": tuple(f"{name}.{n}" for name in EXTRACTED for n in ("p", "r", "f1")),
}
"""The development scores that a record keeps, under `dev.`; task → names."""

DEV_COUNTS = {
    "classification": ("confusion",),
    "extraction": tuple(f"{name}.{n}" for name in EXTRACTED for n in ("tp", "fp", "fn")),
}
"""The counts behind them."""

SELECTS = {"classification": "macro_f1", "extraction": "triples.string.f1"}
"""The development score by which the trainer chooses an epoch. For extraction that of strings, on every corpus: some
give no offsets, and there the offsets are our alignment's and not the annotators'."""


def scores(task: str, corpus: Corpus, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, dict]:
    """`metrics`, `counts`, `per_class` and `answers` of a record; no text of the corpus.

    Unseen is what nobody could look at: for classification a text that is not in the training part (an unseen pair: nor
    is its pair of mentions), for extraction one that is in the development part neither.
    """
    metrics, counts = _evaluate(task, corpus, gold, predicted)
    if task == "classification":
        classes = corpus.schema.relation_names
        per_class = classification.per_class(np.array(counts["confusion"]), classes).round(6).to_dict("index")
        found = answers(gold, predicted, classes, seen_texts(task, corpus), seen_pairs(corpus))
    else:
        per_class = {
            name: {k: round(v, 6) for k, v in line.items()} for name, line in extraction.per_relation(counts).items()
        }
        found = extraction.answers(gold, predicted, corpus.schema, seen_texts(task, corpus))
    return {"metrics": _rounded(metrics), "counts": counts, "per_class": per_class, "answers": found}


def dev_scores(
    task: str, corpus: Corpus, gold: Sequence[Document], predicted: Sequence[Document]
) -> tuple[dict[str, float], dict]:
    """The development metrics and counts that a record keeps, named `dev.…`."""
    metrics, counts = _evaluate(task, corpus, gold, predicted)
    return (
        _rounded({f"dev.{name}": metrics[name] for name in DEV[task]}),
        {f"dev.{name}": counts[name] for name in DEV_COUNTS[task]},
    )


def selection_score(
    task: str, corpus: Corpus, gold: Sequence[Document], predicted: Sequence[Document], metric: str = ""
) -> float:
    """The score, 0 to 1, that the best epoch has most of: `metric`, or that of the task; see `SELECTS`."""
    return _evaluate(task, corpus, gold, predicted)[0][metric or SELECTS[task]]


def given_scores(name: str, corpus: Corpus, gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, dict]:
    """`metrics`, `counts` and `answers` of relations between gold entities: strict triples, as `NAME.re.…`."""
    metrics, counts = _evaluate("extraction", corpus, gold, predicted)
    found = extraction.answers(gold, predicted, corpus.schema, seen_texts("extraction", corpus))
    return {
        "metrics": _rounded({f"{name}.{k}": v for k, v in metrics.items() if k.startswith("re.strict.")}),
        "counts": {f"{name}.{k}": v for k, v in counts.items() if k.startswith("re.strict.")},
        "answers": {f"{k}_{name}": found[f"{k}_strict"] for k in ("gold", "predicted", "correct")},
    }


def seen_texts(task: str, corpus: Corpus) -> set[str]:
    """The texts that make a test document a seen one."""
    return {d.text for d in (corpus.train if task == "classification" else (*corpus.train, *corpus.dev))}


def seen_pairs(corpus: Corpus) -> set[frozenset[str]]:
    """The pairs of mentions that make the pair of a test document of classification a seen one."""
    return {classification.pair(d) for d in corpus.train}


def answers(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    classes: Sequence[str],
    seen: set[str],
    pairs: set[frozenset[str]],
) -> dict[str, str]:
    """What paired tests of classification need, without text: one entry per document.

    `gold` and `predicted` hold class ids, a digit of base 36 each; of more than 36 classes, decimal numbers with blanks
    between (`relex.reports.compare.class_ids` reads both). `unseen` a 1 where the sentence does not occur in training,
    `unseen_pair` a 1 where neither the sentence nor the pair of mentions does.
    """
    many = len(classes) > 36
    digits = {name: str(i) if many else np.base_repr(i, 36) for i, name in enumerate(classes)}
    between = " " if many else ""
    # A blank at the end tells a single document of many classes from digits of base 36.
    packed = {k: [digits[d.relations[0].type] for d in ds] for k, ds in (("gold", gold), ("predicted", predicted))}
    return {k: between.join(ids) + between for k, ids in packed.items()} | {
        "unseen": "".join("01"[d.text not in seen] for d in gold),
        "unseen_pair": "".join("01"[d.text not in seen and classification.pair(d) not in pairs] for d in gold),
    }


def _evaluate(task, corpus, gold, predicted) -> tuple[dict[str, float], dict]:
    seen = seen_texts(task, corpus)
    if task == "classification":
        return classification.evaluate(gold, predicted, corpus.schema.relation_names, seen, seen_pairs(corpus))
    return extraction.evaluate(gold, predicted, corpus.schema, seen)


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {k: round(v, 6) for k, v in metrics.items()}
