"""BIEOS tags: every set of spans comes back, nothing else does, and only what may follow may follow."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relex.errors import RelexError
from relex.heads.pairs.tags import Tags

TAGS = Tags(["药", "病"])
IDS = {name: i for i, name in enumerate(TAGS.names)}


@st.composite
def tagged(draw):
    """Number of types, and windows as (length, spans that do not overlap), some of them without tokens."""
    types = draw(st.integers(1, 4))
    windows = []
    for _ in range(draw(st.integers(1, 4))):
        spans, place = [], 0
        for _ in range(draw(st.integers(0, 5))):
            first = place + draw(st.integers(0, 2))
            last = first + draw(st.integers(0, 4))
            spans.append((first, last, draw(st.integers(0, types - 1))))
            place = last + 1
        windows.append((place + draw(st.integers(0, 3)), spans))
    return types, windows


def padded(rows, value=0):
    """Ids W×N and mask W×N of rows of any length."""
    ids = torch.full((len(rows), max(map(len, rows))), value)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = torch.as_tensor(row), True
    return ids, mask


def spans_of(names):
    """Spans of tag names, found one tag after another."""
    found, begun = [], None
    for i, name in enumerate(names):
        place, _, kind = name.partition("-")
        if place == "S":
            found.append((i, i, kind))
        if place == "E" and begun is not None and begun[1] == kind:
            found.append((begun[0], i, kind))
        if place == "B":
            begun = i, kind
        elif place != "I" or begun is None or begun[1] != kind:
            begun = None
    return found


def test_names_and_one_example():
    assert TAGS.names == ("O", "B-药", "I-药", "E-药", "S-药", "B-病", "I-病", "E-病", "S-病")
    assert len(TAGS) == len(TAGS.names) == 9
    ids = TAGS.encode(7, [(5, 5, 0), (1, 3, 1)])
    assert [TAGS.names[i] for i in ids] == ["O", "B-病", "I-病", "E-病", "O", "S-药", "O"]
    assert [TAGS.names[i] for i in TAGS.encode(2, [(0, 1, 0)])] == ["B-药", "E-药"]
    assert ids.dtype == np.int64 and TAGS.encode(0, []).shape == (0,)


def test_no_types():
    tags = Tags([])
    assert tags.names == ("O",) and tags.allowed().tolist() == [[True, True]] * 2
    assert tags.decode(torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)).shape == (0, 4)


@given(tagged())
def test_any_spans_come_back(drawn):
    types, windows = drawn
    tags = Tags([f"type {i}" for i in range(types)])
    rows = [tags.encode(length, reversed(spans)) for length, spans in windows]
    expected = [[w, *span] for w, (_, spans) in enumerate(windows) for span in spans]
    for value in (-1, 0, 1, 4):  # what stands behind the tokens does not matter
        assert tags.decode(*padded(rows, value)).tolist() == expected


@given(tagged())
def test_tags_of_spans_are_allowed(drawn):
    types, windows = drawn
    tags = Tags([f"type {i}" for i in range(types)])
    allowed = tags.allowed()
    for length, spans in windows:
        path = [len(tags), *tags.encode(length, spans), len(tags)]
        assert all(allowed[a, b] for a, b in itertools.pairwise(path))


@given(st.lists(st.lists(st.integers(0, len(TAGS) - 1), max_size=12), min_size=1, max_size=4))
def test_any_tags_give_what_is_complete(rows):
    expected = [[w, a, b, TAGS.types.index(kind)] for w, row in enumerate(rows)
                for a, b, kind in spans_of([TAGS.names[i] for i in row])]  # fmt: skip
    assert TAGS.decode(*padded(rows, 4)).tolist() == expected


@pytest.mark.parametrize(
    "names, expected",
    [
        ("B-药 I-病 E-药", []), ("B-药 E-病", []), ("I-药 E-药", []), ("E-药", []), ("B-药 I-药", []), ("B-药", []),
        ("B-药 B-药 E-药", [(1, 2, 0)]), ("B-药 E-药 E-药", [(0, 1, 0)]), ("B-药 O E-药", []),
        ("B-药 S-药 E-药", [(1, 1, 0)]), ("O I-药 I-药 S-病", [(3, 3, 1)]), ("B-病 I-病 I-病 E-病", [(0, 3, 1)]),
    ],
)  # fmt: skip
def test_incomplete_spans_are_dropped(names, expected):
    ids, mask = padded([[IDS[n] for n in names.split()]])
    assert [tuple(s) for s in TAGS.decode(ids, mask)[:, 1:].tolist()] == expected


def test_a_span_that_the_window_cuts_is_dropped():
    ids, mask = padded([TAGS.encode(4, [(1, 3, 0)])])
    mask[0, 3] = False
    assert TAGS.decode(ids, mask).tolist() == []


def test_allowed_is_what_may_follow():
    allowed, names = TAGS.allowed(), [*TAGS.names, "border"]
    for (i, a), (j, b) in itertools.product(enumerate(names), repeat=2):
        unfinished, goes_on = a[0] in "BI", b[0] in "IE"
        assert allowed[i, j] == (goes_on and a[2:] == b[2:] if unfinished else not goes_on), (a, b)


@pytest.mark.parametrize(
    "spans, message",
    [
        ([(0, 2, 0), (2, 3, 1)], "from token 2 to 3 overlaps another"),
        ([(1, 1, 0), (0, 3, 0)], "from token 0 to 3 overlaps another"),
        ([(1, 2, 0), (1, 2, 0)], "overlaps another"),
        ([(0, 5, 0)], "a span from token 0 to 5 is not in 5 tokens"),
        ([(-1, 1, 0)], "a span from token -1 to 1 is not in 5 tokens"),
        ([(3, 2, 0)], "a span from token 3 to 2 is not in 5 tokens"),
        ([(0, 1, 2)], "there is no entity type 2; choose one from 0 to 1"),
        ([(0, 1, -1)], "there is no entity type -1"),
    ],
)
def test_spans_that_tags_cannot_hold(spans, message):
    with pytest.raises(RelexError, match=message):
        TAGS.encode(5, spans)
