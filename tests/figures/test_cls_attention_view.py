"""Where [CLS] looks is what the head computes: weights times values are its states; marks and shares are right."""

from unittest import mock

import numpy as np
import pytest
import torch
from extractors import long_document, narrow, sharp_encoder, told

from relex import encoders
from relex.analysis import cls_attention as module
from relex.analysis.cls_attention import GROUPS, attention_weights, looks, masked, summary, unmasked
from relex.documents import Document, RelationType, Schema, Span
from relex.errors import RelexError
from relex.figures import cls_attention
from relex.figures.style import GREEN, GREY, ORANGE
from relex.heads import Focused, FocusedOptions, Shallow, ShallowOptions
from relex.heads.pairs.focused_layers import cls_of_pairs
from relex.reference import focused as plain

SCHEMA = Schema(("病", "药"), (RelationType("治疗", (("药", "病"),)),))
SEVERAL = told("several", "止痛片和退热贴都治发烧", "退热贴/药 止痛片/药 发烧/病", [(0, 2, "治疗"), (1, 2, "治疗")])
ONE = told("one", "头疼时吃止痛片。", "头疼/病 止痛片/药", [(1, 0, "治疗")])
NONE = told("none", "今天没有什么可说。")
DOCUMENTS = (SEVERAL, ONE, NONE)
LAYERS = 4
EACH_MASK = pytest.mark.parametrize("mask", ["eq13", "eq14", "none"])


def make(**options):
    return Focused(sharp_encoder(LAYERS, DOCUMENTS), SCHEMA, FocusedOptions(**{"k": 3} | options)).eval()


@pytest.fixture(scope="module")
def head():
    return make()


@pytest.fixture(scope="module")
def table(head):
    return looks(head, DOCUMENTS)


def places(head, batch):
    one, other = (batch["entities"][batch["pairs"][:, i]] for i in (0, 1))
    return torch.cat([one[:, :1], one[:, 1:3] + 1, other[:, 1:3] + 1], 1)


def mixed(block, attention, states, cls):
    """The next state of [CLS] P×D: its attention P×H×1×L times values, and the rest of the layer."""
    values = block.attention.self.value(states).unflatten(-1, (attention.shape[1], -1)).transpose(1, 2)
    heads = (attention @ values).transpose(1, 2).flatten(2)
    return block.feed_forward_chunk(block.attention.output(heads, cls))[:, 0]


@torch.no_grad()
def test_weights_times_values_are_the_states_before_the_focus(head):
    batch = head.collate(DOCUMENTS)
    passed, attention = unmasked(head, batch)
    for states, after, mean, block in zip(passed, passed[1:], attention, head.encoder.blocks[1:], strict=False):
        by_head = attention_weights(block, states[:, :1], states, batch["attention_mask"].bool()[:, None])
        torch.testing.assert_close(by_head.mean(1)[:, 0], mean)
        torch.testing.assert_close(mixed(block, by_head, states, states[:, :1]), after[:, 0], atol=1e-5, rtol=0)
    assert len(passed) == 4 and torch.equal(passed[-1], head.states(batch).passed[-1])


@EACH_MASK
@pytest.mark.parametrize("k", range(1, LAYERS + 1))
@torch.no_grad()
def test_states_after_the_focus_are_those_of_the_head(k, mask):
    head = make(k=k, mask=mask)
    batch = head.collate(DOCUMENTS)
    pairs, (passed, plain_attention) = places(head, batch), unmasked(head, batch)
    cls, attention, near = masked(head, passed[0], batch["attention_mask"], pairs)
    blocks = head.encoder.blocks[LAYERS - k :]
    theirs = cls_of_pairs(mask, blocks, passed, batch["attention_mask"], pairs)
    torch.testing.assert_close(cls, theirs, atol=1e-5, rtol=0)
    assert attention.shape == (k, 4, batch["input_ids"].shape[1]) and (attention[:, ~near] == 0).all()
    torch.testing.assert_close(attention.sum(-1), torch.ones(k, 4))
    if mask == "none":
        torch.testing.assert_close(attention, plain_attention[:, pairs[:, 0]])


@EACH_MASK
@torch.no_grad()
def test_weights_times_values_are_the_states_after_the_focus(mask):
    """Layer by layer: what the weights of one head each make of the states is what the reference has of [CLS]."""
    head, kept = make(mask=mask), []

    def keep(block, queries, states, seen):
        found = attention_weights(block, queries, states, seen)
        kept.append(mixed(block, found, states, states[:, :1]))
        return found

    batch = head.collate([SEVERAL])
    pairs = places(head, batch)
    passed, _ = unmasked(head, batch)
    with mock.patch.object(module, "attention_weights", keep):
        masked(head, passed[0], batch["attention_mask"], pairs)
    for number, (_, *ends) in enumerate(pairs.tolist()):
        ids, _ = plain.tokens(head, SEVERAL.text)
        x, everyone = plain.embedded(head, ids), torch.ones(len(ids), len(ids))
        own = plain.mask_of(mask, len(ids), ends[:2], ends[2:])
        for i in range(LAYERS):
            x = plain.layer(head, i, x, own if i else everyone)
            if i:
                torch.testing.assert_close(kept[i - 1][number], x[0], atol=1e-5, rtol=0)
    assert len(kept) == 3


