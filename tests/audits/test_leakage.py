"""What training gives away of a test part, against plain loops, and the table of all corpora and splits."""

from dataclasses import replace

import pandas as pd
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from relex import corpora
from relex.audits import leakage
from relex.corpora import Corpus, CorpusSpec
from relex.corpora.similarity import masked
from relex.documents import Document, Schema

TRAIN = ("左支近段轻度狭窄约50%，远端血流正常。", "右支通畅。")
TEST = {
    TRAIN[0]: (1, 1, 1),
    TRAIN[0].replace("50", "72.5"): (0, 1, 1),
    TRAIN[0].replace("50", "72.5").replace("正常", "良好"): (0, 0, 0),
    TRAIN[0].replace("50", "9").replace("正常。", "正常"): (0, 0, 1),
    "右支通畅": (0, 0, 0),
}
"""Test text → verbatim, but for numbers, near duplicate."""


def corpus(train, test):
    train, test = (tuple(Document(f"{p}{i}", t) for i, t in enumerate(some)) for p, some in (("a", train), ("b", test)))
    return Corpus("made up", Schema((), ()), train, train[:1], test, fingerprint="x")


def test_each_column_includes_the_one_before():
    found = leakage.masks(corpus(TRAIN, TEST))
    assert list(found) == ["verbatim", "but for numbers", "near duplicate"]
    assert [tuple(map(int, line)) for line in zip(*found.values(), strict=True)] == list(TEST.values())


texts = st.lists(st.text("甲乙1 ", min_size=1, max_size=12), min_size=1, max_size=8)


@given(texts, texts)
@settings(deadline=None)
def test_masks_equal_a_plain_loop(train, test):
    def jaccard(one, other):
        one, other = ({t[i : i + 4] for i in range(len(t) - 3)} for t in (one, other))
        return len(one & other) / len(one | other) if one | other else 0

    found = leakage.masks(corpus(train, test))
    pairs = [[(masked(t), masked(o)) for o in train] for t in test]
    assert found["verbatim"].tolist() == [t in train for t in test]
    assert found["but for numbers"].tolist() == [any(a == b for a, b in line) for line in pairs]
    assert found["near duplicate"].tolist() == [any(a == b or jaccard(a, b) >= 0.8 for a, b in line) for line in pairs]


def test_pairs_are_counted_where_a_row_has_one():
    found = leakage.masks(samples.CORPUS)
    known = {(d.mention(0), d.mention(1)) for d in samples.TRAIN}
    assert found["pair"].tolist() == [(d.mention(0), d.mention(1)) in known for d in samples.TEST]


def test_the_table_has_every_split_of_what_is_there(monkeypatch, tmp_path):
    monkeypatch.setenv("RELEX_CORPORA", str(tmp_path))
    spec = corpora.CORPORA["angiography"]
    smaller = replace(spec, read=lambda split, unit: spec.read(40, split=split))
    monkeypatch.setitem(corpora.CORPORA, "samples", CorpusSpec("samples", lambda: samples.CORPUS, stand_in=True))
    monkeypatch.setitem(corpora.CORPORA, "angiography", smaller)
    table = leakage.table(["casmed", "samples", "angiography", "samples"])
    assert list(table.index) == [("samples", ""), *(("angiography", s) for s in leakage.splits("angiography"))]
    assert leakage.splits("angiography") == ("novel", "report", "report-unseen", "distinct")
    assert leakage.splits("casmed")[0] == "novel" and "shipped" in leakage.splits("casmed")
    assert (table["documents"] >= table["near duplicate"]).all()
    assert (table["near duplicate"] >= table["but for numbers"]).all()
    assert (table["but for numbers"] >= table["verbatim"]).all()
    counts = table.drop(columns=["documents", "pair"])
    assert not counts.loc[("angiography", "novel")].any() and counts.loc[("angiography", "distinct")].any()
    assert pd.isna(table.loc[("angiography", "novel"), "pair"])
    shown = leakage.with_shares(table)
    assert shown.loc[("samples", "")].tolist() == ["16", "4 (25.0%)", "4 (25.0%)", "4 (25.0%)", "16 (100.0%)"]
    assert shown.loc[("angiography", "novel"), "pair"] == "–"


def test_the_meaning_is_told_with_the_bounds_in_use():
    assert "4-grams" in leakage.told() and "0.8" in leakage.told()
    assert all(f"*{what[0].upper()}{what[1:]}*: " in leakage.told() for what in leakage.MEANING)


@pytest.mark.skipif(corpora.find("casmed") is None, reason="casmed is not on this machine")
def test_the_real_casmed():
    table = leakage.table(["casmed"])
    counts = {split: table.loc[("casmed", split)].dropna().tolist() for split in ("novel", "distinct")}
    assert counts == {"novel": [347, 0, 0, 0], "distinct": [346, 0, 138, 189]}


def test_splits_in_words():
    index = pd.MultiIndex.from_tuples([("casmed", "novel"), ("casmed", "report"), ("angiography", "novel")])
    counts = pd.DataFrame([[1200, 0, 0, 0], [9, 1, 2, 3], [30, 0, 0, 0]], index, ["documents", *leakage.MEANING][:4])
    counts.index.names = ["corpus", "split"]
    lines = leakage.by_split(counts).splitlines()
    assert len(lines) == 2 and lines[0].startswith("- `casmed`, split `novel`: of 1,200 test segments 0 are verbatim")
    assert leakage.generated(counts) == "Generated stand-ins: angiography; the others are real text."
