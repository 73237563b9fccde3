"""casmed: 500 coronary angiography reports with entities and relations, and the segments they were cut into.

Source: a public repository of a joint extraction model. `raw.jsonl` holds whole reports, `raw_segment.jsonl` the same
annotation by segment, `shipped_split/` a split of the segments as triples of strings. Reports are templated: most
segments of any test part drawn at random also occur in training, so every split says how many (`test.seen`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from relex.corpora.corpus import PARTS, Corpus, fingerprint
from relex.corpora.readers import spo
from relex.corpora.spec import CorpusSpec, choose, github
from relex.corpora.splits import deal, deal_novel, seen, without_seen
from relex.documents import Document, RelationType, Schema, Span, field, first_error_raised, scan
from relex.errors import RelexError
from relex.files import sha256

ENTITY_TYPES = ("症状体征", "身体部位", "治疗方式", "医疗耗材", "用药剂量", "检查检验")
"""Entity types, the most frequent first."""

CODES = {
    "身体部位": "Bp", "用药剂量": "Do", "检查检验": "In", "医疗耗材": "Mc", "症状体征": "Sy", "治疗方式": "Tm",
}  # fmt: skip
"""Entity type → its code in the tables of the CBRRel paper."""

ENGLISH = {
    "身体部位": "body part", "用药剂量": "dosage", "检查检验": "examination", "医疗耗材": "medical consumable",
    "症状体征": "symptom or sign", "治疗方式": "treatment",
}  # fmt: skip
"""The entity types in English."""

RELATIONS = (
    "身体部位_症状体征", "身体部位_检查检验", "身体部位_治疗方式", "治疗方式_用药剂量",
    "治疗方式_医疗耗材", "检查检验_症状体征", "检查检验_医疗耗材", "医疗耗材_身体部位",
)  # fmt: skip
"""Relation types in the order of the source's label ids; a name is its head type and its tail type."""

SCHEMA = Schema(ENTITY_TYPES, tuple(RelationType(name, (tuple(name.split("_")),)) for name in RELATIONS))

OPTIONS = {
    "split": ("novel", "distinct", "report", "report-unseen", "shipped", "shipped-unseen"),
    "unit": ("segment", "report"),
}
SHARES = {"test": 0.2, "dev": 0.08}
"""A fifth is test, a tenth of the rest development."""

REPORTS, SEGMENTS = "raw.jsonl", "raw_segment.jsonl"
SHIPPED = {part: f"shipped_split/{part}.json" for part in PARTS}

Owners = dict[int, tuple[str, str, str]]
"""Entity id → (report, entity type, mention): what tells the report of a segment."""


def read(folder: Path, split: str = "", unit: str = "") -> Corpus:
    """Read the corpus in one of its splits.

    `split`: `distinct`, every distinct segment once, with the annotation that most of its occurrences have (the first
    of equals); `novel` (default), the same segments, of which none in one part equals one in another but for numbers
    or is a near duplicate of it (`relex.corpora.splits.deal_novel`); `report`, segments or whole reports split by
    report, reports with the same text on one side; `shipped`, the source's three files, whose triples get the offsets
    that the segment of the same text has, or else the nearest pair. `report-unseen` and `shipped-unseen` keep of the
    test part what is not verbatim in train or dev. Test is a fifth, dev a tenth of the rest, except for `shipped`,
    where dev is a file.
    `unit`: `segment` (default), or `report`, only with `split="report"`.

    `counts` tells, per part: `triples`, `type_mismatch` (triples whose entity types are not those of the relation's
    name; kept), `bad_span` (entities with white space or punctuation at an end; kept), `overlap` (pairs of
    overlapping entities), and `seen`, see `relex.corpora.splits.seen`. And on the way: `shifted_segment` (offsets
    all off by one; corrected by the report); for `report`, `duplicate_report`; for `distinct` and `novel`,
    `conflicting_text` (with several annotations) and `conflicting_segment` (whose annotation was not taken); for
    `shipped`, `aligned` (triples without offsets in the segments; of these `ambiguous` have a mention that occurs more
    than once, `absent` one that is not in the text) and `duplicate_triple` (that came once more).
    Raises a `RelexError` that names file and line for what cannot be used, and for an option that is not known.
    """
    split, unit = choose_split("casmed", OPTIONS, split, unit)
    counts: Counter = Counter()
    owners: Owners = {}
    reports = first_error_raised(scan_reports(folder / REPORTS, owners))
    segments = first_error_raised(scan_segments(folder / SEGMENTS, owners, counts))
    used = [REPORTS, SEGMENTS]
    if split.startswith("shipped"):
        known = annotations(segments)
        parts = {p: first_error_raised(scan_shipped(folder / SHIPPED[p], known, counts)) for p in PARTS}
        used += SHIPPED.values()
    elif split == "distinct":
        parts = deal([[d] for d in _distinct(segments, counts)], SHARES)
    elif split == "novel":
        parts = deal_novel(_distinct(segments, counts), SHARES)
    else:
        parts = _by_report(reports, segments if unit == "segment" else reports, counts)
    if split.endswith("-unseen"):
        parts = without_seen(parts)
    counts.update(_facts(parts) | seen(parts))
    marks = [sha256(folder / name) for name in used]
    mark = fingerprint("casmed", 1, split, unit, marks)
    return Corpus("casmed", SCHEMA, **parts, fingerprint=mark, counts=dict(counts))


