"""What the generated coronary arteriography findings say of vessels: one function a clause or a group of clauses.

Each adds words, entities and relations to a `Telling`, by the rules of `arteriography`.
"""

import random
from collections.abc import Sequence

from relex.corpora.generators.angiography import lexicon as vessels
from relex.corpora.generators.arteriography import lexicon, patterns
from relex.corpora.generators.arteriography.patterns import MODIFIER, NEGATIVE, PERCENTAGE, POSITION, Telling

FURTHER = {"trait": 23, "passing": 12, "flow": 60, "reach": 18, "unsure": 6, "maybe": 6, "deny": 3, "bed": 3}
"""What can be told after a lesion, and how often."""


def normal(t: Telling, names: Sequence[str], denies: float) -> None:
    """Parts without a lesion: what they are, or what they have not, or both."""
    rng = t.rng
    if rng.random() < 0.15 * denies:
        _deny(t, patterns.SOLE, b=names)
        return
    ostia = names[0] in {name for pair in lexicon.OSTIA for name in pair}
    finding = {"N": "位置", "d": "正常"} if ostia else _finding(t, lexicon.NORMAL)
    pattern = rng.choice(patterns.SOUND[: 2 if ostia else None])
    found = t.say(pattern if len(names) > 1 else pattern.replace("均", ""), b=names, **finding)
    t.about(found["b"])
    t.relate(MODIFIER, found["d"], t.subject)
    for _ in range(0 if ostia else rng.choices((0, 1, 2), (20, 45, 35))[0]):
        more = _finding(t, lexicon.NORMAL[:-1])
        t.relate(MODIFIER, t.say(rng.choice(patterns.AND_SOUND), **more)["d"], t.subject)
    if rng.random() < denies:
        _deny(t, patterns.DENIES if rng.random() < 0.4 else patterns.DENIES_DEGREE)
        if rng.random() < 0.55 * denies:
            _deny(t, patterns.DENIES[1:3])


def _deny(t: Telling, choices: Sequence[str], **parts: Sequence[str]) -> None:
    """Deny a finding of `parts`, or of the parts the text is about."""
    rng = t.rng
    sentence = t.text[t.text.rfind("。") + 1 :]
    finding, other = rng.sample([word for word in lexicon.DENIED if word not in sentence], 2)
    degree = rng.choice([word for word in lexicon.DENIED_DEGREES if word not in sentence] or ["受压"])
    words = {"n": rng.choice(lexicon.NEGATIONS), "D": finding, "E": other, "x": degree}
    found = t.say(rng.choice(choices), **parts, **words)
    if parts:
        t.about(found["b"])
    t.relate(NEGATIVE, found["n"], t.subject)


def all_but(t: Telling, names: Sequence[str], key: str, name: str) -> None:
    """Parts of which all but one have nothing, and then that one."""
    rng = t.rng
    pattern = rng.choice(patterns.EXCEPT)
    if pattern.startswith("除"):
        names = [other for other in names if other != name]
    words = {"n": rng.choice(lexicon.NEGATIONS), "D": rng.choice(("异常", "病变", "畸形")), "x": "狭窄"}
    found = t.say(pattern, b=names, p=name, **words)
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
    _deny(t, patterns.SUMMARY)
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
            found = t.say(rng.choice(patterns.SAME_DEGREE), l=places.pop(), q=_percent(rng, t.word(t.narrowing)))
            t.relate(PERCENTAGE, found["q"], [t.narrowing])
            t.place = found["l"]
            t.hard["elided_degree"] += 1
        elif places and rng.random() < 0.52:
            t.text += rng.choice(patterns.GAP)
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
        found = t.say(rng.choice(patterns.MORE_TRAIT), **_finding(t, lexicon.TRAITS))
        _told(t, found["d"], t.place)
        t.hard["elided_part"] += 1
    elif kind == "passing":
        mentioned = {t.word(i) for i in t.subject}
        others = [v for variants in vessels.VESSELS.values() for v in variants[:2]]
        others += [branch for branches in vessels.BRANCHES.values() for branch in branches]
        other = rng.choice([other for other in others if other not in mentioned])
        t.say(rng.choice(patterns.PASSING), p=other, l=rng.choice(lexicon.PLACES))
    elif kind == "flow":
        t.say(rng.choice(patterns.FLOW), t=rng.choice(lexicon.GRADES))
    elif kind == "reach":
        t.say(rng.choice(patterns.REACH), l=rng.choice(lexicon.REACHED))
    elif kind == "unsure":
        t.say(rng.choice(patterns.UNSURE), D=rng.choice(lexicon.DENIED[:2]))
        t.hard["double_negation"] += 1
    elif kind == "maybe":
        _told(t, t.say(rng.choice(patterns.MAYBE), **_finding(t, lexicon.TRAITS))["d"], t.place)
        t.hard.update(double_negation=1, elided_part=1)
    elif kind == "deny":
        _deny(t, patterns.DENIES if rng.random() < 0.4 else patterns.DENIES_DEGREE)
    else:
        found = t.say(rng.choice(patterns.BED), b=rng.choice(lexicon.BEDS), **_finding(t, lexicon.NORMAL[2:4]))
        t.relate(MODIFIER, found["d"], found["b"])
        t.told += found["b"]


def _told(t: Telling, degrees: Sequence[int], places: Sequence[int]) -> None:
    """Degrees of the parts the text is about, at these places, which the next words can refer to."""
    t.relate(MODIFIER, degrees, t.subject)
    t.relate(POSITION, places, degrees)
    t.place = list(places)


def _named(t: Telling, parts: Sequence[int]) -> None:
    """From here on about `parts`; when a clause names none, about those as before."""
    if parts:
        t.about(parts)
    else:
        t.hard["elided_part"] += 1


