"""interactions: generated Chinese drug–drug interaction statements, a stand-in for CH-DDI, which is not public.

Form (ISER paper, section 4.1.2): the drug of the leaflet, an @, and a sentence of its interactions; one entity type,
药物; seven relation types; only drugs that an interaction is stated of are entities. The grammar is our own and knows
no pharmacology: nothing in it is advice. The drug that acts is the head, the one acted on the tail; where no words
tell, the leaflet's drug is the tail. These rules make the labels:

* a prohibition counts more than the reason given for it, what comes of a mechanism more than the mechanism;
* an effect made stronger is 协同, weaker 拮抗; a process of the body or a level raised is 促进, lowered 抑制;
* what is denied, refuted or expressly allowed is 无关; drugs that a clause only compares or excludes are no entities.

Of a thousand clauses 45 have the label of their next best reading instead (`NOISE`), as annotators do: no model can
get all.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from relex.corpora.corpus import Corpus, fingerprint
from relex.corpora.generators.grammar import Told, at_least, dealt, different, unmarked
from relex.corpora.generators.interactions import patterns
from relex.corpora.generators.interactions.lexicon import TRAPS, TRIGGERS, longest_first, words
from relex.corpora.generators.interactions.patterns import Said, named, say
from relex.corpora.spec import CorpusSpec
from relex.documents import Document, Relation, RelationType, Schema, Span

VERSION = 2
DRUG = "药物"
RELATIONS = {
    "拮抗": "Antagonism", "抑制": "Inhibition", "协同": "Synergy", "禁忌": "Taboo", "无关": "Irrelevance",
    "促进": "Promotion", "相加": "Addition",
}  # fmt: skip
"""Relation types with their names in the paper, in the order of its Table 2."""
SCHEMA = Schema((DRUG,), tuple(RelationType(name, ((DRUG, DRUG),)) for name in RELATIONS))

TARGETS = {"拮抗": 328, "抑制": 142, "协同": 437, "禁忌": 370, "无关": 218, "促进": 137, "相加": 30}
"""Relations of each type in the paper's 732 sentences (Table 2, both parts)."""
SENTENCES = 732
"""Sentences by default, without those that fill the test part up: as many as in the paper."""
SHARES = {"test": 147 / 732, "dev": 58.5 / 732}
"""The share of test as printed; a tenth of the rest is development."""
TEST = 300
"""Test sentences by default."""
NOISE = 0.045
"""Share of the clauses that get the label of their next best reading."""
FEWEST = 20
"""Sentences; fewer cannot be split."""

_HIDDEN = longest_first({*words.drugs, *words.classes, *TRAPS, *words.advice})
_TRIGGER = re.compile("|".join([*map(re.escape, _HIDDEN), f"({'|'.join(map(re.escape, TRIGGERS))})"]))


def generate(sentences: int = SENTENCES, seed: int = 0, test: int = TEST) -> Corpus:
    """Generate `sentences` different sentences (at least twenty): a fifth is test, a tenth of the rest development.

    The test part is filled up with further sentences until it has `test` (0: it stays a fifth of `sentences`); the
    sentences before are the same whatever `test` is. `test=0` gives the corpus to compare with the paper's counts.

    Which sentence is in which part is chance with a fixed seed, so that, other than in the paper, test sentences hold
    as much as training ones. `counts` has `PART.entities`, `PART.relations` (the paper's train is our train and dev)
    and `PART.mixed_up` (relations of clauses with the label of the next best reading), and over all parts:
    `several_relations` and `mixed`, sentences with a drug in two relations or more, and with two relation types or
    more; `coordination`, groups of three drugs or more; `outward` and `between`, relations from the leaflet's drug
    to another, and between others; `class_name`, classes that are entities; `bystander`, drugs named that are none;
    and clauses: `condition`, `respectively` (分别, 前者 and 后者), `elliptic` (the relation of a drug stated by a word
    such as 相反 alone), `denied_word` (with a trigger that is denied), `outcome` (with a mechanism and what comes of
    it), `forbidden_for_a_reason`.
    The same arguments give the same corpus. Raises a `RelexError` for too few sentences.
    """
    at_least(FEWEST, sentences, "interactions", "sentences")
    rng = random.Random(seed)
    told = different(lambda given, _: tell(rng, given), _types)
    parts, hard = dealt(told, sentences, test, SHARES)
    counts: Counter = Counter()
    for part, documents in parts.items():
        for d in documents:
            mixed_up = hard[d.id].pop("mixed_up", 0)
            sizes = {"entities": len(d.entities), "relations": len(d.relations), "mixed_up": mixed_up}
            counts.update({f"{part}.{name}": number for name, number in sizes.items()})
            counts.update(hard[d.id])
    mark = fingerprint("interactions", VERSION, sentences, seed, test)
    return Corpus("interactions", SCHEMA, **parts, fingerprint=mark, stand_in=True, counts=dict(counts))


