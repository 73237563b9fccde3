"""What the generated coronary arteriography findings say of vessels: one function a clause or a group of clauses.

Each adds words, entities and relations to a `Telling`, by the rules of `arteriography`.
"""

import random
from collections.abc import Sequence

from relex.corpora.generators.angiography.lexicon import words as vessels
from relex.corpora.generators.arteriography.lexicon import words
from relex.corpora.generators.arteriography.patterns import MODIFIER, NEGATIVE, PERCENTAGE, POSITION, Telling, frames
from relex.corpora.generators.grammar import Words

FURTHER = {"trait": 23, "passing": 12, "flow": 60, "reach": 18, "unsure": 6, "maybe": 6, "deny": 3, "bed": 3}
"""The kinds of clauses that can follow a lesion, and how often each does."""
SOUND = {noun: degrees for noun, degrees in words.normal.items() if noun}
"""The sound parts that can follow another sound one, with their degrees."""
SOUND_BEDS = {noun: words.normal[noun] for noun in ("显影", "管腔")}
"""What is sound of a vessel's bed."""


def normal(t: Telling, names: Sequence[str], denies: float) -> None:
    """Parts without a lesion: what they are, or what they have not, or both."""
    rng = t.rng
    if rng.random() < 0.15 * denies:
        _deny(t, frames.sole, b=names)
        return
    ostia = names[0] in {name for pair in words.ostia for name in pair}
    finding = {"N": "位置", "d": "正常"} if ostia else _finding(t, words.normal)
    pattern = rng.choice(frames.sound[: 2 if ostia else None])
    found = t.say(pattern if len(names) > 1 else pattern.replace("均", ""), b=names, **finding)
    t.about(found["b"])
    t.relate(MODIFIER, found["d"], t.subject)
    for _ in range(0 if ostia else rng.choices((0, 1, 2), (20, 45, 35))[0]):
        more = _finding(t, SOUND)
        t.relate(MODIFIER, t.say(rng.choice(frames.and_sound), **more)["d"], t.subject)
    if rng.random() < denies:
        _deny(t, frames.denies if rng.random() < 0.4 else frames.denies_degree)
        if rng.random() < 0.55 * denies:
            _deny(t, frames.denies[1:3])


def _deny(t: Telling, choices: Sequence[str], **parts: Sequence[str]) -> None:
    """Deny a finding of `parts`, or of the parts the text is about."""
    rng = t.rng
    told = t.sentence
    finding, other = rng.sample([word for word in words.denied if word not in told], 2)
    degree = rng.choice([word for word in words.denied_degrees if word not in told] or ["受压"])
    values = {"n": rng.choice(words.negations), "D": finding, "E": other, "x": degree}
    found = t.say(rng.choice(choices), **parts, **values)
    if parts:
        t.about(found["b"])
    t.relate(NEGATIVE, found["n"], t.subject)


def all_but(t: Telling, names: Sequence[str], key: str, name: str) -> None:
    """Parts of which all but one have nothing, and then that one."""
    rng = t.rng
    pattern = rng.choice(frames.excepting)
    if pattern.startswith("除"):
        names = [other for other in names if other != name]
    values = {"n": rng.choice(words.negations), "D": rng.choice(("异常", "病变", "畸形")), "x": "狭窄"}
    found = t.say(pattern, b=names, p=name, **values)
    free = [i for i in found["b"] if t.word(i) != name]
    t.relate(NEGATIVE, found["n"], free)
    t.told += free
    t.hard["exception"] += 1
    t.text += "，"
    if rng.random() < 0.6:
        t.about(found["p"])
        t.text += rng.choice(("该支", "该血管"))
        name = ""
    vessel(t, key, name)


def summary(t: Telling) -> None:
    """The denial at the end, which holds for all parts told of so far."""
    t.subject = list(t.told)
    _deny(t, frames.summary)
    t.hard["summary"] += 1


