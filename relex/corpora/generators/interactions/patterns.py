"""Clauses of the generated statements on drug interactions, and how they are told.

Clauses lie in `frames.yaml`, in the form that `relex.corpora.generators.grammar` describes: `<d:…>` is a drug, `<t:…>`
a trigger.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from relex.corpora.generators.grammar import Words, chosen, listed, read
from relex.corpora.generators.interactions.lexicon import words

SYNERGY, ANTAGONISM, INHIBITION, PROMOTION = "协同", "拮抗", "抑制", "促进"
ADDITION, TABOO, NONE = "相加", "禁忌", "无关"
DIRECTED = {
    SYNERGY: ("effect", "more"), ANTAGONISM: ("effect", "less"),
    PROMOTION: ("process", "more"), INHIBITION: ("process", "less"),
}  # fmt: skip
"""Relations that one drug has on another, with the kind of noun and the way it goes; levels go with processes."""
OPPOSITE = {SYNERGY: ANTAGONISM, ANTAGONISM: SYNERGY, PROMOTION: INHIBITION, INHIBITION: PROMOTION}
NEIGHBOUR = {
    SYNERGY: PROMOTION, PROMOTION: SYNERGY, ANTAGONISM: INHIBITION, INHIBITION: ANTAGONISM, ADDITION: SYNERGY,
    TABOO: ANTAGONISM,
}  # fmt: skip
"""What an annotator may take a plain statement for instead."""


@dataclass(frozen=True, slots=True)
class Said:
    """Marked words, the relation they state, the next best reading, and the names of the difficulties in them."""

    text: str
    relation: str
    second: str
    hard: tuple[str, ...] = ()
    bare: bool = True
    """Whether a drug said to do the opposite, or nothing, can follow."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The lists of `frames.yaml`, which says what is particular about some."""

    active: Words
    passive: Words
    inward: Words
    outward: Words
    denied: Words
    denied_inward: Words
    permitted: Words
    forbidden: Words
    added: Words
    mutual: dict[str, Words]
    forbidding: Words
    sparing: Words


frames = read(Frames, "interactions/frames.yaml")


def say(rng: random.Random, pattern: str, **values: str) -> str:
    """A pattern with its choices made and its slots filled."""
    return chosen(rng, pattern).format(**values)


def named(rng: random.Random, drugs: Sequence[str]) -> str:
    """Drugs in coordination, each marked."""
    return listed(rng, [f"<d:{drug}>" for drug in drugs], "、、和及或", etc=0.15)


def owner(patient: str) -> str:
    """What is acted on, as the owner of a noun."""
    return patient if patient == "其" else f"{patient}的"


def one_way(rng: random.Random, relation: str, agent: str, patient: str, inward: bool | None = None) -> Said:
    """`directed`, or for 无关 `denied`."""
    if relation == NONE:
        return denied(rng, agent, patient, inward)
    return directed(rng, relation, agent, patient, inward)


def directed(rng: random.Random, relation: str, agent: str, patient: str, inward: bool | None = None) -> Said:
    """One drug acts on another. `inward`: whether on the leaflet's own drug; None when that is not one of the two.

    Where a sentence states a mechanism and its effect, the effect counts, in either order.
    """
    kind, way = DIRECTED[relation]
    if kind == "process" and rng.random() < 0.4:
        kind = "level"
    outcome = kind != "process"
    if outcome and rng.random() < 0.2:
        return _outcome(rng, relation, kind, way, agent, patient)
    some = frames.active if rng.random() < 0.6 else frames.passive
    if inward is not None and rng.random() < 0.45:
        some = frames.inward if inward else frames.outward
    pattern = rng.choice(some)
    names = {"a": agent, "p": owner(patient), "x": agent if inward else patient}
    hard = ("denied_word",) if "{w}" in pattern else ()
    return Said(say(rng, pattern, **names, **_words(rng, kind, way)), relation, NEIGHBOUR[relation], hard)


def _outcome(rng: random.Random, relation: str, kind: str, way: str, agent: str, patient: str) -> Said:
    """A process changes, and with it an effect or a level: any way."""
    first = rng.choice((PROMOTION, INHIBITION))
    values, end = _words(rng, *DIRECTED[first]), _words(rng, kind, way)
    cause = say(rng, rng.choice((*frames.active[:3], *frames.passive[:2])), a=agent, p=owner(patient), **values)
    draw = rng.random()
    if draw < 0.45:
        text = cause + say(rng, ",(从而/因而/最终/结果)使其{n}<t:{c}>", **end)
    elif draw < 0.6:
        text = "虽然" + cause + say(rng, ",但其{n}(却/反而/仍)<t:{c}>", **end)
    else:
        text = say(rng, rng.choice((*frames.active[:3], *frames.passive[:2])), a=agent, p=owner(patient), **end)
        text += say(rng, ",(原因是/系/可能由于)其{n}<t:{c}>(所致/)", **values)
    return Said(text, relation, first if first != relation else NEIGHBOUR[relation], ("outcome",), bare=False)


def _words(rng: random.Random, kind: str, way: str) -> dict[str, str]:
    return {
        "n": rng.choice(words.nouns[kind]),
        "v": rng.choice(words.verbs[kind][way]),
        "w": rng.choice(words.verbs[kind]["less" if way == "more" else "more"]),
        "c": rng.choice(words.changes[kind][way]),
        "t": rng.choice(words.touch),
    }


def denied(rng: random.Random, agent: str, patient: str, inward: bool | None = None) -> Said:
    """One drug does nothing to another, in words that elsewhere say that it does."""
    kind, way = rng.choice([(kind, way) for kind, ways in words.verbs.items() for way in ways])
    second = next(r for r, (k, w) in DIRECTED.items() if w == way and (k == "effect") == (kind == "effect"))
    values = _words(rng, kind, way)
    if rng.random() < 0.18:
        cause = say(rng, rng.choice(frames.active[:3]), a=agent, p=owner(patient), **values)
        effect = rng.choice(words.nouns["effect"])
        text = "虽然" + cause + say(rng, ",但其{m}(并未/没有/未见)<t:({c}/变化)>", m=effect, **values)
    else:
        some = frames.denied_inward if inward and rng.random() < 0.35 else frames.denied
        text = say(rng, rng.choice(some), a=agent, p=owner(patient), x=agent, **values)
    return Said(text, NONE, second, ("denied_word",), bare=False)


def both(rng: random.Random, relation: str, drugs: str) -> Said:
    """A relation between the leaflet's drug and others that has no direction in the words."""
    noun = rng.choice(words.nouns["effect"])
    if relation == NONE:
        text = say(rng, rng.choice(frames.permitted), x=drugs)
        return Said(text, NONE, TABOO, ("denied_word",), bare=False)
    some = {TABOO: frames.forbidden, ADDITION: frames.added, **frames.mutual}[relation]
    text = say(rng, rng.choice(some), x=drugs, n=noun)
    return Said(text, relation, NEIGHBOUR[relation], bare=False)


def with_advice(rng: random.Random, said: Said, forbid: bool) -> Said:
    """What was said as the reason for a prohibition, which then is the relation; or as no reason for one."""
    if forbid:
        lead = "因" if rng.random() < 0.2 else ""
        text = lead + said.text + say(rng, rng.choice(frames.forbidding))
        return Said(text, TABOO, said.relation, (*said.hard, "forbidden_for_a_reason"), bare=False)
    text = said.text + say(rng, rng.choice(frames.sparing))
    return replace(said, text=text, second=TABOO, hard=(*said.hard, "denied_word"), bare=False)
