"""Rows of `text` and `spo_list`, the form of DuIE, CMeIE and others: triples of strings, without offsets."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from relex.documents import ABSENT, Document, Relation, RelationType, Schema, Span, field, read_jsonl, scan
from relex.errors import RelexError
from relex.mentions import POLICIES, Occurrence, align, find_all, whole

OPTIONS = {"align": POLICIES}
"""Options of corpora whose triples are strings."""


@dataclass(frozen=True, slots=True)
class Triple:
    """A head and a tail as strings with their entity types, and the relation between them."""

    head: str
    head_type: str
    relation: str
    tail: str
    tail_type: str


def parse(row: dict, counts: Counter) -> tuple[str, list[Triple]]:
    """The text of a row and its distinct triples, in order.

    An object may be `{"@value": …}`: its further slots are left out, and `counts` tells the triples that have some
    (`slots`) and the triples that came twice (`duplicate_triple`). Raises a `RelexError` for a field that is missing,
    empty or of another kind.
    """
    found: dict[Triple, None] = {}
    for item in field(row, "spo_list", list):
        triple = Triple(
            _text(item, "subject"), _text(item, "subject_type"), _text(item, "predicate"),
            _text(item, "object"), _text(item, "object_type"),
        )  # fmt: skip
        counts["slots"] += isinstance(item["object"], dict) and len(item["object"]) > 1
        counts["duplicate_triple"] += triple in found
        found[triple] = None
    return _text(row, "text"), list(found)


class Builder:
    """Collects spans and relations of one text; the same span or relation twice is one."""

    def __init__(self) -> None:
        self._entities: dict[Span, int] = {}
        self._relations: dict[Relation, None] = {}

    def place(self, span: Span) -> int:
        """The index of an entity, which is added when it is new."""
        return self._entities.setdefault(span, len(self._entities))

    def add(self, head: Span, relation: str, tail: Span) -> None:
        """Add a triple."""
        self._relations[Relation(self.place(head), self.place(tail), relation)] = None

    def document(self, id: str, text: str) -> Document:
        """The checked Document; raises a `RelexError` when it has none to be."""
        document = Document(id, text, tuple(self._entities), tuple(self._relations))
        document.check()
        return document


def document(id: str, text: str, triples: list[Triple], policy: str, counts: Counter) -> Document:
    """A Document of string triples, aligned with the text by `policy` (see `relex.mentions.align`).

    A mention that the text does not contain, letter case included, stays as an entity without offsets. `counts` tells
    triples with a mention that occurs more than once (`ambiguous`), or not at all (`absent`).
    """
    builder = Builder()
    for triple in triples:
        heads, tails = (whole(text, find_all(text, mention)) for mention in (triple.head, triple.tail))
        counts["ambiguous"] += len(heads) > 1 or len(tails) > 1
        counts["absent"] += not heads or not tails
        for head, tail in align(heads, tails, policy):
            builder.add(
                span(head, triple.head, triple.head_type), triple.relation, span(tail, triple.tail, triple.tail_type)
            )
    return builder.document(id, text)


def span(place: Occurrence | None, mention: str, type: str) -> Span:
    """The Span of an occurrence, or, for None, of a mention that the text does not contain."""
    return Span(*place, type) if place else Span(ABSENT, ABSENT, type, mention)


def scan_file(
    path: Path, schema: Schema | None, policy: str, facts: dict[str, Counter]
) -> Iterator[Document | RelexError]:
    """The Documents of one file, named STEM-LINE, and in the place of a line that cannot be used what is wrong.

    A relation or entity type that `schema` lacks is an error; a relation whose entity types do not fit it is counted.
    `facts` gets the counts of each Document under its id, see `facts`. A file without rows is an error too.
    """

    def read(number: int, row: dict) -> Document:
        counts: Counter = Counter()
        text, triples = parse(row, counts)
        if schema is not None:
            check_types(triples, schema, counts)
        found = document(f"{path.stem}-{number}", text, triples, policy, counts)
        facts[found.id] = counts | Counter(triples=len(triples), overlap=overlaps(found))
        return found

    return never_empty(path, scan(path, read))


def scan_folder(
    folder: Path, schema: str, names: Iterable[str]
) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file of a corpus with its Documents and what is wrong with it.

    The schema comes only when it is bad, and then no types are checked.
    """
    known = None
    try:
        known = read_schema(folder / schema)
    except RelexError as error:
        yield folder / schema, [error]
    for name in names:
        yield folder / name, scan_file(folder / name, known, "nearest", {})


