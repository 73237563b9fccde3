"""arteriography: generated coronary arteriography findings, a stand-in for the focused-attention paper's own corpus.

The paper (section IV-A) prints counts and directions of its private corpus (Table I) and does not define its types.
The following is our reading. A relation goes from the qualifying entity, its head, to the qualified one; "e2 to e1" of
Table I means that the later of the two entities is the head.

* Negation: a word that denies a finding of coronary vessels (not of a patient or a device, and not a double negation
  such as 不能除外). Negative joins it to each Body Part before it in its reach: the parts of its clause, with
  以上各支 all that were told of, without a part that is excepted.
* Degree: a finding, what is sound included. Modifier joins it to the Body Part named before it that it is told of,
  also clauses later, not to a part that was only named in passing. A Degree that is denied has no relation.
* Location: a place within a part. Position joins it to each Degree behind it that is told of that place; the place of
  a device or of a denial, and one behind the Degree, have no relation.
* Quantifier: the percentage of a narrowing, or a TIMI grade. Percentage joins a percentage to its Degree, before or
  behind it; a grade has no relation. Doses, pressures, sizes and percentages of anything else are no entities.

Entities do not overlap. Of a thousand relations about 30 have the next best tail instead (`NOISE`), and of a thousand
entities about 15 have only the end of their words (`SHORT`), as annotators do: no model can get all. The findings are
plausible, not advice.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.generators.angiography.lexicon import words as vessels
from relex.corpora.generators.arteriography import clauses
from relex.corpora.generators.arteriography.lexicon import words
from relex.corpora.generators.arteriography.patterns import (
    DEGREE,
    LOCATION,
    MODIFIER,
    NEGATION,
    NEGATIVE,
    PART,
    PERCENTAGE,
    POSITION,
    QUANTIFIER,
    Telling,
)
from relex.corpora.generators.grammar import Told, at_least, dealt, different, unrelated
from relex.corpora.spec import CorpusSpec
from relex.documents import Document, Relation, RelationType, Schema, Span

VERSION = 3
SCHEMA = Schema(
    (NEGATION, PART, DEGREE, QUANTIFIER, LOCATION),
    (
        RelationType(NEGATIVE, ((NEGATION, PART),)),
        RelationType(MODIFIER, ((DEGREE, PART),)),
        RelationType(POSITION, ((LOCATION, DEGREE),)),
        RelationType(PERCENTAGE, ((QUANTIFIER, DEGREE),)),
    ),
)
BEFORE, BEHIND = f"{PERCENTAGE} e1 to e2", f"{PERCENTAGE} e2 to e1"
NO_RELATION = "No Relation"
TARGETS = {
    NEGATION: 103, PART: 492, DEGREE: 658, QUANTIFIER: 422, LOCATION: 461,
    NEGATIVE: 406, MODIFIER: 1068, POSITION: 389, BEFORE: 100, BEHIND: 256, NO_RELATION: round(1975 / 0.15),
}  # fmt: skip
"""Table I: entities and relations of each type, and pairs of one text's entities without a relation, of which the
paper kept 1,975 when it discarded 85 %."""
TEXTS = 150
"""Texts by default, without those that fill the test part up: 2,136 entities in so many texts make about as many pairs
as Table I tells."""
TEST = 300
"""Test texts by default: 15, a tenth of `TEXTS`, tell two systems apart only by many points."""
SHARES = {"test": 0.1, "dev": 0.1}
NOISE = 0.06
"""Share of the relations with a next best tail that get it; about half of all have one."""
SHORT = 0.08
"""Share of the degrees and locations of more than two characters of which the last two alone are annotated."""
IDLE = {"passing_part": PART, "idle_place": LOCATION, "grade": QUANTIFIER, "denied_degree": DEGREE}
"""What a text counts as hard → entity type of which those without a relation are counted."""
DRAWN = 12
"""Texts drawn for each that is kept, the one that brings the counts nearest to the targets."""
FEWEST = 10
"""Texts; fewer cannot be split."""


def generate(texts: int = TEXTS, seed: int = 0, test: int = TEST) -> Corpus:
    """Generate `texts` different texts (at least ten), each the findings of one report, split 8:1:1, and test texts.

    The test part is filled up with further texts until it has `test` (0: it stays a tenth of `texts`); the texts before
    are the same whatever `test` is. The counts of the `texts` come near those of Table I, or for another number near
    the same share of them, see `compared`.

    `counts` has `PART.entities`, `PART.relations`, `PART.no_relation` (unordered pairs of entities without one) and,
    over all parts, how often what is hard occurs: `elided_part`, degrees whose part was named in an earlier clause;
    `elided_degree`, percentages of a degree named before; `passing_part`, `idle_place`, `grade` and `denied_degree`,
    entities of the four types without a relation; `coordination`, degrees shared by parts; `respectively`, clauses
    with 分别, 依次, 前者 and 后者; `exception` and `summary`, negations with 除…外 and with 以上各支;
    `double_negation`, such as 不能除外; `trap`, words around the findings with figures and terms that are no entities;
    `mixed_up`, relations with the next best tail; `short`, entities that lack the beginning of their words.
    The same arguments give the same corpus. Raises a `RelexError` for too few texts.
    """
    at_least(FEWEST, texts, "arteriography", "texts")
    told = different(partial(_nearest, random.Random(seed)), tally)
    parts, hard = dealt(told, texts, test, SHARES)
    counts = sum(hard.values(), Counter())
    for part, documents in parts.items():
        counts[f"{part}.entities"] = sum(len(d.entities) for d in documents)
        counts[f"{part}.relations"] = sum(len(d.relations) for d in documents)
        counts[f"{part}.no_relation"] = sum(tally(d)[NO_RELATION] for d in documents)
    mark = fingerprint("arteriography", VERSION, texts, seed, test)
    return Corpus("arteriography", SCHEMA, **parts, fingerprint=mark, stand_in=True, counts=dict(counts))


def _nearest(rng: random.Random, given: Counter[str], texts: int) -> Told:
    """Of `DRAWN` texts the one that brings the counts so far, `given` in `texts` texts, nearest to the targets."""
    drawn = [tell(rng) for _ in range(DRAWN)]
    return min(drawn, key=lambda told: _distance(given, tally(told.document), texts + 1))


def compared(corpus: Corpus) -> list[Document]:
    """The documents that are compared with Table I: the first `TEXTS` drawn, without what filled the test part up."""
    return [d for part in PARTS for d in getattr(corpus, part) if int(d.id) <= TEXTS]


def tally(document: Document) -> Counter[str]:
    """How often a document has what `TARGETS` counts."""
    relations = (
        (BEFORE if head.start < tail.start else BEHIND) if name == PERCENTAGE else name
        for head, name, tail in document.triples()
    )
    found = Counter([*(span.type for span in document.entities), *relations])
    number = len(document.entities)
    found[NO_RELATION] = number * (number - 1) // 2 - len(document.relations)
    return found


def _distance(given: Counter[str], more: Counter[str], texts: int) -> float:
    """How far the counts of `texts` texts are from that share of the targets."""
    share = texts / TEXTS
    return sum(((given.get(name, 0) + more.get(name, 0)) / target - share) ** 2 for name, target in TARGETS.items())


def tell(rng: random.Random) -> Told:
    """One text as a Document without an id, and how often it has what is hard."""
    t = Telling(rng)
    habit = rng.choices((0, 1, 2), (60, 20, 20))[0]
    names = {key: v[habit] if rng.random() < 0.9 else rng.choice(v) for key, v in vessels.vessels.items()}
    if rng.random() < 0.75:
        _aside(t, words.openings, "")
    steps = rng.choices((_together, _one_by_one, _focal), (44, 5, 51))[0](t, names)
    for i, (step, arguments) in enumerate(steps):
        if i:
            t.text += rng.choice("；。。")
            if rng.random() < 0.4:
                _aside(t, words.asides, "。")
        step(t, *arguments)
    t.text += "。"
    if rng.random() < 0.4:
        _aside(t, words.asides, "。")
    idle = unrelated(t.spans, t.relations)
    for name, entity_type in IDLE.items():
        t.hard[name] = idle.get(entity_type, 0)
    shared = Counter(r.head for r in t.relations if r.type == MODIFIER)
    t.hard["coordination"] = sum(number > 1 for number in shared.values())
    relations = sorted(_noisy(t), key=lambda r: (r.head, r.tail))
    return Told(Document("", t.text, tuple(_shortened(t)), tuple(relations)), t.hard)


def _shortened(t: Telling) -> list[Span]:
    """The entities, a few without what stands before the last two characters: 狭窄 of 重度狭窄, 中段 of 近中段."""
    rng, spans = random.Random(t.text), []
    for span in t.spans:
        if span.type in (DEGREE, LOCATION) and span.end - span.start > 2 and rng.random() < SHORT:
            span = Span(span.end - 2, span.end, span.type)
            t.hard["short"] += 1
        spans.append(span)
    return spans


def _noisy(t: Telling) -> list[Relation]:
    """The relations, a few with the nearest tail on the same side that the head is not joined to."""
    given = {(r.head, r.tail) for r in t.relations}
    types = [span.type for span in t.spans]
    relations = []
    for r in t.relations:
        side = range(r.head) if r.tail < r.head else range(r.head + 1, len(types))
        others = [i for i in side if types[i] == types[r.tail] and (r.head, i) not in given]
        if others and t.rng.random() < NOISE:
            r = replace(r, tail=min(others, key=lambda i: abs(i - r.head)))
            given.add((r.head, r.tail))
            t.hard["mixed_up"] += 1
        relations.append(r)
    return relations


def _aside(t: Telling, asides: Sequence[str], end: str) -> None:
    t.say(t.rng.choice(asides) + end)
    t.hard["trap"] += 1


def _together(t: Telling, names: dict[str, str]) -> list[tuple]:
    """All vessels at once, what they share, and then those that are not quite so."""
    rng = t.rng
    whole = list(names.values())
    if rng.random() < 0.12:
        whole.append(rng.choice(vessels.branches[rng.choice(("LAD", "LCX", "RCA"))]))
    elif rng.random() < 0.15:
        whole.pop(rng.randrange(4))
    sick = _some(rng, [key for key, name in names.items() if name in whole], rng.choices((0, 1, 2), (25, 70, 5))[0])
    steps: list[tuple] = [(clauses.vessel, (key, names[key])) for key in sick]
    if sick and rng.random() < 0.4:
        return [(clauses.all_but, (whole, sick[0], names[sick[0]])), *steps[1:]]
    if rng.random() < 0.35:
        cut = rng.randint(1, len(whole) - 1)
        steps = [(clauses.normal, (whole[:cut], 0.0)), (clauses.normal, (whole[cut:], 0.0)), *steps]
        return [*steps, (clauses.summary, ())]
    return [(clauses.normal, (whole, 0.9)), *steps]


def _one_by_one(t: Telling, names: dict[str, str]) -> list[tuple]:
    """The vessels in order, and perhaps what none of them has."""
    rng, steps = t.rng, []
    for key, name in names.items():
        if rng.random() < (0.15 if key == "LM" else 0.5):
            steps.append((clauses.vessel, (key, name)))
        elif steps and steps[-1][0] is clauses.normal:
            steps[-1][1][0].append(name)
        elif rng.random() < 0.7:
            steps.append((clauses.normal, ([name], 0.3)))
    steps = steps or [(clauses.normal, (list(names.values()), 1.0))]
    return [*steps, (clauses.summary, ())] if rng.random() < 0.5 else steps


def _focal(t: Telling, names: dict[str, str]) -> list[tuple]:
    """What is wrong only, or nearly."""
    rng = t.rng
    keys = _some(rng, ["LAD", "LCX", "RCA"], rng.choice((1, 1, 2, 2, 2)))
    steps: list[tuple] = [(clauses.vessel, (key, names[key])) for key in keys]
    if len(keys) > 1 and rng.random() < 0.75:
        steps[:2] = [(clauses.pair, ([names[key] for key in keys[:2]],))]
    if rng.random() < 0.08:
        branch = rng.choice(vessels.branches[keys[-1]])
        steps.append((clauses.vessel, ("", branch)))
    if rng.random() < 0.06:
        steps.insert(0, (clauses.normal, (list(rng.choice(words.ostia)), 0.2)))
    return [*steps, (clauses.summary, ())] if rng.random() < 0.1 else steps


def _some(rng: random.Random, keys: Sequence[str], number: int) -> list[str]:
    """`number` of the keys, in their order."""
    chosen = rng.sample(keys, number)
    return [key for key in keys if key in chosen]


SPEC = CorpusSpec(
    "arteriography", generate, title="arteriography, a generated stand-in for the paper's corpus", stand_in=True
)
