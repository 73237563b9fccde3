"""Documents of one's own against their gold standard: scores, their intervals, and how far a model's scores hold."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from relex.corpora.readers.jsonl import read_schema
from relex.documents import Document, infer_schema, read_documents
from relex.errors import RelexError
from relex.evaluation.calibration import WHAT, calibrate
from relex.evaluation.extraction import VIEWS, evaluate, prf
from relex.evaluation.statistics import f1_intervals
from relex.found import one_way

MODES = ("strict", "boundaries", "relaxed")

Scores = dict[str, float | list[float]]
"""`p`, `r`, `f1`, and `macro_…` where there are types; `f1_interval` and `macro_f1_interval` are [low, high]."""


def evaluate_files(gold: Path, found: Path) -> dict:
    """`evaluate_documents` of the Documents in two files, matched by id; a `schema.json` beside `gold` says which
    relations are symmetric.

    Raises a `RelexError` for a bad line, a file without documents, and files that do not hold the same ids and texts.
    """
    expected, answers = (_read(path) for path in (gold, found))
    answers, schema = _paired(expected, answers, gold, found), gold.parent / "schema.json"
    if schema.is_file():
        known = read_schema(schema)
        expected, answers = ([one_way(d, known) for d in documents] for documents in (expected, answers))
    return evaluate_documents(expected, answers)


def _read(path: Path) -> tuple[Document, ...]:
    documents = read_documents(path)
    if not documents:
        raise RelexError(f"{path} has no documents; it needs at least one")
    return documents


def evaluate_documents(expected: Sequence[Document], found: Sequence[Document]) -> dict:
    """All scores of found Documents against the expected ones, in the same order; plain JSON values.

    * `documents`: how many.
    * `entities` and `relations`: mode (strict, boundaries, relaxed) → `Scores`, fractions from 0 to 1, as
      `relex.evaluation.extraction.evaluate` defines them. Intervals are of 95 %, by a bootstrap of documents.
    * `by_type`: entities and relations → type → `gold` and `found` (how many), `p`, `r`, `f1`, strict.
    * `calibration`: entities and relations → `temperature`, expected calibration error `before` and `after` it,
      `scored`, `found` (`relex.evaluation.calibration`); left out where `found` has no scores.
    """
    metrics, counts = evaluate(expected, found, infer_schema((*expected, *found)), {d.text for d in expected})
    calibrations = {what: calibrate(expected, found, what) for what in WHAT}
    return {
        "documents": len(expected),
        **{what: {mode: _scores(metrics, expected, found, f"{WHAT[what]}.{mode}") for mode in MODES} for what in WHAT},
        "by_type": {"entities": _by_type(counts["ner"]), "relations": _by_type(counts["relations.strict"])},
        "calibration": {what: asdict(told) for what, told in calibrations.items() if told},
    }


def _paired(gold: Sequence[Document], found: Sequence[Document], gold_path: Path, found_path: Path) -> list[Document]:
    """The found documents in the order of the gold ones; a `RelexError` says in what the files differ."""
    by_id, expected = {d.id: d for d in found}, {d.id for d in gold}
    missing = [d.id for d in gold if d.id not in by_id]
    if missing:
        raise RelexError(
            f"{found_path} lacks {_documents(missing)} of {gold_path}; every gold document needs an answer, "
            "if only one without entities"
        )
    additional = [d.id for d in found if d.id not in expected]
    if additional:
        raise RelexError(
            f"{gold_path} lacks {_documents(additional)} of {found_path}; remove them, for they have no gold standard"
        )
    for document in gold:
        if by_id[document.id].text != document.text:
            raise RelexError(
                f"document {_shown(document.id)} has one text in {gold_path} and another in {found_path}; "
                "offsets count characters, so use the very same text"
            )
    return [by_id[d.id] for d in gold]


def _documents(ids: Sequence[str]) -> str:
    return f"{len(ids):,} documents, such as {_shown(ids[0])}," if len(ids) > 1 else f"document {_shown(ids[0])}"


def _shown(id: str) -> str:
    return repr(id if len(id) <= 80 else f"{id[:80]}…")


def _scores(metrics: dict[str, float], gold: Sequence[Document], found: Sequence[Document], name: str) -> Scores:
    micro, macro = f1_intervals(*_per_document(gold, found, name))
    intervals = {"f1_interval": [micro.low, micro.high], "macro_f1_interval": [macro.low, macro.high]}
    values = {score: metrics.get(f"{name}.{score}") for score in ("p", "r", "f1", "macro_p", "macro_r", "macro_f1")}
    kept = {score: value for score, value in values.items() if value is not None}
    return kept | {name: interval for name, interval in intervals.items() if name.removesuffix("_interval") in kept}


def _per_document(gold: Sequence[Document], found: Sequence[Document], name: str) -> np.ndarray:
    """How many items are gold, found and right, 3×N×T: by document and type; T = 1 where a view has no types."""
    view = VIEWS[name]

    def kind(key: tuple):
        return "" if view.type_at is None else key[view.type_at]

    sets = [(view.keys(one), view.keys(other)) for one, other in zip(gold, found, strict=True)]
    column = {t: i for i, t in enumerate(sorted({kind(key) for pair in sets for keys in pair for key in keys}))}
    counts = np.zeros((3, len(sets), max(1, len(column))), dtype=np.int32)
    for row, pair in enumerate(sets):
        for t in {kind(key) for keys in pair for key in keys}:
            one, other = ({key for key in keys if kind(key) == t} for keys in pair)
            counts[:, row, column[t]] = len(one), len(other), view.matches(one, other)
    return counts


def _by_type(table: dict[str, dict[str, int]]) -> dict[str, dict[str, float]]:
    """A table of counts as `gold`, `found`, `p`, `r` and `f1`, the most frequent types first."""
    lines = {t: {"gold": c["tp"] + c["fn"], "found": c["tp"] + c["fp"]} | prf(**c) for t, c in table.items()}
    return dict(sorted(lines.items(), key=lambda line: (-line[1]["gold"], -line[1]["found"], line[0])))
