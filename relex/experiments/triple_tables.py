"""Tables of the chapter on cascade tagging: scores by split, by class of overlap and by type; thresholds; gradients.

They stand beside those of `relex.experiments.tables`, which know nothing of splits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex import corpora
from relex.corpora.corpus import limited
from relex.errors import RelexError
from relex.evaluation import extraction
from relex.evaluation.extraction import OVERLAPS
from relex.experiments import tables
from relex.experiments.experiment import reported
from relex.reports import compare

SPLITS = ("novel", "report", "distinct", "shipped")
"""Splits of casmed that are trained on, in the order in which the book tells of them."""

SCORES = {"p": "triples.string.p", "r": "triples.string.r", "f1": "triples.string.f1"}
"""Columns of the paper's tables → metrics of records: strings are what the paper must have compared."""

KINDS = {
    "look-up": "no learning", "masked look-up": "no learning", "dictionary": "no learning",
    "schema only": "given the gold entities", "nearest entity": "given the gold entities",
}  # fmt: skip
"""What rows of `cbrrel_comparison` are that are not trained."""

EVIDENCE = ("cpu", "full")
"""Profiles whose grids are large enough to speak about the systems."""


def splits(records: Sequence[dict]) -> list[str]:
    """The splits that `records` were trained on, those of `SPLITS` first; ones that end in `-unseen` are left out."""
    found = {r["config"]["split"] for r in records}
    return [s for s in (*SPLITS, *sorted(found - set(SPLITS))) if s in found and not s.endswith("-unseen")]


def main_split(records: Sequence[dict]) -> str:
    """`novel` where records have it, else `distinct`, else the first split that they have."""
    found = splits(records)
    if not found:
        raise RelexError("there are no records to choose a split of; run the experiment first")
    return next((split for split in ("novel", "distinct") if split in found), found[0])


def without(records: Sequence[dict], corpus: str) -> list[dict]:
    """The records of all corpora but one."""
    return [r for r in records if r["config"]["corpus"] != corpus]


def caution(records: Sequence[dict]) -> str:
    """A sentence for records that are too small to mean anything, or of generated text; empty for others."""
    notes = []
    small = {r["config"]["profile"] for r in records} - set(EVIDENCE)
    if small:
        notes.append(
            f"These are runs of profile {' and '.join(sorted(small))}: too small to say anything about the systems. "
            "They show that the notebook works and are **no evidence**."
        )
    if any(r["corpus"]["stand_in"] for r in records):
        notes.append("The corpus is **a generated stand-in**: no number here says anything about real reports.")
    return " ".join(notes)


def by_split(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], metric: str = SCORES["f1"]
) -> pd.DataFrame:
    """One line per table row: a metric as printed, and for each split on all and on unseen test texts, in percent.

    `printed` maps row → metric → percent. Columns are (source, split, `all` or `unseen`); a split
    without seen texts has one column, `all unseen`.
    """
    rows = list(dict.fromkeys([*printed, *(r["config"]["row"] for r in [*recorded, *here])]))
    cells = [f"{printed[row][metric]:.2f}" if metric in printed.get(row, {}) else "–" for row in rows]
    columns = {(tables.PRINTED, "", ""): cells}
    for source, records in ((tables.RECORDED, recorded), (tables.HERE, here)):
        for split in splits(records):
            chosen = tables.where(records, split=split)
            nothing_seen = all(r["counts"].get("unseen.n") == r["counts"]["n"] for r in chosen)
            kinds = {"all unseen": metric} if nothing_seen else {"all": metric, "unseen": f"unseen.{metric}"}
            for kind, name in kinds.items():
                columns[source, split, kind] = [tables.mean_and_sd(tables.values(chosen, row, name)) for row in rows]
    table = pd.DataFrame(columns, index=pd.Index(rows, name="row"))
    return table.drop(columns=[c for c in table if (table[c] == "–").all()])


def split_differences(
    records: Sequence[dict], a: str, b: str, printed: float = np.nan, score: compare.Score = compare.STRING
) -> pd.DataFrame:
    """Row A minus row B on every split, on all of its test texts and on the unseen ones alone, where both exist.

    As `compare.differences`, all lines one family; `printed` is the difference that the paper prints, a fraction. It
    names no split, so it stands beside every line. Lines are named `SPLIT, all` and `SPLIT, unseen`, or for a split
    without seen texts `SPLIT, all unseen`. What is unseen is compared with what a table or a dictionary finds there.
    """
    found = {}
    for split in splits(records):
        chosen = tables.where(records, split=split)
        if not {a, b} <= set(tables.rows_in_order(chosen)):
            continue
        marks = tables.of_row(chosen, a)[0]["answers"]["unseen"]
        kinds = {"all": None} | ({"unseen": "unseen"} if "1" in marks else {})
        for kind, documents in kinds.items() if "0" in marks else [("all unseen", None)]:
            line = compare.differences(chosen, [(a, b)], score, {(a, b): printed}, documents)
            found[f"{split}, {kind}"] = line
    return compare.together(found)


