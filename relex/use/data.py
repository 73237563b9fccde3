"""Annotations of one's own as a corpus: files in any form, and a split where there is none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from relex.corpora import PARTS, Corpus, converters, fingerprint
from relex.corpora.readers.jsonl import completed, read_schema, unknown_to_training
from relex.corpora.splits import deal, same_text
from relex.documents import Document, Schema
from relex.errors import RelexError
from relex.files import sha256

NAMES = {"train": ("train",), "dev": ("dev", "valid"), "test": ("test",)}
"""Part → what the name of its file has in it."""

SUFFIXES = (".jsonl", ".json", ".conll", ".txt", ".bio", ".tsv")

SHARE = 0.1
"""Of the texts, for a part that no file has."""


@dataclass(frozen=True)
class Data:
    """A corpus, and sentences on what was chosen or left out on the way to it."""

    corpus: Corpus
    notes: tuple[str, ...]


def read(path: Path, dev: Path | None = None, test: Path | None = None) -> Data:
    """Read a file or folder in any form that `relex corpora convert` knows; of a folder, a file for each part.

    A part without a file is drawn from train by a seeded shuffle of its texts, a tenth of them, equal texts together.
    `schema.json` beside the files constrains types and pairs; without it the schema is what all parts use, and a file
    of types, SpERT's, says which relations have no direction.
    Raises a `RelexError` that says what to do.
    """
    path = path.expanduser()
    if not path.exists():
        raise RelexError(f"there is nothing at {path}; give a file or folder with annotated texts")
    folder = path if path.is_dir() else path.parent
    notes, found = [], {}
    files = _part_files(path, notes) | {part: given for part, given in (("dev", dev), ("test", test)) if given}
    for part, file in files.items():
        form, found[part], counts = converters.read(file)
        told = "".join(f"; {what.replace('_', ' ')}: {number:,}" for what, number in counts.items())
        notes.append(f"{file}: {len(found[part]):,} documents for {part}, form {form}{told}")
    parts = _complete(found, path, notes)
    schema_path = folder / "schema.json"
    schema = read_schema(schema_path) if schema_path.is_file() else None
    every = [d for part in PARTS for d in parts[part]]
    if schema is not None:
        _check(every, schema, schema_path)
    for part in ("dev", "test"):
        for what, number in unknown_to_training(parts["train"], parts[part]).items():
            if number:
                notes.append(f"{part} has {number:,} {what.replace('_', ' ')}, which training cannot teach")
    marks = [sha256(f) if f.is_file() else sorted(sha256(one) for one in f.iterdir()) for f in files.values()]
    schema = _undirected(completed(None, every), folder, notes) if schema is None else completed(schema, every)
    undirected = [r.name for r in schema.relation_types if r.symmetric]
    corpus = Corpus(path.name, schema, **parts, fingerprint=fingerprint("own", sorted(files), marks, undirected))
    return Data(corpus, tuple(notes))


def _part_files(path: Path, notes: list[str]) -> dict[str, Path]:
    """Part → its file; a file, or a folder of brat, is all there is and counts as train.

    A file that is named after two parts, such as SpERT's train_dev, is for training where that has no file of its own.
    """
    if path.is_file() or any(path.glob("*.ann")):
        return {"train": path}
    files = [p for p in sorted(path.iterdir()) if p.suffix in SUFFIXES or (p.is_dir() and any(p.glob("*.ann")))]
    files = [p for p in files if not p.name.startswith(".") and not {"schema", "types"} & set(_words(p.stem))]
    of = {p: [part for part, names in NAMES.items() if set(names) & set(_words(p.stem))] for p in files}
    found: dict[str, Path] = {}
    for part in PARTS:
        named = [p for p in files if of[p] == [part]] or [p for p in files if part == "train" in of[p]]
        if len(named) > 1:
            raise RelexError(f"{path} has several files for {part}: {', '.join(p.name for p in named)}; keep one there")
        found |= {part: named[0]} if named else {}
    spare = [p for p in files if len(of[p]) > 1 and p not in found.values()]
    notes += [f"{p}: left out, for its parts have files of their own" for p in spare]
    if "train" not in found and len(files) == 1:
        return {"train": files[0]}
    if "train" not in found:
        raise RelexError(f"{path} has no file with 'train' in its name; name the annotated texts for training so")
    return found


def _undirected(schema: Schema, folder: Path, notes: list[str]) -> Schema:
    """The schema with the relations that a file of types, SpERT's NAME_types.json, calls symmetric."""
    files = [p for p in sorted(folder.glob("*.json")) if "types" in _words(p.stem)]
    if len(files) != 1:
        return schema
    try:
        told = json.loads(files[0].read_bytes().decode("utf-8-sig"))["relations"]
        names = {name for name, one in told.items() if one.get("symmetric") is True}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        notes.append(f"{files[0]}: left out, for it is no file of SpERT's types")
        return schema
    types = tuple(replace(r, symmetric=r.name in names) for r in schema.relation_types)
    if found := [r.name[:40] for r in types if r.symmetric]:
        notes.append(f"{files[0]}: without a direction are {', '.join(found)}")
    return replace(schema, relation_types=types)


def _words(name: str) -> list[str]:
    return "".join(c if c.isalpha() else " " for c in name.lower()).split()


def _complete(found: dict[str, Sequence[Document]], path: Path, notes: list[str]) -> dict[str, tuple[Document, ...]]:
    """All three parts; those that no file has are drawn from train."""
    missing = [part for part in ("dev", "test") if part not in found]
    if not missing:
        return {part: tuple(found[part]) for part in PARTS}
    groups = same_text(found["train"])
    if len(groups) <= len(missing):
        raise RelexError(f"{path} has {len(groups)} different texts, too few to train on and to test on; annotate more")
    share = max(SHARE, 1.0 / len(groups))
    dealt = deal(groups, dict.fromkeys(missing, share))
    for part in missing:
        notes.append(f"no file for {part}: {len(dealt[part]):,} training documents are it now, the same in every run")
    return {part: dealt[part] if part in ("train", *missing) else tuple(found[part]) for part in PARTS}


def _check(documents: Sequence[Document], schema, path: Path) -> None:
    for document in documents:
        try:
            schema.check(document)
        except RelexError as error:
            raise RelexError(f"document {document.id[:80]!r}: {error}; correct it or {path}") from None
