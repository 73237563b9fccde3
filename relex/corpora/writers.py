"""Documents as files in the forms of annotation tools and papers, which `converters` reads back."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, subsample
from relex.documents import Document, write_documents
from relex.errors import RelexError
from relex.files import new_folder, write_text

TOKEN = re.compile(r"[A-Za-z0-9]+(?:[./-][A-Za-z0-9]+)*|\S")
"""A word of Latin letters and digits, such as 3.5 or mg/kg, or any other character alone."""

PLAIN = re.compile(r"[\w.-]+")
"""Ids that can be names of files."""


def write(corpus: Corpus, folder: Path, form: str = "documents", limit: int = 0) -> dict[str, int]:
    """Write a corpus as a folder of `form`, see `FORMS`; the number of Documents in each part.

    With a `limit`, each part has at most so many Documents, always the same. Raises a `RelexError` for an unknown form,
    a Document that the form cannot hold, and a folder that is there already.
    """
    if form not in FORMS:
        raise RelexError(f"there is no form {form[:40]!r} to write; known are {', '.join(FORMS)}")
    if folder.exists():
        raise RelexError(f"{folder} is there already; choose another place, so that nothing is lost")
    parts = {part: subsample(getattr(corpus, part), limit) for part in PARTS}
    with new_folder(folder) as new:
        FORMS[form](corpus, parts, new)
    return {part: len(documents) for part, documents in parts.items()}


Parts = dict[str, Sequence[Document]]


def _documents(corpus: Corpus, parts: Parts, folder: Path) -> None:
    for part, documents in parts.items():
        write_documents(folder / f"{part}.jsonl", documents)


def _brat(corpus: Corpus, parts: Parts, folder: Path) -> None:
    """A folder for each part, with a .txt and an .ann for each Document."""
    for part, documents in parts.items():
        plain = len({d.id.lower() for d in documents if PLAIN.fullmatch(d.id)}) == len(documents)
        for number, document in enumerate(documents, 1):
            stem = folder / part / (document.id if plain else str(number))
            write_text(stem.with_name(f"{stem.name}.txt"), document.text)
            write_text(stem.with_name(f"{stem.name}.ann"), "".join(f"{line}\n" for line in _annotations(document)))


def _annotations(document: Document) -> Iterator[str]:
    for number, span in enumerate(document.entities, 1):
        _placed(document, number - 1)
        mention = " ".join(document.mention(number - 1).split())
        yield f"T{number}\t{_word(span.type)} {span.start} {span.end}\t{mention}"
    for number, relation in enumerate(document.relations, 1):
        yield f"R{number}\t{_word(relation.type)} Arg1:T{relation.head + 1} Arg2:T{relation.tail + 1}"


def _word(name: str) -> str:
    if len(name.split()) != 1:
        raise RelexError(f"brat has no blanks in names, and a type is called {name[:40]!r}; choose another form")
    return name


def _spert(corpus: Corpus, parts: Parts, folder: Path) -> None:
    """NAME_PART.json, an array of rows with tokens, and NAME_types.json, as SpERT reads them."""
    for part, documents in parts.items():
        _write_rows(folder / f"{corpus.name}_{part}.json", map(_tokens, documents))
    types = {
        "entities": {name: {"short": name, "verbose": name} for name in corpus.schema.entity_types},
        "relations": {
            r.name: {"short": r.name, "verbose": r.name, "symmetric": r.symmetric} for r in corpus.schema.relation_types
        },
    }
    write_text(folder / f"{corpus.name}_types.json", json.dumps(types, ensure_ascii=False, indent=1) + "\n")


def _tokens(document: Document) -> dict:
    """A row of SpERT: a token ends where a word does, and where an entity begins or ends."""
    cuts = {place for span in document.entities for place in (span.start, span.end)}
    places: list[tuple[int, int]] = []
    for found in TOKEN.finditer(document.text):
        inside = sorted(cut for cut in cuts if found.start() < cut < found.end())
        places += zip([found.start(), *inside], [*inside, found.end()], strict=True)
    first, last = ({place[end]: i for i, place in enumerate(places)} for end in (0, 1))
    entities = []
    for number, span in enumerate(document.entities):
        _placed(document, number)
        entities.append({"type": span.type, "start": first[span.start], "end": last[span.end] + 1})
    return {
        "tokens": [document.text[start:end] for start, end in places],
        "entities": entities,
        "relations": [{"type": r.type, "head": r.head, "tail": r.tail} for r in document.relations],
        "orig_id": document.id,
    }


def _placed(document: Document, index: int) -> None:
    if document.entities[index].absent:
        raise RelexError(
            f"document {document.id[:80]!r} has the entity {document.mention(index)[:40]!r}, which its text does not; "
            "this form needs places, so choose documents or triples"
        )


def _triples(corpus: Corpus, parts: Parts, folder: Path) -> None:
    """PART_triples.json, an array of texts with triples of strings, the form in which CasRel has NYT and WebNLG."""
    for part, documents in parts.items():
        rows = (
            {"text": d.text, "triple_list": [[d.mention(r.head), r.type, d.mention(r.tail)] for r in d.relations]}
            for d in documents
        )
        _write_rows(folder / f"{part}_triples.json", rows)


def _write_rows(path: Path, rows: Iterable[dict]) -> None:
    """One JSON array with a row a line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_text(path, f"[\n{lines}\n]\n")


FORMS: dict[str, Callable[[Corpus, Parts, Path], None]] = {
    "documents": _documents, "brat": _brat, "spert": _spert, "triples": _triples,
}  # fmt: skip
"""Form → what writes a corpus in it: Documents, a file for each part; the others see there."""
