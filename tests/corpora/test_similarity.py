"""Numbers masked, places carried over, near duplicates and their clusters, against plain loops."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relex.corpora import splits
from relex.corpora.similarity import MASK, NUMBER, carried, clusters, masked, near_duplicates, ngrams, similar_pairs
from relex.documents import Document
from relex.errors import RelexError


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("狭窄约70%。", "狭窄约0%。"),
        ("支架2.75×15mm一枚", "支架0×0mm一枚"),
        ("狭窄50%-70%", "狭窄0%-0%"),
        ("球囊２．５×１５", "球囊0×0"),
        ("第1.2.3节", "第0节"),
        ("共3.", "共0."),
        ("第一对角支、两支", "第一对角支、两支"),
        ("", ""),
    ],
)
def test_what_a_number_is(text, after):
    assert masked(text) == after == masked(after)


words = st.text("甲乙，%", min_size=1, max_size=3)
numbers = st.from_regex(r"[0-9１２]{1,4}([.．][0-9]{1,2})?", fullmatch=True)


@st.composite
def twins(draw):
    """Two texts that are the same but for their numbers, and the pieces of both: (text, text, pieces)."""
    pieces = [(draw(numbers), draw(numbers))] * draw(st.booleans())
    for word in draw(st.lists(words, min_size=1, max_size=4)):
        pieces += [(word, word), (draw(numbers), draw(numbers))]
    return "".join(p[0] for p in pieces), "".join(p[1] for p in pieces), pieces


@given(twins(), st.data())
def test_places_are_carried_to_where_the_same_pieces_stand(pair, data):
    one, other, pieces = pair
    bounds = [tuple(sum(len(p[k]) for p in pieces[:i]) for k in (0, 1)) for i in range(len(pieces) + 1)]
    (start, start_there), (end, end_there) = sorted(data.draw(st.tuples(*[st.sampled_from(bounds)] * 2)))
    if start < end:
        assert carried([(start, end)], one, other) == [(start_there, end_there)]
        assert carried([(start_there, end_there)], other, one) == [(start, end)]


@given(twins(), st.data())
def test_any_place_is_carried_to_a_place(pair, data):
    one, other, _ = pair
    start = data.draw(st.integers(0, len(one) - 1))
    end = data.draw(st.integers(start + 1, len(one)))
    ((there, until),) = carried([(start, end)], one, other)
    assert 0 <= there < until <= len(other)
    assert carried([(start, end)], one, one) == [(start, end)]
    if not any(m.start() < place < m.end() for m in NUMBER.finditer(one) for place in (start, end)):
        assert masked(one[start:end]) == masked(other[there:until])


def test_a_place_within_a_number():
    assert carried([(1, 2), (2, 4)], "约123毫米", "约456毫米") == [(1, 2), (2, 4)]
    assert carried([(2, 3), (2, 5), (0, 2)], "约123毫米", "约4.56毫米") == [(1, 5), (1, 6), (0, 5)]
    with pytest.raises(ValueError, match="more than their numbers"):
        carried([(0, 1)], "约1毫米", "约1厘米")


def jaccard(one, other, n):
    one, other = ({t[i : i + n] for i in range(len(t) - n + 1)} for t in (one, other))
    return len(one & other) / len(one | other) if one | other else 0


texts = st.lists(st.text("甲乙1 ", max_size=12), min_size=1, max_size=9)


@given(texts, texts, st.sampled_from([0.3, 0.5, 0.8, 1.0]), st.integers(1, 5), st.integers(1, 4))
@settings(deadline=None)
def test_similar_pairs_equal_a_plain_loop(ours, theirs, threshold, n, block):
    found = set()
    for rows, columns in similar_pairs(ours, theirs, n, threshold, block):
        found |= set(zip(rows.tolist(), columns.tolist(), strict=True))
    expected = {(i, j) for i, t in enumerate(ours) for j, o in enumerate(theirs) if jaccard(t, o, n) >= threshold}
    assert found == expected
    near = [any(t == o or jaccard(t, o, n) >= threshold for o in theirs) for t in ours]
    assert near_duplicates(ours, theirs, n, threshold, block).tolist() == near
    assert ngrams("甲乙丙丁戊") == {"甲乙丙丁", "乙丙丁戊"} and ngrams("甲乙丙") == set()


def joined(texts):
    """Groups of indices by a plain closure of the relation."""
    after, group = [re.sub(NUMBER, MASK, t) for t in texts], list(range(len(texts)))
    for i, one in enumerate(after):
        for j, other in enumerate(after):
            if one == other or jaccard(one, other, 4) >= 0.8:
                group = [group[j] if g == group[i] else g for g in group]
    return sorted([i for i, g in enumerate(group) if g == name] for name in set(group))


# some are near duplicates: three sentences with a character or two replaced, and a number
BASES = ("甲乙丙丁戊己庚辛壬癸子丑寅卯辰", "子丑寅卯辰巳午未申酉戌亥甲乙丙", "天地玄黄宇宙洪荒日月盈昃辰宿列")
stretches = st.builds(
    lambda base, place, char, number: f"{base[:place]}{char}{base[place + 1 :]}{number}枚",
    st.sampled_from(BASES), st.integers(0, 14), st.sampled_from("左右"), st.integers(8, 11),
)  # fmt: skip


@given(st.lists(stretches, max_size=12))
@settings(deadline=None)
def test_clusters_equal_a_plain_closure(some):
    found = clusters(some)
    assert found == joined(some)
    assert [group[0] for group in found] == sorted(group[0] for group in found)


def test_clusters_join_what_is_alike_at_two_removes():
    links = ["甲乙丙丁戊己庚辛壬癸子丑寅", "甲乙丙丁戊己庚辛壬癸子丑卯", "辰乙丙丁戊己庚辛壬癸子丑卯"]
    assert jaccard(links[0], links[1], 4) >= 0.8 <= jaccard(links[1], links[2], 4)
    assert jaccard(links[0], links[2], 4) < 0.8
    assert clusters([links[0], "共3枚", links[2], "共12枚", links[1]]) == [[0, 2, 4], [1, 3]]


@given(st.lists(stretches, min_size=8, max_size=30, unique=True))
@settings(deadline=None, max_examples=30)
def test_parts_of_a_novel_deal_have_nothing_alike(some):
    documents = [Document(str(i), text) for i, text in enumerate(some)]
    parts = splits.deal_novel(documents, {"test": 0.3, "dev": 0.2})
    assert sorted(d.id for part in parts.values() for d in part) == sorted(d.id for d in documents)
    for part, others in (("dev", ("train",)), ("test", ("train", "dev"))):
        for one in parts[part]:
            for other in (d for name in others for d in parts[name]):
                pair = masked(one.text), masked(other.text)
                assert pair[0] != pair[1] and jaccard(*pair, 4) < 0.8


def test_what_is_not_novel_is_said(monkeypatch):
    documents = [Document(str(i), f"左支近段狭窄约{i}%") for i in range(10)]
    monkeypatch.setattr(splits, "clusters", lambda texts: [[i] for i in range(len(texts))])
    with pytest.raises(RelexError, match="is not novel"):
        splits.deal_novel(documents, {"test": 0.2, "dev": 0.2})
    parts = splits.deal([[d] for d in documents], {"test": 0.2, "dev": 0.2})
    assert splits.near(parts) == {"dev.near": 2, "test.near": 2}
    assert np.all(near_duplicates(["甲"], []) == [False])
