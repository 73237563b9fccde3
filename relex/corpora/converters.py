"""Data of one's own in the forms that annotation tools and shared tasks use, read into Documents."""

from collections import Counter
from pathlib import Path

from relex.documents import ABSENT, Document, Relation, Span, field, first_error_raised, scan, write_documents
from relex.errors import RelexError
from relex.mentions import find_all, nearest_pair


def doccano(path: Path, counts: Counter) -> tuple[Document, ...]:
    """Read a doccano export in JSON lines: `text` with `entities` and `relations`, or with `label`.

    `label` (or `labels`) holds [start, end, type] for each entity. A row without `id` gets its line number.
    """

    def parse(number: int, row: dict) -> Document:
        places: dict = {}
        entities = []
        for item in _list(row, next((k for k in ("entities", "label", "labels") if k in row), "entities")):
            if isinstance(item, list) and len(item) == 3:
                item = dict(zip(("start_offset", "end_offset", "label"), item, strict=True))
            span = Span(field(item, "start_offset", int), field(item, "end_offset", int), field(item, "label", str))
            places[str(item.get("id", len(entities)))] = len(entities)
            entities.append(span)
        relations = []
        for item in _list(row, "relations", []):
            ends = [str(field(item, key, int)) for key in ("from_id", "to_id")]
            if not all(end in places for end in ends):
                raise RelexError(f"a relation joins the entities {' and '.join(ends)}, and there is no such entity")
            relations.append(Relation(*(places[end] for end in ends), field(item, "type", str)))
        text = field(row, "text", str)
        return _checked(Document(str(row.get("id", number)), text, tuple(entities), tuple(relations)))

    return first_error_raised(scan(path, parse))


def spo(path: Path, counts: Counter) -> tuple[Document, ...]:
    """Read JSON lines with `text` and `spo_list`, the form of CMeIE and DuIE.

    Mentions have no offsets there: of each triple the two occurrences nearest to each other are taken. `counts` tells
    triples with a choice of occurrences, mentions that are not in the text (they stay, without a span), triples that
    came twice, and further slots of an object beside `@value`, which are left out.
    """

    def parse(number: int, row: dict) -> Document:
        text = field(row, "text", str)
        entities: dict[Span, int] = {}
        relations: dict[Relation, None] = {}
        for triple in _list(row, "spo_list"):
            ends = []
            sides = [(_value(triple, side, counts), _value(triple, f"{side}_type")) for side in ("subject", "object")]
            occurrences = [find_all(text, mention) for mention, _ in sides]
            counts["triples_with_a_choice_of_occurrences"] += any(len(found) > 1 for found in occurrences)
            for (mention, label), chosen in zip(sides, nearest_pair(*occurrences), strict=True):
                counts["mentions_not_in_the_text"] += chosen is None
                span = Span(*chosen, label) if chosen else Span(ABSENT, ABSENT, label, mention)
                ends.append(entities.setdefault(span, len(entities)))
            relation = Relation(*ends, field(triple, "predicate", str))
            counts["triples_that_came_twice"] += relation in relations
            relations[relation] = None
        return _checked(Document(f"{path.stem}-{number}", text, tuple(entities), tuple(relations)))

    return first_error_raised(scan(path, parse))


def brat(path: Path, counts: Counter) -> tuple[Document, ...]:
    """Read a folder of brat's .txt and .ann pairs, folders within it too; a Document's id is its path without suffix.

    `counts` tells entities of several pieces, which are left out with their relations, and annotations that are
    neither entities nor relations.
    """
    if not path.is_dir():
        raise RelexError(f"there is no folder {path}; give one with brat's .txt and .ann files")
    stems = sorted({p.with_suffix("") for suffix in ("txt", "ann") for p in path.rglob(f"*.{suffix}")})
    if not stems:
        raise RelexError(f"{path} has no .txt and .ann files; give a folder that brat wrote")
    return tuple(_brat_document(stem, stem.relative_to(path).as_posix(), counts) for stem in stems)


