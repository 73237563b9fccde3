"""Tables of the chapter on cascade tagging: scores by split, by class of overlap and by type; thresholds; gradients.

They stand beside those of `relex.reports.tables`, which know nothing of splits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relex import corpora
from relex.corpora.corpus import limited
from relex.evaluation import extraction
from relex.evaluation.extraction import OVERLAPS
from relex.reports import compare, results, tables

SCORES = {"p": "triples.string.p", "r": "triples.string.r", "f1": "triples.string.f1"}
"""Columns of the paper's tables → metrics of records: strings are what the paper must have compared."""

KINDS = {
    "look-up": "no learning", "masked look-up": "no learning", "dictionary": "no learning",
    "schema only": "given the gold entities", "nearest entity": "given the gold entities",
}  # fmt: skip
"""What rows of `cbrrel_comparison` are that are not trained."""


def by_split(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], metric: str = SCORES["f1"]
) -> pd.DataFrame:
    """One line per table row: a metric as printed, and for each split on all and on unseen test texts, in percent.

    `printed` maps row → metric → percent. Columns are (source, split, `all` or `unseen`); a split
    without seen texts has one column, `all unseen`.
    """
    rows = list(dict.fromkeys([*printed, *results.rows_in_order([*recorded, *here])]))
    columns = {(tables.PRINTED, "", ""): tables.printed_cells(printed, metric, rows)}
    for source, records in ((tables.RECORDED, recorded), (tables.HERE, here)):
        for split in results.splits(records):
            chosen = results.where(records, split=split)
            nothing_seen = all(r["counts"].get("unseen.n") == r["counts"]["n"] for r in chosen)
            kinds = {"all unseen": metric} if nothing_seen else {"all": metric, "unseen": f"unseen.{metric}"}
            for kind, name in kinds.items():
                columns[source, split, kind] = tables.cells(chosen, name, rows)
    return tables.assembled(columns, rows)


def split_differences(
    records: Sequence[dict], a: str, b: str, printed: float = np.nan, score: compare.Score = compare.STRING
) -> pd.DataFrame:
    """Row A minus row B on every split, on all of its test texts and on the unseen ones alone, where both exist.

    As `compare.differences`, all lines one family; `printed` is the difference that the paper prints, a fraction. It
    names no split, so it stands beside every line. Lines are named `SPLIT, all` and `SPLIT, unseen`, or for a split
    without seen texts `SPLIT, all unseen`. What is unseen is compared with what a table or a dictionary finds there.
    """
    found = {}
    for split in results.splits(records):
        chosen = results.where(records, split=split)
        if not {a, b} <= set(results.rows_in_order(chosen)):
            continue
        marks = results.of_row(chosen, a)[0]["answers"]["unseen"]
        kinds = {"all": None} | ({"unseen": "unseen"} if "1" in marks else {})
        for kind, documents in kinds.items() if "0" in marks else [("all unseen", None)]:
            line = compare.differences(chosen, [(a, b)], score, {(a, b): printed}, documents)
            found[f"{split}, {kind}"] = line
    return compare.together(found)


def ladder(records: Sequence[dict], printed: dict[str, dict[str, float]], metric: str = SCORES["f1"]) -> pd.DataFrame:
    """Printed rows and the means of measured ones, for `plots.ladder`, with what each was given."""
    lines = [{"row": f"{row} (printed)", "score": cells[SCORES["f1"]] / 100, "source": "printed"}
             for row, cells in printed.items() if SCORES["f1"] in cells]  # fmt: skip
    for row in results.rows_in_order(records):
        scores = results.values(records, row, metric)
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
        points = [point for record in results.of_row(records, row) for point in record.get("curve", [])]
        if points:
            found[row] = pd.DataFrame(points).groupby("threshold")[["p", "r"]].mean()
    return found


def overlap_masks(record: dict) -> dict[str, np.ndarray] | None:
    """Which test documents of a record are of each class of overlap (N, bool); None where its corpus is not at hand."""
    config = record["config"]
    if config["corpus"] in corpora.names(stand_in=False) and not corpora.find(config["corpus"]):
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
    masks = overlap_masks(results.of_row(records, a)[0]) or {}
    return compare.together(
        {
            name: compare.differences(records, [(a, b)], compare.STRING, {(a, b): printed.get(name, np.nan)}, mask)
            for name, mask in masks.items()
            if mask.any()
        }
    )


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


def entity_table(
    printed: dict[str, dict[str, float]], recorded: Sequence[dict], here: Sequence[dict], score: str = "f1"
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` of the entities that take part in triples, a column for each entity type.

    `printed` is `printed.rows("cbrrel", "entities_casmed")`.
    """
    types = dict.fromkeys(name for r in [*recorded, *here] for name in r["counts"].get("entities", {}))
    metrics = {f"entities.{name}.{score}": name for name in types}
    return tables.comparison(metrics, printed, recorded, here)


def overlap_table(
    printed: dict[str, dict[str, float]],
    recorded: Sequence[dict],
    here: Sequence[dict],
    score: str = "f1",
    by: str = "overlap",
) -> pd.DataFrame:
    """`tables.comparison` of `p`, `r` or `f1` by overlap, a column for each of normal, SEO, EPO.

    `by` is `overlap` (by sentence) or `overlap.triple`; `printed` is `printed.rows("cbrrel", "overlap_casmed")`.
    """
    metrics = {f"{by}.{name}.{score}": name for name in extraction.OVERLAPS}
    return tables.comparison(metrics, printed, recorded, here)
