"""Scores of joint extraction: one text, its entities and the relations between them to find.

A triple is (head, relation type, tail). It counts as found when both ends are the same as in the gold standard: by
`offset` the same characters of the text, by `string` the same mention, wherever it stands. What a document holds is
a *set*: a triple or an entity given twice counts once, and two triples which differ only in where their mentions
stand are one triple by string. Direction counts, but for a relation type that the schema calls symmetric: it and its
reverse are one.

An end that the text does not contain (`Span.absent`) has no offsets. By string it is compared by its mention; by
offset nothing can match it, so that a gold triple with such an end is a false negative and a predicted one a false
positive.

All scores are fractions from 0 to 1, micro averages where their name does not say macro; a division by zero gives 0.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import fsum
from typing import NamedTuple

from relex.documents import ABSENT, Document, Schema, Span, check_same
from relex.errors import RelexError
from relex.evaluation import relaxed
from relex.found import one_way

Key = tuple
"""What must be equal for a match; holds the number ABSENT where nothing can."""

StringTriple = tuple[str, str, str]
"""(head mention, relation type, tail mention)."""

Sets = tuple[set[Key], set[Key]]
"""Gold and predicted keys of one document."""

OVERLAPS = ("normal", "seo", "epo")
"""Sentences without overlap, with a single entity that overlaps, with an entity pair that overlaps."""


def offset_triples(document: Document) -> set[Key]:
    """Triples by the characters of both ends; the relation type is at index 2."""
    return {(*_place(head), name, *_place(tail)) for head, name, tail in document.triples()}


def string_triples(document: Document) -> set[StringTriple]:
    """Triples by the mentions of both ends; the relation type is at index 1."""
    return {(document.mention(r.head), r.type, document.mention(r.tail)) for r in document.relations}


def _strict_triples(document: Document) -> set[Key]:
    return {(*_place(head), head.type, name, *_place(tail), tail.type) for head, name, tail in document.triples()}


def _strict_entities(document: Document) -> set[Key]:
    return {(*_place(span), span.type) for span in document.entities}


def _entities_in_triples(document: Document) -> set[Key]:
    return {(*_place(span), span.type) for head, _, tail in document.triples() for span in (head, tail)}


def _boundaries(keys: set[Key]) -> set[Key]:
    return {key[:2] for key in keys}


def _place(span: Span) -> tuple:
    # The mention keeps two absent ends of one document apart; ABSENT keeps them from matching.
    return (span.mention, ABSENT) if span.absent else (span.start, span.end)


TRIPLES: dict[str, Callable[[Document], set[Key]]] = {"offset": offset_triples, "string": string_triples}
"""The two ways to compare triples."""


def _exact(gold: set[Key], predicted: set[Key]) -> int:
    """How many keys both sides hold, less those that nothing can match."""
    return sum(ABSENT not in key for key in gold & predicted)


class View(NamedTuple):
    """What is compared: the keys of a document, how many of them match, and where a key holds the type it counts for.

    `type_at` None: there is no type, and so no macro average.
    """

    keys: Callable[[Document], set[Key]]
    matches: Callable[[set[Key], set[Key]], int] = _exact
    type_at: int | None = None


VIEWS: dict[str, View] = {
    **{f"triples.{match}": View(keys) for match, keys in TRIPLES.items()},
    "entities.strict": View(_entities_in_triples),
    "entities.boundaries": View(lambda document: _boundaries(_entities_in_triples(document))),
    "ner.strict": View(_strict_entities, type_at=2),
    "ner.boundaries": View(lambda document: _boundaries(_strict_entities(document))),
    "ner.relaxed": View(_strict_entities, relaxed.matching_entities, 2),
    "re.strict": View(_strict_triples, type_at=3),
    "re.boundaries": View(offset_triples, type_at=2),
    "re.relaxed": View(_strict_triples, relaxed.matching_triples, 3),
}
"""What is compared, by the name of its scores; see `evaluate`."""


def evaluate(
    gold: Sequence[Document], predicted: Sequence[Document], schema: Schema, seen: Collection[str]
) -> tuple[dict[str, float], dict]:
    """Metrics and the counts that recompute them, on all documents and on those whose text is not in `seen`.

    Every name below stands for three metrics, `NAME.p`, `NAME.r` and `NAME.f1`, and three counts, `NAME.tp`,
    `NAME.fp` and `NAME.fn`:

    * `triples.offset` and `triples.string`: triples compared as the module says.
    * `entities.strict`: entities that take part in at least one triple, by offset and type; other entities are left
      out on both sides. `entities.boundaries`: the same without the type.
    * `ner.strict` and `ner.boundaries`: the same of all entities.
    * `re.strict`: triples by offset and with the types of both ends; `re.boundaries` is `triples.offset` under the
      name that the literature gives it.
    * `ner.relaxed` and `re.relaxed`: an end or an entity is right when its type is, and a character of it; see
      `relex.evaluation.relaxed`.
    * `overlap.normal`, `overlap.seo`, `overlap.epo`: all string triples of the documents of that class by the gold
      triples (`sentence_overlaps`); a document of two classes counts in both. `overlap.CLASS.n` counts documents.
    * `overlap.triple.normal` and so on: string triples of that class. Recall asks how many gold triples of the class
      are found. Precision asks how many predicted triples of the class are right; a predicted triple is classed
      among the triples predicted for the same document, for a wrong one has no class in the gold standard. A right
      one can be of different classes there and here, so the counts have four numbers: `tp` and `fn` of the gold
      triples, `tp_predicted` and `fp` of the predicted ones.

    Each `ner.` and `re.` but `ner.boundaries` has macro averages as well, `NAME.macro_p`, `.macro_r` and `.macro_f1`:
    the unweighted mean over the entity or relation types that the gold or the predicted documents have, as SpERT
    (Eberts and Ulges 2020) computes it; a type that is only predicted counts with 0. Macro-F1 is the mean of the F1.

    The same under `unseen.`, left out when every text was seen. Counts also hold `n`, `unseen.n`, and tables
    {name: {tp, fp, fn}} over the schema: `entities` (as `entities.strict`), `ner` (as `ner.strict`), `relations` (by
    offset), `relations.strict` and `relations.string`.

    Raises a `RelexError` when the two sequences do not hold the same documents in the same order, or when a triple
    uses a relation or entity type that `schema` lacks.
    """
    check_same(gold, predicted)
    gold, predicted = ([one_way(d, schema) for d in documents] for documents in (gold, predicted))
    metrics, counts = _all_scores(gold, predicted)
    names = schema.relation_names
    tables = {
        "entities": _table(_sets(gold, predicted, _entities_in_triples), 2, schema.entity_types, "entity type"),
        "ner": _table(_sets(gold, predicted, _strict_entities), 2, schema.entity_types, "entity type"),
        "relations": _table(_sets(gold, predicted, offset_triples), 2, names, "relation"),
        "relations.strict": _table(_sets(gold, predicted, _strict_triples), 3, names, "relation"),
        "relations.string": _table(_sets(gold, predicted, string_triples), 1, names, "relation"),
    }
    unseen = [(one, other) for one, other in zip(gold, predicted, strict=True) if one.text not in seen]
    if unseen:
        unseen_metrics, unseen_counts = _all_scores(*zip(*unseen, strict=True))
        metrics |= {f"unseen.{name}": value for name, value in unseen_metrics.items()}
        counts |= {f"unseen.{name}": value for name, value in unseen_counts.items()}
    return metrics, counts | tables


def per_relation(counts: Mapping, match: str = "offset") -> dict[str, dict[str, float]]:
    """Precision `p`, recall `r`, `f1` and `support` (gold triples) of each relation type, from `evaluate`'s counts."""
    table = counts["relations" if match == "offset" else f"relations.{match}"]
    return {name: prf(**cell) | {"support": cell["tp"] + cell["fn"]} for name, cell in table.items()}


