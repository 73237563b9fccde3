"""conll04: 1,441 English news sentences with entities of four types and relations of five, in three shipped parts.

Source: the token files that span-based extractors (SpERT and those after it) are measured on. A sentence becomes its
tokens joined by one blank, its entities become characters of that text; `to_tokens` goes the way back without loss.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.readers import spo
from relex.corpora.spec import CorpusSpec, Source, github
from relex.corpora.splits import seen
from relex.documents import Document, Relation, RelationType, Schema, Span, field, first_error_raised
from relex.errors import RelexError
from relex.files import sha256

SCHEMA = Schema(
    ("Loc", "Org", "Peop", "Other"),
    (
        RelationType("Work_For", (("Peop", "Org"),)),
        RelationType("Kill", (("Peop", "Peop"),)),
        RelationType("OrgBased_In", (("Org", "Loc"),)),
        RelationType("Live_In", (("Peop", "Loc"),)),
        RelationType("Located_In", (("Loc", "Loc"),)),
    ),
)
"""Types in the order of the source's file of types; the pairs are those of the corpus's definition."""

FILES = {part: f"conll04_{part}.json" for part in PARTS}
TYPES = "conll04_types.json"

WIDEST = 10
"""Tokens of the widest span that SpERT and ISER look at."""


def read(folder: Path) -> Corpus:
    """Read the three files; with the file of types in the folder, its names are compared with the schema.

    A Document is named PART-ORIG_ID. `counts` tells, per part: `entities`, `relations`, `longest_entity` (tokens),
    `wide_entity` (entities of more than ten tokens), `duplicate_entity` and `duplicate_relation` (given once more),
    `overlap` (pairs of different entities that share tokens), `no_entity` and `no_relation` (sentences without),
    `type_mismatch` (relations whose entity types do not fit the schema; kept), and `seen` sentences, see
    `relex.corpora.splits.seen`. Raises a `RelexError` that names file and row for what cannot be used.
    """
    if (folder / TYPES).is_file():
        _check_types(folder / TYPES)
    parts = {part: first_error_raised(scan_part(folder / FILES[part], part)) for part in PARTS}
    counts = {f"{part}.{name}": n for part in PARTS for name, n in facts(parts[part]).items()} | seen(parts)
    mark = fingerprint("conll04", 1, [sha256(folder / FILES[part]) for part in PARTS])
    return Corpus("conll04", SCHEMA, **parts, fingerprint=mark, counts=counts)


def scan_part(path: Path, part: str) -> Iterator[Document | RelexError]:
    """The Documents of one file, and in the place of a row that cannot be used what is wrong with it."""
    ids = set()
    try:
        rows = _json(path, list)
    except RelexError as error:
        yield error
        return
    if not rows:
        yield RelexError(f"{path} has no rows; the {part} part needs at least one")
    for number, row in enumerate(rows, 1):
        try:
            document = from_tokens(row, part)
            if document.id in ids:
                raise RelexError(f"orig_id {row['orig_id']} occurs twice")
        except RelexError as error:
            yield RelexError(f"{path}, row {number}: {error}; correct or remove the row")
            continue
        ids.add(document.id)
        yield document


def scan_folder(folder: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file with its Documents and what is wrong with it; the file of types only when it is bad."""
    if (folder / TYPES).is_file():
        try:
            _check_types(folder / TYPES)
        except RelexError as error:
            yield folder / TYPES, [error]
    for part in PARTS:
        yield folder / FILES[part], scan_part(folder / FILES[part], part)


def from_tokens(row: dict, part: str) -> Document:
    """The Document of a row of `tokens`, `entities` (start and end in tokens), `relations` and `orig_id`.

    Raises a `RelexError` for a field that is missing or of another kind, a token that is empty or has white space,
    offsets that leave the sentence, an unknown type, and a relation to an entity that is not there.
    """
    tokens, number = field(row, "tokens", list), field(row, "orig_id", int)
    for token in tokens:
        if not isinstance(token, str) or token.split() != [token]:
            raise RelexError(f"token {token!r} should be a text that is not empty and has no white space")
    if number < 0:
        raise RelexError(f"orig_id should be 0 or more, not {number}")
    starts, ends = _places(tokens)
    entities = tuple(_span(value, starts, ends) for value in field(row, "entities", list))
    relations = tuple(
        Relation(*(field(value, name, int) for name in ("head", "tail")), field(value, "type", str))
        for value in field(row, "relations", list)
    )
    for relation in relations:
        if relation.type not in SCHEMA.relation_names:
            raise RelexError(f"unknown relation {relation.type!r}; known are {', '.join(SCHEMA.relation_names)}")
    document = Document(f"{part}-{number}", " ".join(tokens), entities, relations)
    document.check()
    return document


