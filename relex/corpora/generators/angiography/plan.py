"""What a generated coronary angiography report is to say, before any of it is put into words.

Every schema of annotation is another reading of the same plan.
"""

import random
from dataclasses import dataclass

from relex.corpora.generators.angiography.lexicon import words
from relex.corpora.generators.grammar import Words, common, commons


@dataclass(frozen=True, slots=True)
class Site:
    """A vessel or branch by the name the reporter uses, and the stretch of it (`place`, empty for the whole)."""

    vessel: str
    place: str = ""

    def __str__(self) -> str:
        return self.vessel + self.place


@dataclass(frozen=True, slots=True)
class Lesion:
    """The same narrowing at one or more sites; `percents` is empty, one figure, or a range; all in percent."""

    sites: tuple[Site, ...]
    form: str
    percents: tuple[int, ...] = ()
    traits: tuple[str, ...] = ()
    flow: str = ""

    @property
    def narrowing(self) -> str:
        return self.form.format(p="%-".join(map(str, self.percents)))


@dataclass(frozen=True, slots=True)
class Vessel:
    """A main vessel: its lesions, or else what is normal about it; and findings that are denied."""

    name: str
    lesions: tuple[Lesion, ...]
    normal: tuple[str, ...]
    denied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dose:
    """A drug and its dose, and whether it was given."""

    drug: str
    amount: str
    given: bool = True


@dataclass(frozen=True, slots=True)
class Intervention:
    """A treatment of one or more sites with the same devices; an empty device was not used; pressures in atm."""

    vessel: str
    ostium: str
    sites: tuple[Site, ...]
    guide: str
    wire: str
    balloon: str
    stent: str
    coated: str
    post: str
    pressures: tuple[int, int]
    outcomes: tuple[str, ...]
    flow: str
    denied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imaging:
    """A test within a vessel and what it shows; `both`: the test is a treatment as well."""

    site: Site
    exam: str
    findings: tuple[str, ...]
    both: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """One report."""

    artery: str
    sheath: str
    anaesthetic: Dose
    drugs: tuple[Dose, ...]
    exam: str
    catheters: tuple[str, ...]
    overall: tuple[str, ...]
    vessels: tuple[Vessel, ...]
    interventions: tuple[Intervention, ...]
    imaging: tuple[Imaging, ...]
    withheld: tuple[Dose, ...]
    rescue: tuple[Dose, ...]
    idle: tuple[str, ...]
    refused: str
    closings: tuple[str, ...]


def plan(rng: random.Random) -> Plan:
    """Draw one report."""
    habit = rng.choices((0, 1, 2), (70, 19, 11))[0]
    names = {key: variants[habit] for key, variants in words.vessels.items()}
    vessels = {key: _vessel(rng, key, name) for key, name in names.items()}
    diseased = [key for key, vessel in vessels.items() if vessel.lesions]
    number = min(len(diseased), rng.choices((0, 1, 2, 3), (26, 36, 26, 12))[0])
    treated = rng.sample(diseased, number)
    return Plan(
        artery=common(rng, words.arteries),
        sheath=common(rng, words.sheaths),
        anaesthetic=_doses(rng, words.anaesthetics)[0],
        drugs=_doses(rng, words.heparins) + _doses(rng, words.spasmolytics, int(rng.random() < 0.26)),
        exam=common(rng, words.exams),
        catheters=commons(rng, words.catheters, rng.choices((1, 2), (93, 7))[0]),
        overall=(
            rng.choices(words.dominance, (80, 8, 12))[0],
            *((words.extents[len(diseased) - 1],) if diseased and rng.random() < 0.2 else ()),
            *((common(rng, words.overall),) if rng.random() < 0.1 else ()),
        ),
        vessels=tuple(v for key, v in vessels.items() if key != "LM" or v.lesions or rng.random() < 0.6),
        interventions=tuple(_intervention(rng, key, vessels[key]) for key in treated),
        imaging=_imaging(rng, [vessels[key] for key in diseased]),
        withheld=_doses(rng, words.rescue_drugs, int(rng.random() < 0.22), given=False),
        rescue=_doses(rng, words.rescue_drugs, rng.choices((0, 1, 2), (78, 16, 6))[0]),
        idle=commons(rng, words.idle_devices, int(rng.random() < 0.22)),
        refused=common(rng, words.refused) if rng.random() < 0.06 else "",
        closings=commons(rng, words.closings, rng.choices((0, 1, 2), (10, 48, 42))[0]),
    )


