"""Differences between table rows, with their verdicts: the one place that compares, for all papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from relex.errors import RelexError
from relex.evaluation import statistics
from relex.reports import rules
from relex.reports.results import ON_GOLD, is_trained, of_row, rows_in_order

END_TO_END = ("dictionary", "lookup", "masked_lookup")
"""Heads that learn nothing, from the text alone."""


def class_ids(answers: str) -> list[int]:
    """Class ids from the `answers` of a record: digits of base 36, or decimal numbers with blanks between."""
    return [int(one) for one in answers.split()] if " " in answers else [int(c, 36) for c in answers]


@dataclass(frozen=True)
class Score:
    """What is compared: a metric of records, the end of the names under which `answers` hold its numbers a document.

    `bars` are the heads that learn nothing and have the same input. `title` names the score in the book.
    """

    name: str
    title: str
    metric: str
    answers: str
    bars: tuple[str, ...]

    def applies(self, record: dict) -> bool:
        """Whether a record is of a system that does this task from the input that the task gives.

        Entities are of systems that tag, relations end to end of those that do both, relations of given entities of
        those that classify pairs, and of heuristics that have nothing but given entities.
        """
        heuristic, tasks = record["config"].get("head") in ON_GOLD, record["config"].get("tasks", "joint")
        if self is CLASSES:
            return "correct" not in record["answers"]
        if heuristic:
            return self is GIVEN and "correct_strict" in record["answers"]
        asked = self in (GIVEN, KEPT) or tasks == "joint" or (tasks, self) == ("ner", NER)
        return asked and f"correct{self.answers}" in record["answers"]

    def numbers(self, runs: Sequence[dict], documents: np.ndarray | None = None) -> tuple:
        """What `difference` and `of_runs` need, over test documents (N, bool; None: all): of classes gold ids N and
        predicted ids S×N, of extraction numbers of gold items N, predicted and correct ones S×N."""
        if self is CLASSES:
            read = [np.array([class_ids(r["answers"][k]) for r in runs]) for k in ("gold", "predicted")]
        else:
            suffix = ["_strict" if self is GIVEN and r["config"]["head"] in ON_GOLD else self.answers for r in runs]
            read = [
                np.array([np.array(r["answers"][k + s].split(), int) for r, s in zip(runs, suffix, strict=True)])
                for k in ("gold", "predicted", "correct")
            ]
        kept = slice(None) if documents is None else documents
        return read[0][0][kept], *(x[:, kept] for x in read[1:])

    def of_runs(self, runs: Sequence[dict], documents: np.ndarray | None = None) -> np.ndarray:
        """The score of each run, S fractions."""
        numbers = self.numbers(runs, documents)
        if self is CLASSES:
            return statistics.macro_f1(*numbers, len(runs[0]["counts"]["classes"]))
        return statistics.micro_f1(*numbers)

    def interval(self, runs: Sequence[dict]) -> statistics.Difference:
        """The mean score of some runs, fractions, with its interval over documents and seeds.

        It is the difference from a system with a score of 0 whatever the documents: of one that finds nothing, or names
        a wrong class each time.
        """
        gold, *found = self.numbers(runs)
        if self is CLASSES:
            classes = len(runs[0]["counts"]["classes"])
            return statistics.paired_f1_difference(gold, *found, ((gold + 1) % classes)[None], classes)
        nothing = np.zeros((1, len(gold)))
        return statistics.paired_micro_f1_difference(gold, *found, nothing, nothing)

    def difference(
        self, a: Sequence[dict], b: Sequence[dict], documents: np.ndarray | None = None, aligned: bool = False
    ) -> statistics.Difference:
        """Mean of the runs `a` minus mean of the runs `b`; `aligned` runs are each other's partners."""
        gold, *of_a = self.numbers(a, documents)
        _, *of_b = self.numbers(b, documents)
        if self is CLASSES:
            classes = len(a[0]["counts"]["classes"])
            return statistics.paired_f1_difference(gold, *of_a, *of_b, classes, aligned=aligned)
        return statistics.paired_micro_f1_difference(gold, *of_a, *of_b, aligned=aligned)