def _types(document: Document) -> Counter[str]:
    return Counter(relation.type for relation in document.relations)


def trigger_spans(text: str) -> list[tuple[int, int]]:
    """Where the words stand that state a relation or take one back: (start, end) in characters, end exclusive.

    Found by the lexicon, the longest word first; not within names of drugs and effects, nor in advice. Bare negations
    (不, 未见, 并未) are none. In generated sentences these are the words that the grammar put there as triggers, no
    more and no fewer.
    """
    return [match.span(1) for match in _TRIGGER.finditer(text) if match[1]]


@dataclass(slots=True)
class _Teller:
    """What is known while one sentence is told: drugs not yet named, relations by name, and what is hard so far."""

    rng: random.Random
    leaflet: str
    spare: list[str]
    named: set[str]
    share: dict[str, float]
    relations: list[tuple[str, str, str]] = field(default_factory=list)
    hard: Counter = field(default_factory=Counter)

    def relation(self, among: Sequence[str] = ()) -> str:
        """A relation type, more likely the more of it are missing."""
        names = among or tuple(TARGETS)
        return self.rng.choices(names, [self.share[name] for name in names])[0]

    def drugs(self, number: int) -> list[str]:
        """Drugs that were not named before."""
        fresh = []
        while len(fresh) < number:
            name = self.spare.pop()
            if name not in self.named:
                fresh.append(name)
                self.named.add(name)
        return fresh

    def entities(self, number: int) -> list[str]:
        """Drugs that were not named before and that an interaction will be stated of."""
        drugs = self.drugs(number)
        self.hard["class_name"] += sum(drug in words.classes for drug in drugs)
        return drugs

    def relate(self, heads: Sequence[str], tails: Sequence[str], said: Said, noisy: bool) -> None:
        """Keep the relation that was said, or the next best reading of it."""
        for head in heads:
            for tail in tails:
                self.relations.append((head, said.second if noisy else said.relation, tail))
                self.hard["mixed_up"] += noisy

    def noisy(self) -> bool:
        return self.rng.random() < NOISE


def tell(rng: random.Random, given: Counter[str] | None = None) -> Told:
    """One sentence; `given` counts the relations there are already, so that what is missing becomes more likely."""
    given, total = given or Counter(), sum(TARGETS.values())
    ahead = sum(given.values()) + 60
    share = {name: max(0.1 * n / total, n / total * ahead - given[name]) for name, n in TARGETS.items()}
    base = rng.choice(words.drugs)
    names = [*rng.sample(words.drugs, 40), *rng.sample(list(words.classes), 16)]
    rng.shuffle(names)
    teller = _Teller(rng, base + rng.choice(words.forms), names, {base}, share)
    clauses = [_clause(teller) for _ in range(rng.choices((1, 2, 3), (74, 22, 4))[0])]
    if all(teller.leaflet not in (head, tail) for head, _, tail in teller.relations):
        clauses.append(_plain(teller))
    text = clauses[0]
    for clause in clauses[1:]:
        text += rng.choice((";", ";", ",", ",而", ",此外,", ",另外,")) + clause
    return _parsed(f"<d:{teller.leaflet}>@{text}", teller)


