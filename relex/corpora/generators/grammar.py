"""Grammar of the generators: patterns with choices and slots, marked mentions, draws, and data files.

In a pattern `(a/b)` is a choice of words, choices may stand in one another, and `{key}` is a slot. In marked text
`<key:words>` is a mention, mentions may stand in one another. The words of a generator lie in YAML files beside it.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from importlib import resources
from itertools import islice
from typing import TypeVar, get_args, get_origin, get_type_hints

import yaml

from relex.corpora.splits import Parts, deal
from relex.documents import Document, Relation, Span
from relex.errors import RelexError

T = TypeVar("T")
Words = tuple[str, ...]
Place = tuple[int, int]
"""(start, end) in characters, end exclusive."""
Pick = Callable[[random.Random, Sequence[T]], T]
"""A way to draw one item: `random.Random.choice`, all equally likely, or `common`."""

SKEW = 0.2
"""How much rarer an item is than the one before it, for `common`: reporters repeat themselves."""
ANY = 0.06
"""Share of draws of `common` in which all items are equally likely, so that the rare ones occur at all."""

SLOT = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\(([^()]*)\)")
_MARK = re.compile(r"<(\w+):|>")


def common(rng: random.Random, items: Sequence[T], skew: float = SKEW) -> T:
    """One of `items`, the first ones more often."""
    if rng.random() < ANY:
        return rng.choice(items)
    index = 0
    while rng.random() < skew:
        index += 1
    return items[index % len(items)]


def commons(rng: random.Random, items: Sequence[T], number: int, skew: float = SKEW) -> tuple[T, ...]:
    """`number` different items, or all of them, in the order drawn."""
    drawn: dict[T, None] = {}
    while len(drawn) < min(number, len(items)):
        drawn[common(rng, items, skew)] = None
    return tuple(drawn)


def chosen(rng: random.Random, pattern: str, pick: Pick = random.Random.choice) -> str:
    """A pattern with its choices made, the innermost first."""
    while "(" in pattern:
        pattern, made = _CHOICE.subn(lambda m: pick(rng, m[1].split("/")), pattern)
        if not made:
            raise ValueError(f"the brackets of {pattern!r} are not in pairs")
    return pattern


def listed(
    rng: random.Random, words: Sequence[str], last: str, etc: float = 0.0, pick: Pick = random.Random.choice
) -> str:
    """Words in coordination, with one of `last` before the last one, and after several with 等 in a share `etc`."""
    if len(words) < 2:
        return "".join(words)
    text = "、".join(words[:-1]) + pick(rng, last) + words[-1]
    return text + "等" if etc and rng.random() < etc else text


def filled(
    rng: random.Random,
    pattern: str,
    values: Mapping[str, str | Sequence[str]],
    last: str,
    pick: Pick = random.Random.choice,
) -> str:
    """A pattern as marked text: its choices made, its slots filled.

    A capital is a slot for words as they are. What fills another slot is a mention, or several in coordination
    (`last`, see `listed`), each marked with the slot's key; an empty one is left out.
    """
    pieces = SLOT.split(chosen(rng, pattern, pick))
    for i, key in enumerate(pieces[1::2]):
        value = values[key]
        if isinstance(value, str):
            marked = value if not value or key[0].isupper() else f"<{key}:{value}>"
        else:
            marked = listed(rng, [f"<{key}:{mention}>" for mention in value], last, pick=pick)
        pieces[2 * i + 1] = marked
    return "".join(pieces)


def unmarked(marked: str, offset: int = 0) -> tuple[str, dict[str, list[Place]]]:
    """Text without its marks, and under every key where its mentions stand, in order of their ends.

    Places are counted from `offset`, for a text that continues another.
    """
    if "<" not in marked:
        return marked, {}
    pieces = _MARK.split(marked)
    places: dict[str, list[Place]] = {}
    opened, at = [], offset
    for words, key in zip(pieces[::2], pieces[1::2], strict=False):
        at += len(words)
        if key:
            opened.append((key, at))
        else:
            key, start = opened.pop()
            places.setdefault(key, []).append((start, at))
    return "".join(pieces[::2]), places


@dataclass(frozen=True, slots=True)
class Told:
    """A text as a Document, how often it has what is hard, and where its triggers stand, if its grammar marks them."""

    document: Document
    hard: Counter[str]
    triggers: tuple[Place, ...] = ()


def different(draw: Callable[[Counter[str], int], Told], tally: Callable[[Document], Counter[str]]) -> Iterator[Told]:
    """Different texts without end, with their number, from 1, for an id.

    `draw` gets the sum of `tally` over the texts before, by which it can draw what is missing, and their number.
    """
    known: set[str] = set()
    given: Counter[str] = Counter()
    while True:
        told = draw(given, len(known))
        if told.document.text not in known:
            known.add(told.document.text)
            given.update(tally(told.document))
            yield replace(told, document=replace(told.document, id=str(len(known))))


def dealt(
    told: Iterator[Told], number: int, test: int, shares: dict[str, float]
) -> tuple[Parts, dict[str, Counter[str]]]:
    """The first `number` texts dealt to parts, the test part filled up to `test` with those that follow.

    And what is hard in each text, by its id.
    """
    first = list(islice(told, number))
    parts = deal([[one.document] for one in first], shares)
    more = list(islice(told, max(0, test - len(parts["test"]))))
    parts["test"] += tuple(one.document for one in more)
    return parts, {one.document.id: one.hard for one in (*first, *more)}


def unrelated(entities: Sequence[Span], relations: Sequence[Relation]) -> Counter[str]:
    """How many entities of each type stand in no relation."""
    linked = {i for r in relations for i in (r.head, r.tail)}
    return Counter(span.type for i, span in enumerate(entities) if i not in linked)


def at_least(fewest: int, number: int, corpus: str, what: str) -> None:
    """Raise a `RelexError` when fewer texts are asked for than can be split."""
    if number < fewest:
        raise RelexError(f"{corpus} cannot have {number} {what}; give at least {fewest}")


def read(kind: type[T], file: str) -> T:
    """The YAML file, a path below this folder, as an instance of the dataclass `kind`, which names and types its keys.

    A tuple of texts may be one text in the file: of several lines, one a line; of one line, parted by white space.
    """
    content = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    return _typed(yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), kind)


def _typed(value, kind):
    if isinstance(value, dict) and is_dataclass(kind):
        types = get_type_hints(kind)
        return kind(**{name: _typed(item, types[name]) for name, item in value.items()})
    if get_origin(kind) is dict:
        return {key: _typed(item, get_args(kind)[1]) for key, item in value.items()}
    if get_origin(kind) is tuple:
        if isinstance(value, str):
            value = value.splitlines() if "\n" in value else value.split()
        return tuple(_typed(item, get_args(kind)[0]) for item in value)
    if is_dataclass(kind):
        return kind.parse(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}; put it in quotes")
    return value
