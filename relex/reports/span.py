"""Tables and sentences of the chapter on span models: both parts of conll04, modes of scoring, differences, claims.

They stand beside those of `relex.reports.tables`, which know nothing of entities' scores. Checks of the printed
figures, which need no run, are in `relex.reports.span_printed`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd

from relex.baselines import ngrams
from relex.corpora import PARTS, Corpus
from relex.corpora.generators.interactions.generate import RELATIONS
from relex.documents import Document, Relation
from relex.evaluation import extraction
from relex.reports import compare, families, results, tables, words
from relex.reports.printed import PRF, rows
from relex.reports.printed import differences as printed_differences
from relex.reports.results import trained

PRINTED_AS = {"conll04": "conll04", "interactions": "chddi"}
"""Corpus → how the paper's tables of it are named in `relex/data/iser.yaml`; the stand-in has those of CH-DDI."""

TASKS = {"ner": "entities", "re": "relations"}
MODES = ("strict", "boundaries", "relaxed")
STRICT = {task: {f"{task}.strict.{s}": s.upper() for s in PRF} for task in TASKS}
"""Columns of the paper's tables: task → metric of records → title."""
MACRO = {f"{task}.strict.macro_f1": f"{name}, macro-F1" for task, name in TASKS.items()}
LOST_ENTITIES = ("without_tokens", "inexact", "too_wide", "two_types")
"""Counts of records: entities that no candidate is."""

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


def printed(corpus: str, experiment: str) -> dict[str, dict[str, float]]:
    """Tables 3 to 6; `experiment` is `comparison` or `ablation`. Empty for a corpus that the paper does not have."""
    return rows("iser", f"{experiment}_{PRINTED_AS[corpus]}") if corpus in PRINTED_AS else {}


def differences(
    records: Sequence[dict], pairs: Sequence[tuple[str, str]], printed: dict[str, dict[str, float]]
) -> dict[str, pd.DataFrame]:
    """`compare.differences` of strict F1 of entities (`ner`) and of relations (`re`), with what is printed of each."""
    found = {}
    for task in TASKS:
        score = compare.SCORES[task]
        prints = printed_differences(pairs, printed, score.metric)
        found[task] = families.settled(compare.differences(records, pairs, score, prints), records, score)
    return found


def claims(
    wanted: dict[str, Sequence[tuple[str, str]]],
    found: dict[str, dict[str, pd.DataFrame]],
    tasks: Sequence[str] = tuple(TASKS),
) -> str:
    """Markdown: what the differences of each corpus and task say of each claim; `found` by corpus and task.

    `wanted` maps a claim to the pairs of rows whose differences it wants above zero.
    """
    said = []
    for claim, pairs in wanted.items():
        said.append(f"- *{claim}*")
        for corpus, by_task in found.items():
            for task in tasks:
                lines = by_task[task]
                lines = lines[[name in [f"{a} − {b}" for a, b in pairs] for name in lines.index]]
                said.append(f"  - {TASKS[task]}, {tables.title(corpus)}{_numbers(lines)}: {words.claim(lines)}.")
    return "\n".join(said)


def _numbers(lines: pd.DataFrame) -> str:
    """What is printed and measured of `compare.differences`, in brackets and points; empty of no lines."""
    shown = []
    for name, column, digits in (("printed", "printed", 2), ("measured", "difference", 1)):
        if numbers := [words.points(value, digits) for value in lines[column].dropna()]:
            shown.append(f"{name} {' and '.join(numbers)}")
    return f" ({', '.join(shown)})" if shown else ""


def price(records: Sequence[dict], of: Sequence[str], found: dict[str, pd.DataFrame], against: str = "full") -> str:
    """Markdown: for each row `of`, how much longer it takes than row `against`, and what it scores; `found` by task.

    Times are those of the fastest seed, and compared where both rows ran on one device alone.
    """
    chosen = trained(records)
    there, lines = results.rows_in_order(chosen), []
    for row in (row for row in of if {row, against} <= set(there)):
        runs, others = results.of_row(chosen, row), results.of_row(chosen, against)
        if {r["run"] for r in runs} & {r["run"] for r in others}:
            lines.append(f"- Row *{row}* is row *{against}*.")
            continue
        told = [
            f"{items.capitalize()}: {words.told(f'*{against}*', f'*{row}*', found[task].loc[f'{against} − {row}'])}."
            for task, items in TASKS.items()
        ]
        lines.append(" ".join([f"- Row *{row}* {_longer(runs, others)} row *{against}*.", *told]))
    return "\n".join(lines) or "These records hold no rows of ours."


def _longer(runs: Sequence[dict], others: Sequence[dict]) -> str:
    """How many times as long the fastest run takes as the fastest of others, as a verb phrase that ends in `as`."""
    devices = {r["machine"]["device"] for r in [*runs, *others]}
    if len(devices) > 1:
        return f"ran on {' and '.join(sorted(devices))}, so its times do not compare with those of"
    factors = [
        min(r["time"][key] for r in runs) / max(min(r["time"][key] for r in others), 0.01)
        for key in ("train_s", "predict_s")
    ]
    return f"takes {factors[0]:.1f} times as long to train and {factors[1]:.1f} times as long to predict as"


