"""Files of one's own: a folder with train.jsonl, dev.jsonl and test.jsonl in the Document form."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.documents import Document, RelationType, Schema, infer_schema, read_documents
from relex.errors import RelexError
from relex.files import sha256

PREFIX = "jsonl:"


def folder_of(name: str) -> Path:
    """The folder that the name `jsonl:FOLDER` of a corpus means; `~` is the home of the user."""
    return Path(os.path.expanduser(name.removeprefix(PREFIX)))


def same_name(name: str) -> str:
    """`jsonl:` and the last part of the folder, however the way there is spelt; other names of corpora as they are."""
    return f"{PREFIX}{folder_of(name).resolve().name}" if name.startswith(PREFIX) else name


def read(folder: Path) -> Corpus:
    """Read a corpus from `folder`; its schema is `schema.json` when present, else what its three parts use.

    `counts` of the Corpus tell what only development or test knows (`unknown_to_training`), where there is some. Raises
    a `RelexError` that names file and line for bad lines and for labels that `schema.json` lacks.
    """
    if not folder.is_dir():
        raise RelexError(f"there is no folder {folder}; give one that holds train.jsonl, dev.jsonl and test.jsonl")
    paths = {part: folder / f"{part}.jsonl" for part in PARTS}
    schema_path = folder / "schema.json"
    told = read_schema(schema_path) if schema_path.is_file() else None
    # Without pairs in schema.json those of the data count, which are known when all parts are read.
    parts = {part: read_documents(path, told) for part, path in paths.items()}
    schema = completed(told, [d for documents in parts.values() for d in documents])
    files = [*paths.values(), *([schema_path] if told else [])]
    marks = [sha256(path) for path in files]
    counts = {
        f"{part}.{what}": number
        for part in ("dev", "test")
        for what, number in unknown_to_training(parts["train"], parts[part]).items()
        if number
    }
    mark = fingerprint("jsonl", marks)
    return Corpus(same_name(f"{PREFIX}{folder}"), schema, **parts, fingerprint=mark, counts=counts)


def unknown_to_training(train: Sequence[Document], part: Sequence[Document]) -> dict[str, int]:
    """How many entities of `part` have a type, and how many relations a name or pair of types, that `train` lacks."""
    schema = infer_schema(train)
    known = {(r.name, *pair) for r in schema.relation_types for pair in r.pairs}
    relations = [(name, head.type, tail.type) for d in part for head, name, tail in d.triples()]
    return {
        "entities_of_unseen_types": sum(s.type not in schema.entity_types for d in part for s in d.entities),
        "relations_of_unseen_names": sum(name not in schema.relation_names for name, *_ in relations),
        "relations_of_unseen_pairs": sum(r not in known and r[0] in schema.relation_names for r in relations),
    }


def completed(schema: Schema | None, documents: Sequence[Document]) -> Schema:
    """The schema with the pairs that `documents` use where it has none; without a schema, theirs."""
    found = infer_schema(documents)
    if schema is None:
        return found
    used = {r.name: r.pairs for r in found.relation_types}
    types = (RelationType(r.name, r.pairs or used.get(r.name, ()), r.symmetric) for r in schema.relation_types)
    return Schema(schema.entity_types, tuple(types))


def read_schema(path: Path) -> Schema:
    """Read a schema: `{"entity_types": […], "relation_types": [{"name", "pairs": [[head, tail], …], "symmetric"}]}`.

    `pairs` and `symmetric` may be left out: all pairs of types are then allowed, and direction means something. Raises
    a `RelexError` for a key that is unknown, a value of another kind, a name that is empty or comes twice, and a pair
    of unknown types.
    """
    try:
        return schema_from_json(json.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise RelexError(f"cannot read {path}: {error.strerror}; check the path") from None
    except (RelexError, ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, RelexError) else "it is not JSON in UTF-8"
        raise RelexError(f"{path}: not a schema ({why[:200]}); see the corpora page of the book for its form") from None


def schema_from_json(value: object) -> Schema:
    """The schema of its JSON form, as `read_schema` describes and checks it."""
    _object(value, "the schema", required=("entity_types", "relation_types"))
    entity_types = _names(value["entity_types"], "'entity_types'")
    relation_types = tuple(_relation_type(r, entity_types) for r in _list(value["relation_types"], "relation_types"))
    _names([r.name for r in relation_types], "'relation_types'")
    return Schema(entity_types, relation_types)


def schema_to_json(schema: Schema) -> dict:
    """The JSON form of a schema, which `schema_from_json` reads back."""
    relation_types = [
        {"name": r.name, "symmetric": r.symmetric} | ({"pairs": [list(pair) for pair in r.pairs]} if r.pairs else {})
        for r in schema.relation_types
    ]
    return {"entity_types": list(schema.entity_types), "relation_types": relation_types}


def _relation_type(value: object, entity_types: tuple[str, ...]) -> RelationType:
    _object(value, "a relation type", required=("name",), optional=("pairs", "symmetric"))
    (name,) = _names([value["name"]], "'name'")
    pairs = _list(value["pairs"], "pairs") if "pairs" in value else []
    if "pairs" in value and not pairs:
        raise RelexError(f"{name[:40]!r} has an empty list of pairs; leave 'pairs' out to allow all")
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(t, str) for t in pair)):
            raise RelexError(f"a pair of {name[:40]!r} is not a list of two types")
        if unknown := [t for t in pair if t not in entity_types]:
            raise RelexError(f"a pair of {name[:40]!r} has the type {unknown[0][:40]!r}, which 'entity_types' lacks")
    symmetric = value.get("symmetric", False)
    if not isinstance(symmetric, bool):
        raise RelexError(f"'symmetric' of {name[:40]!r} should be true or false, without quotation marks")
    return RelationType(name, tuple(map(tuple, pairs)), symmetric)


def _object(value: object, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    if not isinstance(value, dict):
        raise RelexError(f"{what} should be a JSON object")
    if missing := [key for key in required if key not in value]:
        raise RelexError(f"{what} lacks {missing[0]!r}")
    if unknown := [key for key in value if key not in required + optional]:
        raise RelexError(f"{what} has the unknown key {unknown[0][:40]!r}; known are {', '.join(required + optional)}")


def _list(value: object, name: str) -> list:
    if not isinstance(value, list):
        raise RelexError(f"{name!r} should be a list")
    return value


def _names(values: object, what: str) -> tuple[str, ...]:
    for value in _list(values, what.strip("'")):
        if not isinstance(value, str) or not value.strip():
            raise RelexError(f"{what} should hold texts that are not empty")
        if values.count(value) > 1:
            raise RelexError(f"{what} has {value[:40]!r} twice")
    return tuple(values)
