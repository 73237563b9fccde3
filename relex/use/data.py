"""Annotations of one's own as a corpus: files in any form, and a split where there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relex.corpora import PARTS, Corpus, converters, fingerprint
from relex.corpora.readers.jsonl import completed, read_schema, unknown_to_training
from relex.corpora.splits import deal, same_text
from relex.documents import Document
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
    `schema.json` beside the files constrains types and pairs; without it the schema is what all parts use.
    Raises a `RelexError` that says what to do.
    """
    path = path.expanduser()
    if not path.exists():
        raise RelexError(f"there is nothing at {path}; give a file or folder with annotated texts")
    folder = path if path.is_dir() else path.parent
    files = _part_files(path) | {part: given for part, given in (("dev", dev), ("test", test)) if given}
    notes, found = [], {}
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
    corpus = Corpus(path.name, completed(schema, every), **parts, fingerprint=fingerprint("own", sorted(files), marks))
    return Data(corpus, tuple(notes))


def _part_files(path: Path) -> dict[str, Path]:
    """Part → its file; a file, or a folder of brat, is all there is and counts as train."""
    if path.is_file() or any(path.glob("*.ann")):
        return {"train": path}
    files = [p for p in sorted(path.iterdir()) if p.suffix in SUFFIXES or (p.is_dir() and any(p.glob("*.ann")))]
    files = [p for p in files if not p.name.startswith(".") and not {"schema", "types"} & set(_words(p.stem))]
    found: dict[str, Path] = {}
    for part, names in NAMES.items():
        named = [p for p in files if set(names) & set(_words(p.stem))]
        if len(named) > 1:
            raise RelexError(f"{path} has several files for {part}: {', '.join(p.name for p in named)}; keep one there")
        found |= {part: named[0]} if named else {}
    if "train" not in found and len(files) == 1:
        return {"train": files[0]}
    if "train" not in found:
        raise RelexError(f"{path} has no file with 'train' in its name; name the annotated texts for training so")
    return found


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