def _clause(teller: _Teller) -> str:
    """A clause with the words around it."""
    rng = teller.rng
    tell_it = rng.choices((_plain, _between, _respectively, _by_turns), (88, 4, 4, 4))[0]
    text = tell_it(teller)
    draw = rng.random()
    if draw < 0.14:
        text, teller.hard["condition"] = rng.choice(words.conditions) + text, teller.hard["condition"] + 1
    elif draw < 0.28:
        text = rng.choice(words.settings) + text
    elif draw < 0.36:
        text = _bystander(teller, words.asides) + text
    draw = rng.random()
    if draw < 0.16:
        text += rng.choice(words.advice)
    elif draw < 0.24:
        text += _bystander(teller, words.tails)
    return text


def _bystander(teller: _Teller, frames: Sequence[str]) -> str:
    teller.hard["bystander"] += 1
    return teller.rng.choice(frames).format(d=teller.drugs(1)[0])


def _plain(teller: _Teller) -> str:
    """The leaflet's drug and one or more others; perhaps one more that does the same, the opposite, or nothing."""
    rng = teller.rng
    drugs, names = _group(teller)
    relation, said, inward = teller.relation(), None, True
    if relation == patterns.NONE and rng.random() < 0.7 or relation in patterns.DIRECTED and rng.random() < 0.86:
        inward = rng.random() < 0.88
        said = _one_way(rng, relation, names, inward)
    elif relation == patterns.TABOO and rng.random() < 0.4:
        said = patterns.with_advice(rng, _one_way(rng, rng.choice(list(patterns.DIRECTED)), names, True), forbid=True)
    elif relation in (patterns.PROMOTION, patterns.INHIBITION):
        said = _one_way(rng, relation, names, True)
    else:
        said = patterns.both(rng, relation, names)
    if relation in patterns.DIRECTED and said.bare and rng.random() < 0.12:
        said = patterns.with_advice(rng, said, forbid=False)
    noisy = teller.noisy()
    _add(teller, drugs, inward, said, noisy)
    if said.relation in patterns.DIRECTED and said.bare and rng.random() < 0.17:
        return said.text + _ellipsis(teller, said, inward)
    if said.relation != patterns.TABOO and rng.random() < 0.13:
        return said.text + _back(teller, drugs, inward)
    return said.text


def _one_way(rng: random.Random, relation: str, names: str, inward: bool) -> Said:
    agent, patient = (names, "本品") if inward else ("本品", names)
    return patterns.one_way(rng, relation, agent, patient, inward)


def _group(teller: _Teller) -> tuple[list[str], str]:
    """Drugs in coordination, or a class with examples, or a class of which some are left out."""
    rng = teller.rng
    drugs = teller.entities(rng.choices((1, 2, 3, 4), (66, 21, 9, 4))[0])
    teller.hard["coordination"] += len(drugs) > 2
    names = named(rng, drugs)
    examples = [d for d in words.classes.get(drugs[-1], ()) if d not in teller.named]
    if examples and names.endswith(">") and rng.random() < 0.4:
        chosen = rng.sample(examples, min(len(examples), rng.choice((1, 1, 2))))
        teller.named.update(chosen)
        if rng.random() < 0.5:
            teller.hard["bystander"] += len(chosen)
            return drugs, f"{names}（{'、'.join(chosen)}除外）"
        return [*drugs, *chosen], f"{names}（如{'、'.join(f'<d:{drug}>' for drug in chosen)}）"
    return drugs, names


def _add(teller: _Teller, drugs: Sequence[str], inward: bool, said: Said, noisy: bool) -> None:
    """Keep what was said of the leaflet's drug and `drugs`."""
    heads, tails = (drugs, [teller.leaflet]) if inward else ([teller.leaflet], drugs)
    teller.relate(heads, tails, said, noisy)
    teller.hard.update(said.hard)
    teller.hard["outward"] += 0 if inward else len(drugs)


def _ellipsis(teller: _Teller, said: Said, inward: bool) -> str:
    """One more drug, of which only is said that it does the same, the opposite, or nothing."""
    rng, drugs = teller.rng, teller.entities(1)
    teller.hard["elliptic"] += 1
    which = rng.choice((said.relation, patterns.OPPOSITE[said.relation], patterns.NONE))
    stated = {
        said.relation: "<t:(亦然/同样如此/也是如此)>",
        patterns.NONE: "则<t:(无此作用/没有这种影响)>",
    }.get(which, "则<t:相反>")
    about = f"<d:{drugs[0]}>" if inward else f"对<d:{drugs[0]}>"
    _add(teller, drugs, inward, Said("", which, patterns.NEIGHBOUR.get(which, said.relation)), teller.noisy())
    return say(rng, f",(而/){about}{stated}")


