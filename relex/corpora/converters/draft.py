"""A Document in the making: entities by the names that a file gives them, relations between these."""

import re
from collections import Counter
from dataclasses import replace

from relex.documents import Document, Relation, Span, field
from relex.errors import RelexError

JOINED = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
"""Characters of scripts that are written without blanks."""

UNITS = ("characters", "utf16", "lf")
"""What offsets may count: characters; UTF-16 units, two for a character beyond U+FFFF; characters, CR LF as one."""


class Draft:
    """Collects what a row says of one text; an entity or relation that comes twice is one, and is counted."""

    def __init__(self, text: str, counts: Counter) -> None:
        self.text, self.counts = text, counts
        self._entities: dict[Span, int] = {}
        self._names: dict[object, int] = {}
        self._relations: dict[Relation, None] = {}

    def entity(self, span: Span, name: object = None) -> int:
        """The index of an entity, added when new; a `name` of an entity before it is a `RelexError`."""
        if not span.type:
            raise RelexError("an entity has an empty type")
        span = self._without_blanks(span)
        if name is not None and name in self._names:
            raise RelexError(f"two entities have the id {shown(name)}")
        if name is not None:
            self.counts["entities_that_came_twice"] += span in self._entities
            self._names[name] = self._entities.get(span, len(self._entities))
        return self._entities.setdefault(span, len(self._entities))

    def _without_blanks(self, span: Span) -> Span:
        """The Span without blanks at its ends, which no token has; such a Span could not be learned."""
        mention = self.text[span.start : span.end] if 0 <= span.start < span.end <= len(self.text) else ""
        if not mention or mention == mention.strip():
            return span
        if not mention.strip():
            raise RelexError(f"span {span.start}–{span.end} holds nothing but blanks")
        self.counts["entities_with_blanks_cut_at_their_ends"] += 1
        start = span.start + len(mention) - len(mention.lstrip())
        return replace(span, start=start, end=start + len(mention.strip()))

    def named(self, name: object) -> int:
        """The index of the entity of this name."""
        if name not in self._names:
            raise RelexError(f"a relation names the entity {shown(name)}, and there is no such entity")
        return self._names[name]

    def relation(self, head: int, tail: int, type: str) -> None:
        """Add a relation between two entities by their indices."""
        if not type:
            raise RelexError("a relation has an empty type")
        relation = Relation(head, tail, type)
        self.counts["relations_that_came_twice"] += relation in self._relations
        self._relations[relation] = None

    def document(self, id: str) -> Document:
        """The checked Document."""
        document = Document(id, self.text, tuple(self._entities), tuple(self._relations))
        document.check()
        return document


def shown(value: object) -> str:
    """A value as a message quotes it, 40 characters at the most."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a number of more than 30 digits"
    return text if len(text) <= 40 else f"{text[:39]}…"


def row_id(row: dict, stem: str, number: int, counts: Counter, keys: tuple[str, ...] = ("id",)) -> str:
    """The id under the first of `keys` that a row has; else STEM-NUMBER, which is counted."""
    for key in keys:
        if row.get(key) is not None:
            return name_of(row[key], key)
    counts["rows_without_an_id"] += 1
    return f"{stem}-{number}"


def name_of(value: object, key: str) -> str:
    """An id, a text or a whole number, as a text."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise RelexError(f"field {key!r} should be a text or a number, not {shown(value)}")
    if isinstance(value, int) and abs(value) >= 10**30:
        raise RelexError(f"field {key!r} is {shown(value)}")
    return str(value)


def labels(row: dict, counts: Counter, *names: str) -> list:
    """The list under the first of `names` that a row has; a row without labels of any kind has none, and is counted.

    A row that holds other lists or objects is not without labels but of another form, and a `RelexError` says so.
    """
    for name in names:
        if name in row:
            return field(row, name, list)
    if any(isinstance(value, list | dict) and value for key, value in row.items() if key not in ("meta", "Comments")):
        raise RelexError(f"field {names[0]!r} is missing")
    counts["rows_without_labels"] += 1
    return []


def in_characters(text: str, offset: int, unit: str) -> int:
    """An offset that counts `unit` (see `UNITS`) as one that counts characters; one past the end stays past it."""
    if unit == "characters" or offset < 0:
        return offset
    position = counted = 0
    while position < len(text) and counted < offset:
        if unit == "utf16":
            counted += 1 + (text[position] > "\uffff")
        else:
            counted += text[position : position + 2] != "\r\n"
        position += 1
    if counted > offset:
        raise RelexError(f"offset {offset} lies inside a character of two UTF-16 units")
    return position + (offset - counted)


def check_unit(text: str, end: int) -> None:
    """Raise a `RelexError` when the text before `end` has characters that tools count differently."""
    before = text[: max(end, 0)]
    if max(before, default="") > "\uffff":
        raise RelexError(
            "the text has characters beyond U+FFFF, and nothing says whether its offsets count one or two for each; "
            "give the offsets as characters or as utf16"
        )
    if "\r\n" in before:
        raise RelexError(
            "the text has line ends of two characters (CR LF), and nothing says whether its offsets count one or two "
            "for each; give the offsets as lf (one) or as characters (two)"
        )


def joined(tokens: list) -> tuple[str, list[tuple[int, int]]]:
    """Tokens as a text, and the place of each, in characters; a blank between two unless one is of Chinese or Japanese.

    Raises a `RelexError` for a token that is no text or empty.
    """
    text, places = "", []
    for token in tokens:
        if not isinstance(token, str) or not token.strip():
            raise RelexError(f"a token should be a text that is not empty, not {shown(token)}")
        if text and not JOINED.match(token) and not JOINED.match(text[-1]):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def stretch(places: list[tuple[int, int]], start: int, end: int, type: str) -> Span:
    """The Span of tokens `start` to `end`, end exclusive."""
    if not 0 <= start < end <= len(places):
        raise RelexError(f"tokens {shown(start)}–{shown(end)} do not lie within the {len(places)} tokens")
    return Span(places[start][0], places[end - 1][1], type)


def numbers(item: object, count: int, *, what: str) -> tuple:
    """The items of a list that begins with `count` whole numbers and ends with a type, `count` + 1 in all."""
    good = isinstance(item, list) and len(item) >= count + 1 and isinstance(item[count], str)
    if not good or not all(isinstance(n, int) and not isinstance(n, bool) for n in item[:count]):
        raise RelexError(f"{what} should be {count} whole numbers and a type, not {shown(item)}")
    return tuple(item[: count + 1])
