"""Clauses of the generated statements on drug interactions.

In a clause `<…>` marks an entity, `[…]` a trigger. In a pattern `(a/b)` is a choice of words; `{a}` is what acts,
`{p}` what is acted on with 的 behind it, `{x}` drugs beside the leaflet's own, `{n}` a noun, `{v}` a verb with an
object, `{w}` one of the other way, `{c}` a verb without object.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from relex.corpora.generators.interactions import lexicon

SYNERGY, ANTAGONISM, INHIBITION, PROMOTION = "协同", "拮抗", "抑制", "促进"
ADDITION, TABOO, NONE = "相加", "禁忌", "无关"
DIRECTED = {
    SYNERGY: ("effect", "+"), ANTAGONISM: ("effect", "-"),
    PROMOTION: ("process", "+"), INHIBITION: ("process", "-"),
}  # fmt: skip
"""Relations that one drug has on another, with the kind of noun and the way it goes; levels go with processes."""
OPPOSITE = {SYNERGY: ANTAGONISM, ANTAGONISM: SYNERGY, PROMOTION: INHIBITION, INHIBITION: PROMOTION}
NEIGHBOUR = {
    SYNERGY: PROMOTION, PROMOTION: SYNERGY, ANTAGONISM: INHIBITION, INHIBITION: ANTAGONISM, ADDITION: SYNERGY,
    TABOO: ANTAGONISM,
}  # fmt: skip
"""What an annotator may take a plain statement for instead."""

_CHOICE = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Said:
    """Marked words, the relation they state, the next best reading, and the names of what is hard in them."""

    text: str
    relation: str
    second: str
    hard: tuple[str, ...] = ()
    bare: bool = True
    """Whether a drug said to do the opposite, or nothing, can follow."""


ACTIVE = (
    "{a}(可/能/会/可能/)[{v}]{p}{n}", "{a}(可/能/会/可能/)[{v}]{p}{n}", "{a}(可/能/会)使{p}{n}[{c}]",
    "{a}对{p}{n}有[{v}](作用/效应)", "{a}不仅[{v}]{p}{n},还(可引起头晕/引起恶心/可致乏力)",
    "{a}不但不[{w}]{p}{n},反而使之[{c}]",
)  # fmt: skip
PASSIVE = (
    "{p}{n}(可/会/)被{a}[{v}]", "{p}{n}(可/会/常)因{a}而[{c}]", "{p}{n}在(合用/加用){a}(后/期间)[{c}]",
    "合用{a}(后/时),{p}{n}[{c}]",
)  # fmt: skip
INWARD = (
    "与{x}(合用/同用/联用)(时/),{n}[{c}]", "与{x}(合用/同用/联用)(时/),(可/能/会)[{v}]{n}",
    "本品与{x}(合用/同用)时,前者的{n}[{c}]", "{x}与本品(合用/同用)时,后者的{n}[{c}]",
)  # fmt: skip
OUTWARD = (
    "本品与{x}(合用/同用)时,后者的{n}[{c}]", "{x}与本品(合用/同用)时,前者的{n}[{c}]",
    "与本品(合用/同用)(时/后),{x}的{n}[{c}]", "加用本品(时/后),{x}的{n}[{c}]",
)  # fmt: skip

DENIED = (
    "{a}(不会/并不/未见/不能/不)[{v}]{p}{n}", "{a}(不会/并不/未见/不能/不)[{v}]{p}{n}",
    "{a}(不/并不/不会)[{t}]{p}{n}", "{p}{n}(并不/不会/未)因{a}而[{c}]", "{p}{n}[不受]{a}[{t}]",
    "{a}对{p}{n}[无影响]", "{a}对{p}{n}[影响不大]",
    "曾(认为/怀疑/有报道称){a}(可/会)[{v}]{p}{n},(后来/但)[未能证实]", "{a}[{v}]{p}{n}的说法已[予以否定]",
    "{a}(可/能)在体外[{v}]{p}{n},(人体内/临床上)[未见此现象]", "即使(大剂量/长期应用),{a}也不[{v}]{p}{n}",
)  # fmt: skip
DENIED_INWARD = (
    "与{x}(合用/同用)(时/),{n}(未见/没有/并未)[{c}]", "与{x}(合用/同用)(时/),{n}(未见/没有/并未)[{c}]",
    "与{x}(合用/同用)(未见/并无)[(协同作用/拮抗作用/相互作用)]", "与{x}(合用/同用)[耐受良好]",
)  # fmt: skip
PERMITTED = (
    "[(可以/允许)]与{x}(合用/同用/联用)", "与{x}(合用/同用)[(无需/不必)](调整剂量/更改用法)",
    "[(无需/不必)][避免]与{x}(合用/同用)", "与{x}(合用/同用)并非[禁忌]", "并不[(禁止/禁忌)]与{x}(合用/联用)",
)  # fmt: skip
FORBIDDEN = (
    "[(禁止/不得/不宜/避免/切勿/不应)]与{x}(合用/同用/联用)",
    "[(禁止/不得/不宜/避免/切勿/不应)]与{x}(合用/同用/联用)", "(正在使用/近期用过){x}者[禁用]",
    "未停用{x}者[(不得/不宜/不应)](使用/服用)本品", "与{x}(合用/同用)(属/为)[禁忌]",
    "除非(有心电监护/医师认可/别无选择),[(不得/不应/不宜)]与{x}(合用/同用)",
    "{x}与本品[(不宜/不得/禁止)](合用/同服)", "只有停用{x}两周后才[可以](使用/服用)本品",
    "不能认为[可以]与{x}(合用/同用)",
)  # fmt: skip
ADDED = (
    "与{x}(合用/同用)(时/),{n}(可/会/)[(相加/叠加/累加)]", "{x}与本品的{n}(可/会)[(相加/叠加/累加)]",
    "{x}与本品的{n}仅为[相加],并无[协同作用]",
)  # fmt: skip
MUTUAL = {
    SYNERGY: (
        "与{x}(合用/同用/联用)有[协同作用]", "{x}与本品的{n}[(相互增强/互相加强)]",
        "{x}与本品的{n}并非[相加],而是[相互增强]",
    ),
    ANTAGONISM: (
        "与{x}(合用/同用)(有/可产生)[拮抗作用]", "{x}与本品的{n}[(相互拮抗/相互对抗)]",
        "{x}与本品并无[协同作用],而是[相互拮抗]",
    ),
}  # fmt: skip
"""What the words of a relation without direction are when a drug acts on none in particular."""
FORBIDDING = (",(故/因此/所以)[(不宜/避免/禁止/不应)](合用/同用)", ",(合用/同用)[禁忌]", ",[(切勿/不得)](合用/同用)")
SPARING = (",但[(不必/无需)][避免](合用/同用)", ",不过并非(合用)[禁忌]", ",仍[(可以/允许)](合用/同用)")


def say(rng: random.Random, pattern: str, **values: str) -> str:
    """A pattern with its choices made and its slots filled."""
    return _CHOICE.sub(lambda m: rng.choice(m[1].split("/")), pattern).format(**values)


def listed(rng: random.Random, names: Sequence[str]) -> str:
    """Names in coordination, each marked."""
    marked = [f"<{name}>" for name in names]
    if len(marked) == 1:
        return marked[0]
    return "、".join(marked[:-1]) + rng.choice("、、和及或") + marked[-1] + ("等" if rng.random() < 0.15 else "")


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

    Where a mechanism and what comes of it are told, what comes of it counts, in whatever order they are told.
    """
    kind, way = DIRECTED[relation]
    if kind == "process" and rng.random() < 0.4:
        kind = "level"
    outcome = kind != "process"
    if outcome and rng.random() < 0.2:
        return _outcome(rng, relation, kind, way, agent, patient)
    patterns = ACTIVE if rng.random() < 0.6 else PASSIVE
    if inward is not None and rng.random() < 0.45:
        patterns = INWARD if inward else OUTWARD
    pattern = rng.choice(patterns)
    names = {"a": agent, "p": owner(patient), "x": agent if inward else patient}
    hard = ("denied_word",) if "{w}" in pattern else ()
    return Said(say(rng, pattern, **names, **_words(rng, kind, way)), relation, NEIGHBOUR[relation], hard)