def facts(parts: dict[str, tuple[Document, ...]], found: dict[str, Counter]) -> dict[str, int]:
    """The counts of each part, summed over its Documents, whose counts are `found` under their ids.

    `triples`: distinct triples of strings; `ambiguous`: those with a mention that occurs more than once; `absent`:
    those with a mention that is not in the text as it is spelt; `type_mismatch`: those whose entity types do not fit
    the schema; `slots`: those whose object has further slots; `duplicate_triple`: those that came once more;
    `overlap`: pairs of overlapping entities.
    """
    names = ("triples", "ambiguous", "absent", "type_mismatch", "slots", "duplicate_triple", "overlap")
    return {f"{part}.{name}": sum(found[d.id][name] for d in parts[part]) for part in parts for name in names}


def read_schema(path: Path) -> Schema:
    """Read JSON lines of `subject_type`, `predicate` and `object_type`; types in order of first appearance.

    Raises a `RelexError` that names file and line.
    """
    entity_types: dict[str, None] = {}
    pairs: dict[str, dict[tuple[str, str], None]] = {}
    for number, row in read_jsonl(path):
        try:
            head, name, tail = (_text(row, key) for key in ("subject_type", "predicate", "object_type"))
        except RelexError as error:
            raise RelexError(f"{path}, line {number}: {error}; correct or remove the line") from None
        entity_types.update({head: None, tail: None})
        pairs.setdefault(name, {})[head, tail] = None
    if not pairs:
        raise RelexError(f"{path} has no rows; it needs at least one")
    return Schema(tuple(entity_types), tuple(RelationType(name, tuple(p)) for name, p in pairs.items()))


def never_empty(path: Path, found: Iterable[Document | RelexError]) -> Iterator[Document | RelexError]:
    """`found`, and an error when it is empty."""
    empty = True
    for item in found:
        empty = False
        yield item
    if empty:
        yield RelexError(f"{path} has no rows; it needs at least one")


def overlaps(document: Document) -> int:
    """Pairs of different stretches of text among the entities that share characters."""
    places = sorted({(s.start, s.end) for s in document.entities if not s.absent})
    return sum(start < end for i, (_, end) in enumerate(places) for start, _ in places[i + 1 :])


def check_types(triples: list[Triple], schema: Schema, counts: Counter) -> None:
    """Count triples whose entity types do not fit their relation; a relation or type that is unknown is an error."""
    pairs = {r.name: r.pairs for r in schema.relation_types}
    for triple in triples:
        if triple.relation not in pairs:
            raise RelexError(f"unknown relation {triple.relation!r}; known are {', '.join(pairs)}")
        for type in (triple.head_type, triple.tail_type):
            if type not in schema.entity_types:
                raise RelexError(f"unknown entity type {type!r}; known are {', '.join(schema.entity_types)}")
        counts["type_mismatch"] += (triple.head_type, triple.tail_type) not in pairs[triple.relation]


def _text(value, name: str) -> str:
    """A text that is not empty, or the one under `@value`."""
    if isinstance(value, dict) and isinstance(value.get(name), dict):
        return _text(value[name], "@value")
    if not (text := field(value, name, str)):
        raise RelexError(f"field {name!r} should be a text that is not empty")
    return text
