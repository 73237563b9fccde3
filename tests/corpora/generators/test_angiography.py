"""The angiography generator: form, likeness to casmed, its hard structures, and what a look-up gets out of it."""

import random
import re
from collections import Counter
from dataclasses import replace

import pytest
from parts import every

from relex.baselines.lookup import lookup
from relex.corpora.corpus import PARTS
from relex.corpora.generators.angiography.generate import generate, structures, tell
from relex.corpora.generators.angiography.lexicon import words
from relex.corpora.generators.angiography.patterns import TYPES, Clause, Frame, fill, joined
from relex.corpora.generators.angiography.plan import plan
from relex.corpora.generators.grammar import commons
from relex.corpora.readers import casmed
from relex.errors import RelexError
from relex.evaluation.extraction import offset_triples, sentence_overlaps, string_triples

TARGETS = dict(zip(casmed.RELATIONS, (5379, 72, 2671, 1199, 970, 829, 528, 444), strict=True))
"""Relations that the CBRRel paper counts in 573 records, Table 1."""


@pytest.fixture(scope="module")
def corpus():
    return generate()


def relations(document):
    """Relations as (head mention, tail mention)."""
    return {(document.mention(r.head), document.mention(r.tail)) for r in document.relations}


def unlinked(document):
    linked = {i for r in document.relations for i in (r.head, r.tail)}
    return [document.mention(i) for i in range(len(document.entities)) if i not in linked]


def told(frame, pairs="", **values):
    return fill(random.Random(0), Clause(Frame(frame, pairs), values))


def test_documents_are_valid(corpus):
    documents = every(corpus)
    assert corpus.stand_in and corpus.name == "angiography" and corpus.schema is casmed.SCHEMA
    assert len({d.id for d in documents}) == len(documents)
    for document in documents:
        document.check()
        corpus.schema.check(document)
        assert len(set(document.entities)) == len(document.entities)
        assert len(set(document.relations)) == len(document.relations)
        assert document.text.endswith("。") and not re.search(r"[<>{}()|]|/(?!kg|h)", document.text)
        for span in document.entities:
            mention = document.text[span.start : span.end]
            assert mention.strip("，。、：") == mention and "，" not in mention


def test_likeness_to_casmed(corpus):
    documents = every(corpus)
    found = Counter(r.type for d in documents for r in d.relations)
    assert set(found) == set(casmed.RELATIONS)
    for name, target in TARGETS.items():
        assert found[name] == pytest.approx(target, rel=0.3 if target < 100 else 0.12), name
    assert 2.3 < sum(found.values()) / len(documents) < 2.8
    assert 8.5 < len(documents) / 500 < 10.5
    assert 300 < sum(len(d.text) for d in documents) / 500 < 350
    assert {s.type for d in documents for s in d.entities} == set(casmed.ENTITY_TYPES)


def test_one_text_one_annotation(corpus):
    known = {}
    for d in every(corpus):
        assert known.setdefault(d.text, (set(d.entities), offset_triples(d))) == (set(d.entities), offset_triples(d))


def test_splits(corpus):
    of = {part: {d.id.partition("-")[0] for d in getattr(corpus, part)} for part in PARTS}
    assert {part: len(ids) for part, ids in of.items()} == {"train": 360, "dev": 40, "test": 100}
    assert generate(split="shipped") == generate(split="") == corpus
    unseen = generate(split="report-unseen")
    known = {d.text for d in (*corpus.train, *corpus.dev)}
    assert (unseen.train, unseen.dev) == (corpus.train, corpus.dev)
    assert unseen.test == tuple(d for d in corpus.test if d.text not in known)
    assert len(corpus.test) - len(unseen.test) == corpus.counts["test.seen"]
    distinct = every(generate(split="distinct"))
    texts = {d.text for d in distinct}
    marks = {generate(30, 5, s, u).fingerprint for s, u in (("", ""), ("distinct", ""), ("report", "report"))}
    assert len(marks) == 3
    assert len(texts) == len(distinct) and texts == {d.text for d in every(corpus)}


def test_a_report_is_its_segments(corpus):
    whole = generate(unit="report")
    assert whole.sizes == {"train": 360, "dev": 40, "test": 100}
    for part in PARTS:
        segments = getattr(corpus, part)
        for report in getattr(whole, part)[:20]:
            report.check()
            own = [d for d in segments if d.id.startswith(f"{report.id}-")]
            assert report.text == "".join(d.text for d in own)
            names = [(d.mention(r.head), r.type, d.mention(r.tail)) for d in own for r in d.relations]
            assert names == [(report.mention(r.head), r.type, report.mention(r.tail)) for r in report.relations]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"split": "random"}, "no split 'random'"),
        ({"unit": "page"}, "no unit 'page'"),
        ({"split": "distinct", "unit": "report"}, "split 'report' only"),
        ({"reports": 9}, "at least 10"),
    ],
)
def test_what_cannot_be_had(options, message):
    with pytest.raises(RelexError, match=message):
        generate(**options)


