"""Tables of the chapter on focused attention: entities, relations end to end and between given entities, K and mask.

They stand beside those of `relex.reports.tables`, which know nothing of given entities.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from relex.corpora import Corpus
from relex.corpora.generators.arteriography.generate import compared
from relex.reports import compare, printed, results, tables
from relex.reports.printed import PRF, reported
from relex.reports.results import is_trained

TASKS = {
    "ner": "entities", "re": "relations, end to end", "given": "relations of given entities",
    "kept": "relations of given entities, kept pairs",
}  # fmt: skip
"""What is scored → its name in the book. `kept` is `given` without the pairs that `negative_share` takes away."""

METRIC = {"ner": "ner.strict", "re": "re.strict", "given": "given.re.strict", "kept": "kept.re.strict"}
"""What is scored → how the names of its metrics in a record begin."""

MASKS = {"eq13": "Eq. 13", "eq14": "Eq. 14"}
CELLS = {f"K{k}-{mask}": {"k": k, "mask": mask} for mask in MASKS for k in (2, 4, 6)}
"""The rows of Table V, and their switches."""
OF_TABLE_V, OF_OTHERS = 190, 126
"""Relations that recalls of Table V are shares of, and those of the others, as their digits tell (`recalls`)."""


def of_task(records: Iterable[dict], task: str) -> list[dict]:
    """The records of what does a task from what the task gives it; see `relex.reports.compare.Score`."""
    return [record for record in records if compare.SCORES[task].applies(record)]


def scores(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], task: str, part: str = ""
) -> pd.DataFrame:
    """`tables.comparison` of strict P, R and F1 of a task; `part` is `dev.` for the development part."""
    metrics = {f"{METRIC[task]}.{s}": s.upper() for s in PRF}
    return tables.comparison(metrics, printed, of_task(recorded, task), of_task(here, task), part)


POOLED = {
    **dict.fromkeys([("Eq. 14", "Eq. 13")], compare.Pool("mask", MASKS, "k")),
    **dict.fromkeys(
        [("K = 4", "K = 2"), ("K = 6", "K = 4"), ("K = 6", "K = 2")],
        compare.Pool("k", {k: f"K = {k}" for k in (2, 4, 6)}, "mask"),
    ),
}
"""What pooled runs of Table V's grid are asked: pair of rows → how runs are pooled for it."""


def effect(records: Sequence[dict], score: compare.Score, pair: tuple[str, str]) -> pd.DataFrame:
    """The difference that the mask makes over all K, or K over both masks; empty where no cell has all its partners.

    Runs are compared with their partners, so that what the other switch does is no noise in what the one does.
    """
    chosen = [r for r in records if r["config"]["row"] in CELLS or not is_trained(r)]
    return compare.differences(chosen, [pair], score, pool_by=POOLED[pair])


def effects(records: Sequence[dict], score: compare.Score) -> pd.DataFrame:
    """Every `effect`, a line each, one family."""
    return compare.together([effect(records, score, pair) for pair in POOLED])


def resolution(found: pd.DataFrame, items: int, of_paper: int = 0) -> pd.DataFrame:
    """How small a difference a table of `compare.differences` could tell from zero: half of its interval.

    In points, and in so many of the test part's `items`; beside it what the paper prints, in items of its own test
    part where it is known that it has `of_paper` of them.
    """
    half = (found["high"] - found["low"]) / 2
    table = pd.DataFrame(index=found.index)
    table["± points"] = [f"{100 * h:.1f}" for h in half]
    table["± items"] = [f"{h * items:.0f}" for h in half]
    if of_paper and found["printed"].notna().any():
        table["printed, in items"] = ["–" if np.isnan(p) else f"{p * of_paper:+.1f}" for p in found["printed"]]
    return table


