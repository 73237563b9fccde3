"""Documents with the scores that a model may give its entities and relations."""

from collections.abc import Hashable, ItemsView, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from relex.documents import Document, scan
from relex.errors import RelexError


@dataclass(frozen=True, slots=True)
class ScoredDocument(Document):
    """A Document, and a score from 0 to 1 of each entity and each relation; None of one that has no score."""

    entity_scores: tuple[float | None, ...] = ()
    relation_scores: tuple[float | None, ...] = ()


def read_scored(path: Path) -> Iterator[ScoredDocument]:
    """Yield the Documents of a JSON-lines file, one line at a time; `score` is an optional key of entity and relation.

    Other keys are ignored. Raises a `RelexError` that names file and line for a bad Document, for an id that occurs
    twice, and for a score that is no number from 0 to 1; one that names the file when it has no documents.
    """
    empty = True
    for item in scan(path, _scored):
        if isinstance(item, RelexError):
            raise item
        empty = False
        yield item
    if empty:
        raise RelexError(f"{path} has no documents; it needs at least one")


def each_once(items: Iterable[Hashable], scores: Iterable[float | None]) -> ItemsView:
    """(item, score) of all different items, each with the highest of its scores."""
    best: dict[Hashable, float | None] = {}
    for item, score in zip(items, scores, strict=True):
        best[item] = higher(best.get(item), score)
    return best.items()


def higher(one: float | None, other: float | None) -> float | None:
    """The higher of two scores, either of which may be missing."""
    return max((score for score in (one, other) if score is not None), default=None)


def _scored(number: int, value: dict) -> ScoredDocument:
    document = Document.from_json(value)
    return ScoredDocument(
        document.id, document.text, document.entities, document.relations,
        tuple(_score(entity, f"entity {i}") for i, entity in enumerate(value["entities"])),
        tuple(_score(relation, f"relation {i}") for i, relation in enumerate(value["relations"])),
    )  # fmt: skip


def _score(value: dict, what: str) -> float | None:
    score = value.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise RelexError(f"the score of {what} is {str(score)[:40]!r} and not a number from 0 to 1")
    return float(score)