CLASSES = Score("classification", "macro-F1", "macro_f1", "", ("tfidf", "majority"))
STRING = Score("string", "F1 of triples by strings", "triples.string.f1", "_string", END_TO_END)
OFFSET = Score("offset", "F1 of triples by offsets", "triples.offset.f1", "", END_TO_END)
NER = Score("ner", "F1 of entities", "ner.strict.f1", "_ner", END_TO_END)
RE = Score("re", "F1 of relations", "re.strict.f1", "_strict", END_TO_END)
GIVEN = Score("given", "F1 of relations of given entities", "given.re.strict.f1", "_given", ON_GOLD)
KEPT = Score("kept", "F1 of relations of given entities, kept pairs", "kept.re.strict.f1", "_kept", ON_GOLD)
SCORES = {score.name: score for score in (CLASSES, STRING, OFFSET, NER, RE, GIVEN, KEPT)}


@dataclass(frozen=True)
class Pool:
    """Runs of a grid of two switches as runs of one: `names` maps values of config key `by` to rows, `over` is pooled.

    Runs with the same seed and the same value of `over` are partners, and are compared as such.
    """

    by: str
    names: Mapping
    over: str

    def rows(self, records: Sequence[dict]) -> dict[str, list[dict]]:
        """Row → runs in the order of their partners; a run without all of its partners is left out."""
        cells: dict[tuple, dict] = {}
        for record in records:
            config = record["config"]
            if config.get(self.by) in self.names:
                cells.setdefault((config[self.over], config["seed"]), {})[config[self.by]] = record
        whole = [cells[key] for key in sorted(cells) if cells[key].keys() == self.names.keys()]
        return {row: [cell[value] for cell in whole] for value, row in self.names.items() if whole}


COLUMNS = (
    "difference", "low", "high", "holm", "seeds", "printed", "verdict", "reason",
    "p", "reach", "rows", "scores", "learned", "bar", "rising",
)  # fmt: skip


def differences(
    records: Sequence[dict],
    pairs: Sequence[tuple[str, str]],
    score: Score,
    printed: Mapping[tuple[str, str], float] | None = None,
    documents: str | np.ndarray | None = None,
    pool_by: Pool | None = None,
) -> pd.DataFrame:
    """A minus B for each pair of rows (A, B) on the same test documents, a line each, in fractions, with its verdict.

    `documents`: those compared, as the name of a subset that the answers mark (`unseen`) or N bool; None for all.
    `printed`: pair → printed difference. With `pool_by` rows are pooled runs. Pairs without records,
    or without a document that is compared, are left out.

    `low` … `high` is the 95 % interval over documents and seeds, of the line alone. `verdict` is *higher*, *lower* or
    *within the noise*, at 0.05 after Holm's correction over the lines of the table (`holm`), with `indicative: ` or
    `On our generated corpus: ` before it where no more can be said; or *not learned*, or *no verdict*, and then
    `reason` tells by which of `relex.reports.rules`. A line without verdict is not tested and not in Holm's family.
    For figures, `together` and the ledger: `rows` (A, B), their `scores` by seed, whether they `learned`, the `bar`,
    which of them are still `rising`; `p` of the line alone, never shown.
    """
    chosen = [record for record in records if score.applies(record)]
    rows = pool_by.rows(chosen) if pool_by else {row: of_row(chosen, row) for row in rows_in_order(chosen)}
    lines = {}
    for a, b in pairs:
        if a in rows and b in rows:
            runs = (rows[a], rows[b]) if pool_by else paired(rows[a], rows[b])
            line = _line((a, b), runs, chosen, score, documents, aligned=pool_by is not None)
            if line:
                lines[f"{a} − {b}"] = line | {"printed": (printed or {}).get((a, b), np.nan)}
    return _judged(pd.DataFrame.from_dict(lines, orient="index", columns=COLUMNS))


def paired(a: Sequence[dict], b: Sequence[dict]) -> tuple[list[dict], list[dict]]:
    """The runs of two rows: if both are trained, those of the seeds that both have, where there are any.

    Other seeds would add their luck to one side alone. What only counts has one seed and stands for all.
    """
    if all(map(is_trained, [*a, *b])):
        shared = {r["config"]["seed"] for r in a} & {r["config"]["seed"] for r in b}
        if shared:
            a, b = ([r for r in runs if r["config"]["seed"] in shared] for runs in (a, b))
    return list(a), list(b)


