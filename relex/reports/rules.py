"""The rules of a verdict: from the records behind a line of a table, why it has no verdict, or how far it reaches.

* *Learned*: a row's mean over seeds is above the strongest row that learns nothing and has the same input and the same
  training documents (the *bar*). Shallow baselines are trained and have to be above it as well.
* *Seeds*: one gives no verdict, two an indicative one; where they scatter by three points or more, five are needed.
* *Converged*: most runs of a row had their best epoch before the last, or gained little in the last.
* *Equal budgets*: the rows of a line trained to the same rule, on as many training documents.
* *One setting*: the runs of a row differ in their seed alone, so records of an earlier grid are no further seeds of it.
* *Stand-ins*: a verdict on a generated corpus says so and rests on 300 test documents at least.

Scores are fractions.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from relex.reports.results import is_trained, of_row, rows_in_order, trained

ALPHA = 0.05
"""Level of a verdict, after Holm's correction."""
INDICATIVE, ENOUGH, MANY = 2, 3, 5
"""Seeds of an indicative verdict, of a verdict, and of a verdict on rows that scatter."""
SCATTER = 0.03
"""Standard deviation over seeds from which `MANY` are needed."""
RISE = 0.005
"""Gain of the last epoch over the best before by which a run is still rising."""
DOCUMENTS = 300
"""Test documents that a verdict on a generated corpus needs; they cost nothing."""
SAME_STEPS = 0.01
"""Share by which numbers of steps may differ: how lengths fall into batches is drawn with the seed."""

OF_A_RUN = ("seed", "profile", "row", "hard_classes")
"""Config keys in which runs of one row may differ: its labels, its seed, and classes that each seed may choose."""

GENERATED, TENTATIVE = "On our generated corpus", "indicative"


class Row(NamedTuple):
    """A table row in a line: its name, its runs by seed, and the score of each, S fractions."""

    name: str
    runs: list[dict]
    scores: np.ndarray

    @property
    def trained(self) -> bool:
        return all(map(is_trained, self.runs))

    @property
    def control(self) -> bool:
        """Without a mask nothing tells the pairs of a text apart: the row is there to fail, and a line says so."""
        return all(r["config"].get("mask") == "none" for r in self.runs)

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))


class Bar(NamedTuple):
    """The strongest row that learns nothing: its name and score."""

    name: str
    score: float


def setting(record: dict) -> tuple:
    """What two rows must share for one to be the other's bar: corpus, training documents, test documents."""
    corpus, cut = record["corpus"], [record["config"].get(key, "") for key in ("split", "unit", "align")]
    return corpus["name"], corpus["fingerprint"], *cut, training_documents(record), record["counts"]["n"]


def training_documents(record: dict) -> int:
    """Training documents of a run, before augmentation."""
    size = record["corpus"]["sizes"]["train"]
    return min(record["config"]["train_limit"] or size, size)


def learned(row: Row, bar: Bar | None) -> bool:
    """Whether a row is above the bar; what only counts has nothing to learn, and without a bar nobody can tell."""
    return not row.trained or bar is None or row.mean > bar.score


def seeds(rows: Sequence[Row]) -> int:
    """Seeds of a line: of the smaller of its trained rows; a row that only counts has one and stands for all.

    Several runs with the same seed, such as those that are pooled over K, count as one: nobody drew another.
    """
    counts = [(row.trained, len({run["config"]["seed"] for run in row.runs})) for row in rows]
    return min((number for trained, number in counts if trained), default=min(number for _, number in counts))


def too_few_seeds(rows: Sequence[Row], partners: bool = False) -> str:
    """Why a line has too few seeds for any verdict, else empty.

    Of `partners` the differences scatter, not the rows; and each of them, whatever its seed, tells of the scatter.
    """
    asked, number = [row for row in rows if row.trained], seeds(rows)
    if not asked:
        return ""
    if number < INDICATIVE:
        return "one seed"
    scores = {row.name: row.scores for row in asked}
    if partners:
        first, second = rows
        scores = {f"{first.name} − {second.name}": first.scores - second.scores}
    for name, values in scores.items():
        deviation = np.std(values, ddof=1)
        if (len(values) if partners else number) < MANY and deviation >= SCATTER - 1e-9:
            return f"the seeds of {name} scatter by {100 * deviation:.1f} points, so {MANY} are needed, not {number}"
    return ""


def rising(record: dict) -> bool:
    """Whether the best development score of a run came in its last epoch, by more than `RISE` above the best before.

    A run of one epoch is rising; so is one without development scores, as nothing says that it is not.
    """
    scores = [entry["score"] for entry in record.get("history", []) if "score" in entry]
    return len(scores) < 2 or scores[-1] > max(scores[:-1]) + RISE


def still_rising(rows: Sequence[Row]) -> str:
    """Which rows of a line have a majority of rising runs, else empty."""
    names = [row.name for row in rows if row.trained and 2 * sum(map(rising, row.runs)) > len(row.runs)]
    return f"still rising: {', '.join(names)}" if names else ""