def test_lines_of_looks(table):
    assert len(table) == 2 * 3 * 4 and set(table["layer"]) == {2, 3, 4}
    assert set(zip(table["document"], table["pair"], strict=True)) == {
        ("several", (1, 0)), ("several", (1, 2)), ("several", (0, 2)), ("one", (0, 1)),
    }  # fmt: skip
    assert not table.duplicated(["document", "pair", "layer", "moment"]).any()
    assert np.allclose(table[list(GROUPS)].sum(axis=1), 1, atol=1e-5)
    after, before = table[table["moment"] == "after"], table[table["moment"] == "before"]
    assert (after["elsewhere"] == 0).all() and (before["elsewhere"] > 0).all()
    one = table[table["document"] == "one"].set_index(["moment", "layer"])["even"]
    assert np.allclose(one["before"], 5 / 10) and np.allclose(one["after"], 5 / 6)


def test_looks_are_those_of_the_view(head, table):
    shown = cls_attention.view(head, SEVERAL, (2, 1))
    lines = table[(table["document"] == "several") & (table["pair"].map(lambda p: p == (1, 2)))]
    for moment in module.MOMENTS:
        found = lines[lines["moment"] == moment].sort_values("layer")[list(GROUPS)].to_numpy()
        attention = getattr(shown, moment)
        assert np.allclose(found, [[row[shown.group == g].sum() for g in range(4)] for row in attention], atol=1e-6)


def test_summary_of_looks(table):
    found = summary(table)
    assert list(found.index) == [(moment, layer) for moment in module.MOMENTS for layer in (2, 3, 4)]
    assert (found["documents"] == 2).all() and (found["pairs"] == 4).all()
    assert np.allclose(found.loc["after", "entities"], 1 - found.loc["after", "cls"], atol=1e-6)
    assert found["entities"].between(found["low"] - 1e-9, found["high"] + 1e-9).all()


def test_batches_of_pairs_change_nothing(head, table, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 1)
    again = looks(head, DOCUMENTS)
    order = ["document", "pair", "layer", "moment"]
    one, other = (t.sort_values(order).reset_index(drop=True) for t in (table, again))
    assert one[order].equals(other[order])
    assert np.allclose(one.drop(columns=order), other.drop(columns=order), atol=1e-5)


def test_a_pair_of_several_windows_counts_once():
    head = narrow(make(), 34)
    document = long_document(3, 24)
    assert len(head.windows([document])) > 1
    found = looks(head, [document])
    assert not found.duplicated(["document", "pair", "layer", "moment"]).any()
    assert {(0, 1), (2, 3)} <= set(found["pair"])
    with pytest.raises(RelexError, match="which no figure can show"):
        cls_attention.view(head, document, (0, 1))


def test_documents_without_pairs(head):
    assert looks(head, [NONE]).empty and summary(looks(head, [NONE])).empty
    with pytest.raises(RelexError, match="it has none"):
        cls_attention.view(head, NONE, (0, 1))


def test_pairs_that_cannot_be_held(head):
    within = Document("within", "止痛片治发烧", (Span(0, 3, "药"), Span(0, 2, "药"), Span(4, 6, "病")))
    assert set(looks(head, [within])["pair"]) == {(0, 2)}
    with pytest.raises(RelexError, match=r"no pair \(1, 2\).*it has \(0, 2\)"):
        cls_attention.view(head, within, (1, 2))


def test_other_models_are_refused(make_head):
    encoder = encoders.load("random:tiny", texts=[ONE.text])
    shallow = Shallow(encoder, SCHEMA, ShallowOptions())
    for other in (make(tasks="ner"), make(k=0), make_head(), shallow):
        with pytest.raises(RelexError, match="not focused on pairs"):
            looks(other, [ONE])
        with pytest.raises(RelexError, match="not focused on pairs"):
            cls_attention.view(other, ONE, (0, 1))


def test_the_head_is_left_as_it_was():
    head = make()
    for training in (True, False):
        head.train(training)
        cls_attention.view(head, ONE, (0, 1))
        looks(head, [ONE])
        assert head.training is training


@pytest.mark.parametrize("mask", ["eq14", "none"])
def test_figure_shows_every_token_and_both_passes(mask, style):
    head = make(mask=mask)
    shown = cls_attention.view(head, SEVERAL, (0, 1))
    drawn = cls_attention.figure(head, SEVERAL, (0, 1), "a title")
    assert "".join(shown.tokens[1:-1]) == SEVERAL.text
    assert [SEVERAL.text[s.start : s.end] for s in shown.spans] == ["止痛片", "退热贴"]
    before, after = drawn.axes[:2]
    for axes, attention in ((before, shown.before), (after, shown.after)):
        assert [label.get_text() for label in axes.get_xticklabels()] == list(shown.tokens)
        colors = [label.get_color() for label in axes.get_xticklabels()]
        assert colors[1:8] == [ORANGE] * 3 + [GREY] + [GREEN] * 3
        written = [text.get_text() for text in axes.texts]
        assert written == ["pair", *(f"{row[[1, 2, 3, 5, 6, 7]].sum():.0%}" for row in attention)]
    assert np.allclose(np.ma.filled(before.images[0].get_array(), np.nan), shown.before)
    pixels = np.ma.filled(after.images[0].get_array(), np.nan)
    assert np.array_equal(np.isnan(pixels).any(0), ~shown.seen)
    assert np.allclose(pixels[:, shown.seen], shown.after[:, shown.seen])
    assert before.images[0].get_clim() == after.images[0].get_clim()
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == ["止痛片", "退热贴"] + ["hidden"] * (mask != "none")
