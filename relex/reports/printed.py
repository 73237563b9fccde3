"""What the papers print: their tables as rows of the metrics of records, and checks that need no run."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import pandas as pd

from relex.audits.cells import PRF, reported
from relex.audits.granularity import recall_chance, whole
from relex.audits.identity import agrees, f1
from relex.corpora.readers.casmed import CODES

TYPES = {code: name for name, code in CODES.items()}
"""Codes of entity types in CBRRel's tables → their names."""


def rows(paper: str, table: str) -> dict[str, dict[str, float]]:
    """A printed table as row → metric of records → percent; what is not printed is left out.

    A row `NAME-macro` of ISER becomes macro averages of row NAME. Relations of focused attention's Tables III and VI
    are of given entities; of which pairs the paper does not say, so they stand for `given` and for `kept`.
    """
    content, found = reported(paper)["tables"][table], defaultdict(dict)
    for row, cells in content["rows"].items():
        name = row.removesuffix("-macro") if paper == "iser" else row
        for metric, value in READERS[paper](table, content, row, cells):
            if value is not None:
                found[name][metric] = value
    return dict(found)


def differences(
    pairs: Sequence[tuple[str, str]], shown: dict[str, dict[str, float]], metric: str
) -> dict[tuple[str, str], float]:
    """Printed A minus B of each pair that `rows` has with this metric, in fractions."""
    scores = {row: cells[metric] for row, cells in shown.items() if metric in cells}
    return {(a, b): (scores[a] - scores[b]) / 100 for a, b in pairs if a in scores and b in scores}


Cells = Iterator[tuple[str, float | None]]


def _umrc(table: str, content: dict, row: str, cells: list) -> Cells:
    for column, cell in zip(content["columns"], cells, strict=True):
        yield {"micro_f1": "recall_weighted_micro_f1"}.get(column, column), cell


def _cbrrel(table: str, content: dict, row: str, cells) -> Cells:
    prefixes = {"overlap_casmed": ("overlap", "overlap.triple"), "entities_casmed": ("entities",)}
    for prefix in prefixes.get(table, ()):
        for kind, own in cells.items():
            for column, cell in zip(PRF, own, strict=True):
                yield f"{prefix}.{TYPES.get(kind, kind)}.{column}", cell
    if table not in prefixes:
        for column, cell in zip(PRF, cells, strict=True):
            yield f"triples.string.{column}", cell


def _iser(table: str, content: dict, row: str, cells: list) -> Cells:
    kind = "macro_" if row.endswith("-macro") else ""
    yield from zip([f"{task}.strict.{kind}{s}" for task in ("ner", "re") for s in PRF], cells, strict=True)


def _focused(table: str, content: dict, row: str, cells) -> Cells:
    given = ("given.re", "kept.re") if table in ("rc_gold_entities", "ablation") else ("re",)
    groups = cells if isinstance(cells, dict) else {"ner" if table == "ner" else "rc": cells}
    for name, values in groups.items():
        for task in ("ner",) if name == "ner" else given:
            yield from zip([f"{task}.strict.{s}" for s in PRF], values, strict=True)


READERS = {"umrc": _umrc, "cbrrel": _cbrrel, "iser": _iser, "focused": _focused}
"""Paper → how a line of its tables is read."""


def identity_misses(rows: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Printed micro rows whose F1 is not that of their P and R, whatever the rounding hid; columns in percent.

    P, R and F1 are right to 0.005; lines are (row, items), `outside` says that F1 is not even between P and R.
    """
    lines = {}
    for row, cells in rows.items():
        for task, name in (("ner", "entities"), ("re", "relations")):
            if not {f"{task}.strict.{s}" for s in PRF} <= cells.keys():
                continue
            p, r, shown = (cells[f"{task}.strict.{s}"] for s in PRF)
            if not agrees(p, r, shown):
                lines[row, name] = (p, r, shown, f1(p, r), not min(p, r) <= shown <= max(p, r))
    index = pd.MultiIndex.from_arrays([[key[i] for key in lines] for i in (0, 1)], names=["row", "items"])
    return pd.DataFrame([*lines.values()], index, ["P", "R", "F1", "of P and R", "outside"])


def fitting(recalls: Sequence[float], total: int) -> int:
    """How many printed recalls (percent, two digits) are k of `total` for a whole number k."""
    return sum(len(whole(recall, total)) > 0 for recall in recalls)


def recall_totals(recalls: Sequence[float], total: int) -> dict[str, float]:
    """How many recalls fit the printed total, how many would by chance, and which total within a tenth fits most.

    A recall has 10,001 values and a total fits total + 1 of them.
    """
    near = range(int(0.9 * total), int(1.1 * total) + 1)
    best = max(near, key=lambda n: (fitting(recalls, n), -abs(n - total)))
    return {
        "recalls": len(recalls), "printed total": total, "fit it": fitting(recalls, total),
        "by chance": len(recalls) * recall_chance(total), "best total": best, "fit that": fitting(recalls, best),
    }  # fmt: skip
