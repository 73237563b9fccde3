"""Texts from files and back: read and written line by line, and an interrupted prediction goes on where it stopped."""

import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from relex.documents import Document
from relex.errors import DiskFull, RelexError
from relex.files import FULL, remove_remnants, write_text
from relex.use.extractor import Extractor

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes from writing the same answers there
    fcntl = None

KINDS = (".jsonl", ".txt", ".csv")

SAVED = 500
"""Lines after which it is written down how far a prediction has come, if they are not too long."""

HELD = 4 << 20
"""Bytes of lines after which that is done at the latest, so that few long texts are in memory at a time."""

SLICE = 10_000
"""Entities or relations that are turned into JSON at a time."""

_dumped = partial(json.dumps, ensure_ascii=False)


class Row(NamedTuple):
    """One line of the input, or one file of a folder: its number from 1, its Document and the fields it has besides.

    In place of a Document, the `RelexError` that says what is wrong with the line.
    """

    number: int
    document: Document | RelexError
    fields: dict
    raw: bytes


@dataclass
class Counts:
    """Documents written, bad lines left out."""

    documents: int = 0
    bad: int = 0


@dataclass
class Source:
    """Where texts come from: a file of one text a line (.txt), of Documents (.jsonl) or of columns (.csv), a folder of
    .txt files with one text each, or `-`, standard input, in one of these forms (by `form`, else .jsonl).
    """

    path: str
    form: str = ""
    classifies: bool = False
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def __post_init__(self):
        place = Path(self.path)
        self.folder = self.path != "-" and place.is_dir()
        self.form = self.form or (".jsonl" if self.path == "-" else ".txt" if self.folder else place.suffix.lower())
        if self.form not in KINDS:
            raise RelexError(f"{self.path}: not a kind of file that is read; known are {', '.join(KINDS)} and folders")
        if self.path != "-" and not place.exists():
            raise RelexError(f"cannot read {place}: there is no such file; check the path")

    def rows(self) -> Iterator[Row]:
        """All rows, blank lines left out; what was read so far is in `digest`."""
        read = {".jsonl": self._json, ".txt": self._text, ".csv": self._columns}[self.form]
        for row in self._files() if self.folder else read():
            self.digest.update(row.raw)
            yield row

    def _files(self) -> Iterator[Row]:
        paths = sorted(p for p in Path(self.path).glob("*.txt") if not p.name.startswith("."))
        if not paths:
            raise RelexError(f"{self.path} has no .txt files; a folder is read as one text a file")
        for number, path in enumerate(paths, 1):
            raw = path.read_bytes()
            yield Row(number, self._checked(path.name, partial(_plain, path.stem, raw)), {}, raw)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        with ExitStack() as stack:
            stream = sys.stdin.buffer if self.path == "-" else stack.enter_context(open(self.path, "rb"))
            for number, line in enumerate(stream, 1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield number, line

    def _text(self) -> Iterator[Row]:
        for number, raw in self._lines():
            yield Row(number, self._checked(f"line {number}", partial(_plain, str(number), raw)), {}, raw)

    def _json(self) -> Iterator[Row]:
        for number, raw in self._lines():
            fields: dict = {}
            document = self._checked(f"line {number}", partial(self._document, number, raw, fields))
            yield Row(number, document, fields, raw)

    def _document(self, number: int, raw: bytes, fields: dict) -> Document:
        value = json.loads(raw.decode("utf-8"))
        if not isinstance(value, dict):
            raise RelexError("expected a JSON object")
        fields.update(value)
        own = {} if self.classifies else {"entities": [], "relations": []}
        known = {"id": str(number), "entities": [], "relations": []} | value
        if not isinstance(known["id"], str):
            known["id"] = str(known["id"])
        document = Document.from_json(known | own)
        if self.classifies and len(document.entities) != 2:
            raise RelexError(f"it has {len(document.entities)} entities, and a relation joins two, head and tail")
        return document

    def _columns(self) -> Iterator[Row]:
        lines = (raw.decode("utf-8") for _, raw in self._lines())
        try:
            reader = csv.DictReader(lines, restkey="more")
            if "text" not in (reader.fieldnames or ()):
                raise RelexError(f"{self.path} has no column 'text'; name the column of the texts so in the first line")
            for number, fields in enumerate(reader, 2):
                raw = json.dumps(fields, ensure_ascii=False).encode()
                parse = partial(_plain, fields.get("id") or str(number), (fields["text"] or "").encode())
                yield Row(number, self._checked(f"row {number}", parse), fields, raw)
        except UnicodeDecodeError:
            raise RelexError(f"{self.path}: not UTF-8; convert the file") from None
        except csv.Error as error:
            raise RelexError(f"{self.path}: not a table ({error}); correct the file") from None

    def _checked(self, where: str, parse: Callable[[], Document]) -> Document | RelexError:
        try:
            return parse()
        except RelexError as error:
            reason = str(error)
        except UnicodeDecodeError:
            reason = "not UTF-8"
        except (ValueError, RecursionError):
            reason = "not JSON"
        return RelexError(f"{self.path}, {where}: {reason[:300]}; correct or remove it")


def _plain(id: str, raw: bytes) -> Document:
    text = raw.decode("utf-8-sig").rstrip("\r\n")
    if not text.strip():
        raise RelexError("there is no text")
    return Document(id, text)


def predict_file(
    extractor: Extractor,
    source: Source,
    out: str,
    strict: bool = False,
    model: str = "",
    threshold: float = 0.0,
    warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Counts:
    """Write what the extractor finds, one Document a line with the fields that its line had besides.

    `out` is a .jsonl file or `-`, standard output. A bad line is reported and left out; with `strict` it ends the
    prediction. What is written goes to `OUT.partial` first, and beside it stands how far it came, so that the same
    command goes on after an interruption; `model` names the model, for an answer of two models is none. `threshold`
    is that of `Extractor.predict`.
    """
    if out == "-":
        counts = Counts()
        for line in _answers(extractor, _good(source.rows(), strict, warn, counts), threshold):
            for piece in line:
                sys.stdout.write(piece.decode())
            counts.documents += 1
        return counts
    target = Path(out)
    if target.suffix != ".jsonl":
        raise RelexError(f"{out}: the answers are JSON lines; name the file .jsonl, or - for standard output")
    if target.exists() and source.path != "-" and target.samefile(source.path):
        raise RelexError(f"{out} is the file to be read; choose another name for the answers")
    if target.is_dir():
        raise RelexError(f"{out} is a folder; give the name of a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    return _resumable(extractor, source, target, strict, f"{model} {threshold:g}", threshold, warn)


def _resumable(extractor, source: Source, target: Path, strict: bool, model: str, threshold: float, warn) -> Counts:
    begun, note = target.with_name(f"{target.name}.partial"), target.with_name(f"{target.name}.progress")
    with _alone(begun) as stream:
        remove_remnants(note)
        done = _read_note(note) if source.path != "-" else {}
        if done.get("bytes", 0) > stream.seek(0, os.SEEK_END) or strict and done.get("bad"):
            done = {}
        rows, counts = source.rows(), Counts()
        if done and done["model"] == model:
            counts = Counts(done["documents"], done["bad"])
            read = 0
            for _, row in zip(range(done["rows"]), rows, strict=False):
                read += 1
                if isinstance(row.document, RelexError):
                    warn(str(row.document))  # who was told of it may be gone
            if read < done["rows"] or source.digest.hexdigest() != done["digest"]:
                raise RelexError(f"{source.path} has changed since {begun} was begun; delete {begun} to begin anew")
            warn(f"{begun}: {counts.documents:,} documents are there already, going on after them")
        elif done:
            raise RelexError(f"{begun} was begun with another model; delete it to begin anew, or use that model")
        stream.truncate(done.get("bytes", 0))
        stream.seek(0, os.SEEK_END)
        read = done.get("rows", 0)
        for piece in _pieces(rows):
            for line in _answers(extractor, _good(piece, strict, warn, counts), threshold):
                stream.writelines(line)
                counts.documents += 1
            stream.flush()
            os.fsync(stream.fileno())
            read += len(piece)
            done = {"model": model, "rows": read, "bytes": stream.tell(), "digest": source.digest.hexdigest()}
            write_text(note, json.dumps(done | {"documents": counts.documents, "bad": counts.bad}))
    if not counts.documents + counts.bad:
        begun.unlink()
        raise RelexError(f"{source.path} has no documents; it needs at least one")
    os.replace(begun, target)
    note.unlink(missing_ok=True)
    return counts


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """A file to go on writing, new or as it is, which no other process may write meanwhile."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as stream:
            if not _locked(stream, path):
                raise RelexError(f"another process is writing {path}; wait for it, or end it")
            yield stream
    except OSError as error:
        if error.errno not in FULL:
            raise
        reason = f"cannot write {path}: {error.strerror}"
        raise DiskFull(f"{reason}; free some space and give the same command again") from None


def _locked(stream: BinaryIO, path: Path) -> bool:
    """Whether the file is this process's now; the system gives it back when the process dies, however it dies."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # the owner before may have moved the file away between our two calls: then our lock is on nothing
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _pieces(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows between two notes: `SAVED` of them, or fewer if they have `HELD` bytes."""
    piece: list[Row] = []
    held = 0
    for row in rows:
        piece.append(row)
        held += len(row.raw)
        if len(piece) == SAVED or held >= HELD:
            yield piece
            piece, held = [], 0
    if piece:
        yield piece


def _read_note(path: Path) -> dict:
    """How far a prediction came; nothing where that cannot be read, and all is done again."""
    kinds = {"model": str, "rows": int, "bytes": int, "digest": str, "documents": int, "bad": int}
    try:
        done = json.loads(path.read_bytes())
        return done if all(type(done[name]) is kind for name, kind in kinds.items()) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _good(rows: Iterable[Row], strict: bool, warn: Callable[[str], None], counts: Counts) -> Iterator[Row]:
    """The rows that have a Document; the others are reported, or with `strict` raised."""
    for row in rows:
        if isinstance(row.document, Document):
            yield row
        elif strict:
            raise row.document
        else:
            counts.bad += 1
            warn(str(row.document))


def _answers(extractor: Extractor, rows: Iterable[Row], threshold: float) -> Iterator[Iterator[bytes]]:
    """A line of JSON for each row, piece by piece: its own fields, and in their place those of the answer."""
    waiting: list[dict] = []

    def questions() -> Iterator[Document]:
        for row in rows:
            waiting.append(row.fields)
            yield row.document

    for answer in extractor.predict(questions(), threshold=threshold):
        yield _line(waiting.pop(0), answer)


def _line(fields: dict, answer: Document) -> Iterator[bytes]:
    """The pieces of a line of JSON; its lists in slices, as all of a long text at a time would take the most memory."""
    bare, start = replace(answer, entities=(), relations=()), "{"
    for key, value in (fields | bare.to_json()).items():
        yield f"{start}{_dumped(key)}: ".encode()
        start = ", "
        if key not in ("entities", "relations"):
            yield _dumped(value).encode()
            continue
        items = getattr(answer, key)
        for first in range(0, len(items) or 1, SLICE):
            of_slice = replace(bare, **{key: items[first : first + SLICE]}).to_json()[key]
            yield f"{', ' if first else '['}{_dumped(of_slice)[1:-1]}".encode()
        yield b"]"
    yield b"}\n"