def unequal_budgets(rows: Sequence[Row]) -> str:
    """`unequal budgets`, or empty where the trained rows of a line trained to the same rule.

    That is the same patience on development with the same limit of epochs, or the same number of steps (within
    `SAME_STEPS`), on as many training documents. Where a record does not tell its steps, all need the same epochs,
    patience, batches and sampler. FGM's second pass is no other budget: a control of its own stands beside it.
    """
    runs = [run for row in rows if row.trained for run in row.runs]
    if len({training_documents(run) for run in runs}) > 1:
        return "unequal budgets"
    limits = [(run["config"].get("patience", 0), *_epochs(run)) for run in runs]
    if len(set(limits)) <= 1 and all(patience > 0 for patience, *_ in limits):
        return ""
    if all("steps" in run["counts"] for run in runs):
        steps = [np.mean([run["counts"]["steps"] for run in row.runs]) for row in rows if row.trained]
        return "unequal budgets" if max(steps) > (1 + SAME_STEPS) * min(steps) else ""
    plain = ("patience", "batch_tokens", "sampler")
    budgets = {
        (*_epochs(run), *(run["config"].get(key) for key in plain),
         run["counts"].get("train_documents", training_documents(run)))
        for run in runs
    }  # fmt: skip
    return "unequal budgets" if len(budgets) > 1 else ""


def _epochs(run: dict) -> tuple:
    """How many epochs a run may have, and the steps of each; 0 for a pass over what it trains on."""
    return run["config"].get("epochs"), run["config"].get("epoch_steps", 0)


def several_settings(rows: Sequence[Row]) -> str:
    """Which rows of a line have runs that differ in more than their seed, and in what; else empty."""
    told = []
    for row in rows:
        keys = {key for run in row.runs for key in run["config"]} - set(OF_A_RUN)
        differ = sorted(key for key in keys if len({json.dumps(run["config"].get(key) or 0) for run in row.runs}) > 1)
        if differ:
            told.append(f"runs of {row.name} differ in {', '.join(differ)}")
    return "; ".join(told)


def too_few_documents(rows: Sequence[Row], documents: int) -> str:
    """Why a generated test part is too small for a verdict, else empty; `documents` are those compared."""
    if documents < DOCUMENTS and any(run["corpus"]["stand_in"] for row in rows for run in row.runs):
        return f"{documents} test documents of a generated corpus; {DOCUMENTS} are needed"
    return ""


def refusal(rows: Sequence[Row], bar: Bar | None, documents: int, partners: bool = False) -> tuple[str, str]:
    """The verdict of a line that may have none, `not learned` or `no verdict`, and the reasons; empty where it may."""
    if len(rows) > 1 and {r["run"] for r in rows[0].runs} == {r["run"] for r in rows[1].runs}:
        return "no verdict", "both rows are the same runs"
    short = [f"{row.name} ({100 * row.mean:.1f})" for row in rows if not learned(row, bar)]
    reasons = [too_few_seeds(rows, partners), still_rising(rows), unequal_budgets(rows)]
    reasons.append("" if partners else several_settings(rows))
    reasons.append(too_few_documents(rows, documents))
    if short:
        verb = "is" if len(short) == 1 else "are"
        reasons.insert(0, f"{' and '.join(short)} {verb} not above {bar.name} ({100 * bar.score:.1f})")
        reasons.insert(1, caveat(rows, bar))
    if bar is None and any(row.trained for row in rows):
        reasons.insert(0, "no bar recorded")
    text = "; ".join(filter(None, reasons))
    return ("not learned" if short else "no verdict" if text else ""), text


def reach(rows: Sequence[Row]) -> str:
    """How the verdict of a line begins that may have one; empty where it is a full verdict."""
    words = [GENERATED] if any(run["corpus"]["stand_in"] for row in rows for run in row.runs) else []
    if any(row.trained for row in rows) and seeds(rows) < ENOUGH:
        words.append(TENTATIVE)
    return f"{', '.join(words)}: " if words else ""


def caveat(rows: Sequence[Row], bar: Bar | None) -> str:
    """What a line says of a control that is not above the bar, else empty."""
    below = [row.name for row in rows if row.control and not learned(row, bar)]
    return f"{below[0]} is a control without mask, made to fail" if below else ""


def learning_rates(records: Sequence[dict]) -> pd.DataFrame:
    """The rates of each trained row, as chosen on development: `lr` of the encoder, `head_lr` of the layers on it."""
    chosen = trained(records)
    lines = {}
    for row in rows_in_order(chosen):
        runs = of_row(chosen, row)
        rates = {name: dict.fromkeys(r["config"].get(name) for r in runs) for name in ("lr", "head_lr")}
        lines[row] = {name: " or ".join(f"{v:g}" for v in some if v is not None) for name, some in rates.items()}
    return pd.DataFrame.from_dict(lines, orient="index", columns=["lr", "head_lr"]).rename_axis("row")
