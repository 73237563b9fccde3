"""The interactions generator: form, counts, hard structures, triggers, and what a look-up gets out of it."""

import random
from collections import Counter

import pytest
from parts import every, f1

from relex import corpora
from relex.baselines.lookup import dictionary, lookup, nearest_entity, schema_only
from relex.corpora.corpus import PARTS
from relex.corpora.generators.interactions import patterns
from relex.corpora.generators.interactions.generate import RELATIONS, SCHEMA, TARGETS, generate, tell, trigger_spans
from relex.corpora.generators.interactions.lexicon import words
from relex.documents import Document
from relex.errors import RelexError

HARD = (
    "several_relations", "mixed", "coordination", "outward", "between", "class_name", "bystander", "condition",
    "respectively", "elliptic", "denied_word", "outcome", "forbidden_for_a_reason",
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus():
    return generate(test=0)


def found(documents):
    return Counter(r.type for d in documents for r in d.relations)


def test_documents_are_valid(corpus):
    documents = every(corpus)
    assert corpus.stand_in and corpus.name == "interactions" and corpus.schema is SCHEMA
    assert tuple(RELATIONS) == SCHEMA.relation_names and SCHEMA.entity_types == ("药物",)
    assert len({d.id for d in documents}) == len({d.text for d in documents}) == len(documents)
    known = {*words.drugs, *words.classes}
    for document in documents:
        document.check()
        corpus.schema.check(document)
        assert Document.from_json(document.to_json()) == document
        assert not set(document.text) & set("<>[]{}|/()") and "，" not in document.text
        leaflet, _, rest = document.text.partition("@")
        assert document.mention(0) == leaflet and rest and "@" not in rest
        assert {document.mention(i) for i in range(1, len(document.entities))} <= known
        assert len(set(document.relations)) == len(document.relations)
        linked = {i for r in document.relations for i in (r.head, r.tail)}
        assert linked == set(range(len(document.entities)))  # only drugs with an interaction are entities
        assert all(r.head != r.tail for r in document.relations)


def test_counts_are_near_those_of_the_paper(corpus):
    assert corpus.sizes == {"train": 526, "dev": 59, "test": 147}
    types = found(every(corpus))
    for name, target in TARGETS.items():
        assert types[name] == pytest.approx(target, rel=0.3 if target < 100 else 0.1), name
    train = {what: corpus.counts[f"train.{what}"] + corpus.counts[f"dev.{what}"] for what in ("entities", "relations")}
    assert train == pytest.approx({"entities": 1830, "relations": 1276}, rel=0.1)
    assert corpus.counts["test.entities"] == pytest.approx(527, rel=0.15)
    assert corpus.counts["test.relations"] == pytest.approx(386, rel=0.2)
    assert corpus.counts["test.relations"] == sum(len(d.relations) for d in corpus.test)


def test_what_is_hard_is_there_and_counted(corpus):
    assert all(corpus.counts[name] >= 30 for name in HARD), corpus.counts
    documents = every(corpus)
    assert corpus.counts["mixed"] == sum(len({r.type for r in d.relations}) > 1 for d in documents)
    between = sum(r.head != 0 != r.tail for d in documents for r in d.relations)
    assert corpus.counts["between"] == between
    assert corpus.counts["outward"] == pytest.approx(sum(r.head == 0 for d in documents for r in d.relations), abs=3)
    classes = sum(d.mention(i) in words.classes for d in documents for i in range(len(d.entities)))
    assert corpus.counts["class_name"] == classes
    mixed_up = sum(corpus.counts[f"{part}.mixed_up"] for part in PARTS)
    assert 0.02 < mixed_up / sum(found(documents).values()) < 0.07


def test_the_same_words_state_several_relations(corpus):
    of = {}
    for d in every(corpus):
        if len(d.relations) == 1:
            for start, end in trigger_spans(d.text):
                of.setdefault(d.text[start:end], set()).add(d.relations[0].type)
    for word in ("增强", "降低", "增加", "减少", "抑制", "促进"):
        assert len(of[word]) >= 4, (word, of[word])


def test_triggers_are_those_the_grammar_put_there():
    rng = random.Random(1)
    for _ in range(400):
        told = tell(rng)
        assert trigger_spans(told.document.text) == list(told.triggers)
        assert told.triggers
    text = "甲片@与免疫抑制剂合用,可增强骨髓抑制作用,需降低剂量,但不必避免"
    assert [text[a:b] for a, b in trigger_spans(text)] == ["增强", "不必", "避免"]
    assert trigger_spans("甲片@乙药") == []


@pytest.mark.parametrize(("sentences", "sizes"), [(20, (14, 2, 4)), (100, (72, 8, 20)), (1464, (1053, 117, 294))])
def test_sizes_on_request(sentences, sizes):
    corpus = generate(sentences, seed=2, test=0)
    assert tuple(corpus.sizes.values()) == sizes
    assert sum(found(every(corpus)).values()) / sentences == pytest.approx(2.27, rel=0.35 if sentences < 50 else 0.2)


def test_the_test_part_is_filled_up_and_nothing_else_changes(corpus):
    whole = generate()
    assert whole.sizes == {"train": 526, "dev": 59, "test": 300}
    assert (whole.train, whole.dev, whole.test[:147]) == (corpus.train, corpus.dev, corpus.test)
    assert len({d.id for d in every(whole)}) == len({d.text for d in every(whole)}) == 885
    assert whole.counts["test.relations"] == sum(len(d.relations) for d in whole.test)
    assert whole.counts["train.mixed_up"] == corpus.counts["train.mixed_up"]
    assert whole.fingerprint != corpus.fingerprint
    assert found(whole.test[147:]).keys() == TARGETS.keys()
    assert generate(60, test=20).sizes["test"] == 20 and generate(60, test=5).sizes["test"] == 12


@pytest.mark.parametrize("sentences", [-1, 0, 19])
def test_too_few_sentences(sentences):
    with pytest.raises(RelexError, match=f"cannot have {sentences} sentences; give at least 20"):
        generate(sentences)


def test_by_name():
    assert corpora.CORPORA["interactions"].read is generate
    assert corpora.load("interactions", split="shipped").fingerprint == generate().fingerprint
    with pytest.raises(RelexError, match="no option unit"):
        corpora.load("interactions", unit="report")


def test_shortcuts_get_little(corpus):
    train = [*corpus.train, *corpus.dev]
    for read in (lookup(train), dictionary(train), schema_only(SCHEMA), nearest_entity(train, SCHEMA)):
        assert f1(corpus.test, read(corpus.test)) < 0.12
    assert f1(corpus.test, corpus.test) == 1


def test_a_prohibition_counts_more_than_its_reason_and_an_outcome_more_than_its_mechanism():
    rng = random.Random(0)
    for relation in patterns.DIRECTED:
        for _ in range(20):
            said = patterns.directed(rng, relation, "<d:甲>", "本品", True)
            forbidden = patterns.with_advice(rng, said, forbid=True)
            spared = patterns.with_advice(rng, said, forbid=False)
            assert said.relation == relation == forbidden.second == spared.relation
            assert (forbidden.relation, spared.second) == ("禁忌", "禁忌")
            assert said.text in forbidden.text and said.text in spared.text
            assert said.second != said.relation
            if "outcome" in said.hard:
                assert said.second in ("促进", "抑制", "拮抗", "协同")


def test_what_is_missing_becomes_more_likely():
    rng = random.Random(0)
    for missing in ("协同", "促进", "相加"):
        given = Counter({name: 10 * n for name, n in TARGETS.items() if name != missing})
        share = found([tell(rng, given).document for _ in range(80)])
        usual = TARGETS[missing] / sum(TARGETS.values()) * sum(share.values())
        assert share[missing] == max(share.values()) > 2 * usual