def vessel(t: Telling, key: str, name: str) -> None:
    """A vessel with a lesion and what else there is to say; without a name, the one that the text is about."""
    rng = t.rng
    places = _places(rng, key)
    first = rng.choices((_narrow, _narrow_places, _shut, _trait, _stent, _treated), (50, 14, 10, 8, 9, 9))[0]
    first(t, places, name)
    spare = list(FURTHER)
    for _ in range(rng.choices((0, 1, 2, 3, 4), (5, 15, 26, 30, 24))[0]):
        if t.narrowing is not None and places and rng.random() < 0.15:
            found = t.say(rng.choice(frames.same_degree), l=places.pop(), q=_percent(rng, t.word(t.narrowing)))
            t.relate(PERCENTAGE, found["q"], [t.narrowing])
            t.place = found["l"]
            t.hard["elided_degree"] += 1
        elif places and rng.random() < 0.52:
            t.text += rng.choice(frames.gap)
            rng.choices((_narrow, _shut, _trait), (70, 15, 15))[0](t, places, "")
        else:
            _further(t, spare)


def _further(t: Telling, spare: list[str]) -> None:
    """Something more about the same parts, or something in passing, of what is to `spare`."""
    rng = t.rng
    kind = rng.choices(spare, [FURTHER[kind] for kind in spare])[0]
    if kind != "trait":
        spare.remove(kind)
    if kind == "trait":
        found = t.say(rng.choice(frames.more_trait), **_finding(t, words.traits))
        _told(t, found["d"], t.place)
        t.hard["elided_part"] += 1
    elif kind == "passing":
        mentioned = {t.word(i) for i in t.subject}
        others = [v for variants in vessels.vessels.values() for v in variants[:2]]
        others += [branch for branches in vessels.branches.values() for branch in branches]
        other = rng.choice([other for other in others if other not in mentioned])
        t.say(rng.choice(frames.passing), p=other, l=rng.choice(words.places))
    elif kind == "flow":
        t.say(rng.choice(frames.flow), t=rng.choice(words.grades))
    elif kind == "reach":
        t.say(rng.choice(frames.reach), l=rng.choice(words.reached))
    elif kind == "unsure":
        t.say(rng.choice(frames.unsure), D=rng.choice(words.denied[:2]))
        t.hard["double_negation"] += 1
    elif kind == "maybe":
        _told(t, t.say(rng.choice(frames.maybe), **_finding(t, words.traits))["d"], t.place)
        t.hard.update(double_negation=1, elided_part=1)
    elif kind == "deny":
        _deny(t, frames.denies if rng.random() < 0.4 else frames.denies_degree)
    else:
        found = t.say(rng.choice(frames.bed), b=rng.choice(words.beds), **_finding(t, SOUND_BEDS))
        t.relate(MODIFIER, found["d"], found["b"])
        t.told += found["b"]


def _told(t: Telling, degrees: Sequence[int], places: Sequence[int]) -> None:
    """Degrees of the parts the text is about, at these places, which the next words can refer to."""
    t.relate(MODIFIER, degrees, t.subject)
    t.relate(POSITION, places, degrees)
    t.place = list(places)


def _narrow(t: Telling, places: list[str], name: str) -> None:
    rng = t.rng
    pattern = rng.choice(frames.after if rng.random() < 0.55 else frames.before)
    degree = rng.choice(words.narrow)
    found = _say(t, pattern, b=name, l=places.pop(), d=degree, q=_percent(rng, degree))
    t.narrowing = found["d"][0]


def _narrow_places(t: Telling, places: list[str], name: str) -> None:
    rng = t.rng
    drawn = [places.pop(), places.pop()]
    pattern, degree = rng.choice(frames.two_places), rng.choice(words.narrow)
    percents = [_percent(rng, degree) for _ in (drawn if "各" in pattern else [0])]
    t.narrowing = _say(t, pattern, b=name, l=drawn, d=degree, q=percents)["d"][0]


def _shut(t: Telling, places: list[str], name: str) -> None:
    _say(t, t.rng.choice(frames.shut), b=name, l=places.pop(), d=t.rng.choice(words.closed))
    t.narrowing = None