def ladder(records: Sequence[dict], printed: dict[str, dict[str, float]], metric: str = SCORES["f1"]) -> pd.DataFrame:
    """Printed rows and the means of measured ones, as `relex.figures.ladder` draws them, with what each was given."""
    lines = [{"row": f"{row} (printed)", "score": cells[SCORES["f1"]] / 100, "source": "printed"}
             for row, cells in printed.items() if SCORES["f1"] in cells]  # fmt: skip
    for row in tables.rows_in_order(records):
        scores = tables.values(records, row, metric)
        if scores:
            lines.append({"row": row, "score": np.mean(scores), "source": KINDS.get(row, "trained")})
    order = ["printed", *dict.fromkeys(KINDS.values()), "trained"]
    return pd.DataFrame(sorted(lines, key=lambda line: order.index(line["source"]))).set_index("row")


def curves(records: Sequence[dict], rows: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Row → its precision–recall curve, mean over seeds: `p` and `r`, indexed by threshold; rows without are left out.

    Raises a `RelexError` where records are of several splits, as all tables of one row do.
    """
    found = {}
    for row in rows:
        points = [point for record in tables.of_row(records, row) for point in record.get("curve", [])]
        if points:
            found[row] = pd.DataFrame(points).groupby("threshold")[["p", "r"]].mean()
    return found


def overlap_masks(record: dict) -> dict[str, np.ndarray] | None:
    """Which test documents of a record are of each class of overlap (N, bool); None where its corpus is not at hand."""
    config = record["config"]
    if config["corpus"] in corpora.READERS and not corpora.find(config["corpus"]):
        return None
    corpus = corpora.load(config["corpus"], config["split"], config["unit"], config["align"])
    test = limited(corpus.test, config["test_limit"])
    if corpus.fingerprint != record["corpus"]["fingerprint"] or len(test) != record["counts"]["n"]:
        return None
    classes = [extraction.sentence_overlaps(extraction.string_triples(d)) for d in test]
    return {name: np.array([name in of for of in classes]) for name in OVERLAPS}


def overlap_differences(records: Sequence[dict], a: str, b: str, printed: dict[str, float]) -> pd.DataFrame:
    """Row A minus row B in F1 of string triples, on the sentences of each class of overlap.

    As `compare.differences`, all lines one family; `printed` maps class → printed difference, a fraction. Empty where
    the corpus of the records is not at hand: a record does not tell of which class a document is. Classes without
    sentences are left out.
    """
    masks = overlap_masks(tables.of_row(records, a)[0]) or {}
    return compare.together(
        {
            name: compare.differences(records, [(a, b)], compare.STRING, {(a, b): printed.get(name, np.nan)}, mask)
            for name, mask in masks.items()
            if mask.any()
        }
    )


def without_empty_classes(records: Sequence[dict]) -> list[dict]:
    """The records less the scores of classes of overlap that have no gold triple: a division by zero is no score."""
    empty = [
        tuple(f"{by}.{name}." for by in ("overlap", "overlap.triple") for name in OVERLAPS
              if not r["counts"].get(f"{by}.{name}.tp", 0) + r["counts"].get(f"{by}.{name}.fn", 0))
        for r in records
    ]  # fmt: skip
    return [
        r | {"metrics": {k: v for k, v in r["metrics"].items() if not (prefixes and k.startswith(prefixes))}}
        for r, prefixes in zip(records, empty, strict=True)
    ]


def type_differences(
    records: Sequence[dict], a: str, b: str, printed: dict[str, float], table: str = "entities"
) -> pd.DataFrame:
    """F1 by type of rows A and B: means over seeds, gold items of a test part, A − B, its standard error over seeds.

    `table` names counts {type: {tp, fp, fn}} of records: `entities`, `relations` or `relations.string`. `printed` maps
    type → printed A − B, a fraction. The standard error covers seeds and no other documents: records keep no counts by
    type for each document. It is missing with one seed.
    """
    scores = {}
    for row in (a, b):
        runs = [r["counts"][table] for r in tables.of_row(records, row)]
        scores[row] = pd.DataFrame([{k: extraction.prf(**v)["f1"] for k, v in run.items()} for run in runs])
    gold = {k: v["tp"] + v["fn"] for k, v in tables.of_row(records, a)[0]["counts"][table].items()}
    found = pd.DataFrame({"gold": pd.Series(gold), b: scores[b].mean(), a: scores[a].mean()})
    found["difference"] = found[a] - found[b]
    found["error"] = np.sqrt(sum(s.var(ddof=1) / len(s) for s in scores.values()))
    found["printed"] = pd.Series({k: printed.get(k, np.nan) for k in found.index})
    return found


def sweep(records: Sequence[dict], metric: str = SCORES["f1"]) -> pd.DataFrame:
    """A metric of every run of a sweep of ε: columns `epsilon`, `score`, `seed`, by rising ε."""
    lines = [
        {"epsilon": r["config"]["fgm"], "score": r["metrics"][metric], "seed": r["config"]["seed"]} for r in records
    ]
    return pd.DataFrame(lines).sort_values(["epsilon", "seed"], ignore_index=True)


def gradients(records: Sequence[dict]) -> pd.DataFrame:
    """Clean and adversarial gradients of all runs that compared them, means over the runs.

    One line for each moment (`when`: *before training*, *after training*) and `epsilon`: `distance` (1 − cosine),
    `angle` (degrees), `norm_ratio`, `perturbation_ratio`, `loss_change`, and `runs`. Empty without such runs.
    """
    names = {"start": "before training", "end": "after training"}
    lines = [
        {"when": when, "run": i, **point} for i, r in enumerate(records) for key, when in names.items()
        for point in r.get("gradients", {}).get(key, [])
    ]  # fmt: skip
    if not lines:
        return pd.DataFrame(columns=["when", "epsilon", "distance", "angle", "norm_ratio", "runs"])
    table = pd.DataFrame(lines)
    table["distance"] = 1 - table["cosine"]
    table["angle"] = np.degrees(np.arccos(table["cosine"].clip(-1, 1)))
    kept = ["distance", "angle", "norm_ratio", "perturbation_ratio", "loss_change"]
    grouped = table.groupby(["when", "epsilon"], sort=False)
    means = grouped[kept].mean()
    means["runs"] = grouped["run"].nunique()
    return means.reset_index().sort_values(["when", "epsilon"], ascending=[False, True], ignore_index=True)


def with_scores(records: Sequence[dict], table: str) -> list[dict]:
    """The records with metrics `TABLE.NAME.p|r|f1` from the counts {name: {tp, fp, fn}} that they hold as `table`."""
    return [
        r | {"metrics": r["metrics"] | {
            f"{table}.{name}.{score}": value
            for name, cell in r["counts"].get(table, {}).items()
            for score, value in extraction.prf(**cell).items()
        }}
        for r in records
    ]  # fmt: skip


def entity_table(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], score: str = "f1"
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` of the entities that take part in triples, a column for each entity type.

    `printed` as `nested_printed(paper, table, "entities")` gives it.
    """
    types = dict.fromkeys(name for r in [*recorded, *here] for name in r["counts"].get("entities", {}))
    metrics = {f"entities.{name}.{score}": name for name in types}
    return tables.comparison(metrics, printed, with_scores(recorded, "entities"), with_scores(here, "entities"))


def overlap_table(
    printed: dict[str, dict[str, float]],
    recorded: Sequence[dict],
    here: Sequence[dict],
    score: str = "f1",
    by: str = "overlap",
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` by overlap, a column for each of normal, SEO, EPO.

    `by` is `overlap` (by sentence) or `overlap.triple`; `printed` as `nested_printed(paper, table, by)` gives it.
    """
    metrics = {f"{by}.{name}.{score}": name for name in extraction.OVERLAPS}
    return tables.comparison(metrics, printed, recorded, here)


def nested_printed(paper: str, table: str, prefix: str) -> dict[str, dict[str, float]]:
    """A printed table of row → class → cells, as row → metric → percent; a metric is `PREFIX.CLASS.COLUMN`."""
    content = reported(paper)["tables"][table]
    return {
        row: {
            f"{prefix}.{name}.{column}": cell
            for name, cells in classes.items()
            for column, cell in zip(content["columns"], cells, strict=True)
        }
        for row, classes in content["rows"].items()
    }
