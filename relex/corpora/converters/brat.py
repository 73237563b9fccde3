"""Folders of brat: a .txt and an .ann for each text."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from relex.corpora.converters.draft import Draft, shown
from relex.documents import Document, Span
from relex.errors import RelexError

KINDS = {"E": "event", "A": "attribute", "M": "attribute", "N": "normalization", "#": "note", "*": "equivalence"}
"""What an annotation is that is neither an entity nor a relation, by its first character; all are left out."""


def read(path: Path, counts: Counter) -> Iterator[Document]:
    """The .txt and .ann pairs of a folder, folders within it too; a Document's id is its path without suffix.

    Hidden files are no part of it. `counts` tells what a Document cannot hold, by kind: entities of several pieces and
    their relations, attributes (those that negate by a name of their own), notes, events and others.
    """
    if not path.is_dir():
        raise RelexError(f"there is no folder {path}; give one with brat's .txt and .ann files")
    found = (p for suffix in ("txt", "ann") for p in path.rglob(f"*.{suffix}"))
    stems = sorted({p.with_suffix("") for p in found if not any(x[0] == "." for x in p.relative_to(path).parts)})
    if not stems:
        raise RelexError(f"{path} has no .txt and .ann files; give a folder that brat wrote")
    for stem in stems:
        yield _document(stem, stem.relative_to(path).as_posix(), counts)


def _document(stem: Path, name: str, counts: Counter) -> Document:
    annotations = Path(f"{stem}.ann")
    text = _read_text(Path(f"{stem}.txt"))
    lines = [(n, line.rstrip("\r").split("\t")) for n, line in enumerate(_read_text(annotations).split("\n"), 1)]
    draft, without_a_place, number = Draft(text, counts), set(), 0
    try:
        # Entities come first: a relation may stand before those that it joins.
        for number, fields in lines:  # noqa: B007 - the error below names it
            if fields[0].startswith("T"):
                span = _span(_part(fields, 1), _part(fields, 2), text)
                if span is None:
                    without_a_place.add(fields[0])
                    counts["entities_of_several_pieces_left_out"] += 1
                else:
                    draft.entity(span, fields[0])
            elif fields[0].startswith("E"):
                without_a_place.add(fields[0])
        for number, fields in lines:  # noqa: B007 - the error below names it
            if fields[0].startswith("R"):
                _relate(draft, _part(fields, 1).split(), without_a_place, counts)
            elif fields[0].strip() and not fields[0].startswith("T"):
                counts[_left_out(fields)] += 1
        return draft.document(name)
    except RelexError as error:
        raise RelexError(f"{annotations}, line {number}: {error}; correct or remove the line") from None


def _relate(draft: Draft, words: list[str], without_a_place: set[str], counts: Counter) -> None:
    """Add `TYPE Arg1:T1 Arg2:T2`, whatever the order of the two; other names are taken in the order written."""
    ends = [(role, name) for role, colon, name in (word.partition(":") for word in words[1:]) if colon]
    if len(words) != 3 or len(ends) != 2:
        raise RelexError("a relation needs a type and two arguments")
    roles = [role.lower() for role, _ in ends]
    if sorted(roles) == ["arg1", "arg2"]:
        ends.sort(key=lambda end: end[0].lower())
    elif "arg1" in roles or "arg2" in roles:
        raise RelexError(f"the arguments {shown(ends[0][0])} and {shown(ends[1][0])} do not say which comes first")
    else:
        counts["relations_with_arguments_of_other_names_in_the_order_written"] += 1
    if without_a_place.intersection(name for _, name in ends):
        counts["relations_of_events_or_of_entities_of_several_pieces_left_out"] += 1
    else:
        draft.relation(*(draft.named(name) for _, name in ends), words[0])


def _left_out(fields: list[str]) -> str:
    kind = KINDS.get(fields[0][0], "unknown annotation")
    name = _part(fields, 1).split(":")[0].split(" ")[0] if kind in ("event", "attribute") else ""
    if "neg" in name.lower() or "否" in name:
        return f"NEGATION_LEFT_OUT,_WHAT_IT_NEGATES_NOW_STANDS_AS_AFFIRMED_(attribute_{name[:40]})"
    return f"{kind}_{name[:40]}_left_out".replace("__", "_")


def _span(told: str, mention: str, text: str) -> Span | None:
    """The Span of `TYPE START END`; of several pieces with nothing but blanks between, the whole; else None."""
    label, _, places = told.partition(" ")
    pieces = [tuple(map(_offset, piece.split(" "))) for piece in places.split(";")]
    if any(len(piece) != 2 for piece in pieces):
        raise RelexError(f"{shown(places)} is not a start and an end")
    # Offsets that are off by some characters (line ends converted, UTF-16) would go unnoticed otherwise.
    if " ".join(" ".join(text[slice(*piece)] for piece in pieces).split()) != " ".join(mention.split()):
        raise RelexError(f"the text at {shown(places)} is not the mention beside it")
    if any(text[end:start].strip() or end > start for (_, end), (start, _) in zip(pieces, pieces[1:], strict=False)):
        return None
    return Span(pieces[0][0], pieces[-1][1], label)


def _offset(digits: str) -> int:
    if not digits.isdecimal() or len(digits) > 12:
        raise RelexError(f"{shown(digits)} is not a start and an end")
    return int(digits)


def _part(fields: list[str], index: int) -> str:
    if len(fields) <= index:
        raise RelexError("columns are missing; they are separated by tabs")
    return fields[index]


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RelexError(f"cannot read {path}: {error.strerror}; .txt and .ann come in pairs") from None
    except UnicodeDecodeError:
        raise RelexError(f"{path}: not UTF-8; convert the file") from None
