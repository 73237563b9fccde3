"""Fusion, context of a span, maxima over stretches, and words."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from relex import encoders
from relex.heads.span.layers import ContextEncoder, Fusion, RangeMax, stretch
from relex.heads.windows import word_starts


@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_range_max(n, windows, seed, data):
    x = torch.randn(windows, n, 3, generator=torch.Generator().manual_seed(seed))
    maxima, place = RangeMax(x), st.integers(0, n - 1)
    asked = data.draw(st.lists(st.tuples(st.integers(0, windows - 1), place, place), min_size=1, max_size=12))
    found = maxima(*torch.tensor(asked).unbind(1))
    for row, (w, first, last) in zip(found, asked, strict=True):
        assert torch.equal(row, x[w, first : last + 1].amax(0) if first <= last else torch.zeros(3))


def test_range_max_of_every_stretch():
    x = torch.randn(1, 33, 2)
    asked = torch.tensor([(0, i, j) for i in range(33) for j in range(i, 33)])
    found = RangeMax(x)(*asked.unbind(1))
    assert torch.equal(found, torch.stack([x[0, i : j + 1].amax(0) for _, i, j in asked.tolist()]))


def test_range_max_beyond_both_ends_of_nothing():
    """What stands between entities that touch or overlap at the ends of a text: nothing, wherever that begins."""
    maxima = RangeMax(torch.ones(1, 4, 2))
    found = maxima(torch.zeros(4, dtype=torch.long), torch.tensor([4, 1, 3, 5]), torch.tensor([3, 0, 0, -1]))
    assert not found.any()


def test_range_max_passes_gradients_to_the_maxima():
    x = torch.randn(1, 7, 3, requires_grad=True)
    RangeMax(x)(torch.tensor([0]), torch.tensor([1]), torch.tensor([5])).sum().backward()
    expected = torch.zeros(1, 7, 3)
    expected[0, x[0, 1:6].argmax(0) + 1, torch.arange(3)] = 1
    torch.testing.assert_close(x.grad, expected)


def test_range_max_keeps_no_more_than_a_logarithm():
    assert RangeMax(torch.zeros(2, 100, 3)).levels.shape == (7 * 2 * 100, 3)


def test_stretch():
    found = stretch(torch.tensor([0, 2, 3, 2]), torch.tensor([1, 2, 9, 1]), 5)
    assert found.int().tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1], [0] * 5]


@torch.no_grad()
def test_fusion_of_one_sentence():
    torch.manual_seed(0)
    fusion, x = Fusion(6).eval(), torch.randn(1, 5, 6)
    mask = torch.ones(1, 5, dtype=torch.bool)
    entities = nn.functional.gelu(fusion.entity_view[0](x[0]))
    relations = nn.functional.gelu(fusion.relation_view[0](x[0]))
    by_entity = (entities @ relations.T / math.sqrt(6)).softmax(1)
    by_relation = (relations @ entities.T / math.sqrt(6)).softmax(1)
    torch.testing.assert_close(fusion.attention(x, mask), (by_entity[None], by_relation[None]))
    both = torch.cat([by_entity @ relations, by_relation @ entities], 1)
    torch.testing.assert_close(fusion(x, mask), fusion.bilstm(both[None], mask))
    fusion.residual = True
    asked = torch.cat([entities, relations], -1)
    torch.testing.assert_close(fusion(x, mask), fusion.bilstm((both + asked)[None], mask))


@torch.no_grad()
def test_attention_looks_at_the_text_only():
    torch.manual_seed(0)
    fusion, x = Fusion(6).eval(), torch.randn(3, 5, 6)
    mask = torch.arange(5) < torch.tensor([[5], [2], [0]])
    for i, shares in enumerate(zip(*fusion.attention(x, mask), strict=True)):
        for share in shares if mask[i].any() else ():
            torch.testing.assert_close(share.sum(-1), torch.ones(5))
            assert not share[:, ~mask[i]].any()
    assert torch.isfinite(fusion(x, mask)).all()  # of a text without tokens too: NaN there would spoil all gradients
    torch.testing.assert_close(fusion(x, mask)[1, :2], fusion(x[1:2, :2], mask[1:2, :2])[0])


def test_a_text_without_tokens_leaves_gradients_alone():
    torch.manual_seed(0)
    fusion, x = Fusion(4), torch.randn(2, 3, 4)
    for lengths in ([3], [3, 0]):
        mask = torch.arange(3) < torch.tensor(lengths)[:, None]
        fusion.zero_grad()
        fusion(x[: len(lengths)], mask)[0].sum().backward()
        found = [p.grad.clone() for p in fusion.parameters()]
        assert all(torch.isfinite(g).all() for g in found)
        if lengths == [3]:
            alone = found
    torch.testing.assert_close(found, alone)


@pytest.mark.parametrize("attention", [True, False], ids=["sea", "gru"])
@torch.no_grad()
def test_context_does_not_see_the_span(attention):
    torch.manual_seed(0)
    layer, x = ContextEncoder(8, 2, attention).eval(), torch.randn(2, 6, 8)
    mask = torch.arange(6) < torch.tensor([[6], [4]])
    window, first, last = torch.tensor([[0, 1, 4], [1, 0, 1], [1, 3, 3], [1, 0, 3], [0, 0, 5]]).unbind(1)
    visible = mask[window] & ~stretch(first, last, 6)
    before = layer(x, mask, window, visible)
    for i in range(len(window)):
        other = x.clone()
        other[window[i], first[i] : last[i] + 1] += 3
        other[~mask] += 3
        torch.testing.assert_close(layer(other, mask, window, visible)[i], before[i])
        if visible[i].any():
            other[window[i], visible[i].nonzero()[0]] += 3
            assert not torch.allclose(layer(other, mask, window, visible)[i], before[i], atol=1e-3)
    whole = before[3:]  # nothing around them; only their length tells them apart
    assert torch.isfinite(whole).all() and not torch.equal(whole[0], whole[1])


@torch.no_grad()
def test_context_of_no_spans():
    layer, mask = ContextEncoder(8, 2, True), torch.ones(1, 3, dtype=torch.bool)
    nothing = torch.zeros(0, dtype=torch.long)
    assert layer(torch.randn(1, 3, 8), mask, nothing, torch.zeros(0, 3, dtype=torch.bool)).shape == (0, 8)


# Words


def words(text):
    """The words of a text, joined from the tokens of the character vocabulary."""
    tokens = encoders.load("random:tiny", 1, texts=[text]).tokenize([text])[0]
    offsets = np.array(tokens.offsets, dtype=np.int64).reshape(-1, 2)
    starts = word_starts(text, offsets)
    assert starts[:1].all() and len(starts) == len(offsets)
    borders = [*offsets[starts, 0].tolist(), len(text)]
    return [text[a:b].rstrip() for a, b in zip(borders, borders[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n", []),
        ("止痛片", ["止", "痛", "片"]),
        ("吃3片，每日。", ["吃", "3", "片", "，", "每", "日", "。"]),
        ("服10mg后", ["服", "10mg", "后"]),
        ("Mr. O'Hara paid $3.50 ( net ) .", ["Mr.", "O'Hara", "paid", "$3.50", "(", "net", ")", "."]),
        ("well-known,  co-op\tU.S.", ["well-known,", "co-op", "U.S."]),
        ("café naïve", ["café", "naïve"]),
        ("用(IL-2)治疗", ["用", "(", "IL", "-", "2", ")", "治", "疗"]),
        ("the (IL-2) gene", ["the", "(IL-2)", "gene"]),
        ("“好”", ["“", "好", "”"]),
        ("α-甲基", ["α", "-", "甲", "基"]),
        ("甲 乙", ["甲", "乙"]),
        ("ａ１，b", ["ａ", "１", "，", "b"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_words_of_pieces():
    """Tokens that stand side by side without a blank are one word, however a tokenizer cut them."""
    offsets = np.array([(0, 3), (3, 6), (6, 7), (8, 12), (12, 13)])
    assert word_starts("running, fast!", offsets).tolist() == [True, False, False, True, False]
