"""Tables of the chapter on focused attention: entities, relations end to end and between given entities, K and mask.

They stand beside those of `relex.experiments.tables` and `span_tables`, which know nothing of given entities.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from relex.corpora import Corpus
from relex.corpora.generators.arteriography.generate import compared
from relex.evaluation import statistics
from relex.experiments import span_tables, tables, triple_tables
from relex.experiments.cbrrel import ON_GOLD
from relex.experiments.experiment import reported
from relex.experiments.focused import BOTH, K_AND_MASK, UNMASKED

TITLES = {"casmed": "casmed", "arteriography": "arteriography, a generated stand-in for the paper's corpus"}

TASKS = {
    "ner": "entities", "re": "relations, end to end", "given": "relations of given entities",
    "kept": "relations of given entities, kept pairs",
}  # fmt: skip
"""What is scored → its name in the book. `kept` is `given` without the pairs that `negative_share` takes away."""

METRIC = {"ner": "ner.strict", "re": "re.strict", "given": "given.re.strict", "kept": "kept.re.strict"}
"""What is scored → how the names of its metrics in a record begin."""

SCORES = ("p", "r", "f1")
MASKS = {"eq13": "Eq. 13", "eq14": "Eq. 14"}
OF_TABLE_V, OF_OTHERS = 190, 126
"""Relations that recalls of Table V are shares of, and those of the others, as their digits tell (`recalls`)."""


def title(corpus: str) -> str:
    """What a corpus is called in the book."""
    return TITLES.get(corpus, corpus)


def corpora_of(records: Sequence[dict]) -> list[str]:
    """The corpora that records are of, the real one first."""
    found = {r["config"]["corpus"] for r in records}
    return [name for name in (*BOTH, *sorted(found - set(BOTH))) if name in found]


def caution(records: Sequence[dict]) -> str:
    """What a reader has to know of records before any number: too small, generated, or of one seed; else empty."""
    notes = [triple_tables.caution(records)]
    small = {r["config"]["profile"] for r in records} - set(triple_tables.EVIDENCE)
    if records and not small and len({r["config"]["seed"] for r in records}) == 1:
        notes.append("There is one seed: intervals cover the choice of test documents only.")
    return " ".join(filter(None, notes))


def printed(table: str) -> dict[str, dict[str, float]]:
    """A table of the paper (its name in `relex/data/focused.yaml`) as row → metric → percent.

    Relations of Tables III and VI are of given entities; which pairs of those were asked the paper does not say, so
    they stand for `given` and for `kept`.
    """
    given = ("given", "kept") if table in ("rc_gold_entities", "ablation") else ("re",)
    found = {}
    for row, cells in reported("focused")["tables"][table]["rows"].items():
        groups = cells if isinstance(cells, dict) else {"ner" if table == "ner" else "rc": cells}
        tasks = {"ner": ("ner",), "rc": given}
        found[row] = {
            f"{METRIC[task]}.{score}": value
            for name, values in groups.items()
            for task in tasks[name]
            for score, value in zip(SCORES, values, strict=True)
        }
    return found


def of_task(records: Iterable[dict], task: str) -> list[dict]:
    """The records of what does a task from what the task gives it.

    Entities from those that tag; relations end to end from those that do both; relations of given entities from those
    that classify pairs, and from heuristics that have nothing but given entities: their scores of relations are that.
    """
    chosen = []
    for record in records:
        trained, heuristic = record["config"].get("tasks"), record["config"]["row"] in ON_GOLD
        if task in ("given", "kept"):
            if f"{METRIC[task]}.f1" in record["metrics"]:
                chosen.append(record)
            elif heuristic and task == "given":
                chosen.append(_as_given(record))
        elif not heuristic and trained in (None, "joint", *(("ner",) if task == "ner" else ())):
            chosen.append(record)
    return chosen


def _as_given(record: dict) -> dict:
    metrics = {f"given.{k}": v for k, v in record["metrics"].items() if k.startswith("re.strict.")}
    answers = {f"{k}_given": record["answers"][f"{k}_strict"] for k in ("gold", "predicted", "correct")}
    return record | {"metrics": record["metrics"] | metrics, "answers": record["answers"] | answers}


def scores(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], task: str, part: str = ""
) -> pd.DataFrame:
    """`tables.comparison` of strict P, R and F1 of a task; `part` is `dev.` for the development part."""
    moved = {
        row: {f"{part}{metric}": value for metric, value in cells.items()}
        for row, cells in printed.items()
        if f"{METRIC[task]}.f1" in cells
    }
    metrics = {f"{part}{METRIC[task]}.{s}": s.upper() for s in SCORES}
    table = tables.comparison(metrics, moved, of_task(recorded, task), of_task(here, task))
    return table.drop(columns=[c for c in table if (table[c] == "0").all()])  # seeds, where nothing was run


def differences(
    records: Sequence[dict],
    pairs: Sequence[tuple[str, str]],
    printed: dict[str, dict[str, float]],
    task: str,
    aligned: bool = False,
) -> pd.DataFrame:
    """A minus B in strict F1 of a task for pairs of rows, paired by test documents; see `tables.differences`.

    No verdict is given on a row of which a run has found nothing: its training has failed. A row without mask may.
    """
    metric = f"{METRIC[task]}.f1"
    wanted, chosen = tables.printed_differences(pairs, printed, metric), of_task(records, task)
    found = tables.differences(span_tables.answered_as(chosen, task), pairs, wanted, match="offset", aligned=aligned)
    trained = [r for r in chosen if "epochs" in r["config"] and r["config"]["row"] not in UNMASKED]
    failed = {r["config"]["row"] for r in trained if r["metrics"].get(metric) == 0}
    for a, b in pairs:
        if f"{a} − {b}" in found.index and failed & {a, b}:
            found.loc[f"{a} − {b}", "verdict"] = span_tables.UNLEARNED
    return found


EFFECTS = {"mask": (("Eq. 14", "Eq. 13"),), "K": (("K = 4", "K = 2"), ("K = 6", "K = 4"), ("K = 6", "K = 2"))}
"""What pooled runs are asked: by what they are pooled → pairs of rows."""


def effects(records: Sequence[dict], task: str) -> pd.DataFrame:
    """`differences` that the mask makes over all K, and K over both masks; none where no cell has all its partners.

    Runs are drawn with their partners, so that what the other switch does is no noise in what the one does.
    """
    found = [differences(pooled(records, by), pairs, {}, task, aligned=True) for by, pairs in EFFECTS.items()]
    found = [table for table in found if len(table)]
    if not found:
        return tables.differences([], [])
    table = pd.concat(found)
    table["holm"] = statistics.holm(table["p"].tolist())
    return table


def pooled(records: Sequence[dict], by: str) -> list[dict]:
    """Runs of Table V's grid as if they were seeds of a row: its `mask`s, all K together, or its `K`s, both masks.

    Each run keeps a number of its own, the same for the runs that differ in `by` alone, so that what is compared is
    paired by seed and by the other switch; a run without all of its partners is left out.
    """
    found: dict[int, dict[str, dict]] = {}
    for record in records:
        config = record["config"]
        if config["row"] in K_AND_MASK:
            k, mask = config["k"], config["mask"]
            row, other = (MASKS[mask], k) if by == "mask" else (f"K = {k}", ("eq13", "eq14").index(mask))
            number = 1000 * other + config["seed"]
            found.setdefault(number, {})[row] = record | {"config": config | {"row": row, "seed": number}}
    rows = {MASKS[cells["mask"]] if by == "mask" else f"K = {cells['k']}" for cells in K_AND_MASK.values()}
    return [record for runs in found.values() if runs.keys() == rows for record in runs.values()]


def resolution(found: pd.DataFrame, items: int, of_paper: int = 0) -> pd.DataFrame:
    """How small a difference a table of `differences` could tell from zero: half of its interval.

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
    of, shown = of_task(records, task), printed("k_and_mask")
    columns = {}
    for mask in ("eq13", "eq14"):
        rows = {k: f"K{k}-{mask}" for k in sorted({cells["k"] for cells in K_AND_MASK.values()})}
        columns[mask, tables.PRINTED] = {k: f"{shown[row][f'{METRIC[task]}.f1']:.2f}" for k, row in rows.items()}
        columns[mask, "measured"] = {
            k: tables.mean_and_sd(tables.values(of, row, f"{part}{METRIC[task]}.f1")) for k, row in rows.items()
        }
    return pd.DataFrame(columns).rename_axis("K")


