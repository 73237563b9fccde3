"""Clauses of the generated coronary arteriography findings, and how a clause becomes text with entities.

Clauses lie in `frames.yaml`, in the form that `relex.corpora.generators.grammar` describes. The first letter of a
slot's key is the type of what stands there, see `TYPES`; a capital is a slot for words that are no entity.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from relex.corpora.generators.grammar import Words, filled, read, unmarked
from relex.documents import Relation, Span

NEGATION, PART, DEGREE, QUANTIFIER, LOCATION = "Negation", "Body Part", "Degree", "Quantifier", "Location"
NEGATIVE, MODIFIER, POSITION, PERCENTAGE = "Negative", "Modifier", "Position", "Percentage"
TYPES = {
    "n": NEGATION, "b": PART, "d": DEGREE, "q": QUANTIFIER, "l": LOCATION,
    "c": PART, "e": DEGREE, "r": QUANTIFIER, "m": LOCATION,
    "p": PART, "x": DEGREE, "t": QUANTIFIER,
}  # fmt: skip
"""Key → entity type: the usual ones, a second one of the same type, and one without a relation: a part named in
passing, a degree that is denied, a TIMI grade."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The lists of `frames.yaml`, which says what is particular about some."""

    sound: Words
    and_sound: Words
    denies: Words
    denies_degree: Words
    sole: Words
    excepting: Words
    summary: Words
    after: Words
    before: Words
    two_places: Words
    shut: Words
    with_trait: Words
    more_trait: Words
    shared: Words
    shared_place: Words
    respectively: Words
    turns: Words
    gap: Words
    same_degree: Words
    flow: Words
    passing: Words
    reach: Words
    unsure: Words
    maybe: Words
    stent: Words
    treated: Words
    bed: Words


frames = read(Frames, "arteriography/frames.yaml")


@dataclass(slots=True)
class Telling:
    """A text on its way: entities and relations so far, and what the next words can refer to.

    `subject` are the parts that an elided clause is about and `place` where in them, `told` all parts that something
    was said of, `narrowing` the last degree that a percentage can go with (or None), `hard` how often what is hard
    occurs.
    """

    rng: random.Random
    text: str = ""
    spans: list[Span] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    subject: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    narrowing: int | None = None
    hard: Counter = field(default_factory=Counter)

    def say(self, pattern: str, **values: str | Sequence[str]) -> dict[str, list[int]]:
        """Add the words of a pattern to the text; returns the numbers of the entities in every slot."""
        text, places = unmarked(filled(self.rng, pattern, values, "、、及和"), len(self.text))
        self.text += text
        numbers: dict[str, list[int]] = defaultdict(list)
        for key, found in places.items():
            for start, end in found:
                numbers[key].append(len(self.spans))
                self.spans.append(Span(start, end, TYPES[key]))
        return numbers

    def relate(self, name: str, heads: Sequence[int], tails: Sequence[int]) -> None:
        """Join every head to every tail."""
        self.relations += [Relation(head, tail, name) for head in heads for tail in tails]

    def word(self, entity: int) -> str:
        """The mention of an entity."""
        span = self.spans[entity]
        return self.text[span.start : span.end]

    @property
    def sentence(self) -> str:
        """What stands behind the last full stop."""
        return self.text[self.text.rfind("。") + 1 :]

    def about(self, parts: Sequence[int]) -> None:
        """From here on the text is about `parts`."""
        self.subject = list(parts)
        self.told += parts
        self.place, self.narrowing = [], None
