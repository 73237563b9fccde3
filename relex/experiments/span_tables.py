"""Tables of the chapter on span models: both parts of conll04, modes of scoring, claims, and what the paper prints.

They stand beside those of `relex.experiments.tables` and `triple_tables`, which know nothing of entities' scores.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd

from relex.corpora import PARTS, Corpus
from relex.corpora.generators.interactions.generate import RELATIONS
from relex.documents import Document, Relation
from relex.evaluation import baselines, extraction
from relex.experiments import tables, triple_tables
from relex.experiments.experiment import reported
from relex.experiments.iser import BOTH
from relex.heads.span import LOST

TITLES = {"conll04": "CoNLL04", "interactions": "interactions, a generated stand-in for CH-DDI"}
PRINTED_AS = {"conll04": "conll04", "interactions": "chddi"}
"""Corpus → how the paper's tables of it are named in `relex/data/iser.yaml`; the stand-in has those of CH-DDI."""

TASKS = {"ner": "entities", "re": "relations"}
MODES = ("strict", "boundaries", "relaxed")
SCORES = ("p", "r", "f1")
SUFFIX = {"ner": "_ner", "re": "_strict", "given": "_given", "kept": "_kept"}
"""Under which names the `answers` of a record hold numbers of strict entities and triples a document; the last two are
triples of given entities, which `relex.experiments.focused_tables` has."""
UNLEARNED = "not learned"

GIVEN = {
    "look-up": "text", "masked look-up": "text", "dictionary": "text", "schema only": "gold entities",
    "nearest entity": "gold entities", "character n-grams": "gold entities",
}  # fmt: skip
"""Baselines, by what they are given of a test sentence."""

NONE = "none"
"""The class of a pair without a relation, for the baseline of n-grams."""

MEANING = {
    "windowed": "sentences in several windows", "without_tokens": "entities without tokens",
    "inexact": "entities with a border inside a word", "too_wide": "entities too wide to be a candidate",
    "two_types": "second types of one stretch", "relations": "relations lost with their entities",
}  # fmt: skip


def title(corpus: str) -> str:
    """What a corpus is called in the book."""
    return TITLES.get(corpus, corpus)


def corpora_of(records: Sequence[dict]) -> list[str]:
    """The corpora that records are of, those of the paper first."""
    found = {r["config"]["corpus"] for r in records}
    return [name for name in (*BOTH, *sorted(found - set(BOTH))) if name in found]


def trained(records: Sequence[dict]) -> list[dict]:
    """The records of trained systems."""
    return [r for r in records if "epochs" in r["config"]]


def caution(records: Sequence[dict]) -> str:
    """A sentence for records too small to mean anything, one for the stand-in, one for a single seed; else empty."""
    notes = []
    small = sorted({r["config"]["profile"] for r in records} - set(triple_tables.EVIDENCE))
    if small:
        notes.append(
            f"These are runs of profile {' and '.join(small)}: too small to say anything about the systems. "
            "They show that the notebook works and are **no evidence**."
        )
    if any(r["corpus"]["stand_in"] for r in records):
        notes.append(
            "interactions is **a generated stand-in** for CH-DDI, which is not public: its numbers answer whether a "
            "mechanism does what is claimed, never whether a printed number is right."
        )
    if records and not small and len({r["config"]["seed"] for r in records}) == 1:
        notes.append("There is one seed: intervals cover the choice of test sentences only.")
    return " ".join(notes)


def printed(corpus: str, experiment: str) -> dict[str, dict[str, float]]:
    """Tables 3 to 6 as row → metric → percent; `experiment` is `comparison` or `ablation`.

    A row `NAME-macro` becomes macro averages of row NAME. Empty for a corpus that the paper does not have.
    """
    if corpus not in PRINTED_AS:
        return {}
    found = defaultdict(dict)
    for row, cells in reported("iser")["tables"][f"{experiment}_{PRINTED_AS[corpus]}"]["rows"].items():
        kind = "macro_" if row.endswith("-macro") else ""
        names = [f"{task}.strict.{kind}{score}" for task in TASKS for score in SCORES]
        found[row.removesuffix("-macro")] |= {k: v for k, v in zip(names, cells, strict=True) if v is not None}
    return dict(found)


