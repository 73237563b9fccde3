"""Records chosen and put in order: by table row, by seed, by a value of their config."""

from collections.abc import Iterable, Sequence

from relex.errors import RelexError


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
    return [r["metrics"][metric] for r in of_row(records, row) if metric in r["metrics"]]


def is_trained(record: dict) -> bool:
    """Whether a record is of a trained model, and not of a baseline that only counts."""
    return "epochs" in record["config"]


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