def cells(records: Sequence[dict]) -> pd.DataFrame:
    """Table V for `relex.figures.k_and_mask`: F1 of entities and of relations end to end, one line a run or a print."""
    lines, shown = [], printed("k_and_mask")
    for task in ("ner", "re"):
        metric = f"{METRIC[task]}.f1"
        for row, switches in K_AND_MASK.items():
            own = {"task": TASKS[task], "K": switches["k"], "mask": MASKS[switches["mask"]]}
            lines.append(own | {"score": shown[row][metric] / 100, "printed": True})
            measured = tables.values(of_task(records, task), row, metric)
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
        found = [cells[f"{METRIC[task]}.r"] for cells in printed(table).values() if f"{METRIC[task]}.r" in cells]
        line = {"recalls": len(found), "printed": ", ".join(f"{r:.2f}" for r in dict.fromkeys(found))}
        for total in (OF_OTHERS, OF_TABLE_V):
            line[f"fit {total}"] = span_tables.fitting(found, total)
            line[f"by chance, {total}"] = f"{len(found) * (total + 1) / 10_001:.2f}"
        lines[f"Table {number}"] = line
    return pd.DataFrame.from_dict(lines, orient="index")


def identity_misses() -> pd.DataFrame:
    """Printed rows whose F1 is not that of the P and R beside it; see `span_tables.identity_misses`."""
    found = {}
    for table in reported("focused")["tables"]:
        rows = {
            row: {k.removeprefix("given."): v for k, v in cells.items() if not k.startswith("kept.")}
            for row, cells in printed(table).items()
        }
        found[table] = span_tables.identity_misses(rows)
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