def _narrow(t: Telling, places: list[str], name: str) -> None:
    rng = t.rng
    pattern = rng.choice(patterns.AFTER if rng.random() < 0.55 else patterns.BEFORE)
    degree = rng.choice(lexicon.NARROW)
    found = t.say(pattern, b=name, l=places.pop(), d=degree, q=_percent(rng, degree))
    _named(t, found["b"])
    _told(t, found["d"], found["l"])
    t.relate(PERCENTAGE, found["q"], found["d"])
    t.narrowing = found["d"][0]


def _narrow_places(t: Telling, places: list[str], name: str) -> None:
    rng = t.rng
    drawn = [places.pop(), places.pop()]
    pattern, degree = rng.choice(patterns.TWO_PLACES), rng.choice(lexicon.NARROW)
    percents = [_percent(rng, degree) for _ in (drawn if "各" in pattern else [0])]
    found = t.say(pattern, b=name, l=drawn, d=degree, q=percents)
    _named(t, found["b"])
    _told(t, found["d"], found["l"])
    t.relate(PERCENTAGE, found["q"], found["d"])
    t.narrowing = found["d"][0]


def _shut(t: Telling, places: list[str], name: str) -> None:
    found = t.say(t.rng.choice(patterns.SHUT), b=name, l=places.pop(), d=t.rng.choice(lexicon.CLOSED))
    _named(t, found["b"])
    _told(t, found["d"], found["l"])
    t.narrowing = None


def _trait(t: Telling, places: list[str], name: str) -> None:
    finding = _finding(t, lexicon.TRAITS)
    found = t.say(t.rng.choice(patterns.WITH_TRAIT), b=name, l=places.pop(), **finding)
    _named(t, found["b"])
    _told(t, found["d"], found["l"])


def _stent(t: Telling, places: list[str], name: str) -> None:
    """A stent at a place, which has no relation, and what is within the stent."""
    degree = t.rng.choice(lexicon.IN_STENT)
    words = {"l": places.pop(), "m": t.rng.choice(lexicon.INSIDE), "d": degree}
    found = t.say(t.rng.choice(patterns.STENT), b=name, **words)
    _named(t, found["b"])
    _told(t, found["d"], found["m"])


def _treated(t: Telling, places: list[str], name: str) -> None:
    """A treatment at a place, which has no relation, and what is left of the lesion."""
    words = {"W": t.rng.choice(lexicon.WIDTHS), "D": t.rng.choice(("复查", "造影示", "即刻")), "l": places.pop()}
    degree, percent = t.rng.choice(lexicon.RESIDUAL), t.rng.choice(("10%", "20%", "20%", "30%"))
    found = t.say(t.rng.choice(patterns.TREATED), b=name, d=degree, q=percent, **words)
    _named(t, found["b"])
    _told(t, found["d"], [])
    t.relate(PERCENTAGE, found["q"], found["d"])


def pair(t: Telling, names: Sequence[str]) -> None:
    """Two parts that share a lesion, or have one each."""
    rng = t.rng
    first, second = rng.choice(lexicon.NARROW), rng.choice(lexicon.NARROW)
    words = {"l": rng.choice(lexicon.PLACES), "d": first, "q": _percent(rng, first)}
    words |= {"m": rng.choice(lexicon.PLACES), "e": second, "r": _percent(rng, second)}
    if rng.random() < 0.25:
        found = t.say(rng.choice(patterns.SHARED_PLACE), b=names, **words)
        t.about(found["b"])
        _told(t, found["d"], found["l"])
    elif rng.random() < 0.35:
        found = t.say(rng.choice(patterns.SHARED), b=names[0], c=names[1], **words)
        t.about(found["b"] + found["c"])
        _told(t, found["d"], found["l"] + found["m"])
    else:
        found = t.say(rng.choice((*patterns.RESPECTIVELY, *patterns.TURNS)), b=names[0], c=names[1], **words)
        t.about(found["b"] + found["c"])
        for part, degree, place, percent in ("bdlq", "cemr"):
            t.relate(MODIFIER, found[degree], found[part])
            t.relate(POSITION, found[place], found[degree])
            t.relate(PERCENTAGE, found[percent], found[degree])
        t.hard["respectively"] += 1
        return
    t.relate(PERCENTAGE, found["q"], found["d"])
    if rng.random() < 0.5:
        _further(t, list(FURTHER))


def _places(rng: random.Random, key: str) -> list[str]:
    """Places of a vessel in any order; the key is empty for a branch."""
    usual = () if key == "LM" else lexicon.PLACES
    if rng.random() < 0.25:
        usual = [place.replace("段", "端") if place in ("近段", "远段") else place for place in usual]
    places = [*usual, *lexicon.LANDMARKS[key], *(["开口"] if key == "LM" else [])]
    return rng.sample(places, len(places))


def _percent(rng: random.Random, degree: str) -> str:
    """A percentage that goes with the degree, perhaps as a range."""
    percents = lexicon.RANGES if rng.random() < 0.12 else lexicon.PERCENTS
    low, high = next((bounds for word, bounds in lexicon.BOUNDS.items() if degree.startswith(word)), (0, 100))
    return rng.choice([percent for percent in percents if low <= int(percent[:2]) and int(percent[-3:-1]) <= high])


def _finding(t: Telling, table: Sequence[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """The words of a finding for the slots N and d, not told in this sentence if there is one."""
    sentence = t.text[t.text.rfind("。") + 1 :]
    fresh = [(n, ds) for n, ds in table if not (n and n in sentence) and not any(d in sentence for d in ds)]
    noun, degrees = t.rng.choice(fresh or table)
    return {"N": noun, "d": t.rng.choice(degrees)}
