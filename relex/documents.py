"""Documents: text with entities and relations in character offsets, and the schema they follow.

Every corpus reader yields Documents, every model predicts Documents, every metric compares Documents.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

from relex.errors import RelexError

ABSENT = -1
"""Start and end of an entity whose mention is not in the text."""


@dataclass(frozen=True, slots=True)
class Span:
    """A typed stretch of text, `text[start:end]`, in characters, end exclusive.

    A mention that the text does not contain has `start = end = ABSENT`; only then does `mention` hold
    its string (a placeholder in umrc10, or the name of an entity that the sentence leaves out).
    `score`: how sure a model is of what it found, from 0 to 1; two spans that differ in it alone are equal.
    """

    start: int
    end: int
    type: str
    mention: str = ""
    score: float | None = dataclass_field(default=None, compare=False)

    @property
    def absent(self) -> bool:
        """Whether the text does not contain this entity."""
        return self.start == ABSENT


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed, typed relation; `head` and `tail` index the entities of the same Document; `score` as of a Span."""

    head: int
    tail: int
    type: str
    score: float | None = dataclass_field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """One text with its entities and relations: a sentence, a report segment, a whole report."""

    id: str
    text: str
    entities: tuple[Span, ...] = ()
    relations: tuple[Relation, ...] = ()

    def mention(self, index: int) -> str:
        """The string of entity `index`, whether or not the text contains it."""
        span = self.entities[index]
        return span.mention if span.absent else self.text[span.start : span.end]

    def triples(self) -> list[tuple[Span, str, Span]]:
        """Relations as (head span, relation type, tail span)."""
        return [(self.entities[r.head], r.type, self.entities[r.tail]) for r in self.relations]

    def to_json(self) -> dict:
        """The Document as plain JSON values; `from_json` reads them back unchanged."""
        entities = [
            {"start": s.start, "end": s.end, "type": s.type}
            | ({"mention": s.mention} if s.absent else {})
            | ({} if s.score is None else {"score": s.score})
            for s in self.entities
        ]
        relations = [
            {"head": r.head, "tail": r.tail, "type": r.type} | ({} if r.score is None else {"score": r.score})
            for r in self.relations
        ]
        return {"id": self.id, "text": self.text, "entities": entities, "relations": relations}

    @classmethod
    def from_json(cls, value: dict) -> "Document":
        """Build and check a Document; a `RelexError` says what is wrong with `value`."""
        if not isinstance(value, dict):
            raise RelexError("expected a JSON object")
        entities = tuple(
            Span(
                field(e, "start", int),
                field(e, "end", int),
                field(e, "type", str),
                field(e, "mention", str) if e["start"] == ABSENT else "",
                _score(e),
            )
            for e in field(value, "entities", list)
        )
        relations = tuple(
            Relation(field(r, "head", int), field(r, "tail", int), field(r, "type", str), _score(r))
            for r in field(value, "relations", list)
        )
        document = cls(field(value, "id", str), field(value, "text", str), entities, relations)
        document.check()
        return document

    def check(self) -> None:
        """Raise a `RelexError` when a span leaves the text or a relation points to no entity.

        Half surrogate pairs are refused as well: JSON can spell them, UTF-8 cannot hold them.
        """
        _check_characters("the text", self.text)
        for what, value in [("the id", self.id), *(("a type", x.type) for x in (*self.entities, *self.relations))]:
            _check_characters(what, value)
        for span in self.entities:
            _check_characters("a mention", span.mention)
        for span in self.entities:
            if span.absent and span.end == ABSENT:
                continue
            if not 0 <= span.start < span.end <= len(self.text):
                raise RelexError(
                    f"span {span.start}–{span.end} ({span.type}) does not lie within "
                    f"the text of {len(self.text)} characters"
                )
        for relation in self.relations:
            if not (0 <= relation.head < len(self.entities) and 0 <= relation.tail < len(self.entities)):
                raise RelexError(
                    f"relation {relation.type} points to entities {relation.head} and {relation.tail}, "
                    f"but there are {len(self.entities)}"
                )