def bar(records: Sequence[dict], like: dict, score: Score, documents: np.ndarray | None = None) -> rules.Bar | None:
    """The strongest of `records` that learns nothing, with the input, training and test documents of run `like`."""
    found = [r for r in records if r["config"].get("head") in score.bars and rules.setting(r) == rules.setting(like)]
    bars = [rules.Bar(r["config"]["row"], float(score.of_runs([r], documents)[0])) for r in found if score.applies(r)]
    return max(bars, key=lambda one: one.score, default=None)


def standing(row: str, runs: Sequence[dict], records: Sequence[dict], score: Score, documents: int) -> tuple:
    """What `rules` say of one row by itself: a refusal or nothing, its reasons, and how a verdict on it begins."""
    rows = [rules.Row(row, list(runs), score.of_runs(runs))]
    return *rules.refusal(rows, bar(records, runs[0], score), documents), rules.reach(rows)


def together(tables: Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of `differences` as one, whose lines are one family for Holm's correction.

    Of a mapping, the keys name the lines: of a table with one line instead of it, else before it.
    """
    if isinstance(tables, Mapping):
        tables = [
            table.set_axis([key if len(table) == 1 else f"{key}, {line}" for line in table.index])
            for key, table in tables.items()
        ]
    kept = [table for table in tables if len(table)]
    return _judged(pd.concat(kept)) if kept else pd.DataFrame(columns=COLUMNS)


def _line(names: tuple[str, str], runs: tuple, records: Sequence[dict], score: Score, documents, aligned: bool) -> dict:
    """One line but for `printed` and what Holm's correction decides; `p` is missing where it may have no verdict.

    Empty where no document is compared: a smaller test part may have none that is unseen.
    """
    first = runs[0][0]
    if len({(run["corpus"]["fingerprint"], run["counts"]["n"]) for run in (*runs[0], *runs[1])}) > 1:
        raise RelexError(
            f"the runs of {' and '.join(names)} were tested on different documents; choose those of one corpus, split "
            "and limit with `where`, or remove the records of the older one"
        )
    if isinstance(documents, str):
        if documents not in first["answers"]:
            raise RelexError(f"run {first['run']} does not mark which test documents are {documents}; do it again")
        documents = np.array(list(first["answers"][documents])) == "1"
    if documents is not None and not documents.any():
        return {}
    found = score.difference(*runs, documents, aligned)
    rows = [rules.Row(name, own, score.of_runs(own, documents)) for name, own in zip(names, runs, strict=True)]
    asked = next((row.runs[0] for row in rows if row.trained), first)
    lowest = bar(records, asked, score, documents)
    number = first["counts"]["n"] if documents is None else int(documents.sum())
    verdict, reason = rules.refusal(rows, lowest, number, aligned)
    return {
        "difference": found.mean, "low": found.low, "high": found.high, "seeds": rules.seeds(rows),
        "p": np.nan if verdict else found.p, "reach": rules.reach(rows),
        "verdict": verdict, "reason": reason,
        "rows": names, "scores": tuple(row.scores for row in rows), "bar": lowest,
        "learned": tuple(lowest is not None and rules.learned(row, lowest) for row in rows),
        "rising": rules.still_rising(rows),
    }  # fmt: skip


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """The table with Holm's p and the verdicts of its lines as one family."""
    p = table["p"].astype(float)
    table = table.astype({name: float for name in ("difference", "low", "high", "printed")}).assign(p=p, holm=np.nan)
    tested = p.notna()
    table.loc[tested, "holm"] = statistics.holm(p[tested])
    word = np.where(table["difference"] > 0, "higher", "lower")
    word = np.where(table["holm"] < rules.ALPHA, word, "within the noise")
    table["verdict"] = np.where(tested, table["reach"] + word, table["verdict"])
    return table[list(COLUMNS)]


def outcome(verdict: str) -> str:
    """*higher*, *lower* or *within the noise*, however a verdict begins; empty where there is none."""
    word = verdict.rpartition(": ")[2]
    return word if word in ("higher", "lower", "within the noise") else ""


def is_full(verdict: str) -> bool:
    """Whether nothing restricts a verdict: then, and only then, it may stand in bold type."""
    return bool(outcome(verdict)) and ": " not in verdict
