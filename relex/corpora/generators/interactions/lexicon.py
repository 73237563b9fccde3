"""Words of the generated statements on drug interactions."""

from dataclasses import dataclass

from relex.corpora.generators.grammar import Words, read

Ways = dict[str, dict[str, Words]]
"""Kind of noun → `more` or `less`, which way it goes → words."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lists of `lexicon.yaml`, which says what they are."""

    drugs: Words
    classes: dict[str, Words]
    forms: Words
    nouns: dict[str, Words]
    verbs: Ways
    changes: Ways
    touch: Words
    stated: Words
    settings: Words
    conditions: Words
    advice: Words
    asides: Words
    tails: Words


words = read(Lexicon, "interactions/lexicon.yaml")


def longest_first(some: set[str]) -> Words:
    """Words in an order in which none stands before one that begins with it."""
    return tuple(sorted(some, key=lambda word: (-len(word), word)))


_ways = [ways for kinds in (words.verbs, words.changes) for ways in kinds.values()]
TRIGGERS = longest_first(
    {*words.touch, *words.stated, *(word for ways in _ways for some in ways.values() for word in some)}
)
"""Words that state a relation, or take one back."""

TRAPS = tuple(noun for noun in words.nouns["effect"] if any(word in noun for word in TRIGGERS))
"""Names of effects that hold a trigger and state nothing by it."""