def scores(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], task: str, part: str = ""
) -> pd.DataFrame:
    """`tables.comparison` of strict P, R, F1 of `ner` or `re`; `part` is `dev.` for the development part."""
    moved = {row: {f"{part}{metric}": value for metric, value in cells.items()} for row, cells in printed.items()}
    table = tables.comparison({f"{part}{task}.strict.{s}": s.upper() for s in SCORES}, moved, recorded, here)
    return table.drop(columns=[c for c in table if (table[c] == "0").all()])  # seeds, where nothing was run


def by_part(printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict]) -> pd.DataFrame:
    """Strict F1 in percent on the development and the test part, beside what is printed of the part called test."""
    rows = list(dict.fromkeys([*printed, *(r["config"]["row"] for r in [*recorded, *here])]))
    columns = {}
    for task, name in TASKS.items():
        metric = f"{task}.strict.f1"
        cells = [f"{printed[row][metric]:.2f}" if metric in printed.get(row, {}) else "–" for row in rows]
        columns[name, tables.PRINTED, "“test”"] = cells
        for source, records in ((tables.RECORDED, recorded), (tables.HERE, here)):
            for part, prefix in (("dev", "dev."), ("test", "")):
                values = [tables.values(records, row, prefix + metric) for row in rows]
                columns[name, source, part] = [tables.mean_and_sd(v) for v in values]
    table = pd.DataFrame(columns, index=pd.Index(rows, name="row"))
    return table.drop(columns=[c for c in table if (table[c] == "–").all()])


def modes(records: Sequence[dict]) -> pd.DataFrame:
    """F1 of entities and relations in every mode of scoring, micro and macro, in percent; one line a trained row."""
    columns = {}
    rows = tables.rows_in_order(trained(records))
    for task, name in TASKS.items():
        for average, prefix in (("micro", ""), ("macro", "macro_")):
            for mode in MODES:
                values = [tables.values(records, row, f"{task}.{mode}.{prefix}f1") for row in rows]
                columns[name, average, mode] = [tables.mean_and_sd(v) for v in values]
    table = pd.DataFrame(columns, index=pd.Index(rows, name="row"))
    return table.drop(columns=[c for c in table if (table[c] == "–").all()])


def answered_as(records: Sequence[dict], task: str) -> list[dict]:
    """The records with numbers of strict entities (`ner`) or triples (`re`) a document where those of triples stood."""
    names, suffix = ("gold", "predicted", "correct"), SUFFIX[task]
    return [r | {"answers": r["answers"] | {name: r["answers"][name + suffix] for name in names}} for r in records]


def differences(
    records: Sequence[dict], pairs: Sequence[tuple[str, str]], printed: dict[str, dict[str, float]], task: str = "re"
) -> pd.DataFrame:
    """A minus B in strict F1 of `ner` or `re` for pairs of rows, paired by test sentences; see `tables.differences`.

    The verdict is `UNLEARNED` where A or B is a row that has not learned the task.
    """
    wanted = tables.printed_differences(pairs, printed, f"{task}.strict.f1")
    found = tables.differences(answered_as(records, task), pairs, wanted, match="offset")
    short = set(unlearned(records))
    for line in found.index:
        if short & set(line.split(" − ")):
            found.loc[line, "verdict"] = UNLEARNED
    return found


def unlearned(records: Sequence[dict]) -> list[str]:
    """Trained rows whose relations are found worse than a dictionary of training triples finds them.

    How far another row is above them says nothing of a method that is trained for longer.
    """
    metric, rows = "re.strict.f1", tables.rows_in_order(trained(records))
    if "dictionary" not in tables.rows_in_order(records):
        return []
    bar = np.mean(tables.values(records, "dictionary", metric))
    return [row for row in rows if np.mean(tables.values(records, row, metric)) < bar]