def _outcome(rng: random.Random, relation: str, kind: str, way: str, agent: str, patient: str) -> Said:
    """A process changes, and with it an effect or a level: any way."""
    first = rng.choice((PROMOTION, INHIBITION))
    words, end = _words(rng, *DIRECTED[first]), _words(rng, kind, way)
    cause = say(rng, rng.choice((*ACTIVE[:3], *PASSIVE[:2])), a=agent, p=owner(patient), **words)
    draw = rng.random()
    if draw < 0.45:
        text = cause + say(rng, ",(从而/因而/最终/结果)使其{n}[{c}]", **end)
    elif draw < 0.6:
        text = "虽然" + cause + say(rng, ",但其{n}(却/反而/仍)[{c}]", **end)
    else:
        text = say(rng, rng.choice((*ACTIVE[:3], *PASSIVE[:2])), a=agent, p=owner(patient), **end)
        text += say(rng, ",(原因是/系/可能由于)其{n}[{c}](所致/)", **words)
    return Said(text, relation, first if first != relation else NEIGHBOUR[relation], ("outcome",), bare=False)


def _words(rng: random.Random, kind: str, way: str) -> dict[str, str]:
    return {
        "n": rng.choice(lexicon.NOUNS[kind]),
        "v": rng.choice(lexicon.VERBS[kind, way]),
        "w": rng.choice(lexicon.VERBS[kind, "-" if way == "+" else "+"]),
        "c": rng.choice(lexicon.CHANGES[kind, way]),
        "t": rng.choice(lexicon.TOUCH),
    }