def to_tokens(document: Document) -> dict:
    """The row that a Document came from, or that a predicted Document of the same id and text makes.

    Raises a `RelexError` when an entity does not begin and end with a token, or the id is not PART-ORIG_ID.
    """
    number = document.id.rpartition("-")[2]
    if not (number.isascii() and number.isdigit()):
        raise RelexError(f"document {document.id!r} is not named PART-ORIG_ID; give one of conll04's")
    tokens = document.text.split(" ")
    starts, ends = ({place: i for i, place in enumerate(places)} for places in _places(tokens))
    for span in document.entities:
        if span.start not in starts or span.end not in ends:
            raise RelexError(
                f"entity {span.start}–{span.end} of document {document.id!r} does not begin and end with a token"
            )
    return {
        "tokens": tokens,
        "entities": [{"type": s.type, "start": starts[s.start], "end": ends[s.end] + 1} for s in document.entities],
        "relations": [{"type": r.type, "head": r.head, "tail": r.tail} for r in document.relations],
        "orig_id": int(number),
    }


def facts(documents: Iterable[Document]) -> dict[str, int]:
    """The counts of one part, see `read`, those of seen sentences left out."""
    counts: Counter[str] = Counter()
    pairs = {r.name: r.pairs for r in SCHEMA.relation_types}
    widest = 0
    for document in documents:
        widths = [e["end"] - e["start"] for e in to_tokens(document)["entities"]]
        widest = max(widest, *widths, 0)
        counts.update(
            entities=len(widths),
            relations=len(document.relations),
            wide_entity=sum(width > WIDEST for width in widths),
            duplicate_entity=len(widths) - len(set(document.entities)),
            duplicate_relation=len(document.relations) - len(set(document.relations)),
            overlap=spo.overlaps(document),
            no_entity=not widths,
            no_relation=not document.relations,
            type_mismatch=sum((h.type, t.type) not in pairs[name] for h, name, t in document.triples()),
        )
    return {"longest_entity": widest} | dict(counts)


def _places(tokens: list[str]) -> tuple[list[int], list[int]]:
    """Where each token begins and ends in the text, in characters."""
    starts, ends, end = [], [], -1
    for token in tokens:
        starts.append(end + 1)
        end += 1 + len(token)
        ends.append(end)
    return starts, ends


def _span(value: dict, starts: list[int], ends: list[int]) -> Span:
    start, end, type = field(value, "start", int), field(value, "end", int), field(value, "type", str)
    if type not in SCHEMA.entity_types:
        raise RelexError(f"unknown entity type {type!r}; known are {', '.join(SCHEMA.entity_types)}")
    if not 0 <= start < end <= len(starts):
        raise RelexError(f"entity {start}–{end} ({type}) does not lie within the sentence of {len(starts)} tokens")
    return Span(starts[start], ends[end - 1], type)


def _check_types(path: Path) -> None:
    """Raise a `RelexError` when the file of types names others than the schema."""
    value = _json(path, dict)
    known = {"entities": SCHEMA.entity_types, "relations": SCHEMA.relation_names}
    for key, names in known.items():
        if set(field(value, key, dict)) != set(names):
            raise RelexError(f"{path}: its {key} are not {', '.join(names)}; fetch the file again, or remove it")


def _json(path: Path, kind: type):
    """The JSON value of a file, which is a list or an object."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise RelexError(f"cannot read {path}: {error.strerror}; check the path") from None
    except (ValueError, RecursionError):
        raise RelexError(f"{path}: not JSON in UTF-8; fetch or write the file again") from None
    if not isinstance(value, kind):
        raise RelexError(f"{path}: expected a JSON {'array of rows' if kind is list else 'object'}")
    return value


SPEC = CorpusSpec(
    name="conll04",
    read=read,
    title="CoNLL04",
    scan=scan_folder,
    marks=(*FILES.values(), TYPES),
    sources=(
        *(
            Source(
                f"conll04_{part}.json", "btaille/sincere", "dd1c34916ddcdc5ceb2799d64b17e80cdf1a5b31",
                "data/conll04.json", digest, part, "3abe11eb5750e2c37e99a428f5e6c7e3b15f77d66053bca85e21e0772d601119",
            )
            for part, digest in (
                ("train", "65c52d5b6134c72c44277c74c5ecb354bf33aa352fc7b856edf6bda0bb436eea"),
                ("dev", "3965a5110a79671fb74a78c0fd0113c4da6583c3833bd418c1ca414bb491e010"),
                ("test", "347f45cf181b5641d2373248a1af0592954415234f72536835dde1df1b504556"),
            )
        ),
        *github("YoumiMa/TablERT-CNN", "055333c2b0dfff48fbab8fa73367cc0766c89862", "data/datasets/conll04", {
            "conll04_types.json": "9244d21d2640430f03eda97f59ce3e0a28a766964b1c04683c80656b5e505ad8",
        }),
    ),
    licence=(
        "The repository that holds the sentences is under Apache-2.0, which need not hold for the news texts; the "
        "file of types comes from another one."
    ),
)  # fmt: skip
