"""The arteriography generator: form, the counts of Table I, directions, hard structures, and what a look-up gets."""

import random
import re
from collections import Counter

import pytest
from parts import every, f1

from relex import corpora
from relex.baselines.lookup import dictionary, lookup, nearest_entity, schema_only
from relex.corpora.check import check
from relex.corpora.corpus import PARTS
from relex.corpora.generators.arteriography import clauses
from relex.corpora.generators.arteriography.generate import (
    NO_RELATION,
    SCHEMA,
    TARGETS,
    compared,
    generate,
    tally,
)
from relex.corpora.generators.arteriography.patterns import MODIFIER, NEGATIVE, PERCENTAGE, POSITION, Telling
from relex.documents import Document, write_documents
from relex.errors import RelexError

HARD = {
    "elided_part": 150, "elided_degree": 30, "passing_part": 8, "idle_place": 60, "grade": 40, "denied_degree": 20,
    "coordination": 100, "respectively": 3, "exception": 3, "summary": 15, "double_negation": 8, "trap": 100,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus():
    return generate(test=0)


def test_documents_are_valid_and_flat(corpus):
    documents = every(corpus)
    assert corpus.stand_in and corpus.name == "arteriography" and corpus.schema is SCHEMA
    assert len({d.id for d in documents}) == len({d.text for d in documents}) == len(documents)
    for document in documents:
        document.check()
        corpus.schema.check(document)
        assert Document.from_json(document.to_json()) == document
        assert not set(document.text) & set("{}()/<>") and not re.search("[，。；、]{2}|^[，。；、]", document.text)
        spans = document.entities
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))  # in order, none overlap
        assert len({frozenset((r.head, r.tail)) for r in document.relations}) == len(document.relations)


def test_mentions_are_of_their_type(corpus):
    found = {name: set() for name in SCHEMA.entity_types}
    for d in every(corpus):
        for i, span in enumerate(d.entities):
            found[span.type].add(d.mention(i))
    assert found["Negation"] <= {"未见", "无", "未发现", "未及", "没有"}
    assert all(re.fullmatch(r"\d+%(-\d+%)?|[0-3]级", mention) for mention in found["Quantifier"])
    assert {"左主干", "前降支", "回旋支", "右冠"} <= found["Body Part"]
    assert not found["Body Part"] & found["Location"] and not found["Degree"] & found["Location"]


def test_counts_are_those_of_the_paper(corpus):
    assert corpus.sizes == {"train": 120, "dev": 15, "test": 15}
    total = sum(map(tally, every(corpus)), Counter())
    for name, target in TARGETS.items():
        assert total[name] == pytest.approx(target, rel=0.15 if name == NO_RELATION else 0.03), name
    assert sum(TARGETS[name] for name in SCHEMA.entity_types) == 2136
    for what in ("entities", "relations"):
        said = sum(corpus.counts[f"{part}.{what}"] for part in PARTS)
        assert said == sum(len(getattr(d, what)) for d in every(corpus))
    assert sum(corpus.counts[f"{part}.no_relation"] for part in PARTS) == total[NO_RELATION]


def test_direction_follows_the_order_in_the_text(corpus):
    later, earlier = Counter(), Counter()
    for d in every(corpus):
        for head, name, tail in d.triples():
            (later if head.start > tail.start else earlier)[name] += 1
    assert set(later) == {NEGATIVE, MODIFIER, PERCENTAGE} and set(earlier) == {POSITION, PERCENTAGE}


def test_what_is_hard_is_there_and_counted(corpus):
    assert all(corpus.counts[name] >= least for name, least in HARD.items()), corpus.counts
    total = sum(len(d.relations) for d in every(corpus))
    assert 0.01 < corpus.counts["mixed_up"] / total < 0.05
    assert 0.01 < corpus.counts["short"] / 2136 < 0.04


def test_the_same_words_are_entities_and_none(corpus):
    inside, outside = Counter(), Counter()
    for d in every(corpus):
        marked = "".join(d.mention(i) + "|" for i in range(len(d.entities)))
        for word in ("狭窄", "闭塞", "扩张", "正常", "未见", "右冠", "50%", "3级", "开口", "远端"):
            inside[word] += word in marked
            outside[word] += d.text.count(word) > marked.count(word)
    for word in outside:
        assert inside[word] and outside[word], word


def told(step, *arguments, seed=0):
    """What a clause says after one about 甲 and 乙, without noise: (head, relation, tail) as words."""
    t = Telling(random.Random(seed))
    t.about(t.say("{b}正常；", b=("甲", "乙"))["b"])
    step(t, *arguments)
    return t, {(t.word(r.head), r.type, t.word(r.tail)) for r in t.relations}


