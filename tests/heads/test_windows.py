"""Windows over long texts, and characters to tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex import encoders
from relex.heads.windows import OVERLAP, windowed


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("random:tiny", texts=["甲乙丙丁戊己庚辛壬癸"])


def narrow(encoder, positions):
    encoder.model.config.max_position_embeddings = positions
    return encoder


@given(st.text("甲乙丙丁 \n", max_size=80), st.integers(3, 24))
def test_windows_cover_a_text(encoder, text, positions):
    room, (found,) = positions - 2, windowed(narrow(encoder, positions), [text])
    tokens = encoder.tokenize([text])[0]
    count = len(tokens.ids)
    assert (len(found.windows) == 1) == (count <= room)
    covered = set()
    for window in found.windows:
        assert len(window.ids) == min(count, room) + 2 == len(window.offsets) <= positions
        assert (window.ids[0], window.ids[-1]) == (encoder.cls_id, encoder.sep_id)
        here = slice(window.first, window.first + room)
        assert window.ids[1:-1] == tokens.ids[here]
        assert window.offsets[1:-1].tolist() == [list(o) for o in tokens.offsets[here]]
        assert window.offsets[[0, -1]].tolist() == [[0, 0], [0, 0]]
        covered |= set(range(window.first, window.first + len(window.ids) - 2))
    assert covered == set(range(count))


@given(st.integers(1, 200), st.integers(3, 40), st.data())
def test_what_is_no_longer_than_the_overlap_lies_in_one_window(encoder, count, positions, data):
    room, (found,) = positions - 2, windowed(narrow(encoder, positions), ["甲" * count])
    long = data.draw(st.integers(1, min(count, room // OVERLAP + 1)))
    at = data.draw(st.integers(0, count - long))
    assert any(w.first <= at and at + long <= w.first + room for w in found.windows)
    firsts = [w.first for w in found.windows]
    assert firsts == sorted(set(firsts)) and len(firsts) <= 2 + count / max(1, room - room // OVERLAP)


@given(st.text("甲乙a1，é\u0301😀 \n\u3000", max_size=30), st.data())
def test_characters_to_tokens_and_back(encoder, text, data):
    (found,) = windowed(narrow(encoder, 512), [text])
    start, end = data.draw(st.integers(-2, len(text) + 1)), data.draw(st.integers(-2, len(text) + 1))
    offsets = encoder.tokenize([text])[0].offsets
    covering = {place: i for i, (a, b) in enumerate(offsets) for place in range(a, b)}
    if not 0 <= start < end <= len(text) or not {start, end - 1} <= set(covering):
        assert found.tokens(start, end) is None and not found.exact(start, end)
        return
    first, last = found.tokens(start, end)
    assert (first, last) == (covering[start], covering[end - 1]) and first <= last
    assert offsets[first][0] <= start < end <= offsets[last][1]
    assert found.exact(start, end) == (offsets[first][0] == start and offsets[last][1] == end)


def test_no_text_and_no_texts(encoder):
    encoder = narrow(encoder, 512)
    empty, blank = windowed(encoder, ["", " \n "])
    for found in (empty, blank):
        assert [w.ids for w in found.windows] == [(encoder.cls_id, encoder.sep_id)]
        assert found.tokens(0, 1) is None
    assert windowed(encoder, []) == []
