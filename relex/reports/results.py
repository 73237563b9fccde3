"""Records as a table, one line a run, and chosen: by table row, by seed, by a value of their config."""

from collections.abc import Iterable, Sequence

import pandas as pd

from relex.errors import RelexError
from relex.evaluation.extraction import OVERLAPS, prf
from relex.runs.records import is_trained

SPLITS = ("novel", "report", "distinct", "shipped")
"""Splits of casmed that are trained on, in the order in which the book tells of them."""

ON_GOLD = ("schema_only", "nearest_entity")
"""Heads that learn nothing and are given the gold entities."""

EVIDENCE = ("cpu", "full")
"""Profiles whose grids are large enough to speak about the systems."""

BY_TYPE = ("entities", "ner", "relations", "relations.string", "relations.strict")
"""Counts of records that are tables {type: {tp, fp, fn}}."""


def metrics(record: dict) -> dict[str, float]:
    """The metrics of a record, and those that follow from its counts, as fractions.

    `TABLE.TYPE.p`, `.r` and `.f1` for the tables of `BY_TYPE`; relations of a heuristic on gold entities are those of
    given entities as well. Classes of overlap without a gold triple have no score: a division by zero is none.
    """
    found = dict(record["metrics"])
    if record["config"].get("head") in ON_GOLD:
        found |= {f"given.{name}": value for name, value in found.items() if name.startswith("re.strict.")}
    counts = record["counts"]
    for table in BY_TYPE:
        for name, cell in counts.get(table, {}).items():
            found |= {f"{table}.{name}.{score}": value for score, value in prf(**cell).items()} if cell else {}
    for by in ("overlap", "overlap.triple"):
        for name in OVERLAPS:
            if not counts.get(f"{by}.{name}.tp", 0) + counts.get(f"{by}.{name}.fn", 0):
                for score in ("p", "r", "f1"):
                    found.pop(f"{by}.{name}.{score}", None)
    return found


def frame(records: Sequence[dict]) -> pd.DataFrame:
    """One line a run: `row`, `seed`, `head`, `origin`, whether `trained`, and its `metrics`; missing ones are NaN."""
    return pd.DataFrame([
        {"row": r["config"]["row"], "seed": r["config"]["seed"], "head": r["config"].get("head"), "origin": origin(r),
         "trained": is_trained(r)} | metrics(r)
        for r in records
    ])  # fmt: skip


def rows_in_order(records: Iterable[dict]) -> list[str]:
    """Row names in order of first appearance."""
    return list(dict.fromkeys(r["config"]["row"] for r in records))


def of_row(records: Sequence[dict], row: str) -> list[dict]:
    """The records of one table row, by seed.

    Raises a `RelexError` when they are of several corpora or splits, which no mean should mix.
    """
    chosen = sorted((r for r in records if r["config"]["row"] == row), key=lambda r: r["config"]["seed"])
    if len(origins := dict.fromkeys(map(origin, chosen))) > 1:
        raise RelexError(f"row {row!r} has records of {' and '.join(origins)}; choose one with `where`")
    return chosen


def where(records: Sequence[dict], **wanted) -> list[dict]:
    """The records whose config has all these values, such as `split="report"`."""
    return [r for r in records if wanted.items() <= {k: r["config"].get(k) for k in wanted}.items()]


def values(records: Sequence[dict], row: str, metric: str) -> list[float]:
    """A metric over the seeds of one row; records without it are left out."""
    return [found[metric] for found in map(metrics, of_row(records, row)) if metric in found]


def trained(records: Sequence[dict]) -> list[dict]:
    """The records of trained models."""
    return [r for r in records if is_trained(r)]


def origin(record: dict) -> str:
    """The corpus of a record in words, and how it was cut and read; nothing generated was ever shipped in a split."""
    corpus, config = record["corpus"], record["config"]
    notes = [f"{option} {config[option]}" for option in ("split", "unit", "align") if config.get(option)]
    if corpus["stand_in"]:
        notes = ["**a generated stand-in**", *(note for note in notes if note != "split shipped")]
    return f"{corpus['name']} ({', '.join(notes)})" if notes else corpus["name"]


def corpora_of(records: Sequence[dict]) -> list[str]:
    """The corpora that records are of, real ones first."""
    found = {r["config"]["corpus"]: r["corpus"]["stand_in"] for r in records}
    return sorted(found, key=lambda name: (found[name], name))


def without(records: Sequence[dict], corpus: str) -> list[dict]:
    """The records of all corpora but one."""
    return [r for r in records if r["config"]["corpus"] != corpus]


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


def shown(executed: Sequence[dict], recorded: Sequence[dict]) -> list[dict]:
    """What an execution adds to the tables of a page: its records of the profiles `EVIDENCE`.

    Others show that a notebook works; they stand in the tables only where nothing is recorded.
    """
    return [r for r in executed if not recorded or r["config"]["profile"] in EVIDENCE]
