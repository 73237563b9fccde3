"""Occurrences of mentions against plain loops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.mentions import POLICIES, align, find_all, nearest_pair

texts = st.text("甲乙丙", max_size=12)


@given(texts, st.text("甲乙丙", max_size=3))
def test_find_all_finds_what_count_counts(text, mention):
    found = find_all(text, mention)
    assert all(text[a:b] == mention for a, b in found)
    assert all(b <= c for (_, b), (c, _) in zip(found, found[1:], strict=False))
    assert len(found) == (text.count(mention) if mention else 0)


def between(head, tail):
    """Characters between two occurrences, or None when they overlap."""
    shared = set(range(*head)) & set(range(*tail))
    return None if shared else max(tail[0] - head[1], head[0] - tail[1])


@given(texts, st.text("甲乙", min_size=1, max_size=2), st.text("乙丙", min_size=1, max_size=2))
def test_nearest_pair_has_the_fewest_characters_between(text, head, tail):
    heads, tails = find_all(text, head), find_all(text, tail)
    one, other = nearest_pair(heads, tails)
    if not heads or not tails:
        assert (one, other) == (heads[0] if heads else None, tails[0] if tails else None)
        return
    gaps = [gap for h in heads for t in tails if (gap := between(h, t)) is not None]
    assert one in heads and other in tails
    assert between(one, other) == (min(gaps) if gaps else None)


@given(texts, st.text("甲乙", min_size=1, max_size=2), st.text("乙丙", min_size=1, max_size=2))
def test_policies_choose_among_all_pairs(text, head, tail):
    heads, tails = find_all(text, head), find_all(text, tail)
    chosen = {policy: align(heads, tails, policy) for policy in POLICIES}
    assert chosen["nearest"] == [nearest_pair(heads, tails)]
    assert chosen["first"] == [(heads[0] if heads else None, tails[0] if tails else None)]
    assert len(chosen["all"]) == len(set(chosen["all"])) == max(len(heads), 1) * max(len(tails), 1)
    assert {h for h, _ in chosen["all"]} == set(heads or [None])
    assert {t for _, t in chosen["all"]} == set(tails or [None])
    assert {*chosen["nearest"], *chosen["first"]} <= set(chosen["all"])


def test_unknown_policies_are_refused():
    with pytest.raises(ValueError, match="known are nearest, first, all"):
        align([(0, 1)], [(2, 3)], "last")