def told(a: str, b: str, line: pd.Series) -> str:
    """One line of `differences` as a clause of Markdown, the same for every outcome."""
    if line["verdict"] == UNLEARNED:
        return f"{a} or {b} is below the dictionary and has not learned the task yet, so they cannot be compared"
    return triple_tables.told(a, b, line)


def verdict(lines: pd.DataFrame) -> str:
    """What a table of `differences`, all of which a claim wants above zero, says of the claim; Markdown."""
    if lines.empty:
        return "**not recorded**"
    if (lines["verdict"] == UNLEARNED).any():
        return "**cannot be told**: a row has not learned the task in the epochs of this grid"
    groups = {v: list(lines.index[lines["verdict"] == v]) for v in ("higher", "lower")}
    rest = [name for name in lines.index if name not in [*groups["higher"], *groups["lower"]]]
    if not rest and not groups["lower"]:
        return "**holds**"
    if not groups["higher"] and not groups["lower"]:
        return "**not shown**: no difference can be told from zero"
    texts = {"above zero": groups["higher"], "below zero": groups["lower"], "not to be told from zero": rest}
    parts = "; ".join(f"{text}: {', '.join(names)}" for text, names in texts.items() if names)
    return f"**{'holds in part' if groups['higher'] else 'contradicted'}** ({parts})"


def by_type(records: Sequence[dict], a: str, b: str, task: str) -> pd.DataFrame:
    """Strict F1 of rows A and B by entity or relation type, in percent: mean over seeds, gold items, A − B, its error.

    The error is the standard error over seeds. Empty when a row is missing.
    """
    if not {a, b} <= set(tables.rows_in_order(records)):
        return pd.DataFrame(columns=["gold", b, a])
    found = triple_tables.type_differences(records, a, b, {}, {"ner": "ner", "re": "relations.strict"}[task])
    shown = pd.DataFrame({"gold": found["gold"]})
    for name in (b, a):
        shown[name] = [f"{100 * f1:.1f}" for f1 in found[name]]
    shown["difference"] = [f"{100 * d:+.1f}".replace("-", "−") for d in found["difference"]]
    shown["± over seeds"] = ["–" if np.isnan(e) else f"{100 * e:.1f}" for e in found["error"]]
    shown.index = [f"{name} ({RELATIONS[name]})" if name in RELATIONS else name for name in found.index]
    return shown


def not_expressed(record: dict) -> pd.DataFrame:
    """What of the gold standard no candidate of a run can hold, in its training and test part; one line a reason."""
    counts = record["counts"]
    columns = {part: [counts[f"{part}.{name}"] for name in LOST] for part in ("train", "test")}
    return pd.DataFrame(columns, index=[MEANING[name] for name in LOST])


def part_sizes(corpus: Corpus) -> pd.DataFrame:
    """Sentences, entities and relations of each part of a corpus."""
    sizes = {}
    for part in PARTS:
        some = getattr(corpus, part)
        sizes[part] = [len(some), sum(len(d.entities) for d in some), sum(len(d.relations) for d in some)]
    return pd.DataFrame.from_dict(sizes, orient="index", columns=["sentences", "entities", "relations"])


def pair_ngrams(corpus: Corpus) -> list[Document]:
    """The test part with its gold entities, and relations from character n-grams: `baselines.tfidf` on every pair.

    Each ordered pair of entities of a sentence is one question, of its mentions, the sentence and the words between;
    its answer one of the relation types or none.
    """
    classify = baselines.tfidf("pair+sentence+between", [pair for d in corpus.train for _, pair in _pairs(d)])
    asked = [(i, ends, pair) for i, d in enumerate(corpus.test) for ends, pair in _pairs(d)]
    found = defaultdict(list)
    for (i, ends, _), answer in zip(asked, classify([pair for *_, pair in asked]), strict=True):
        if (name := answer.relations[0].type) != NONE:
            found[i].append(Relation(*ends, name))
    return [replace(d, relations=tuple(found[i])) for i, d in enumerate(corpus.test)]


