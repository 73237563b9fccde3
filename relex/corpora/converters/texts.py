"""Forms whose places count characters or are not given: doccano, TPLinker, triples of strings."""

from collections import Counter
from collections.abc import Iterator

from relex.corpora.converters.draft import Draft, check_unit, in_characters, labels, name_of, row_id, shown
from relex.documents import ABSENT, Document, Span, field
from relex.errors import RelexError
from relex.mentions import find_all, nearest_pair, whole

UNTYPED = "entity"
"""The type of entities where a form has none."""


def doccano(row: dict, stem: str, number: int, counts: Counter, unit: str = "") -> Document:
    """`text` with `entities` and `relations`, or with `label` (or `labels`) as [start, end, type].

    Entities have ids or are meant by their position. Offsets count `unit`; without one, a text in which units differ
    before an entity's end is refused.
    """
    text = field(row, "text", str)
    draft = Draft(text, counts)
    items = labels(row, counts, "entities", "label", "labels")
    have_ids = any(isinstance(item, dict) and item.get("id") is not None for item in items)
    for index, item in enumerate(items):
        if isinstance(item, list) and len(item) == 3:
            item = dict(zip(("start_offset", "end_offset", "label"), item, strict=True))
        start, end = field(item, "start_offset", int), field(item, "end_offset", int)
        if not unit:
            check_unit(text, end)
        place = (in_characters(text, offset, unit or "characters") for offset in (start, end))
        given = item.get("id") if have_ids else index
        draft.entity(Span(*place, field(item, "label", str)), None if given is None else name_of(given, "id"))
    for item in field(row, "relations", list) if "relations" in row else []:
        name = field(item, "type", str)
        ends = [name_of(item.get(key), key) for key in ("from_id", "to_id")]
        draft.relation(*(draft.named(end) for end in ends), name)
    return draft.document(row_id(row, stem, number, counts))


def tplinker(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`text` with `relation_list` and `entity_list`, each with a string and its `char_span`, which must agree."""
    text = field(row, "text", str)
    draft = Draft(text, counts)
    types = {}
    for item in field(row, "entity_list", list) if "entity_list" in row else []:
        span = _told(text, item, "text", "char_span", field(item, "type", str))
        if types.setdefault((span.start, span.end), span.type) != span.type:
            counts["places_with_several_types"] += 1
        draft.entity(span)
    for item in labels(row, counts, "relation_list"):
        ends = []
        for side in ("subj", "obj"):
            span = _told(text, item, "subject" if side == "subj" else "object", f"{side}_char_span", UNTYPED)
            ends.append(draft.entity(Span(span.start, span.end, types.get((span.start, span.end), UNTYPED))))
        draft.relation(*ends, field(item, "predicate", str))
    return draft.document(row_id(row, stem, number, counts))


def _told(text: str, item: object, mention: str, place: str, type: str) -> Span:
    start_end, said = field(item, place, list), field(item, mention, str)
    if len(start_end) != 2 or any(not isinstance(n, int) or isinstance(n, bool) for n in start_end):
        raise RelexError(f"field {place!r} should be a start and an end, not {shown(start_end)}")
    if not said or not 0 <= start_end[0] < start_end[1] or text[slice(*start_end)] != said:
        raise RelexError(f"the text at {shown(start_end)} is not the mention beside it")
    return Span(*start_end, type)


Triple = tuple[tuple[str, str], str, tuple[str, str]]
"""A triple of strings: (head, its type), relation, (tail, its type)."""


def placed(text: str, id: str, triples: Iterator[Triple], counts: Counter) -> Document:
    """A Document of triples of strings: of each the two occurrences nearest to each other.

    Occurrences that stand alone come before those inside a longer word or number. `counts` tells triples with a choice
    of occurrences and mentions that are not in the text; these stay, without a span.
    """
    draft = Draft(text, counts)
    for head, name, tail in triples:
        occurrences = [whole(text, find_all(text, mention)) for mention, _ in (head, tail)]
        counts["triples_with_a_choice_of_occurrences"] += any(len(found) > 1 for found in occurrences)
        ends = []
        for (mention, type), chosen in zip((head, tail), nearest_pair(*occurrences), strict=True):
            counts["mentions_not_in_the_text"] += chosen is None
            ends.append(draft.entity(Span(*chosen, type) if chosen else Span(ABSENT, ABSENT, type, mention)))
        draft.relation(*ends, name)
    return draft.document(id)


def spo(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`text` and `spo_list`, the form of CMeIE and DuIE.

    Each slot of an object beside `@value` is a triple of its own, with the relation PREDICATE_SLOT.
    """
    items = labels(row, counts, "spo_list")
    triples = (triple for item in items for triple in _slots(item, counts))
    return placed(field(row, "text", str), row_id(row, stem, number, Counter()), triples, counts)


def _slots(item: object, counts: Counter) -> Iterator[Triple]:
    head, predicate = (_filled(item, "subject"), _filled(item, "subject_type")), _filled(item, "predicate")
    values = {"@value": item["object"]} if isinstance(item.get("object"), str) else field(item, "object", dict)
    types = {"@value": item["object_type"]} if isinstance(item.get("object_type"), str) else None
    types = types or field(item, "object_type", dict)
    yield head, predicate, (_filled(values, "@value"), _filled(types, "@value"))
    for slot in [slot for slot in values if slot != "@value"]:
        counts["slots_as_relations_of_their_own"] += 1
        yield head, f"{predicate}_{slot}", (_filled(values, slot), _filled(types, slot) if slot in types else UNTYPED)


def triple_list(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`text` with `triple_list` as [head, relation, tail], the form of NYT and WebNLG as CasRel has them."""

    def triples() -> Iterator[Triple]:
        for item in labels(row, counts, "triple_list"):
            if not (isinstance(item, list) and len(item) == 3 and all(isinstance(x, str) and x for x in item)):
                raise RelexError(f"a triple should be three texts that are not empty, not {shown(item)}")
            yield (item[0], UNTYPED), item[1], (item[2], UNTYPED)

    return placed(field(row, "text", str), row_id(row, stem, number, counts), triples(), counts)


def mentions(row: dict, stem: str, number: int, counts: Counter) -> Document:
    """`sentText` with `relationMentions` (`em1Text`, `label`, `em2Text`), NYT as it was published.

    Types come from `entityMentions`; a relation `None` is none, and counted. A `sentId` counts the sentences of an
    `articleId`, where there is one, so that both together are the id.
    """
    told = field(row, "entityMentions", list) if "entityMentions" in row else []
    types = {_filled(item, "text"): _filled(item, "label") for item in told}

    def triples() -> Iterator[Triple]:
        for item in labels(row, counts, "relationMentions"):
            head, name, tail = (_filled(item, key) for key in ("em1Text", "label", "em2Text"))
            counts["relations_named_None"] += name == "None"
            if name != "None":
                yield (head, types.get(head, UNTYPED)), name, (tail, types.get(tail, UNTYPED))

    id = row_id(row, stem, number, counts, ("id", "sentId"))
    if "id" not in row and "sentId" in row and "articleId" in row:
        id = f"{name_of(row['articleId'], 'articleId')} {id}"
    return placed(field(row, "sentText", str), id, triples(), counts)


def _filled(value: object, name: str) -> str:
    if not (text := field(value, name, str)).strip():
        raise RelexError(f"field {name!r} should be a text that is not empty")
    return text