def by_part(printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict]) -> pd.DataFrame:
    """Strict F1 in percent on the development and the test part, beside what is printed of the part called test."""
    rows = list(dict.fromkeys([*printed, *results.rows_in_order([*recorded, *here])]))
    columns = {}
    for task, name in TASKS.items():
        columns[name, tables.PRINTED, "“test”"] = tables.printed_cells(printed, f"{task}.strict.f1", rows)
        for source, records in ((tables.RECORDED, recorded), (tables.HERE, here)):
            for part, prefix in (("dev", "dev."), ("test", "")):
                columns[name, source, part] = tables.cells(records, f"{prefix}{task}.strict.f1", rows)
    return tables.assembled(columns, rows)


def modes(records: Sequence[dict]) -> pd.DataFrame:
    """F1 of entities and relations in every mode of scoring, micro and macro, in percent; one column a trained row."""
    rows, columns = results.rows_in_order(trained(records)), {}
    for task, name in TASKS.items():
        for average, prefix in (("micro", ""), ("macro", "macro_")):
            for mode in MODES:
                columns[name, average, mode] = tables.cells(trained(records), f"{task}.{mode}.{prefix}f1", rows)
    return tables.assembled(columns, rows).rename_axis(columns=["items", "average", "mode"]).T


def by_type(records: Sequence[dict], a: str, b: str, task: str) -> pd.DataFrame:
    """Strict F1 of rows A and B by entity or relation type, in percent: mean over seeds, gold items, A − B, its error.

    The error is the standard error over seeds. Empty when a row is missing.
    """
    if not {a, b} <= set(results.rows_in_order(records)):
        return pd.DataFrame(columns=["gold", b, a])
    found = tables.type_differences(records, a, b, {}, {"ner": "ner", "re": "relations.strict"}[task])
    shown = pd.DataFrame({"gold": found["gold"]})
    for name in (b, a):
        shown[name] = [f"{100 * f1:.1f}" for f1 in found[name]]
    shown["difference"] = [words.points(d) for d in found["difference"]]
    shown["± over seeds"] = ["–" if np.isnan(e) else f"{100 * e:.1f}" for e in found["error"]]
    shown.index = [f"{name} ({RELATIONS[name]})" if name in RELATIONS else name for name in found.index]
    return shown


def not_expressed(records: Sequence[dict]) -> pd.DataFrame:
    """What of the gold standard no candidate of the first trained run can hold, in its training and test part."""
    counts = trained(records)[0]["counts"]
    columns = {part: [counts[f"{part}.{name}"] for name in MEANING] for part in ("train", "test")}
    return pd.DataFrame(columns, index=[*MEANING.values()])


def out_of_reach(records: Sequence[dict]) -> str:
    """How many gold test entities no candidate of the first trained run can be, at most, and how wide one is."""
    record = trained(records)[0]
    counts = record["counts"]
    gold = counts["ner.strict.tp"] + counts["ner.strict.fn"]
    lost = sum(counts[f"test.{name}"] for name in LOST_ENTITIES)
    return (
        f"Candidates are of up to {record['config']['max_width']} words. "
        f"Of {gold:,} gold entities in the test sentences, at most {lost} are out of reach."
    )


def part_sizes(corpus: Corpus) -> pd.DataFrame:
    """Sentences, entities and relations of each part of a corpus."""
    sizes = {}
    for part in PARTS:
        some = getattr(corpus, part)
        sizes[part] = [len(some), sum(len(d.entities) for d in some), sum(len(d.relations) for d in some)]
    return pd.DataFrame.from_dict(sizes, orient="index", columns=["sentences", "entities", "relations"])


def pair_ngrams(corpus: Corpus) -> list[Document]:
    """The test part with its gold entities, and relations from character n-grams: `ngrams.tfidf` on every pair.

    Each ordered pair of entities of a sentence is one question, of its mentions, the sentence and the words between;
    its answer one of the relation types or none.
    """
    classify = ngrams.tfidf("pair+sentence+between", [pair for d in corpus.train for _, pair in _pairs(d)])
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
    for row in results.rows_in_order(records):
        test = results.of_row(records, row)[0]["counts"]["n"]
        add(row, test, {name: results.values(records, row, name) for name in names})
    if corpus is not None:
        metrics, counts = extraction.evaluate(corpus.test, pair_ngrams(corpus), corpus.schema, ())
        add("character n-grams", counts["n"], {name: [metrics[name]] for name in names})
    order = [*(row for row in GIVEN if row in lines), *(row for row in lines if row not in GIVEN)]
    return pd.DataFrame.from_dict({row: lines[row] for row in order}, orient="index")


def _pairs(document: Document) -> list[tuple[tuple[int, int], Document]]:
    """Every ordered pair of entities (head, tail) with the question about it, labelled."""
    given = {(r.head, r.tail): r.type for r in document.relations}
    spans = document.entities
    return [
        ((i, j), replace(document, entities=(spans[i], spans[j]), relations=(Relation(0, 1, given.get((i, j), NONE)),)))
        for i, j in permutations(range(len(spans)), 2)
    ]