def grid(records: Sequence[dict], task: str, part: str = "") -> pd.DataFrame:
    """Strict F1 of a task by K (lines) and mask (columns), in percent; what the paper prints stands first."""
    of, shown = of_task(records, task), printed.rows("focused", "k_and_mask")
    columns = {}
    for mask in ("eq13", "eq14"):
        rows = {k: f"K{k}-{mask}" for k in sorted({cells["k"] for cells in CELLS.values()})}
        columns[mask, tables.PRINTED] = {k: f"{shown[row][f'{METRIC[task]}.f1']:.2f}" for k, row in rows.items()}
        columns[mask, "measured"] = {
            k: tables.mean_and_sd(results.values(of, row, f"{part}{METRIC[task]}.f1")) for k, row in rows.items()
        }
    return pd.DataFrame(columns).rename_axis("K")


def cells(records: Sequence[dict]) -> pd.DataFrame:
    """Table V for `plots.k_and_mask`: F1 of entities and of relations end to end, one line a run or a print."""
    lines, shown = [], printed.rows("focused", "k_and_mask")
    for task in ("ner", "re"):
        metric = f"{METRIC[task]}.f1"
        for row, switches in CELLS.items():
            own = {"task": TASKS[task], "K": switches["k"], "mask": MASKS[switches["mask"]]}
            lines.append(own | {"score": shown[row][metric] / 100, "printed": True})
            measured = results.values(of_task(records, task), row, metric)
            lines += [own | {"score": value, "printed": False} for value in measured]
    return pd.DataFrame(lines)


def recalls() -> pd.DataFrame:
    """How many of the printed recalls of each table are k of 126 and k of 190 relations, and how many by chance.

    One line for relations of each table; a recall has 10,001 values, and a total fits total + 1 of them.
    """
    lines = {}
    names = {"rc_gold_entities": "III", "joint": "IV", "k_and_mask": "V", "ablation": "VI"}
    for table, number in names.items():
        task = "given" if table in ("rc_gold_entities", "ablation") else "re"
        metric = f"{METRIC[task]}.r"
        found = [cells[metric] for cells in printed.rows("focused", table).values() if metric in cells]
        line = {"recalls": len(found), "printed": ", ".join(f"{r:.2f}" for r in dict.fromkeys(found))}
        for total in (OF_OTHERS, OF_TABLE_V):
            line[f"fit {total}"] = printed.fitting(found, total)
            line[f"by chance, {total}"] = f"{len(found) * (total + 1) / 10_001:.2f}"
        lines[f"Table {number}"] = line
    return pd.DataFrame.from_dict(lines, orient="index")


def identity_misses() -> pd.DataFrame:
    """Printed rows whose F1 is not that of the P and R beside it; see `printed.identity_misses`."""
    found = {}
    for table in reported("focused")["tables"]:
        rows = {
            row: {k.removeprefix("given."): v for k, v in cells.items() if not k.startswith("kept.")}
            for row, cells in printed.rows("focused", table).items()
        }
        found[table] = printed.identity_misses(rows)
    return pd.concat(found, names=["table", "row", "items"])


def table_one(corpus: Corpus) -> pd.DataFrame:
    """Table I: entities and relations, by direction, as printed and in a corpus of its schema; pairs without relation.

    Of the pairs of No Relation the paper prints those that are left of all when 85 % are discarded.
    """
    documents = compared(corpus)
    shown, lines = reported("focused")["corpus_statistics"], {}
    for name in corpus.schema.entity_types:
        lines["entities", name, ""] = (
            shown["entities"].get(name),
            sum(s.type == name for d in documents for s in d.entities),
        )
    related = [(name, head.start > tail.start) for d in documents for head, name, tail in d.triples()]
    for name in corpus.schema.relation_names:
        for direction, later in (("e1 to e2", False), ("e2 to e1", True)):
            number = related.count((name, later))
            if number or direction in shown["relations"].get(name, {}):
                lines["relations", name, direction] = (shown["relations"].get(name, {}).get(direction), number)
    pairs = sum(len(d.entities) * (len(d.entities) - 1) // 2 for d in documents)
    asked = {frozenset((r.head, r.tail)) | {d.id} for d in documents for r in d.relations}
    lines["pairs", "No Relation", ""] = (round(shown["relations"]["No Relation"]["none"] / 0.15), pairs - len(asked))
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["printed", "here"]).astype("Int64")
    table.index = pd.MultiIndex.from_tuples(lines, names=["", "type", "direction"])
    return table
