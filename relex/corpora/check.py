"""All that is wrong with a corpus folder or file, at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from relex.corpora import CORPORA, CorpusSpec
from relex.corpora.corpus import PARTS
from relex.corpora.readers import jsonl
from relex.documents import Document, Schema, scan, scan_documents
from relex.errors import RelexError


@dataclass
class Report:
    """What a check found: the form of the files, usable documents per file name, and sentences.

    `problems` are to be corrected, `notes` are worth knowing.
    """

    form: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def take(self, path: Path, found: Iterable[Document | RelexError]) -> list[Document]:
        """Sort what a scan of `path` yields into problems and documents; returns the documents."""
        documents = []
        for item in found:
            if isinstance(item, RelexError):
                self.problems.append(str(item))
            else:
                documents.append(item)
        self.sizes[path.name] = len(documents)
        return documents


def check(path: Path) -> list[str]:
    """All problems of a corpus folder or file, one sentence each; none for a good one. See `report`."""
    return report(path).problems


def report(path: Path) -> Report:
    """Read a folder of a known corpus, or a folder or file of Documents, to its end, whatever is wrong on the way.

    Of the known corpora, umrc10 may be a single file too. The form is recognised by the files that each
    corpus names. A folder of Documents is checked against its `schema.json`, where it has one. Raises a
    `RelexError` only when there is nothing at `path`.
    """
    path = Path(path)
    if not path.exists():
        raise RelexError(f"there is no folder or file {path}; check the path")
    if spec := _spec(path):
        found = Report(f"{spec.name} {'folder' if path.is_dir() else 'file'}")
        for file, items in spec.scan(path):
            found.take(file, items)
        return found
    if path.is_dir():
        return _document_folder(path)
    found = Report("file of Documents")
    found.take(path, _never_empty(path, scan_documents(path)))
    return found


def _spec(path: Path) -> CorpusSpec | None:
    """The known corpus that a folder or file is of; names of files come before what is in them."""
    marked = (spec for spec in CORPORA.values() if any((path / mark).is_file() for mark in spec.marks))
    recognised = (spec for spec in CORPORA.values() if spec.recognise and spec.recognise(path))
    return next(marked, None) or next(recognised, None)


def _document_folder(folder: Path) -> Report:
    found, schema = Report("folder of Documents"), None
    if (folder / "schema.json").is_file():
        try:
            schema = jsonl.read_schema(folder / "schema.json")
        except RelexError as error:
            found.problems.append(str(error))
    parts = {}
    for part in PARTS:
        path = folder / f"{part}.jsonl"
        parts[part] = found.take(path, _never_empty(path, _scan_labels(path, schema)))
        if blank := sum(d.mention(i) != d.mention(i).strip() for d in parts[part] for i in range(len(d.entities))):
            found.problems.append(
                f"{path}: entities that begin or end with a blank, which no token has, so they cannot be learned: "
                f"{blank:,}; move their start and end"
            )
    for part in ("dev", "test"):
        for what, number in jsonl.unknown_to_training(parts["train"], parts[part]).items():
            if number:
                found.notes.append(f"{part}.jsonl: {what.replace('_', ' ')}, which train.jsonl lacks: {number:,}")
    return found


def _scan_labels(path: Path, schema: Schema | None) -> Iterator[Document | RelexError]:
    def parse(number: int, value: dict) -> Document:
        document = Document.from_json(value)
        if schema is not None:
            schema.check(document)
        return document

    return scan(path, parse)


def _never_empty(path: Path, found: Iterable[Document | RelexError]) -> Iterator[Document | RelexError]:
    empty = True
    for item in found:
        empty = False
        yield item
    if empty:
        yield RelexError(f"{path} has no documents; it needs at least one")
