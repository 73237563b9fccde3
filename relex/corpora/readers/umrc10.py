"""umrc10: 10,000 Chinese medical sentences, each with one entity pair and one of ten relation classes.

Source: the authors' repository of the UMRC paper; the files give mentions as strings, without offsets.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.spec import CorpusSpec, github
from relex.documents import ABSENT, Document, Relation, RelationType, Schema, Span, first_error_raised, read_jsonl, scan
from relex.errors import RelexError
from relex.files import sha256
from relex.mentions import find_all, nearest_pair

CLASSES = (
    "临床表现", "药物治疗", "同义词", "病因", "并发症",
    "病理分型", "实验室检查", "辅助治疗", "相关（导致）", "影像学检查",
)  # fmt: skip
"""The ten relation classes in the order of the authors' label ids; 4 and 8 are the hard ones."""

SCHEMA = Schema(
    ("entity",), tuple(RelationType(name, (("entity", "entity"),), symmetric=name == "同义词") for name in CLASSES)
)

FILES = {"train": "train.jsonl", "dev": "val.jsonl", "test": "test.jsonl"}

PLACEHOLDERS = ("subject_placeholder", "object_placeholder")
"""What stands for an entity that the sentence does not name."""


def read(folder: Path) -> Corpus:
    """Read the three files of `folder`.

    `counts` tells, per part: rows whose head or tail is absent, rows with a mention that occurs more than once
    (the span is then the occurrence nearest to the other mention), and rows whose sentence is also in train.
    Raises a `RelexError` that names file and line for a line it cannot use.
    """
    parts, counts = {}, Counter()
    for part in PARTS:
        parts[part] = first_error_raised(scan_part(folder / FILES[part], part, counts))
    known = {d.text for d in parts["train"]}
    for part in ("dev", "test"):
        counts[f"{part}.seen_sentence"] = sum(d.text in known for d in parts[part])
    marks = [sha256(folder / FILES[part]) for part in PARTS]
    return Corpus("umrc10", SCHEMA, **parts, fingerprint=fingerprint("umrc10", 1, marks), counts=dict(counts))


def scan_part(path: Path, part: str, counts: Counter | None = None) -> Iterator[Document | RelexError]:
    """The Documents of one file, and in the place of a line that cannot be used what is wrong with it.

    `counts` is added to. A file without rows is an error too.
    """
    counts, empty = Counter() if counts is None else counts, True
    for item in scan(path, lambda number, row: _document(row, part, counts)):
        empty = False
        yield item
    if empty:
        yield RelexError(f"{path} has no rows; the {part} part needs at least one")


def _document(row: dict, part: str, counts: Counter) -> Document:
    for name in ("id", "sentence", "h", "t", "r"):
        if name not in row:
            raise RelexError(f"field {name!r} is missing")
        if name != "id" and not (isinstance(row[name], str) and row[name]):
            raise RelexError(f"field {name!r} should be a text that is not empty")
    if row["r"] not in CLASSES:
        raise RelexError(f"unknown relation {row['r']!r}; known are {', '.join(CLASSES)}")
    text, head, tail = row["sentence"], row["h"], row["t"]
    heads, tails = find_all(text, head), find_all(text, tail)
    counts[f"{part}.absent_head"] += not heads
    counts[f"{part}.absent_tail"] += not tails
    counts[f"{part}.repeated_mention"] += len(heads) > 1 or len(tails) > 1
    chosen_head, chosen_tail = nearest_pair(heads, tails)
    entities = (_span(chosen_head, head), _span(chosen_tail, tail))
    document = Document(f"{part}-{row['id']}", text, entities, (Relation(0, 1, row["r"]),))
    document.check()
    return document


def _span(chosen: tuple[int, int] | None, mention: str) -> Span:
    return Span(*chosen, "entity") if chosen else Span(ABSENT, ABSENT, "entity", mention)


def recognise(path: Path) -> bool:
    """Whether a folder or file is of umrc10, whose file names are those of a folder of Documents but for one."""
    if path.is_dir() and (path / "val.jsonl").exists() != (path / "dev.jsonl").exists():
        return (path / "val.jsonl").exists()
    try:
        row = next(read_jsonl(path / "train.jsonl" if path.is_dir() else path), (0, {}))[1]
    except RelexError:
        return False
    return "sentence" in row


def scan_path(path: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file of a folder, or the one file, with its Documents and what is wrong with it."""
    if path.is_file():
        yield path, scan_part(path, path.stem)
        return
    for part in PARTS:
        yield path / FILES[part], scan_part(path / FILES[part], part)


SPEC = CorpusSpec(
    name="umrc10",
    read=read,
    scan=scan_path,
    recognise=recognise,
    sources=github(
        "kiwiwu02/RelationExtraction_Bert_Project", "9b463479c7b64126394bc7a0058a09ebc589d69e", "Code/dataset", {
            "train.jsonl": "d061affff3cfa988848e6b21ad8956d6fc4ebb71e820de16b1fc51c64d1deb6f",
            "val.jsonl": "67a1cac7c5ecaf6a6d4224e2597152e3170299f56ceb926620c4cf99378869fc",
            "test.jsonl": "20b835b35317b117900c163146b11d3ee0039adae4cff32668bad8e91981c8b2",
        },
    ),
    licence="The authors' repository states no licence for this corpus.",
)  # fmt: skip