def difficulty(records: Sequence[dict], corpus: Corpus | None = None) -> pd.DataFrame:
    """Baselines and trained rows of one corpus side by side: what each is given, strict F1, macro-F1 of relations.

    With `corpus` there is a line for `pair_ngrams`, which is fitted now on all training sentences. F1 of entities of
    what is given them means nothing and is left out.
    """
    lines = {}

    def add(row: str, test: int, metrics: Mapping[str, Sequence[float]]) -> None:
        given = GIVEN.get(row, "text")
        ner = "–" if given != "text" else tables.mean_and_sd(metrics["ner.strict.f1"])
        lines[row] = {
            "given": given, "entities, F1": ner, "relations, F1": tables.mean_and_sd(metrics["re.strict.f1"]),
            "relations, macro-F1": tables.mean_and_sd(metrics["re.strict.macro_f1"]), "test sentences": test,
        }  # fmt: skip

    names = ("ner.strict.f1", "re.strict.f1", "re.strict.macro_f1")
    for row in tables.rows_in_order(records):
        test = tables.of_row(records, row)[0]["counts"]["n"]
        add(row, test, {name: tables.values(records, row, name) for name in names})
    if corpus is not None:
        metrics, counts = extraction.evaluate(corpus.test, pair_ngrams(corpus), corpus.schema, ())
        add("character n-grams", counts["n"], {name: [metrics[name]] for name in names})
    order = [*(row for row in GIVEN if row in lines), *(row for row in lines if row not in GIVEN)]
    return pd.DataFrame.from_dict({row: lines[row] for row in order}, orient="index")


def identity_misses(rows: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Printed micro rows whose F1 is not that of their P and R, whatever the rounding hid; columns in percent.

    P, R and F1 are right to 0.005; lines are (row, items), `outside` says that F1 is not even between P and R.
    """
    lines = {}
    for row, cells in rows.items():
        for task, name in TASKS.items():
            if not {f"{task}.strict.{s}" for s in SCORES} <= cells.keys():
                continue
            p, r, f1 = (cells[f"{task}.strict.{s}"] for s in SCORES)
            low, high = (_harmonic(p + d, r + d) + d for d in (-0.005, 0.005))
            if not low - 1e-9 <= f1 <= high + 1e-9:
                lines[row, name] = (p, r, f1, _harmonic(p, r), not min(p, r) <= f1 <= max(p, r))
    index = pd.MultiIndex.from_arrays([[key[i] for key in lines] for i in (0, 1)], names=["row", "items"])
    return pd.DataFrame([*lines.values()], index, ["P", "R", "F1", "of P and R", "outside"])


def fitting(recalls: Sequence[float], total: int) -> int:
    """How many printed recalls (percent, two digits) are k of `total` for a whole number k."""
    nearest = np.round(np.asarray(recalls) * total / 100)
    return int((np.abs(100 * nearest / total - recalls) <= 0.005 + 1e-9).sum())


def recall_totals(recalls: Sequence[float], total: int) -> dict[str, float]:
    """How many recalls fit the printed total, how many would by chance, and which total within a tenth fits most.

    A recall has 10,001 values and a total fits total + 1 of them.
    """
    near = range(int(0.9 * total), int(1.1 * total) + 1)
    best = max(near, key=lambda n: (fitting(recalls, n), -abs(n - total)))
    return {
        "recalls": len(recalls), "printed total": total, "fit it": fitting(recalls, total),
        "by chance": len(recalls) * (total + 1) / 10_001, "best total": best, "fit that": fitting(recalls, best),
    }  # fmt: skip


def _harmonic(p: float, r: float) -> float:
    return 2 * p * r / (p + r) if p + r > 0 else 0.0


def _pairs(document: Document) -> list[tuple[tuple[int, int], Document]]:
    """Every ordered pair of entities (head, tail) with the question about it, labelled."""
    given = {(r.head, r.tail): r.type for r in document.relations}
    spans = document.entities
    return [
        ((i, j), replace(document, entities=(spans[i], spans[j]), relations=(Relation(0, 1, given.get((i, j), NONE)),)))
        for i, j in permutations(range(len(spans)), 2)
    ]
