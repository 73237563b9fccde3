"""Files of one's own: a folder with train.jsonl, dev.jsonl and test.jsonl in the Document form."""

import json
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.documents import RelationType, Schema, infer_schema, read_documents
from relex.errors import RelexError
from relex.files import sha256


def read(folder: Path) -> Corpus:
    """Read a corpus from `folder`; its schema is `schema.json` when present, else inferred from train.jsonl.

    Raises a `RelexError` that names file and line for bad lines and for labels the schema lacks.
    """
    if not folder.is_dir():
        raise RelexError(f"there is no folder {folder}; give one that holds train.jsonl, dev.jsonl and test.jsonl")
    paths = {part: folder / f"{part}.jsonl" for part in PARTS}
    schema_path = folder / "schema.json"
    schema = read_schema(schema_path) if schema_path.is_file() else infer_schema(read_documents(paths["train"]))
    parts = {part: read_documents(path, schema) for part, path in paths.items()}
    files = [*paths.values(), *([schema_path] if schema_path.is_file() else [])]
    marks = [sha256(path) for path in files]
    return Corpus(f"jsonl:{folder.name}", schema, **parts, fingerprint=fingerprint("jsonl", marks))


def read_schema(path: Path) -> Schema:
    """Read a schema: `{"entity_types": […], "relation_types": [{"name", "pairs": [[head, tail], …], "symmetric"}]}`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Schema(
            tuple(value["entity_types"]),
            tuple(
                RelationType(r["name"], tuple((h, t) for h, t in r["pairs"]), bool(r.get("symmetric", False)))
                for r in value["relation_types"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelexError(f"{path}: not a schema ({error!r}); see the corpora page of the book for its form") from None