ANSWERS = {"": "triples.offset", "_string": "triples.string", "_strict": "re.strict", "_ner": "ner.strict"}
"""What `answers` counts: how its names end → view."""


def answers(
    gold: Sequence[Document], predicted: Sequence[Document], schema: Schema, seen: Collection[str]
) -> dict[str, str]:
    """What paired tests need, without text: for each document how many triples there are, in one string each.

    `gold`, `predicted` and `correct` hold numbers of offset triples, separated by spaces, in the order of the
    documents; `gold_string` and so on those of string triples, `gold_strict` of strict triples, `gold_ner` of strict
    entities; `unseen` one character a document, 1 where the text is not in `seen`.
    """
    check_same(gold, predicted)
    gold, predicted = ([one_way(d, schema) for d in documents] for documents in (gold, predicted))
    found = {}
    for suffix, view in ANSWERS.items():
        sets = _sets(gold, predicted, VIEWS[view].keys)
        found[f"gold{suffix}"] = " ".join(str(len(one)) for one, _ in sets)
        found[f"predicted{suffix}"] = " ".join(str(len(other)) for _, other in sets)
        found[f"correct{suffix}"] = " ".join(str(VIEWS[view].matches(one, other)) for one, other in sets)
    return found | {"unseen": "".join("01"[d.text not in seen] for d in gold)}


