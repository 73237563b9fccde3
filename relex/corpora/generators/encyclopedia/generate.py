"""encyclopedia: generated Chinese medical sentences in the form of umrc10, a stand-in where that corpus is missing.

A sentence is a few clauses about one disease, sometimes about another one as well, each clause a frame filled from
the lexicon. The asked relation is in one of them, so neither the sentence nor the pair gives the class away. 并发症
and 相关（导致） draw on the same conditions; two fifths of their clauses have cues of their own, in a third both
relations stand side by side and only the pair's places tell them apart, and in the rest nothing does.
"""

import random
import re
from dataclasses import dataclass, field

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.generators.encyclopedia.lexicon import Disease, words
from relex.corpora.generators.encyclopedia.patterns import frames
from relex.corpora.generators.grammar import SLOT, Place, listed, unmarked
from relex.corpora.readers.umrc10 import CLASSES, PLACEHOLDERS, SCHEMA
from relex.corpora.spec import CorpusSpec
from relex.documents import ABSENT, Document, Relation, Span
from relex.errors import RelexError

VERSION = 1
LONGEST = 299
ABSENT_SHARE = 0.048
EXTRA_ROW_SHARE = {True: 0.22, False: 0.045}
ON_TOPIC_SHARE = 0.2
SHARED_TAIL_SHARE = 0.36

SYNONYM, CAUSE, COMPLICATION, RELATED = CLASSES[2], CLASSES[3], CLASSES[4], CLASSES[8]
FIELDS = {
    "S": "symptoms", "D": "drugs", "E": "causes", "C": "consequences",
    "B": "subtypes", "L": "labs", "A": "care", "I": "imaging",
}  # fmt: skip
"""Slot of a frame → field of the lexicon that fills it."""
FILLERS = {"G": words.ages, "N": words.shares, "P": words.periods}
"""Slot of a frame → the words that fill it for any disease."""
TAILS = {
    CLASSES[0]: ("symptoms", words.symptoms),
    CLASSES[1]: ("drugs", words.shared_therapy),
    CAUSE: ("causes", words.triggers),
    COMPLICATION: ("consequences", words.symptoms),
    CLASSES[5]: ("subtypes", ()),
    CLASSES[6]: ("labs", words.shared_tests),
    CLASSES[7]: ("care", words.shared_therapy),
    RELATED: ("consequences", words.symptoms),
    CLASSES[9]: ("imaging", words.shared_tests),
}
"""Relation → field of the lexicon that holds its tails, and terms that it shares with another relation."""
OTHERS = {topic.name: [d for d in words.diseases if d is not topic] for topic in words.diseases}
"""Name of a disease → all but that one."""
CAUSES = frozenset(frames.own[CAUSE])
NAMELESS = [frame for frame in frames.neutral if "{H}" not in frame]
"""Frames that state no relation and name no disease of their own."""


@dataclass(slots=True)
class _Fact:
    """A relation in a text; head or tail is None when the text does not name it."""

    relation: str
    head: Place | None
    tail: Place | None


@dataclass(slots=True)
class _Text:
    """A text in the making: where its topic was named last, whether it is still the one spoken of, and all facts."""

    topic: Disease
    name: str
    text: str = ""
    last: Place | None = None
    fresh: bool = False
    clauses: list[list[_Fact]] = field(default_factory=list)

    def write(self, marked: str) -> dict[str, list[Place]]:
        """Add marked words; returns where the mentions of each key stand, H being the topic."""
        added, places = unmarked(marked, len(self.text))
        self.text += added
        if "H" in places:
            self.last, self.fresh = places["H"][-1], True
        return places


