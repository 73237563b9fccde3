"""Tables and sentences of the chapter on relation classification: confusions, classes, spellings, counting."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from relex.evaluation import classification
from relex.markup import escaped
from relex.reports.compare import CLASSES, paired
from relex.reports.results import of_row, rows_in_order, values
from relex.samplers import hardest_classes

SCORES = {
    "macro_f1": "macro-F1",
    "recall_weighted_micro_f1": "recall-weighted “micro”",
    "accuracy": "accuracy",
    "unseen.accuracy": "accuracy, unseen",
    "unseen_pair.accuracy": "accuracy, unseen text and pair",
}
"""Metrics of records → columns of the notebooks' tables."""


def mean_confusion(records: Sequence[dict], row: str) -> tuple[np.ndarray, list[str]]:
    """Confusion matrix R×R of a row, summed over its seeds, and its classes."""
    chosen = of_row(records, row)
    return np.sum([r["counts"]["confusion"] for r in chosen], axis=0), chosen[0]["counts"]["classes"]


def class_f1(records: Sequence[dict], row: str) -> pd.Series:
    """Mean F1 over the seeds of a row, R values indexed by class."""
    return pd.DataFrame([{k: v["f1"] for k, v in r["per_class"].items()} for r in of_row(records, row)]).mean()


def confusions(matrix: np.ndarray, classes: Sequence[str], number: int = 2) -> str:
    """The `number` classes with the lowest F1 of a confusion matrix R×R, and what they are taken for, in Markdown."""
    f1 = classification.per_class(np.asarray(matrix), classes)["f1"]
    lines = []
    for i in hardest_classes(matrix, number):
        wrong = np.array(matrix[i])
        wrong[i] = 0
        taken = [f"{escaped(classes[j])} ({wrong[j]})" for j in np.argsort(-wrong, kind="stable")[:2] if wrong[j]]
        right = f"of {np.sum(matrix[i])} documents {matrix[i][i]} are right"
        line = f"- **{escaped(classes[i])}**, F1 {f1.iloc[i]:.1%}: {right}"
        lines.append(line + (f", the others are most often taken for {' and '.join(taken)}." if taken else "."))
    return "The classes with the lowest F1:\n\n" + "\n".join(lines)


def ladder(records: Sequence[dict], metric: str, source: str) -> pd.DataFrame:
    """Mean of a metric for each row, as `relex.figures.plots.ladder` draws it."""
    scores = {row: np.mean(values(records, row, metric)) for row in rows_in_order(records)}
    return pd.DataFrame({"score": scores, "source": source})


def spellings(records: Sequence[dict], a: str, b: str, printed: float) -> str:
    """How often two rows that are one model in two spellings give the same answer, seed by seed; Markdown.

    Where they do not always, the rest is what the device adds to a seed. `printed` is the printed A − B, a fraction.
    """
    runs = paired(of_row(records, a), of_row(records, b))
    answers = [CLASSES.numbers(own)[1] for own in runs]  # S×N each
    same = (answers[0] == answers[1]).mean()
    devices = " and ".join(dict.fromkeys(r["machine"]["device"] for own in runs for r in own))
    text = f"On {devices}, `{a}` and `{b}` with the same seed give the same answer to {same:.1%} of the test documents."
    if same < 1:
        text += (
            " Data, order and initial weights are the same for both; the rest comes from the device: a GPU need not "
            "add the same numbers in the same order twice, so there a seed does not fix a run."
        )
    return f"{text} The paper prints them {100 * abs(printed):.2f} points of macro-F1 apart."


def class_changes(before: pd.Series, after: pd.Series, hard: Sequence[str]) -> str:
    """F1 of each hard class before → after, and the mean of the others; a list in Markdown."""
    hard = [name for name in hard if name in before]
    others = [name for name in before.index if name not in hard]
    lines = [f"- **{escaped(name)}**: {before[name]:.1%} → {after[name]:.1%}" for name in hard]
    lines.append(f"- mean of the other {len(others)}: {before[others].mean():.1%} → {after[others].mean():.1%}")
    return "\n".join(lines)


def unknown_tokens(rates: pd.Series) -> str:
    """What the encoder reads that knows the fewest tokens; `rates` is encoder → share of tokens read as [UNK]."""
    return (
        f"`{rates.idxmax()}` reads {rates.max():.1%} of the tokens as [UNK]. What it scores above chance it owes to "
        "the rest: digits, Latin letters, punctuation, and the Chinese characters it happens to know."
    )


def counting(records: Sequence[dict], subsets: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Scores of rows of one run each, as fractions: `accuracy`, `macro-F1`, `F1 range`, and `accuracy, SUBSET`.

    `subsets`: name → which test documents count, N bool.
    """
    lines = {}
    for record in records:
        gold, predicted = CLASSES.numbers([record])
        right = gold == predicted[0]
        lines[record["config"]["row"]] = {
            "accuracy": record["metrics"]["accuracy"],
            "macro-F1": record["metrics"]["macro_f1"],
            "F1 range": record["metrics"]["f1_range"],
        } | {f"accuracy, {name}": right[mask].mean() for name, mask in subsets.items()}
    return pd.DataFrame.from_dict(lines, orient="index")


def best_counting(scores: pd.DataFrame, subsets: Mapping[str, np.ndarray], pair: str) -> str:
    """What a table of `counting` says: its best row, and the row `pair`, which reads no sentence; Markdown."""
    best = scores["accuracy"].idxmax()
    parts = [
        f"{scores.loc[best, f'accuracy, {name}']:.1%} on the {mask.sum():,} *{name}* ones"
        for name, mask in subsets.items()
    ]
    return (
        f"The best feature set is `{best}`: {scores.loc[best, 'accuracy']:.1%} accuracy on all test rows, "
        f"{', '.join(parts)}. The pair alone, without any sentence, reaches {scores.loc[pair, 'accuracy']:.1%}: types "
        "of entities decide much of the relation."
    )