def threshold_curve(
    gold: Sequence[Document], predictions: Mapping[float, Sequence[Document]], match: str = "offset"
) -> list[dict[str, float]]:
    """The precision–recall curve of a system: `threshold`, `p`, `r`, `f1`, `tp`, `fp`, `fn`, by rising threshold.

    `predictions` holds, for each threshold, the documents that the system predicts with it; triples are compared by
    `match`, `offset` or `string`.
    """
    curve = []
    for threshold in sorted(predictions):
        check_same(gold, predictions[threshold])
        counts = _count(_sets(gold, predictions[threshold], TRIPLES[match]))
        curve.append({"threshold": threshold} | prf(**counts) | counts)
    return curve


def prf(tp: int, fp: int, fn: int, tp_predicted: int | None = None) -> dict[str, float]:
    """`p`, `r` and `f1` from counts; `tp_predicted` takes the place of `tp` in the precision where it differs."""
    right = tp if tp_predicted is None else tp_predicted
    p, r = _ratio(right, right + fp), _ratio(tp, tp + fn)
    return {"p": p, "r": r, "f1": _ratio(2 * p * r, p + r)}


def triple_overlaps(triples: Collection[StringTriple]) -> dict[StringTriple, frozenset[str]]:
    """The classes of each triple within its sentence: `normal`, or `seo`, `epo` or both.

    As Zeng et al. (2018, "Extracting relational facts by an end-to-end neural model with copy mechanism") define
    them and the code released with CasRel (Wei et al. 2020) splits its test sets: a triple is `epo` when the same
    *ordered* pair (head, tail) has another relation; `seo` when an entity of it is also in a triple of another
    ordered pair, or is both its head and its tail; `normal` when neither. With ordered pairs, (a, r, b) with
    (b, r, a) is `seo` and not `epo`. Entities are equal when their mentions are.
    """
    relations = Counter((head, tail) for head, _, tail in set(triples))
    uses = Counter(entity for pair in relations for entity in pair)

    def classes(head: str, tail: str) -> frozenset[str]:
        found = {"epo"} if relations[head, tail] > 1 else set()
        if uses[head] > 1 or uses[tail] > 1:
            found.add("seo")
        return frozenset(found or {"normal"})

    return {(head, name, tail): classes(head, tail) for head, name, tail in triples}


def sentence_overlaps(triples: Collection[StringTriple]) -> frozenset[str]:
    """The classes of a sentence: `seo` and `epo` when one of its triples is that, else `normal`.

    A sentence without a triple is `normal`: no entity of it is in two triples.
    """
    found = frozenset().union(*triple_overlaps(triples).values())
    return found - {"normal"} or frozenset({"normal"})


