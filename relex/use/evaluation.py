"""Documents of one's own against their gold standard: scores, their intervals, and how far a model's scores hold."""

from collections.abc import ItemsView, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from relex.documents import ABSENT, Document, infer_schema, read_documents
from relex.errors import RelexError
from relex.evaluation.calibration import expected_calibration_error
from relex.evaluation.extraction import VIEWS, evaluate, prf
from relex.evaluation.statistics import f1_intervals
from relex.use.scored import ScoredDocument, each_once, read_scored

WHAT = {"entities": "ner", "relations": "re"}
"""What is scored → how its names in `relex.evaluation.extraction.evaluate` begin."""

MODES = ("strict", "boundaries", "relaxed")

Scores = dict[str, float | list[float]]
"""`p`, `r`, `f1`, and `macro_…` where there are types; `f1_interval` and `macro_f1_interval` are [low, high]."""


def evaluate_files(gold: Path, found: Path) -> dict:
    """All scores of the Documents in `found` against those in `gold`, matched by id; plain JSON values.

    * `documents`: how many.
    * `entities` and `relations`: mode (strict, boundaries, relaxed) → `Scores`, fractions from 0 to 1, as
      `relex.evaluation.extraction.evaluate` defines them. Intervals are of 95 %, by a bootstrap of documents.
    * `by_type`: entities and relations → type → `gold` and `found` (how many), `p`, `r`, `f1`, strict.
    * `calibration`: entities and relations → `calibration`, left out where `found` has no scores.

    Raises a `RelexError` for a bad line, a file without documents, and files that do not hold the same ids and texts.
    """
    expected = read_documents(gold)
    if not expected:
        raise RelexError(f"{gold} has no documents; it needs at least one")
    paired = _paired(expected, tuple(read_scored(found)), gold, found)
    metrics, counts = evaluate(expected, paired, infer_schema((*expected, *paired)), {d.text for d in expected})
    calibrations = {what: calibration(expected, paired, what) for what in WHAT}
    return {
        "documents": len(expected),
        **{what: {mode: _scores(metrics, expected, paired, f"{WHAT[what]}.{mode}") for mode in MODES} for what in WHAT},
        "by_type": {"entities": _by_type(counts["ner"]), "relations": _by_type(counts["relations.strict"])},
        "calibration": {what: told for what, told in calibrations.items() if told},
    }


def calibration(gold: Sequence[Document], found: Sequence[ScoredDocument], what: str) -> dict[str, float]:
    """Expected calibration error `ece` of the scores of `entities` or `relations`; empty where there is none.

    Confidence is the score. Correct is what is in the gold standard by strict match: an entity with its type and
    characters, a relation with its type and both such ends. What a document holds twice counts once, with the higher
    score. Ten bins of equal width; see `expected_calibration_error`. `scored` is how many entities or relations have a
    score, `found` how many there are; the others are left out. What was not found has no confidence, so that this
    error says nothing of recall.
    """
    keys = VIEWS[f"{WHAT[what]}.strict"].keys
    confidence, correct, total = [], [], 0
    for one, other in zip(gold, found, strict=True):
        right, best = keys(one), _strict_scores(other, what)
        total += len(best)
        confidence += [score for _, score in best if score is not None]
        correct += [key in right and ABSENT not in key for key, score in best if score is not None]
    if not confidence:
        return {}
    return {"ece": expected_calibration_error(confidence, correct), "scored": len(confidence), "found": total}


def _strict_scores(document: ScoredDocument, what: str) -> ItemsView:
    """(key of the strict match, score) of each entity or relation."""
    keys = VIEWS[f"{WHAT[what]}.strict"].keys
    if what == "entities":
        parts = (replace(document, entities=(span,), relations=()) for span in document.entities)
        scores = document.entity_scores
    else:
        parts = (replace(document, relations=(relation,)) for relation in document.relations)
        scores = document.relation_scores
    return each_once((key for part in parts for key in keys(part)), scores)


def _paired(
    gold: Sequence[Document], found: Sequence[ScoredDocument], gold_path: Path, found_path: Path
) -> list[ScoredDocument]:
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
            f"{gold_path} lacks {_documents(additional)} of {found_path}; remove what has no gold standard"
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