def _trait(t: Telling, places: list[str], name: str) -> None:
    finding = _finding(t, words.traits)
    _say(t, t.rng.choice(frames.with_trait), b=name, l=places.pop(), **finding)


def _stent(t: Telling, places: list[str], name: str) -> None:
    """A stent at a place, which has no relation, and what is within the stent."""
    degree = t.rng.choice(words.in_stent)
    values = {"l": places.pop(), "m": t.rng.choice(words.inside), "d": degree}
    _say(t, t.rng.choice(frames.stent), at="m", b=name, **values)


def _treated(t: Telling, places: list[str], name: str) -> None:
    """A treatment at a place, which has no relation, and what is left of the lesion."""
    values = {"W": t.rng.choice(words.widths), "D": t.rng.choice(("复查", "造影示", "即刻")), "l": places.pop()}
    values |= {"d": t.rng.choice(words.residual), "q": t.rng.choice(("10%", "20%", "20%", "30%"))}
    _say(t, t.rng.choice(frames.treated), at="", b=name, **values)


def pair(t: Telling, names: Sequence[str]) -> None:
    """Two parts that share a lesion, or have one each."""
    rng = t.rng
    first, second = rng.choice(words.narrow), rng.choice(words.narrow)
    values = {"l": rng.choice(words.places), "d": first, "q": _percent(rng, first)}
    values |= {"m": rng.choice(words.places), "e": second, "r": _percent(rng, second)}
    if rng.random() < 0.25:
        _say(t, rng.choice(frames.shared_place), b=names, **values)
    elif rng.random() < 0.35:
        _say(t, rng.choice(frames.shared), at="lm", b=names[0], c=names[1], **values)
    else:
        found = t.say(rng.choice((*frames.respectively, *frames.turns)), b=names[0], c=names[1], **values)
        t.about(found["b"] + found["c"])
        for part, degree, place, percent in ("bdlq", "cemr"):
            t.relate(MODIFIER, found[degree], found[part])
            t.relate(POSITION, found[place], found[degree])
            t.relate(PERCENTAGE, found[percent], found[degree])
        t.hard["respectively"] += 1
        return
    if rng.random() < 0.5:
        _further(t, list(FURTHER))


def _say(t: Telling, pattern: str, at: str = "l", **values: str | Sequence[str]) -> dict[str, list[int]]:
    """A finding of the parts that the pattern names, or else of those as before, at the places of the slots `at`."""
    found = t.say(pattern, **values)
    if parts := found["b"] + found["c"]:
        t.about(parts)
    else:
        t.hard["elided_part"] += 1
    _told(t, found["d"], [place for slot in at for place in found[slot]])
    t.relate(PERCENTAGE, found["q"], found["d"])
    return found


def _places(rng: random.Random, key: str) -> list[str]:
    """Places of a vessel in any order; the key is empty for a branch."""
    usual = () if key == "LM" else words.places
    if rng.random() < 0.25:
        usual = [place.replace("段", "端") if place in ("近段", "远段") else place for place in usual]
    places = [*usual, *words.landmarks[key], *(["开口"] if key == "LM" else [])]
    return rng.sample(places, len(places))


def _percent(rng: random.Random, degree: str) -> str:
    """A percentage that goes with the degree, perhaps as a range."""
    percents = words.ranges if rng.random() < 0.12 else words.percents
    low, high = next((bounds for word, bounds in words.bounds.items() if degree.startswith(word)), (0, 100))
    return rng.choice([percent for percent in percents if low <= int(percent[:2]) and int(percent[-3:-1]) <= high])


def _finding(t: Telling, table: dict[str, Words]) -> dict[str, str]:
    """The words of a finding for the slots N and d, not told in this sentence if there is one."""
    told = t.sentence
    fresh = [(n, ds) for n, ds in table.items() if not (n and n in told) and not any(d in told for d in ds)]
    noun, degrees = t.rng.choice(fresh or list(table.items()))
    return {"N": noun, "d": t.rng.choice(degrees)}