def unordered(triples: Collection[tuple]) -> int:
    """How many triples have a class of which two subjects need their objects in different orders.

    Triples are (subject's first, last, class, object's first, last), in tokens or characters. Sets of object firsts, or
    of lasts, that are not nested in each other cannot all come from one order of the text and a threshold a subject.
    """
    objects: dict = defaultdict(lambda: defaultdict(set))
    for *subject, class_id, first, last in set(triples):
        objects[class_id][tuple(subject)].add((first, last))
    total = 0
    for subjects in objects.values():
        for side in (0, 1):
            places = sorted(({o[side] for o in found} for found in subjects.values()), key=len)
            if not all(one <= other for one, other in zip(places, places[1:], strict=False)):
                total += sum(map(len, subjects.values()))
                break
    return total


def _all_scores(gold: Sequence[Document], predicted: Sequence[Document]) -> tuple[dict[str, float], dict[str, int]]:
    metrics, counts = {}, {"n": len(gold)}
    found = {}
    for name, view in VIEWS.items():
        sets = _sets(gold, predicted, view.keys)
        found[name] = _count(sets, view.matches)
        if view.type_at is not None:
            scores = [prf(**cell) for cell in _by_type(sets, view.type_at, view.matches).values()]
            metrics |= {f"{name}.macro_{k}": _ratio(fsum(s[k] for s in scores), len(scores)) for k in ("p", "r", "f1")}
    strings = _sets(gold, predicted, string_triples)
    classes = [sentence_overlaps(one) for one, _ in strings]
    of_triples = _count_overlapping(strings)
    for overlap in OVERLAPS:
        chosen = [pair for pair, of in zip(strings, classes, strict=True) if overlap in of]
        found[f"overlap.{overlap}"] = _count(chosen)
        counts[f"overlap.{overlap}.n"] = len(chosen)
        found[f"overlap.triple.{overlap}"] = of_triples[overlap]
    for name, numbers in found.items():
        metrics |= {f"{name}.{score}": value for score, value in prf(**numbers).items()}
        counts |= {f"{name}.{kind}": number for kind, number in numbers.items()}
    return metrics, counts


def _sets(gold: Iterable[Document], predicted: Iterable[Document], keys: Callable[[Document], set[Key]]) -> list[Sets]:
    return [(keys(one), keys(other)) for one, other in zip(gold, predicted, strict=True)]


def _count(sets: Iterable[Sets], matches: Callable[[set[Key], set[Key]], int] = _exact) -> dict[str, int]:
    tp = fp = fn = 0
    for one, other in sets:
        hits = matches(one, other)
        tp, fp, fn = tp + hits, fp + len(other) - hits, fn + len(one) - hits
    return {"tp": tp, "fp": fp, "fn": fn}


def _count_overlapping(sets: Iterable[Sets]) -> dict[str, dict[str, int]]:
    """Counts of the triples of each class of overlap; the classes of all triples are found once."""
    counts = {overlap: dict.fromkeys(("tp", "fp", "fn", "tp_predicted"), 0) for overlap in OVERLAPS}
    for gold, predicted in sets:
        for own, other, right, wrong in ((gold, predicted, "tp", "fn"), (predicted, gold, "tp_predicted", "fp")):
            for key, classes in triple_overlaps(own).items():
                for overlap in classes:
                    counts[overlap][right if key in other else wrong] += 1
    return counts


def _by_type(sets: Iterable[Sets], index: int, matches=_exact) -> dict[str, dict[str, int]]:
    """`_count` for each type that occurs; it stands at `index` of a key."""
    grouped: dict[str, list[Sets]] = defaultdict(list)
    for pair in sets:
        parts: dict[str, Sets] = defaultdict(lambda: (set(), set()))
        for side, keys in enumerate(pair):
            for key in keys:
                parts[key[index]][side].add(key)
        for name, part in parts.items():
            grouped[name].append(part)
    return {name: _count(parts, matches) for name, parts in grouped.items()}


def _table(sets: Iterable[Sets], index: int, types: Sequence[str], what: str) -> dict[str, dict[str, int]]:
    """`_by_type` for all `types` of a schema, in their order."""
    found = _by_type(sets, index)
    unknown = sorted(found.keys() - set(types))
    if unknown:
        raise RelexError(f"unknown {what} {unknown[0]!r}; the schema has {', '.join(types)}")
    return {name: found.get(name, {"tp": 0, "fp": 0, "fn": 0}) for name in types}


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0
