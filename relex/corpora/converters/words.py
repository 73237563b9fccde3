"""Forms whose places count tokens: SpERT, GLiNER, PURE and DyGIE, columns of CoNLL."""

from collections import Counter
from itertools import chain

from relex.corpora.converters.draft import Draft, joined, labels, numbers, row_id, shown, stretch
from relex.documents import Document, field
from relex.errors import RelexError


def spert(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`tokens`, or `text` with places in characters; `entities` (end exclusive), `relations` by index, `orig_id`."""
    if "tokens" in row:
        text, places = joined(field(row, "tokens", list))
    else:
        text = field(row, "text", str)
        places = [(i, i + 1) for i in range(len(text))]
    draft = Draft(text, counts)
    for index, item in enumerate(labels(row, counts, "entities")):
        start, end = field(item, "start", int), field(item, "end", int)
        draft.entity(stretch(places, start, end, field(item, "type", str)), index)
    for item in field(row, "relations", list) if "relations" in row else []:
        ends = (draft.named(field(item, key, int)) for key in ("head", "tail"))
        draft.relation(*ends, field(item, "type", str))
    return draft.document(row_id(row, stem, number, counts, ("orig_id", "id")))


def gliner(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`tokenized_text`, `ner` as [start, end, type], end inclusive, `relations` as [head, tail, type] by index."""
    text, places = joined(field(row, "tokenized_text", list))
    draft = Draft(text, counts)
    for index, item in enumerate(field(row, "ner", list)):
        start, end, type = numbers(item, 2, what="an entity")
        draft.entity(stretch(places, start, end + 1, type), index)
    for item in field(row, "relations", list) if "relations" in row else []:
        head, tail, type = numbers(item, 2, what="a relation")
        draft.relation(draft.named(head), draft.named(tail), type)
    return draft.document(row_id(row, stem, number, counts))


def pure(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`sentences` of tokens; `ner` and `relations` a list a sentence, places counted through the document, inclusive.

    A relation gives the places of its ends; of several entities at one place the first is meant, and it is counted.
    """
    sentences = field(row, "sentences", list)
    if not all(isinstance(sentence, list) for sentence in sentences):
        raise RelexError("'sentences' should be lists of tokens")
    text, places = joined(list(chain.from_iterable(sentences)))
    draft, at = Draft(text, counts), {}
    for item in _flat(row, "ner"):
        start, end, type = numbers(item, 2, what="an entity")
        at.setdefault((start, end), []).append(draft.entity(stretch(places, start, end + 1, type)))
    for item in _flat(row, "relations"):
        *ends, type = numbers(item, 4, what="a relation")
        for place in (pairs := (tuple(ends[:2]), tuple(ends[2:]))):
            if place not in at:
                raise RelexError(f"a relation joins the tokens {shown(place)}, and no entity is there")
            counts["relation_ends_with_several_types"] += len(set(at[place])) > 1
        draft.relation(*(at[place][0] for place in pairs), type)
    for key in ("clusters", "events"):
        counts[f"{key}_left_out"] += len(row.get(key) or ())
    return draft.document(row_id(row, stem, number, counts, ("doc_key", "id")))


def _flat(row: dict, name: str) -> list:
    nested = field(row, name, list) if name in row else []
    if not all(isinstance(items, list) for items in nested):
        raise RelexError(f"{name!r} should hold a list for each sentence")
    return list(chain.from_iterable(nested))


def conll(lines: list[str], stem: str, number: int, counts: Counter) -> Document:
    """One sentence in columns: the token first, its tag last (O, or B-, I-, E-, S- with a type).

    An I- or E- that continues nothing begins an entity, and is counted.
    """
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines]
    if any(len(row) < 2 for row in rows):
        raise RelexError("a line needs a token and a tag, in columns")
    text, places = joined([row[0] for row in rows])
    draft, begun = Draft(text, counts), None  # begun: (first token, type) of the entity that is open
    for index, row in enumerate([*rows, ["", "O"]]):
        mark, _, type = row[-1].strip().partition("-")
        if mark not in ("O", "B", "I", "E", "S") or (mark == "O") == bool(type):
            raise RelexError(f"tag {shown(row[-1])} is none of O, B-, I-, E- and S- with a type")
        goes_on = mark in "IE" and begun is not None and begun[1] == type
        if begun and not goes_on:
            draft.entity(stretch(places, begun[0], index, begun[1]))
            begun = None
        if mark != "O" and not goes_on:
            counts["entities_that_begin_inside"] += mark in "IE"
            begun = (index, type)
        if begun and mark in "ES":
            draft.entity(stretch(places, begun[0], index + 1, begun[1]))
            begun = None
    return draft.document(f"{stem}-{number}")