@dataclass(frozen=True, slots=True)
class RelationType:
    """A relation type, the (head type, tail type) pairs it allows (none: all), and whether direction means nothing."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    symmetric: bool = False

    @property
    def allowed(self) -> tuple[tuple[str, str], ...]:
        """`pairs`, and of a symmetric relation the same turned round."""
        turned = ((tail, head) for head, tail in self.pairs) if self.symmetric else ()
        return tuple(dict.fromkeys((*self.pairs, *turned)))


@dataclass(frozen=True, slots=True)
class Schema:
    """Entity types and relation types, in the order of their ids."""

    entity_types: tuple[str, ...]
    relation_types: tuple[RelationType, ...]

    @property
    def relation_names(self) -> tuple[str, ...]:
        """Relation type names, R of them, in the order of their ids."""
        return tuple(r.name for r in self.relation_types)

    def check(self, document: Document) -> None:
        """Raise a `RelexError` when `document` uses a type the schema lacks or a pair it does not allow."""
        for span in document.entities:
            if span.type not in self.entity_types:
                raise RelexError(f"unknown entity type {span.type!r}; known are {', '.join(self.entity_types)}")
        pairs = {r.name: r.allowed for r in self.relation_types}
        for head, name, tail in document.triples():
            if name not in pairs:
                raise RelexError(f"unknown relation {name!r}; known are {', '.join(pairs)}")
            if pairs[name] and (head.type, tail.type) not in pairs[name]:
                raise RelexError(f"relation {name!r} does not join {head.type} to {tail.type}")


def infer_schema(documents: Iterable[Document]) -> Schema:
    """The smallest schema that `documents` follow; types in order of first appearance."""
    entity_types: dict[str, None] = {}
    pairs: dict[str, dict[tuple[str, str], None]] = {}
    for document in documents:
        entity_types.update((span.type, None) for span in document.entities)
        for head, name, tail in document.triples():
            pairs.setdefault(name, {})[head.type, tail.type] = None
    return Schema(tuple(entity_types), tuple(RelationType(name, tuple(p)) for name, p in pairs.items()))


def read_jsonl(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield (line number, JSON object) of a JSON-lines file; blank lines are skipped.

    Raises a `RelexError` that names file and line when a line is not UTF-8 or not a JSON object.
    """
    for number, value in _lines(path):
        if isinstance(value, RelexError):
            raise value
        yield number, value


def scan(path: Path, parse: Callable[[int, dict], Document], arrays: bool = False) -> Iterator[Document | RelexError]:
    """Yield `parse(line number, JSON object)` of every line, or in its place the `RelexError` that says what is wrong.

    The one way by which files become Documents: readers raise the first error, `relex corpora check` tells all of
    them. An error names file and line; an id that occurs twice is one as well. With `arrays` the file may be one JSON
    array or object too, over any number of lines (`rows`).
    """
    seen = set()
    for number, value in rows(path) if arrays else _lines(path):
        if isinstance(value, RelexError):
            yield value
            continue
        try:
            document = parse(number, value)
            if document.id in seen:
                raise RelexError(f"id {document.id[:80]!r} occurs twice")
        except RelexError as error:
            yield RelexError(f"{path}, line {number}: {_shortened(str(error))}; correct or remove the line")
            continue
        seen.add(document.id)
        yield document


def scan_documents(path: Path, schema: Schema | None = None) -> Iterator[Document | RelexError]:
    """`scan` for Documents in their JSON form; with a `schema`, labels that it lacks are errors too."""

    def parse(number: int, value: dict) -> Document:
        document = Document.from_json(value)
        if schema:
            schema.check(document)
        return document

    return scan(path, parse)