def relation_code(name: str) -> str:
    """The paper's code of a relation type of casmed, `BpSy` for 身体部位_症状体征."""
    return "".join(CODES[part] for part in name.split("_"))


def choose_split(corpus: str, options: dict[str, tuple[str, ...]], split: str, unit: str) -> tuple[str, ...]:
    """Split and unit that are given, or their defaults; a `RelexError` for those that a corpus does not have."""
    split, unit = choose(corpus, options, split=split, unit=unit)
    if unit == "report" and split != "report":
        raise RelexError(f"unit 'report' goes with split 'report' only, not {split!r}; choose one of the two")
    return split, unit


def scan_reports(path: Path, owners: Owners) -> Iterator[Document | RelexError]:
    """The reports of a file, and in the place of a bad line what is wrong with it; their entities go into `owners`."""

    def parse(number: int, row: dict) -> Document:
        name, entities = str(field(row, "id", int)), _entities(row)
        document = _document(name, row, entities)
        for key, span in entities.items():
            if key in owners:
                raise RelexError(f"entity id {key} occurs in report {owners[key][0]} already")
            owners[key] = (name, span.type, document.text[span.start : span.end])
        return document

    return spo.never_empty(path, scan(path, parse))


def scan_segments(path: Path, owners: Owners, counts: Counter) -> Iterator[Document | RelexError]:
    """The segments of a file as Documents REPORT-NUMBER, and in the place of a bad line what is wrong with it."""
    numbers: Counter[str] = Counter()

    def parse(number: int, row: dict) -> Document:
        entities = _entities(row)
        reports = {owners[key][0] if key in owners else None for key in entities}
        if len(reports) != 1 or None in reports:
            raise RelexError("its entities are not those of one report")
        entities = _as_in_report(field(row, "text", str), entities, owners, counts)
        (report,) = reports
        numbers[report] += 1
        return _document(f"{report}-{numbers[report]}", row, entities)

    return spo.never_empty(path, scan(path, parse))


def _as_in_report(text: str, entities: dict[int, Span], owners: Owners, counts: Counter) -> dict[int, Span]:
    """The entities of a segment with the mentions that its report has: one report's segments are off by one."""
    if any(span.type != owners[key][1] for key, span in entities.items()):
        raise RelexError("an entity has another type than in its report")
    for shift in (0, -1, 1):
        moved = {key: Span(s.start + shift, s.end + shift, s.type) for key, s in entities.items()}
        if all(s.start >= 0 and text[s.start : s.end] == owners[key][2] for key, s in moved.items()):
            counts["shifted_segment"] += shift != 0
            return moved
    Document("", text, tuple(entities.values())).check()
    raise RelexError("an entity has another mention than in its report")


def annotations(segments: Iterable[Document]) -> dict[str, dict[spo.Triple, list[tuple[Span, Span]]]]:
    """Text → string triple → the span pairs that the first segment of this text with this triple has."""
    known: dict[str, dict[spo.Triple, list[tuple[Span, Span]]]] = defaultdict(dict)
    for document in segments:
        own = defaultdict(list)
        for head, name, tail in document.triples():
            mentions = [document.text[s.start : s.end] for s in (head, tail)]
            own[spo.Triple(mentions[0], head.type, name, mentions[1], tail.type)].append((head, tail))
        for triple, pairs in own.items():
            known[document.text].setdefault(triple, pairs)
    return known


def scan_shipped(path: Path, known: dict, counts: Counter) -> Iterator[Document | RelexError]:
    """The rows of a shipped file as Documents PART-LINE, and in the place of a bad line what is wrong with it.

    `known` is what `annotations` gives; triples that it lacks are aligned, nearest pair, and counted.
    """

    def parse(number: int, row: dict) -> Document:
        text, triples = spo.parse(row, counts)
        spo.check_types(triples, SCHEMA, Counter())
        builder = spo.Builder()
        for triple in triples:
            pairs = known.get(text, {}).get(triple)
            counts["aligned"] += pairs is None
            if pairs is None:
                pairs = [(h, t) for h, _, t in spo.document("", text, [triple], "nearest", counts).triples()]
            for head, tail in pairs:
                builder.add(head, triple.relation, tail)
        return builder.document(f"{path.stem}-{number}", text)

    return spo.never_empty(path, scan(path, parse))