def _back(teller: _Teller, drugs: Sequence[str], inward: bool) -> str:
    """What the other side does in turn, with a pronoun in the place of the names."""
    rng = teller.rng
    relation = teller.relation((*patterns.DIRECTED, patterns.NONE))
    agent, patient = ("本品", rng.choice(("其", "后者"))) if inward else (rng.choice(("其", "后者")), "本品")
    said = patterns.one_way(rng, relation, agent, patient)
    _add(teller, drugs, not inward, said, teller.noisy())
    return rng.choice((",而", ",同时", ",但")) + said.text


def _between(teller: _Teller) -> str:
    """A relation of two other drugs."""
    rng = teller.rng
    heads, tails = teller.entities(1), teller.entities(rng.choice((1, 1, 2)))
    relation = teller.relation((*patterns.DIRECTED, patterns.NONE))
    said = patterns.one_way(rng, relation, named(rng, heads), named(rng, tails))
    teller.relate(heads, tails, said, teller.noisy())
    teller.hard.update(said.hard)
    teller.hard["between"] += len(tails)
    return rng.choice(("本品治疗期间,", "使用本品者,", "")) + said.text


def _respectively(teller: _Teller) -> str:
    """Two drugs, two verbs, 分别."""
    rng, drugs = teller.rng, teller.entities(2)
    relations = rng.choice((("协同", "拮抗"), ("拮抗", "协同"), ("促进", "抑制"), ("抑制", "促进")))
    kind = patterns.DIRECTED[relations[0]][0]
    verbs = [rng.choice(words.verbs[kind][way]) for kind, way in map(patterns.DIRECTED.get, relations)]
    inward, noisy = rng.random() < 0.7, teller.noisy()
    agent, patient = (named(rng, drugs), "本品") if inward else ("本品", named(rng, drugs))
    values = {"a": agent, "p": patient, "v": verbs[0], "w": verbs[1], "n": rng.choice(words.nouns[kind])}
    for drug, relation in zip(drugs, relations, strict=True):
        _add(teller, [drug], inward, Said("", relation, patterns.OPPOSITE[relation]), noisy)
    teller.hard["respectively"] += 1
    return say(rng, "{a}(可/)分别<t:{v}>(和/、/与)<t:{w}>{p}的{n}", **values)


def _by_turns(teller: _Teller) -> str:
    """Two drugs, and what is to be said of the former and of the latter."""
    rng, drugs = teller.rng, teller.entities(2)
    names = named(rng, drugs).removesuffix("等")
    text = rng.choice(("本品常与{}同用", "联用{}的患者较多", "临床上可加用{}")).format(names)
    order = rng.choice((("前者", "后者"), ("后者", "前者")))
    for name in order:
        drug = drugs[name == "后者"]
        relation = teller.relation((*patterns.DIRECTED, patterns.NONE))
        inward = rng.random() < 0.7
        agent, patient = (name, "本品") if inward else ("本品", name)
        said = patterns.one_way(rng, relation, agent, patient)
        _add(teller, [drug], inward, said, teller.noisy())
        text += "," + said.text
    teller.hard["respectively"] += 1
    return text


def _parsed(marked: str, teller: _Teller) -> Told:
    """The marked words as a Document, and what is hard in it."""
    text, places = unmarked(marked)
    spans = tuple(Span(start, end, DRUG) for start, end in places["d"])
    index = {text[span.start : span.end]: i for i, span in enumerate(spans)}
    relations = tuple(dict.fromkeys(Relation(index[h], index[t], name) for h, name, t in teller.relations))
    taken = Counter(i for r in relations for i in (r.head, r.tail))
    teller.hard["several_relations"] += any(n > 1 for n in taken.values())
    teller.hard["mixed"] += len({r.type for r in relations}) > 1
    return Told(Document("", text, spans, relations), teller.hard, tuple(places.get("t", ())))


SPEC = CorpusSpec("interactions", generate, title="interactions, a generated stand-in for CH-DDI", stand_in=True)
