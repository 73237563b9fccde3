"""prescriptions: generated English statements on drugs, for trying out the commands on English text.

Four entity types, four relation types, in one or two clauses a text. The grammar is our own, the drugs do not exist,
and nothing in it is advice. What is denied, doubted or only named stands in no relation. An `interacts_with` has no
direction; its head is the drug named first.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass

from relex.corpora.corpus import Corpus, fingerprint
from relex.corpora.generators import grammar
from relex.corpora.generators.grammar import Told, Words
from relex.corpora.spec import CorpusSpec
from relex.documents import Document, Relation, RelationType, Schema, Span

VERSION = 1
TYPES = {"drug": "Drug", "disease": "Disease", "effect": "Effect", "dose": "Dose"}
"""Slot → entity type."""
SCHEMA = Schema(
    tuple(TYPES.values()),
    (
        RelationType("treats", (("Drug", "Disease"),)),
        RelationType("causes", (("Drug", "Effect"),)),
        RelationType("given_as", (("Drug", "Dose"),)),
        RelationType("interacts_with", (("Drug", "Drug"),), symmetric=True),
    ),
)
TEXTS = 1000
"""Texts by default."""
SHARES = {"test": 0.2, "dev": 0.1}
FEWEST = 20
"""Texts; fewer cannot be split."""
UNSTATED = 0.2
"""Share of clauses that state nothing."""
TWO = 0.4
"""Share of texts of two clauses."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A clause: words with slots, and relations as (name, slot of the head, slot of the tail)."""

    text: str
    relations: tuple[tuple[str, str, str], ...]

    @classmethod
    def parse(cls, line: str) -> "Frame":
        """A frame out of a line of `frames.yaml`."""
        text, _, relations = line.partition(" | ")
        return cls(text, tuple(re.findall(r"(\w+) (\w+)>(\w+)", relations)))


@dataclass(frozen=True, slots=True)
class Frames:
    """The lists of `frames.yaml`."""

    stated: tuple[Frame, ...]
    unstated: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of `lexicon.yaml`."""

    drug: tuple[Words, ...]
    disease: Words
    effect: Words
    dose: Words


frames = grammar.read(Frames, "prescriptions/frames.yaml")
words = grammar.read(Lexicon, "prescriptions/lexicon.yaml")


def generate(texts: int = TEXTS, seed: int = 0) -> Corpus:
    """Generate `texts` different texts (at least twenty): a fifth is test, a tenth development.

    `counts` has the texts of two clauses and those that state nothing. The same arguments give the same corpus. Raises
    a `RelexError` for too few texts.
    """
    grammar.at_least(FEWEST, texts, "prescriptions", "texts")
    rng = random.Random(seed)
    parts, hard = grammar.dealt(grammar.different(lambda *_: tell(rng), lambda _: Counter()), texts, 0, SHARES)
    counts = sum(hard.values(), Counter())
    mark = fingerprint("prescriptions", VERSION, texts, seed)
    return Corpus("prescriptions", SCHEMA, **parts, fingerprint=mark, stand_in=True, counts=dict(counts))


def tell(rng: random.Random) -> Told:
    """One text of a clause or two."""
    text, entities, relations = "", [], []
    clauses = 1 + (rng.random() < TWO)
    for number in range(clauses):
        frame = rng.choice(frames.unstated if rng.random() < UNSTATED else frames.stated)
        said, places = grammar.unmarked(_said(rng, frame), len(text))
        spans = sorted((*place, slot) for slot, (place,) in places.items())
        index = {slot: len(entities) + i for i, (*_, slot) in enumerate(spans)}
        entities += [Span(start, end, TYPES[slot.rstrip("2")]) for start, end, slot in spans]
        relations += [Relation(index[head], index[tail], name) for name, head, tail in frame.relations]
        text += said[:1].upper() + said[1:] + "." + " " * (number + 1 < clauses)
    hard = Counter(two_clauses=clauses - 1, nothing_stated=int(not relations))
    return Told(Document("", text, tuple(entities), tuple(relations)), hard)


def _said(rng: random.Random, frame: Frame) -> str:
    """A clause as marked text; what fills two slots of one kind differs."""
    pattern = grammar.chosen(rng, frame.text)
    values: dict[str, str] = {}
    for slot in grammar.SLOT.findall(pattern):
        while (value := _draw(rng, slot.rstrip("2"))) in values.values():
            pass
        values[slot] = value
    return grammar.filled(rng, pattern, values, "")


def _draw(rng: random.Random, kind: str) -> str:
    some = getattr(words, kind)
    return "".join(map(rng.choice, some)) if kind == "drug" else rng.choice(some)


SPEC = CorpusSpec("prescriptions", generate, title="prescriptions, generated English", stand_in=True)