def _brat_document(stem: Path, name: str, counts: Counter) -> Document:
    text_path, annotations = Path(f"{stem}.txt"), Path(f"{stem}.ann")
    text = _read_text(text_path)
    entities: dict[str, Span] = {}
    in_pieces: set[str] = set()
    later: list[tuple[int, list[str]]] = []
    lines = _read_text(annotations).split("\n")
    try:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\r").split("\t")
            if line.startswith("T"):
                label, _, places = _part(fields, 1).partition(" ")
                if ";" in places:
                    in_pieces.add(fields[0])
                    counts["entities_of_several_pieces"] += 1
                else:
                    entities[fields[0]] = _brat_span(label, places, _part(fields, 2), text)
            elif line.startswith("R"):
                later.append((number, _part(fields, 1).split()))
            elif line.strip():
                counts["other_annotations"] += 1
        index = {key: i for i, key in enumerate(entities)}
        relations = []
        for number, words in later:  # noqa: B007 - the error below names it
            if len(words) != 3:
                raise RelexError("a relation needs a type and two arguments")
            ends = [word.partition(":")[2] for word in words[1:]]
            if in_pieces.intersection(ends):
                counts["relations_of_entities_of_several_pieces"] += 1
            elif not all(end in index for end in ends):
                raise RelexError(f"a relation joins {' and '.join(ends)}, and there is no such entity")
            else:
                relations.append(Relation(*(index[end] for end in ends), words[0]))
        return _checked(Document(name, text, tuple(entities.values()), tuple(relations)))
    except RelexError as error:
        raise RelexError(f"{annotations}, line {number}: {error}; correct or remove the line") from None


def _brat_span(label: str, places: str, mention: str, text: str) -> Span:
    start, _, end = places.partition(" ")
    if not (start.isdecimal() and end.isdecimal()):
        raise RelexError(f"{places!r} is not a start and an end")
    span = Span(int(start), int(end), label)
    # Offsets that are off by some characters (line ends converted, UTF-16) would go unnoticed otherwise.
    if " ".join(text[span.start : span.end].split()) != " ".join(mention.split()):
        raise RelexError(f"the text at {start}–{end} is not the mention beside it")
    return span


FORMATS = {"doccano": doccano, "brat": brat, "spo": spo, "cmeie": spo, "duie": spo}
"""Format → reader `(path, counts) → Documents`; CMeIE and DuIE have the same form."""


def convert(form: str, path: Path, out: Path) -> tuple[int, Counter]:
    """Write what `path` holds in format `form` to `out` as Documents, one a line; the number of them and the counts.

    Raises a `RelexError` that names file and line for what cannot be used; `out` is then left as it was.
    """
    if form not in FORMATS:
        raise RelexError(f"there is no format {form!r}; known are {', '.join(FORMATS)}")
    if path.exists() and out.exists() and path.samefile(out):
        raise RelexError(f"{out} is the file to be read; choose another name for the result")
    counts: Counter = Counter()
    documents = FORMATS[form](path, counts)
    if not documents:
        raise RelexError(f"{path} has no documents; it needs at least one")
    write_documents(out, documents)
    return len(documents), +counts


def _checked(document: Document) -> Document:
    document.check()
    return document


def _list(row: dict, name: str, default: list | None = None) -> list:
    return default if default is not None and name not in row else field(row, name, list)


def _value(triple: dict, name: str, counts: Counter | None = None) -> str:
    """A text, or the one under `@value`, where DuIE has further slots beside it."""
    if isinstance(triple, dict) and isinstance(triple.get(name), dict):
        if counts is not None:
            counts["further_slots_of_objects"] += len(triple[name]) - 1
        return field(triple[name], "@value", str)
    return field(triple, name, str)


def _part(fields: list[str], index: int) -> str:
    if len(fields) <= index:
        raise RelexError("columns are missing; they are separated by tabs")
    return fields[index]


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise RelexError(f"cannot read {path}: {error.strerror}; .txt and .ann come in pairs") from None
    except UnicodeDecodeError:
        raise RelexError(f"{path}: not UTF-8; convert the file") from None