def _distinct(segments: Iterable[Document], counts: Counter) -> list[Document]:
    """One Document per text: the first one with the annotation that most segments of this text have."""
    by_text: dict[str, dict[tuple[frozenset, frozenset], list[Document]]] = defaultdict(lambda: defaultdict(list))
    for document in segments:
        by_text[document.text][frozenset(document.entities), frozenset(document.triples())].append(document)
    for found in by_text.values():
        sizes = [len(same) for same in found.values()]
        counts["conflicting_text"] += len(sizes) > 1
        counts["conflicting_segment"] += sum(sizes) - max(sizes)
    return [max(found.values(), key=len)[0] for found in by_text.values()]


def _by_report(reports: Iterable[Document], documents: Iterable[Document], counts: Counter) -> dict:
    """Parts of `documents`, which are reports or their segments, such that reports of one text are in one part."""
    text = {report.id: report.text for report in reports}
    counts["duplicate_report"] = len(text) - len(set(text.values()))
    groups: dict[str, list[Document]] = {value: [] for value in text.values()}
    for document in documents:
        groups[text[document.id.partition("-")[0]]].append(document)
    sizes = Counter(text.values())
    return deal(list(groups.values()), SHARES, [sizes[value] for value in groups])


def _facts(parts: dict) -> Counter:
    """What `read` counts for each part."""
    facts: Counter = Counter()
    for part, documents in parts.items():
        for document in documents:
            facts[f"{part}.triples"] += len(document.relations)
            facts[f"{part}.type_mismatch"] += sum(f"{h.type}_{t.type}" != name for h, name, t in document.triples())
            facts[f"{part}.bad_span"] += sum(_ragged(document.mention(i)) for i in range(len(document.entities)))
            facts[f"{part}.overlap"] += spo.overlaps(document)
    return facts


def _ragged(mention: str) -> bool:
    return any(c.isspace() or c in "，。；、：,;:" for c in (mention[0], mention[-1]))


def _entities(row: dict) -> dict[int, Span]:
    found: dict[int, Span] = {}
    for item in field(row, "entities", list):
        key, label = field(item, "id", int), field(item, "label", str)
        if label not in ENTITY_TYPES:
            raise RelexError(f"unknown entity type {label!r}; known are {', '.join(ENTITY_TYPES)}")
        if key in found:
            raise RelexError(f"entity id {key} occurs twice")
        found[key] = Span(field(item, "start_offset", int), field(item, "end_offset", int), label)
    return found


def _document(name: str, row: dict, entities: dict[int, Span]) -> Document:
    builder = spo.Builder()
    for span in entities.values():
        builder.place(span)
    for item in field(row, "relations", list):
        ends = [field(item, key, int) for key in ("from_id", "to_id")]
        if not all(end in entities for end in ends):
            raise RelexError(f"a relation joins the entities {ends[0]} and {ends[1]}, and there is no such entity")
        if (label := field(item, "type", str)) not in RELATIONS:
            raise RelexError(f"unknown relation {label!r}; known are {', '.join(RELATIONS)}")
        builder.add(entities[ends[0]], label, entities[ends[1]])
    return builder.document(name, field(row, "text", str))


def scan_folder(folder: Path) -> Iterator[tuple[Path, Iterable[Document | RelexError]]]:
    """Every file with its Documents and what is wrong with it."""
    owners: Owners = {}
    yield folder / REPORTS, scan_reports(folder / REPORTS, owners)
    yield folder / SEGMENTS, scan_segments(folder / SEGMENTS, owners, Counter())
    for name in SHIPPED.values():
        yield folder / name, scan_shipped(folder / name, {}, Counter())


SPEC = CorpusSpec(
    name="casmed",
    read=read,
    options=OPTIONS,
    scan=scan_folder,
    marks=(REPORTS, SEGMENTS),
    sources=github(
        "Theadmaster/CasRelPyTorch", "32dc164b4be78029f716235444c143876100000f", "data/coronary_angiography", {
            "raw.jsonl": "bce744e5370ed65edf86611eb90dc51af10a5a9d2f900aee7f00802fe818396a",
            "raw_segment.jsonl": "a33fb5743c0860d85b54f80357366d4f5f887b4f983c8ef216b99c058b1c4893",
            "rel.json=rel_more_than_3/rel.json": "905471007a555c06d6fa1e8108e2a3cc908fe8e095c8ab18eab4b88817c5fb9e",
            "shipped_split/train.json=train.json": "1386dad41fb7ade2b0e54e48fc83779a3a06819dbd93320dd921ce37a1ae4b58",
            "shipped_split/dev.json=dev.json": "25caa97169b1430a67fbba3877a211cc46a500d822b999b34d207dc752964950",
            "shipped_split/test.json=test.json": "f9aa535bee53031fa12480f0bfc012e75800d66fb5a883a95cc3c613676bfa74",
        },
    ),
    licence=(
        "The repository states no licence; the reports are anonymised clinical text of unknown consent: "
        "show no sentence of them anywhere."
    ),
)  # fmt: skip