def _vessel(rng: random.Random, key: str, name: str) -> Vessel:
    number = rng.choices((0, 1, 2, 3), (82, 18, 0, 0) if key == "LM" else (39, 41, 15, 5))[0]
    sites = [Site(name, place) for place in words.places[key]]
    sites += [Site(branch, common(rng, words.branch_places)) for branch in words.branches[key]]
    widths = [rng.choices((1, 2, 3), (80, 14, 6))[0] for _ in range(number)]
    drawn = commons(rng, sites, sum(widths), 0.45)
    taken = [drawn[sum(widths[:i]) : sum(widths[: i + 1])] for i in range(number)]
    lesions = [_lesion(rng, chosen) for chosen in taken if chosen]
    normal = () if lesions else commons(rng, words.normal, rng.choices((1, 2), (78, 22))[0])
    told = "".join(lesion.form + "".join(lesion.traits) for lesion in lesions)
    denied = commons(rng, words.denied, rng.choices((1, 2, 3), (55, 35, 10))[0]) if rng.random() < 0.11 else ()
    return Vessel(name, tuple(lesions), normal, tuple(d for d in denied if d not in told))


def _lesion(rng: random.Random, sites: tuple[Site, ...]) -> Lesion:
    form = common(rng, words.stenoses, 0.5)
    percents: tuple[int, ...] = ()
    if "{p}" in form:
        low = common(rng, (80, 90, 70, 50, 60, 95, 40, 75, 30, 85), 0.5)
        percents = (low, low + 10) if low < 90 and rng.random() < 0.12 else (low,)
    traits = commons(rng, words.traits, rng.choices((0, 1, 2, 3), (66, 24, 7, 3))[0], 0.7)
    flow = rng.choices(tuple(words.flows), tuple(words.flows.values()))[0] if rng.random() < 0.32 else ""
    return Lesion(sites, form, percents, traits, flow)


def _intervention(rng: random.Random, key: str, vessel: Vessel) -> Intervention:
    sites = [site for lesion in vessel.lesions for site in lesion.sites][: rng.choices((1, 2, 3), (55, 32, 13))[0]]
    side = "right" if key == "RCA" else "left"
    stented = rng.random() < 0.78
    outcomes = commons(rng, words.outcomes if stented else words.outcomes[:2] + words.outcomes[5:9], 1)
    return Intervention(
        vessel=vessel.name,
        ostium=common(rng, words.ostia[side]),
        sites=tuple(sites),
        guide=common(rng, words.guides[side]),
        wire=common(rng, words.wires),
        balloon=_device(rng, words.balloons) if rng.random() < 0.85 or not stented else "",
        stent=_device(rng, words.stents) if stented else "",
        coated="" if stented else _device(rng, words.drug_balloons),
        post=_device(rng, words.post_balloons) if stented and rng.random() < 0.32 else "",
        pressures=(rng.randrange(8, 15, 2), rng.randrange(12, 23, 2)),
        outcomes=tuple(o.format(r=common(rng, (10, 5, 20))) for o in outcomes),
        flow=common(rng, ("TIMI血流3级", "TIMI3级", "前向血流正常")),
        denied=commons(rng, words.denied[:2] + words.denied[7:8], rng.choices((0, 1, 2), (74, 14, 12))[0]),
    )


def _imaging(rng: random.Random, vessels: list[Vessel]) -> tuple[Imaging, ...]:
    """At most one, seldom any."""
    if not vessels or rng.random() > 0.18:
        return ()
    site = rng.choice(rng.choice(vessels).lesions).sites[0]
    if rng.random() < 0.42:
        return (
            Imaging(site, common(rng, words.both_test_and_treatment), (common(rng, tuple(words.flows)),), both=True),
        )
    findings = commons(rng, words.imaging_findings, rng.choice((1, 1, 2)))
    area, share = rng.randrange(21, 49) / 10, rng.randrange(60, 92)
    return (Imaging(site, common(rng, words.imaging), tuple(f.format(a=area, p=share) for f in findings)),)


def _device(rng: random.Random, forms: tuple[str, ...]) -> str:
    width = rng.choice(("2.0", "2.25", "2.5", "2.75", "3.0", "3.5", "4.0"))
    return common(rng, forms).format(w=width, l=rng.choice((12, 15, 18, 20, 24, 28, 33)))


def _doses(rng: random.Random, table: dict[str, Words], number: int = 1, given: bool = True) -> tuple[Dose, ...]:
    drawn = commons(rng, tuple(table.items()), number)
    return tuple(Dose(drug, common(rng, amounts), given) for drug, amounts in drawn)
