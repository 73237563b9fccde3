"""angiography: generated coronary angiography reports in the form of casmed, a stand-in where that corpus is missing.

A report is drawn as a plan first (`plan`) and then told segment by segment. What is told is related, what
is denied, kept ready or not given is annotated as an entity and stands in no relation. A finding belongs to the body
part that it is told of, also when a later clause of the segment leaves the part out; a device is related to a place
only where it is put there, to a treatment only where it is used for it.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from relex.corpora.corpus import Corpus, fingerprint
from relex.corpora.generators.angiography.lexicon import words
from relex.corpora.generators.angiography.patterns import Clause, Frame, fill, frames, joined
from relex.corpora.generators.angiography.plan import Dose, Intervention, Lesion, Plan, Site, Vessel, plan
from relex.corpora.generators.grammar import at_least, common, unrelated
from relex.corpora.readers.casmed import SCHEMA, SHARES, choose_split
from relex.corpora.spec import CorpusSpec
from relex.corpora.splits import deal, deal_novel, same_text, seen, without_seen
from relex.documents import Document, Relation, Span

T = TypeVar("T")

VERSION = 1
OPTIONS = {
    "split": ("report", "report-unseen", "distinct", "novel", "shipped"),
    "unit": ("segment", "report"),
}
ASIDE_SHARE = 0.6
"""Of what was not done, how much is told within a segment about something else."""
TOGETHER_SHARE = 0.58
"""Of the steps of a treatment, how many stand in one segment with the step before."""
FEWEST = 10
"""Reports; fewer cannot be split."""


def generate(reports: int = 500, seed: int = 0, split: str = "report", unit: str = "segment") -> Corpus:
    """Generate `reports` reports (at least ten) and split them as `casmed` is split.

    `split`: `report` (default; `shipped` and empty mean the same), reports whole on one side; `report-unseen`, the
    same, of whose test part only what is not verbatim in train or dev is kept; `distinct`, every distinct segment
    once; `novel`, the same segments, dealt as those of casmed (`relex.corpora.splits.deal_novel`). A fifth is test,
    a tenth of the rest dev. `unit`: `segment` (default), or `report`, only with split `report`.

    `counts` has `dev.seen`, `test.seen` and `test.seen_in_train` as casmed has, and how often the hard structures
    occur in all parts together, see `structures`. The same arguments give the same corpus, the same `reports` and
    `seed` the same reports. Raises a `RelexError` for a number, split or unit that cannot be had.
    """
    split, unit = choose_split("angiography", OPTIONS, "" if split == "shipped" else split, unit)
    at_least(FEWEST, reports, "angiography", "reports")
    told = _told(random.Random(seed), reports)
    distinct = [same[0] for same in same_text(d for segments in told for d in segments)]
    if split == "distinct":
        parts = deal([[document] for document in distinct], SHARES)
    elif split == "novel":
        parts = deal_novel(distinct, SHARES)
    else:
        parts = deal([[_joined(segments)] if unit == "report" else segments for segments in told], SHARES)
    if split == "report-unseen":
        parts = without_seen(parts)
    counts = seen(parts) | structures([d for documents in parts.values() for d in documents])
    mark = fingerprint("angiography", VERSION, reports, seed, split, unit)
    return Corpus("angiography", SCHEMA, **parts, fingerprint=mark, stand_in=True, counts=counts)


def _told(rng: random.Random, reports: int) -> list[list[Document]]:
    """The segments of every report, as Documents REPORT-NUMBER; no two reports are the same."""
    told: dict[str, list[Document]] = {}
    while len(told) < reports:
        segments = tell(rng, plan(rng))
        name = len(told)
        named = [Document(f"{name}-{n}", d.text, d.entities, d.relations) for n, d in enumerate(segments, 1)]
        told.setdefault("".join(d.text for d in segments), named)
    return list(told.values())


def _joined(segments: list[Document]) -> Document:
    """The report that `segments` make up."""
    text, entities, relations = "", [], []
    for d in segments:
        first, shift = len(entities), len(text)
        entities += [Span(s.start + shift, s.end + shift, s.type) for s in d.entities]
        relations += [Relation(r.head + first, r.tail + first, r.type) for r in d.relations]
        text += d.text
    return Document(segments[0].id.partition("-")[0], text, tuple(entities), tuple(relations))


def tell(rng: random.Random, told: Plan) -> list[Document]:
    """Put a plan into words: its segments as Documents without ids."""
    segments = [
        *_access(rng, told),
        [_clause(rng, frames.exams, e=told.exam, c=told.catheters, s=told.overall)],
        *_vessels(rng, told.vessels),
        *(
            [_clause(rng, frames.both if i.both else frames.imaging, b=str(i.site), e=i.exam, s=i.findings)]
            for i in told.imaging
        ),
        *(segment for work in told.interventions for segment in _intervention(rng, work)),
        *([[_clause(rng, frames.rescue, R=_doses(told.rescue))]] if told.rescue else []),
        *_closing(rng, told),
    ]
    asides = [_clause(rng, frames.idle, cn=device) for device in told.idle]
    asides += [_clause(rng, frames.withheld, W=_doses((dose,))) for dose in told.withheld]
    asides += [_clause(rng, frames.refused, tn=told.refused)] if told.refused else []
    for aside in asides:
        if rng.random() < ASIDE_SHARE:
            rng.choice(segments).append(aside)
        else:
            segments.insert(rng.randint(1, len(segments)), [aside])
    return [fill(rng, Clause(c.frame + Frame("。"), c.values)) for c in map(joined, segments)]


def _clause(rng: random.Random, some: Sequence[Frame], **values: str | tuple[str, ...]) -> Clause:
    """One of `some` frames with its values."""
    return Clause(common(rng, some), values)


def _access(rng: random.Random, told: Plan) -> list[list[Clause]]:
    puncture = common(rng, words.punctures)
    way = {"b": told.artery, "t": puncture, "c": told.sheath, "R": _doses((told.anaesthetic,))}
    access, drugs = _clause(rng, frames.access, **way), _clause(rng, frames.drugs, R=_doses(told.drugs))
    return [[access, drugs]] if rng.random() < 0.35 else [[access], [drugs]]


def _doses(doses: Iterable[Dose]) -> str:
    """Drugs with their doses, marked."""
    return "、".join(("<tr:{}><dr:{}>" if d.given else "<tn:{}><dn:{}>").format(d.drug, d.amount) for d in doses)


def _vessels(rng: random.Random, vessels: Iterable[Vessel]) -> list[list[Clause]]:
    """Normal vessels, those alike perhaps together, and the others, each in one or more segments."""
    groups: list[list[Vessel]] = []
    for vessel in vessels:
        if not vessel.lesions:
            alike = groups and not vessel.denied and not groups[-1][0].denied and vessel.normal == groups[-1][0].normal
            _add(groups, vessel, alike and rng.random() < 0.8)
    segments = []
    for group in groups:
        frame, values = common(rng, frames.normal), {"b": tuple(v.name for v in group), "s": group[0].normal}
        if rng.random() < 0.3:
            frame, values["s2"] = frame + common(rng, frames.normal_flow), "TIMI血流3级"
        segments.append([_deny(rng, Clause(frame, values), group[0].denied)])
    for vessel in vessels:
        if vessel.lesions:
            told = _lesions(rng, vessel.lesions)
            told[-1][-1] = _deny(rng, told[-1][-1], vessel.denied)
            segments += told
    return segments


def _deny(rng: random.Random, clause: Clause, denied: tuple[str, ...]) -> Clause:
    """The clause, and what is denied at its end."""
    if not denied:
        return clause
    return Clause(clause.frame + common(rng, frames.denied), clause.values | {"sn": denied})


def _lesions(rng: random.Random, lesions: tuple[Lesion, ...]) -> list[list[Clause]]:
    """The lesions of a vessel: with "respectively", together with their common words, or one by one."""
    last = ""
    plain = all(len(x.sites) == 1 and not x.traits and not x.flow for x in lesions)
    if len(lesions) > 1 and plain and rng.random() < 0.7:
        sites, last = _sites(rng, [x.sites[0] for x in lesions], last)
        return [[_clause(rng, frames.respectively, b=sites, s=tuple(x.narrowing for x in lesions))]]
    segments: list[list[Clause]] = []
    for lesion in lesions:
        together = segments and rng.random() < 0.75
        sites, last = _sites(rng, lesion.sites, last if together or rng.random() < 0.15 else "")
        frame = common(rng, frames.lesion if len(sites) == 1 else frames.lesion_shared)
        values = {"b": sites, "s": lesion.narrowing}
        for found, some, key in ((lesion.traits, frames.traits, "s2"), (lesion.flow, frames.flows, "s3")):
            if found:
                frame, values[key] = frame + common(rng, some), found
        _add(segments, Clause(frame, values), together)
    return [[_share(rng, clauses)] if len(clauses) > 1 else clauses for clauses in segments]


def _share(rng: random.Random, clauses: list[Clause]) -> Clause:
    """Clauses about body parts as one, perhaps with a finding at the end that all of the parts have."""
    whole = joined(clauses)
    if rng.random() > 0.35:
        return whole
    frame = common(rng, frames.joint)
    pairs = " ".join(f"b{number}>s9" for number in range(1, len(clauses) + 1))
    used = {trait for value in whole.values.values() if isinstance(value, tuple) for trait in value}
    spare = [t for t in words.traits if t not in used and not any(denied in t for denied in words.denied)]
    return Clause(whole.frame + Frame(frame.text, pairs), whole.values | {"s9": common(rng, spare)})


def _sites(rng: random.Random, sites: Iterable[Site], last: str) -> tuple[tuple[str, ...], str]:
    """How the sites are called, and the vessel named last: its name may be left out the next time."""
    names = []
    for site in sites:
        names.append(site.place if site.vessel == last and site.place and rng.random() < 0.7 else str(site))
        last = site.vessel
    return tuple(names), last


def _intervention(rng: random.Random, work: Intervention) -> list[list[Clause]]:
    """Guide and wire, balloon, stent or coated balloon, and the outcome."""
    sites, _ = _sites(rng, work.sites, "")
    pressure, post_pressure = map(str, work.pressures)
    steps = []
    if rng.random() < 0.42:
        ways = {"b": work.ostium, "b2": work.vessel + common(rng, ("远段", "远端")), "t": "PCI"}
        steps.append(_clause(rng, frames.preparation, c=work.guide, c2=work.wire, **ways))
    if work.balloon:
        values = {"c": work.balloon, "t": common(rng, words.dilations), "P": pressure}
        if len(sites) > 1 and rng.random() < 0.4:
            again = {"b3": sites[1:], "t3": common(rng, words.dilations)}
            frame = common(rng, [f for f in frames.balloon if "{c}" in f.text]) + common(rng, frames.same_balloon)
            steps.append(Clause(frame, values | again | {"b": sites[:1]}))
        else:
            steps.append(_clause(rng, frames.balloon, b=sites, **values))
    if work.stent:
        values = {"b": sites, "c": work.stent, "P": pressure, "T": common(rng, words.stentings)}
        frame = common(rng, frames.stent)
        if work.post:
            frame += common(rng, frames.post)
            values |= {"c2": work.post, "t2": common(rng, words.post_dilations), "P2": post_pressure}
        steps.append(Clause(frame, values))
    else:
        values = {"b": sites, "c": work.coated, "P": pressure, "t": common(rng, words.coatings)}
        steps.append(_clause(rng, frames.coated, **values))
    exam = common(rng, words.repeated_exams)
    outcome = _clause(rng, frames.outcome, e=exam, b=sites, s=work.outcomes, s2=work.flow)
    steps.append(_deny(rng, outcome, work.denied))
    segments: list[list[Clause]] = []
    for step in steps:
        _add(segments, step, segments and rng.random() < TOGETHER_SHARE)
    return segments


def _add(groups: list[list[T]], item: T, together: bool) -> None:
    """Add an item to the last group, or begin a group with it."""
    if together:
        groups[-1].append(item)
    else:
        groups.append([item])


def _closing(rng: random.Random, told: Plan) -> list[list[Clause]]:
    if not told.closings:
        return []
    return [[_clause(rng, frames.closing, b=told.artery, t=told.closings, cn=told.sheath)]]


def structures(documents: Iterable[Document]) -> dict[str, int]:
    """How many of each hard structure `documents` have.

    `shared_finding`: findings of two or more body parts; `coordinated_findings`: body parts with three or more
    findings; `elided_part`: triples of a body part and a finding with another finding of the part and a comma
    between them; `shared_device`: devices used or put at two or more body parts; `denied_finding`, `idle_device`,
    `withheld_dose`: entities without a relation; `nested`: spans within a longer one; `overlapping_pair`: span
    pairs with two relations or more; `no_triple`: documents without any.
    """
    counts: Counter = Counter()
    for document in documents:
        counts.update(_structures(document))
    return dict(counts)


def _structures(document: Document) -> dict[str, int]:
    triples = set(document.triples())
    of = {name: [(h, t) for h, r, t in triples if r == name] for name in SCHEMA.relation_names}
    findings, treatments = of["身体部位_症状体征"], of["身体部位_治疗方式"]
    devices = {(c, b) for c, b in of["医疗耗材_身体部位"]}
    devices |= {(c, b) for t, c in of["治疗方式_医疗耗材"] for b, t2 in treatments if t == t2}
    idle = unrelated(document.entities, document.relations)
    spans = {(s.start, s.end) for s in document.entities}
    pairs = Counter(((h.start, h.end), (t.start, t.end)) for h, _, t in triples)
    return {
        "shared_finding": sum(n > 1 for n in Counter(s for _, s in findings).values()),
        "coordinated_findings": sum(n > 2 for n in Counter(b for b, _ in findings).values()),
        "elided_part": sum(
            any(p == b and b.end <= q.start and "，" in document.text[q.end : s.start] for p, q in findings)
            for b, s in findings
        ),
        "shared_device": sum(n > 1 for n in Counter(c for c, _ in devices).values()),
        "denied_finding": idle["症状体征"],
        "idle_device": idle["医疗耗材"],
        "withheld_dose": idle["用药剂量"],
        "nested": sum(any(a != b and b[0] <= a[0] and a[1] <= b[1] for b in spans) for a in spans),
        "overlapping_pair": sum(n > 1 for n in pairs.values()),
        "no_triple": int(not triples),
    }


SPEC = CorpusSpec("angiography", generate, stand_in=True, options=OPTIONS)
