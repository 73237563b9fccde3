"""All that is wrong with a corpus folder or file, at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from relex.corpora import CORPORA, CorpusSpec
from relex.corpora.corpus import PARTS
from relex.corpora.readers import jsonl
from relex.documents import Document, Schema, infer_schema, scan, scan_documents
from relex.errors import RelexError


@dataclass
class Report:
    """What a check found: the form of the files, `problems` as sentences, and usable documents per file name."""

    form: str
    problems: list[str] = field(default_factory=list)
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

    Of the known corpora, umrc10 may be a single file too. The form is told by what each corpus says of its
    files. A folder of Documents is checked against its `schema.json`, or the types that train.jsonl uses. Raises a
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
    for part in PARTS:
        path = folder / f"{part}.jsonl"
        documents = found.take(path, _never_empty(path, _scan_labels(path, schema)))
        if part == "train" and schema is None and documents:
            schema = infer_schema(documents)
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