def first_error_raised(found: Iterable[Document | RelexError]) -> tuple[Document, ...]:
    """The Documents of a `scan`; raises the first error in it."""
    documents = []
    for item in found:
        if isinstance(item, RelexError):
            raise item
        documents.append(item)
    return tuple(documents)


def read_documents(path: Path, schema: Schema | None = None) -> tuple[Document, ...]:
    """Read Documents in their JSON form, one a line.

    Raises a `RelexError` that names file and line for a bad Document, an id that occurs twice, or, with a `schema`,
    a label that it lacks.
    """
    return first_error_raised(scan_documents(path, schema))


def rows(path: Path) -> Iterator[tuple[int, dict | RelexError]]:
    """(line number, JSON object, or what is wrong with it) of JSON lines; of one JSON array, its items by number."""
    try:
        content = path.read_bytes().decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        content = ""  # `_lines` says what is wrong
    if content[:1] not in ("[", "{") or (content[0] == "{" and content.partition("\n")[0].rstrip().endswith("}")):
        yield from _lines(path)
        return
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        yield from _lines(path)
        return
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        yield number, item if isinstance(item, dict) else RelexError(f"{path}, item {number}: expected a JSON object")


def _shortened(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:200]} … {message[-60:]}"


def _lines(path: Path) -> Iterator[tuple[int, dict | RelexError]]:
    """(line number, JSON object, or what is wrong with the line); blank lines are skipped."""
    try:
        stream = open(path, "rb")
    except OSError as error:
        yield 0, RelexError(f"cannot read {path}: {error.strerror}; check the path")
        return
    with stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield number, _json_object(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                except UnicodeDecodeError:
                    yield number, RelexError(f"{path}, line {number}: not UTF-8; convert the file")
                except RelexError as error:
                    yield number, RelexError(f"{path}, line {number}: {error}; correct or remove the line")


def _json_object(line: str) -> dict:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise RelexError(f"not JSON ({error.msg})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets thousands deep
        raise RelexError("not JSON that can be read (a number too long or brackets too deep)") from None
    if not isinstance(value, dict):
        raise RelexError("expected a JSON object")
    return value


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    """Write Documents as JSON lines, whole or not at all."""
    from relex.files import write_text

    write_text(path, "".join(json.dumps(d.to_json(), ensure_ascii=False) + "\n" for d in documents))


def relation_counts(documents: Iterable[Document]) -> Counter[str]:
    """How often each relation type occurs."""
    return Counter(r.type for d in documents for r in d.relations)


def _check_characters(what: str, value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RelexError(f"character {error.start} of {what} is half a surrogate pair") from None


def field(value, name: str, kind: type):
    """`value[name]` of a JSON object; a `RelexError` when it is missing or of another kind than `kind`."""
    if not isinstance(value, dict):
        raise RelexError(f"expected a JSON object with {name!r}, not {type(value).__name__}")
    if name not in value:
        raise RelexError(f"field {name!r} is missing")
    if not isinstance(value[name], kind) or isinstance(value[name], bool):
        raise RelexError(f"field {name!r} should be {kind.__name__}, not {type(value[name]).__name__}")
    return value[name]


def _score(value: dict) -> float | None:
    score = value.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        raise RelexError(f"the score {str(score)[:40]!r} is no number from 0 to 1")
    return score if score is None else float(score)


def check_same(gold: Sequence[Document], predicted: Sequence[Document]) -> None:
    """Raise a `RelexError` when two sequences do not hold the same documents, by id and text, in the same order."""
    if len(gold) != len(predicted):
        raise RelexError(f"{len(gold)} gold documents but {len(predicted)} predicted ones; predict every document once")
    for one, other in zip(gold, predicted, strict=True):
        if one.id != other.id or one.text != other.text:
            raise RelexError(
                f"gold document {one.id!r} stands where {other.id!r} was predicted, or has another text; "
                "keep both in the same order and predict on the very same texts"
            )