def denied(rng: random.Random, agent: str, patient: str, inward: bool | None = None) -> Said:
    """One drug does nothing to another, in words that elsewhere say that it does."""
    kind, way = rng.choice(list(lexicon.VERBS))
    second = next(r for r, (k, w) in DIRECTED.items() if w == way and (k == "effect") == (kind == "effect"))
    words = _words(rng, kind, way)
    if rng.random() < 0.18:
        cause = say(rng, rng.choice(ACTIVE[:3]), a=agent, p=owner(patient), **words)
        effect = rng.choice(lexicon.NOUNS["effect"])
        text = "虽然" + cause + say(rng, ",但其{m}(并未/没有/未见)[({c}/变化)]", m=effect, **words)
    else:
        patterns = DENIED_INWARD if inward and rng.random() < 0.35 else DENIED
        text = say(rng, rng.choice(patterns), a=agent, p=owner(patient), x=agent, **words)
    return Said(text, NONE, second, ("denied_word",), bare=False)


def both(rng: random.Random, relation: str, drugs: str) -> Said:
    """A relation between the leaflet's drug and others that has no direction in the words."""
    noun = rng.choice(lexicon.NOUNS["effect"])
    if relation == NONE:
        text = say(rng, rng.choice(PERMITTED), x=drugs)
        return Said(text, NONE, TABOO, ("denied_word",), bare=False)
    patterns = {TABOO: FORBIDDEN, ADDITION: ADDED, **MUTUAL}[relation]
    text = say(rng, rng.choice(patterns), x=drugs, n=noun)
    return Said(text, relation, NEIGHBOUR[relation], bare=False)


def with_advice(rng: random.Random, said: Said, forbid: bool) -> Said:
    """What was said as the reason for a prohibition, which then is the relation; or as no reason for one."""
    if forbid:
        lead = "因" if rng.random() < 0.2 else ""
        text = lead + said.text + say(rng, rng.choice(FORBIDDING))
        return Said(text, TABOO, said.relation, (*said.hard, "forbidden_for_a_reason"), bare=False)
    text = said.text + say(rng, rng.choice(SPARING))
    return replace(said, text=text, second=TABOO, hard=(*said.hard, "denied_word"), bare=False)