def generate(train: int = 7000, dev: int = 2000, test: int = 1000, seed: int = 0) -> Corpus:
    """Generate `train`, `dev` and `test` rows, every one of the ten classes equally often in each part.

    A sentence may carry several rows, and these may fall into different parts, as in umrc10; `counts` has the
    same entries as there. The same arguments give the same corpus. Raises a `RelexError` when a size is not a
    positive multiple of ten.
    """
    sizes = dict(zip(PARTS, (train, dev, test), strict=True))
    for part, size in sizes.items():
        if size <= 0 or size % len(CLASSES):
            raise RelexError(f"encyclopedia cannot have {part}={size}; give a positive multiple of {len(CLASSES)}")
    rng = random.Random(seed)
    pools = _rows(rng, sum(sizes.values()) // len(CLASSES))
    for pool in pools.values():
        rng.shuffle(pool)
    parts, start = {}, 0
    for part, size in sizes.items():
        stop = start + size // len(CLASSES)
        rows = [(name, row) for name, pool in pools.items() for row in pool[start:stop]]
        rng.shuffle(rows)
        parts[part] = tuple(
            Document(f"{part}-{i}", text, (head, tail), (Relation(0, 1, name),))
            for i, (name, (text, head, tail)) in enumerate(rows)
        )
        start = stop
    mark = fingerprint("encyclopedia", VERSION, sizes, seed)
    return Corpus("encyclopedia", SCHEMA, **parts, fingerprint=mark, stand_in=True, counts=_counts(parts))


def _rows(rng: random.Random, number: int) -> dict[str, list[tuple[str, Span, Span]]]:
    """`number` different rows (text, head, tail) of each class."""
    pools: dict[str, dict] = {name: {} for name in CLASSES}
    while any(len(pool) < number for pool in pools.values()):
        for name in CLASSES:
            if len(pools[name]) == number:
                continue
            text, asked, others = _sentence(rng, name)
            pools[name][_row(text, asked)] = None
            for fact in others:
                pool = pools[fact.relation]
                share = EXTRA_ROW_SHARE[fact.relation == name]
                # The pair of a row carries one label in its sentence, else the two would contradict each other.
                taken = (asked.head, asked.tail) == (fact.head, fact.tail)
                if len(pool) < number and not taken and fact.head and fact.tail and rng.random() < share:
                    pool[_row(text, fact)] = None
    return {name: list(pool) for name, pool in pools.items()}


def _row(text: str, fact: _Fact) -> tuple[str, Span, Span]:
    ends = zip((fact.head, fact.tail), PLACEHOLDERS, strict=True)
    return text, *(Span(*p, "entity") if p else Span(ABSENT, ABSENT, "entity", absent) for p, absent in ends)


def _sentence(rng: random.Random, relation: str) -> tuple[str, _Fact, list[_Fact]]:
    """A text, the fact of `relation` that is asked, and the other facts it states."""
    while True:
        absent = rng.choice(("head", "tail")) if rng.random() < ABSENT_SHARE else ""
        topic = rng.choice(words.diseases)
        text = _Text(topic, rng.choice((topic.name,) * 5 + topic.synonyms))
        others = rng.choices((0, 1, 2, 3, 4), (16, 32, 28, 17, 7))[0]
        place = rng.randint(0, others)
        _open(rng, text, named=absent != "head")
        for i in range(others + 1):
            if i == place:
                _clause(rng, text, relation, absent)
                asked = [fact for fact in text.clauses[-1] if fact.relation == relation]
            elif rng.random() < 0.36:
                _neutral(rng, text, named=absent != "head")
            elif absent == "head" or rng.random() < 0.3:
                aside = _Text(_other(rng, text.topic), "", text.text)
                aside.name = aside.topic.name
                _clause(rng, aside, rng.choice(CLASSES))
                text.text = aside.text
                text.clauses += aside.clauses
                text.fresh = False
            else:
                _clause(rng, text, relation if rng.random() < ON_TOPIC_SHARE else rng.choice(CLASSES))
            if rng.random() < 0.42:
                text.text += "，" + rng.choice(frames.follow_ups)
            text.text += "。" if i == others or rng.random() < 0.8 else "；"
        if len(text.text) <= LONGEST and asked:
            break
    fact = rng.choice(asked)
    return text.text, fact, [f for facts in text.clauses for f in facts if f is not fact]


def _open(rng: random.Random, text: _Text, named: bool) -> None:
    """Perhaps a title before the text, `疾病@`; now and then the page is another disease's."""
    if rng.random() < 0.38:
        other = not named or rng.random() < 0.15
        text.write(f"{_other(rng, text.topic).name}@" if other else f"<H:{text.name}>@")


def _clause(rng: random.Random, text: _Text, relation: str, absent: str = "") -> None:
    """Write one clause that states `relation` of the text's topic; `absent` leaves out its "head" or "tail"."""
    frame = _frame(rng, relation, absent)
    if rng.random() < 0.14:
        text.text += rng.choice(frames.headings)
    stated = CAUSE if frame in CAUSES else relation
    if relation == SYNONYM:
        text.name = rng.choice(text.topic.names)
        items = _other_names(text)
        items = rng.sample(items, rng.randint(1, min(2, len(items))))
    else:
        items = _items(rng, text.topic, stated, text.name)[: 2 if "{V}" in frame else 4]
    second = text.topic if "{K}" not in frame or rng.random() < 0.4 else _other(rng, text.topic)
    hidden = absent == "head" or (text.fresh and "{K}" not in frame and relation != SYNONYM and rng.random() < 0.4)
    glossed = text.last is None and relation != SYNONYM

    def filled(slot: re.Match) -> str:
        letter = slot[1]
        if letter == "H" and hidden:
            return rng.choice(("本病", "该病", "此病", "本症"))
        if letter == "H":
            first = glossed and slot.start() == frame.index("{H}")
            return f"<H:{text.name}>" + (_gloss(rng, text) if first else "")
        if letter == "K":
            return f"<K:{second.name}>"
        if letter == "T":
            return frames.stand_ins[stated] if absent == "tail" else _list(rng, "T", items)
        if letter == "V":
            spare = [c for c in second.consequences if c not in items and c != second.name]
            return _list(rng, "V", rng.sample(spare, min(len(spare), rng.choice((1, 1, 2)))))
        return _filler(rng, text, letter, items)

    places = text.write(SLOT.sub(filled, frame))
    text.clauses.append(_facts(stated, relation, text.last, places))


def _facts(stated: str, relation: str, head: Place | None, places: dict[str, list[Place]]) -> list[_Fact]:
    """What a clause states, asked for `relation`; the head is None when the text does not name the topic."""
    tails: list[Place | None] = [*places.get("T", ())] or [None]
    glosses = [_Fact(SYNONYM, places["H"][0], name) for name in places.get("G", ())]
    if stated == CAUSE:
        # A cause is the head when one asks for what it leads to, and the tail when one asks for the cause.
        named = head and "T" in places
        back = [_Fact(RELATED, tail, head) for tail in tails] if named or relation == RELATED else []
        return [*(_Fact(CAUSE, head, tail) for tail in tails), *back, *glosses]
    if "V" in places:
        first = [_Fact(COMPLICATION, head, tail) for tail in tails]
        heads = places.get("K", [head])
        return [*first, *(_Fact(RELATED, h, v) for h in heads for v in places["V"]), *glosses]
    return [*(_Fact(relation, head, tail) for tail in tails), *glosses]


def _frame(rng: random.Random, relation: str, absent: str) -> str:
    """A frame of `relation`; the hard classes share some of theirs."""
    if relation in (COMPLICATION, RELATED):
        draw = rng.random()
        if relation == RELATED and draw > 0.85:
            return rng.choice(frames.own[CAUSE])
        if draw < 0.25:
            return rng.choice(frames.ambiguous)
        if draw < 0.58 and not absent:
            return rng.choice(frames.dual)
    return rng.choice(frames.own[relation])


def _items(rng: random.Random, topic: Disease, relation: str, name: str) -> list[str]:
    """One to four tails of `relation`; now and then one that another relation has as well."""
    column, shared = TAILS[relation]
    own = [item for item in getattr(topic, column) if item != name]
    items = rng.sample(own, min(len(own), rng.choices((1, 2, 3, 4), (46, 24, 20, 10))[0]))
    if shared and rng.random() < SHARED_TAIL_SHARE:
        extra = rng.choice(topic.consequences if column == "symptoms" and rng.random() < 0.6 else shared)
        if extra not in items and extra != name:
            items[rng.randrange(len(items))] = extra
    return items


def _gloss(rng: random.Random, text: _Text) -> str:
    """Behind the first mention of the topic perhaps another name of it in brackets."""
    if rng.random() < 0.16:
        return f"（<G:{rng.choice(_other_names(text))}>）"
    return ""


def _other_names(text: _Text) -> list[str]:
    """Names of the topic that the text does not use."""
    return [name for name in text.topic.names if name != text.name]


def _list(rng: random.Random, key: str, items: list[str]) -> str:
    """A coordination of `items`, each marked with the key."""
    return listed(rng, [f"<{key}:{item}>" for item in items], "、、和及或", etc=0.2)


def _filler(rng: random.Random, text: _Text, letter: str, used: list[str]) -> str:
    """Words for a slot that carries no asked mention."""
    if letter in FIELDS:
        spare = [item for item in getattr(text.topic, FIELDS[letter]) if item not in used and item != text.name]
        return "、".join(rng.sample(spare, min(len(spare), rng.choice((1, 1, 2))))) or "其他"
    if letter == "O":
        return _other(rng, text.topic).name
    return rng.choice(FILLERS[letter])


def _neutral(rng: random.Random, text: _Text, named: bool) -> None:
    """Write a clause that states no relation."""
    frame = rng.choice(frames.neutral if named else NAMELESS)
    fillers = SLOT.sub(lambda slot: f"<H:{text.name}>" if slot[1] == "H" else _filler(rng, text, slot[1], []), frame)
    text.write(fillers)


def _other(rng: random.Random, topic: Disease) -> Disease:
    """A disease that is not `topic`."""
    return rng.choice(OTHERS[topic.name])


def _counts(parts: dict[str, tuple[Document, ...]]) -> dict[str, int]:
    known = {d.text for d in parts["train"]}
    counts = {}
    for part, documents in parts.items():
        counts[f"{part}.absent_head"] = sum(d.entities[0].absent for d in documents)
        counts[f"{part}.absent_tail"] = sum(d.entities[1].absent for d in documents)
        counts[f"{part}.repeated_mention"] = sum(
            any(not s.absent and d.text.count(d.mention(i)) > 1 for i, s in enumerate(d.entities)) for d in documents
        )
        if part != "train":
            counts[f"{part}.seen_sentence"] = sum(d.text in known for d in documents)
    return counts


SPEC = CorpusSpec("encyclopedia", generate, stand_in=True)