@pytest.mark.parametrize(
    "name, least, most",
    [
        ("shared_finding", 500, 1500), ("coordinated_findings", 250, 800), ("elided_part", 1200, 3500),
        ("shared_device", 80, 300), ("denied_finding", 300, 900), ("idle_device", 100, 400), ("withheld_dose", 60, 200),
        ("nested", 80, 400), ("overlapping_pair", 10, 80), ("no_triple", 40, 150),
    ],
)  # fmt: skip
def test_hard_structures_are_there_in_moderation(corpus, name, least, most):
    assert least <= corpus.counts[name] <= most


def test_structures_count_what_they_say():
    shared = told("{b}见{s}，伴{s2}", "b>s b>s2", b=("前支", "后支"), s=("狭窄",), s2=("成角", "钙化"))
    nothing = dict.fromkeys(structures([shared]), 0)
    assert structures([shared]) == nothing | {"shared_finding": 3, "coordinated_findings": 2, "elided_part": 4}
    idle = told("{b}通，无{sn}，备{cn}，{tn}{dn}未用", b=("前支",), sn=("血栓",), cn=("鞘",), tn=("药",), dn=("1mg",))
    expected = {"denied_finding": 1, "idle_device": 1, "withheld_dose": 1, "no_triple": 1}
    assert structures([idle]) == nothing | expected
    twice = {"b": ("甲",), "t": ("扩",), "b2": ("乙",), "t2": ("张",)}
    again = told("{c}于{b}{t}，又于{b2}{t2}", "b>t t>c b2>t2 t2>c", c=("囊",), **twice)
    assert structures([again]) == nothing | {"shared_device": 1}
    nested = told("{b}行<t:{c}置入>，<t2:{e}>", "b>t t>c b>t2 b>e", b=("甲",), c=("架",), e=("试验",))
    assert structures([nested, nested]) == nothing | {"nested": 2, "overlapping_pair": 2}


def test_frames_place_and_pair_mentions():
    d = told("{b}分别{s}，{b2}{s2}", "b=s b2>s2", b=("甲", "乙"), s=("窄", "堵"), b2=("丙", "丁"), s2=("硬",))
    assert relations(d) == {("甲", "窄"), ("乙", "堵"), ("丙", "硬"), ("丁", "硬")}
    assert {r.type for r in d.relations} == {"身体部位_症状体征"}
    first = Clause(Frame("{R}", "tr=dr"), {"R": "<tr:药><dr:1mg>"})
    second = Clause(Frame("用{t}{d}", "t>d"), {"t": ("酒",), "d": ("2ml",)})
    d = fill(random.Random(0), joined([first, second]))
    assert d.text == "药1mg，用酒2ml" and relations(d) == {("药", "1mg"), ("酒", "2ml")}
    assert {d.text[s.start : s.end]: s.type for s in d.entities}["药"] == TYPES["t"]


def test_what_was_not_done_stands_in_no_relation():
    rng = random.Random(1)
    seen = Counter()
    for _ in range(200):
        drawn = plan(rng)
        idle, doses = set(drawn.idle), {d.amount for d in drawn.withheld}
        used = {d.amount for d in (drawn.anaesthetic, *drawn.drugs, *drawn.rescue)}
        segments = tell(rng, replace(drawn, refused=""))
        linked = Counter(m for d in segments for pair in relations(d) for m in pair)
        free = Counter(m for d in segments for m in unlinked(d))
        for mention in idle | (doses - used):
            assert free[mention] >= 1 and not linked[mention], mention
            seen[mention] += 1
        for vessel in drawn.vessels:
            assert all(free[finding] for finding in vessel.denied)
            for lesion in vessel.lesions:
                assert all(linked[m] for m in (lesion.narrowing, *lesion.traits, *filter(None, (lesion.flow,))))
    assert len(seen) > 8


def test_denied_findings_are_never_told():
    rng = random.Random(2)
    for _ in range(200):
        for d in tell(rng, plan(rng)):
            free = set(unlinked(d)) & set(words.denied)
            assert not free & {tail for _, tail in relations(d)}, d.text


def test_a_lookup_of_training_segments_is_not_enough(corpus):
    assert 0.3 <= corpus.counts["test.seen"] / len(corpus.test) <= 0.6
    predicted = lookup(corpus.train)(corpus.test)
    gold, found = ([offset_triples(d) for d in documents] for documents in (corpus.test, predicted))
    hits, recall = sum(len(g & f) for g, f in zip(gold, found, strict=True)), sum(map(len, gold))
    assert 0.1 < hits / recall < 0.5


def test_overlapping_pairs_are_those_of_the_evaluation(corpus):
    kinds = Counter(kind for d in every(corpus) for kind in sentence_overlaps(string_triples(d)))
    assert 0 < kinds["epo"] < 0.02 * len(every(corpus)) and kinds["seo"] > 1000 and kinds["normal"] > 1000


def test_commons_draws_different_items_and_prefers_the_first():
    rng, items = random.Random(0), tuple("甲乙丙丁戊")
    assert sorted(commons(rng, items, 9)) == sorted(items)
    first = Counter(commons(rng, items, 1)[0] for _ in range(2000))
    assert set(first) == set(items) and first["甲"] > 2 * first["乙"] > 2 * first["戊"]