def test_a_summary_reaches_all_and_an_exception_all_but_one():
    for seed in range(10):
        t, found = told(clauses.summary, seed=seed)
        assert {(name, tail) for _, name, tail in found} == {(NEGATIVE, "甲"), (NEGATIVE, "乙")}
        t, found = told(clauses.all_but, ["丙", "丁", "戊"], "LAD", "丁", seed=seed)
        denied = {t.spans[r.head].start: set() for r in t.relations if r.type == NEGATIVE}
        for r in t.relations:
            if r.type == NEGATIVE:
                denied[t.spans[r.head].start].add(t.word(r.tail))
        assert denied[min(denied)] == {"丙", "戊"}


def test_an_elided_part_is_the_one_told_of_before():
    for seed in range(20):
        t, found = told(clauses.vessel, "LAD", "丙", seed=seed)
        beds = {"远段血管", "远端血管床", "远段分支"}
        assert {tail for _, name, tail in found if name == MODIFIER} - beds == {"丙"}
        t, found = told(clauses.vessel, "LAD", "", seed=seed)
        assert {tail for _, name, tail in found if name == MODIFIER} - beds == {"甲", "乙"}


def test_respectively_joins_first_to_first():
    seen = 0
    for seed in range(60):
        t, found = told(clauses.pair, ["丙", "丁"], seed=seed)
        if t.hard["respectively"]:
            seen += 1
            assert all(number == 1 for number in Counter(r.tail for r in t.relations if r.type == MODIFIER).values())
            assert len(t.relations) == 6
    assert seen > 5


@pytest.mark.parametrize(("texts", "sizes"), [(10, (8, 1, 1)), (40, (32, 4, 4))])
def test_sizes_on_request(texts, sizes):
    corpus = generate(texts, seed=2, test=0)
    assert tuple(corpus.sizes.values()) == sizes
    total = sum(map(tally, every(corpus)), Counter())
    wanted = sum(TARGETS[name] for name in SCHEMA.entity_types) * texts / 150
    assert sum(total[name] for name in SCHEMA.entity_types) == pytest.approx(wanted, rel=0.15)


def test_the_test_part_is_filled_up_and_nothing_else_changes(corpus):
    whole = generate()
    assert whole.sizes == {"train": 120, "dev": 15, "test": 300}
    assert (whole.train, whole.dev, whole.test[:15]) == (corpus.train, corpus.dev, corpus.test)
    assert len({d.id for d in every(whole)}) == len({d.text for d in every(whole)}) == 435
    assert compared(whole) == compared(corpus) == every(corpus)
    assert whole.counts["test.relations"] == sum(len(d.relations) for d in whole.test)
    assert whole.counts["train.relations"] == corpus.counts["train.relations"]
    assert whole.fingerprint != corpus.fingerprint
    # what fills up is drawn as the rest is: as many of everything in a text
    added = sum(map(tally, whole.test[15:]), Counter())
    for name, target in TARGETS.items():
        assert added[name] / 285 == pytest.approx(target / 150, rel=0.15 if name == NO_RELATION else 0.05), name


@pytest.mark.parametrize(("test", "size"), [(0, 1), (1, 1), (2, 2), (5, 5)])
def test_test_texts_on_request(test, size):
    part = generate(12, test=test).test
    assert len(part) == size and part[:1] == generate(12, test=0).test


@pytest.mark.parametrize("texts", [-1, 0, 9])
def test_too_few_texts(texts):
    with pytest.raises(RelexError, match=f"cannot have {texts} texts; give at least 10"):
        generate(texts)


def test_by_name():
    assert corpora.CORPORA["arteriography"].read is generate
    with pytest.raises(RelexError, match="no option unit"):
        corpora.load("arteriography", unit="report")


def test_files_of_it_pass_the_check(corpus, tmp_path):
    for part in PARTS:
        write_documents(tmp_path / f"{part}.jsonl", getattr(corpus, part))
    assert check(tmp_path) == []


def test_shortcuts_are_not_enough(corpus):
    train = [*corpus.train, *corpus.dev]
    assert f1(corpus.test, lookup(train)(corpus.test)) == 0
    assert f1(corpus.test, dictionary(train)(corpus.test)) < 0.6
    assert f1(corpus.test, schema_only(SCHEMA)(corpus.test)) < 0.6
    assert f1(corpus.test, nearest_entity(train, SCHEMA)(corpus.test)) < 0.8
    assert f1(corpus.test, corpus.test) == 1
