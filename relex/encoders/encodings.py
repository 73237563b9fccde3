"""The five text encodings of relation classification (UMRC Table 2), as pure functions.

An encoding turns a text and the mentions of a head and a tail into a sequence of pieces: stretches of plain
text and special tokens. Special tokens are pieces of their own, so a sentence that happens to contain the
characters "[SEP]" stays a sentence. [CLS] in front and [SEP] at the end are added by the encoder's side, once.
"""

from dataclasses import dataclass

from relex.documents import Document
from relex.errors import RelexError
from relex.mentions import Occurrence, find_all, nearest_pair

ENCODINGS = ("basic1", "basic2", "qa", "entity1", "entity2", "typed")
"""The paper's five, and `typed`: markers that carry the entity type, beyond the paper."""

MARKED = ("entity1", "entity2", "typed")
"""Encodings that mark the mentions in place; only these can pool at markers."""

MARK_POLICIES = ("span", "first", "nearest", "all")
ABSENT_POLICIES = ("prefix", "drop")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of plain text, or one special token when `special`."""

    text: str
    special: bool = False


@dataclass(frozen=True, slots=True)
class Markers:
    """The four special tokens around head and tail."""

    head_open: str
    head_close: str
    tail_open: str
    tail_close: str

    def __iter__(self):
        return iter((self.head_open, self.head_close, self.tail_open, self.tail_close))


SEP = Piece("[SEP]", special=True)


def markers(encoding: str, head_type: str = "entity", tail_type: str = "entity") -> Markers | None:
    """The markers of an encoding: `[E1]…`, `[实体1]…`, or typed ones such as `[E1:drug]…`; None for the others."""
    if encoding == "entity1":
        return Markers("[E1]", "[/E1]", "[E2]", "[/E2]")
    if encoding == "entity2":
        return Markers("[实体1]", "[/实体1]", "[实体2]", "[/实体2]")
    if encoding == "typed":
        return Markers(f"[E1:{head_type}]", f"[/E1:{head_type}]", f"[E2:{tail_type}]", f"[/E2:{tail_type}]")
    return None


def basic1(text: str, head: str, tail: str) -> tuple[Piece, ...]:
    """`[CLS] head [SEP] text [SEP] tail`."""
    return Piece(head), SEP, Piece(text), SEP, Piece(tail)


def basic2(text: str, head: str, tail: str) -> tuple[Piece, ...]:
    """`[CLS] head [SEP] tail [SEP] text`."""
    return Piece(head), SEP, Piece(tail), SEP, Piece(text)


def qa(text: str, head: str, tail: str) -> tuple[Piece, ...]:
    """`[CLS] a question about head and tail [SEP] text`, the question in Chinese."""
    return Piece(f"{head}和{tail}之间是什么关系？"), SEP, Piece(text)


def entity_marked(
    text: str, heads: list[Occurrence], tails: list[Occurrence], marks: Markers, absent: tuple[str, str] = ("", "")
) -> tuple[Piece, ...]:
    """The text with the given occurrences of head and tail between markers.

    Where both start or end at one place the longer mention is the outer one. `absent` holds the strings of a head
    and a tail that are not in the text; each that is not empty stands marked in front, followed by [SEP].
    Deleting the special tokens of the part behind the prefix gives `text` back.
    """
    pieces: list[Piece] = []
    for mention, opening, closing in (
        (absent[0], marks.head_open, marks.head_close),
        (absent[1], marks.tail_open, marks.tail_close),
    ):
        if mention:
            pieces += [Piece(opening, True), Piece(mention), Piece(closing, True), SEP]
    # Events at one character: closings, the shorter mention's first; then openings, the longer mention's first.
    events = []
    for spans, opening, closing in (
        (heads, marks.head_open, marks.head_close),
        (tails, marks.tail_open, marks.tail_close),
    ):
        for start, end in spans:
            events.append((start, 1, start - end, opening))
            events.append((end, 0, end - start, closing))
    events.sort(key=lambda e: (*e[:3], e[3] == marks.head_close))  # of identical spans the head is the outer one
    position = 0
    for at, _, _, marker in events:
        if at > position:
            pieces.append(Piece(text[position:at]))
        pieces.append(Piece(marker, True))
        position = at
    if position < len(text):
        pieces.append(Piece(text[position:]))
    return tuple(pieces)


def occurrences(document: Document, policy: str) -> tuple[list[Occurrence], list[Occurrence]]:
    """The occurrences of head (entity 0) and tail (entity 1) that a policy marks.

    `span`: those the Document points to; `first`: the first of each; `nearest`: the pair with the fewest characters
    between; `all`: every one, as the authors' code does. An absent mention has none.
    """
    if policy == "span":
        spans = document.entities[0], document.entities[1]
        head, tail = ([] if s.absent else [(s.start, s.end)] for s in spans)
        return head, tail
    heads, tails = ([] if document.entities[i].absent else find_all(document.text, document.mention(i)) for i in (0, 1))
    if policy == "first":
        return heads[:1], tails[:1]
    if policy == "nearest":
        head, tail = nearest_pair(heads, tails)
        return ([head] if head else []), ([tail] if tail else [])
    if policy == "all":
        return heads, tails
    raise RelexError(f"there is no mark policy {policy!r}; known are {', '.join(MARK_POLICIES)}")


def encode(document: Document, encoding: str, mark: str = "span", absent: str = "prefix") -> tuple[Piece, ...]:
    """The pieces of a Document with two entities under one of the `ENCODINGS`.

    `mark` chooses the occurrences to mark, `absent` what becomes of a mention that is not in the text: `prefix`
    puts it marked in front, `drop` leaves it out, as the authors' code does. Raises a `RelexError` for unknown names.
    """
    if absent not in ABSENT_POLICIES:
        raise RelexError(f"there is no absent-mention policy {absent!r}; known are {', '.join(ABSENT_POLICIES)}")
    head, tail = document.mention(0), document.mention(1)
    plain = {"basic1": basic1, "basic2": basic2, "qa": qa}
    if encoding in plain:
        return plain[encoding](document.text, head, tail)
    marks = markers(encoding, document.entities[0].type, document.entities[1].type)
    if marks is None:
        raise RelexError(f"there is no encoding {encoding!r}; known are {', '.join(ENCODINGS)}")
    heads, tails = occurrences(document, mark)
    missing = ("" if heads else head, "" if tails else tail) if absent == "prefix" else ("", "")
    return entity_marked(document.text, heads, tails, marks, missing)
