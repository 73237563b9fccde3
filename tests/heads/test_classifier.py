"""The classifier: equal to a plain loop, its markers and its loss, and unmoved by odd texts."""

import pytest
import samples
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import ABSENT_ONE, CLASSES, DEV, TRAIN, document

from relex.documents import ABSENT, Document, Relation, Span, infer_schema
from relex.encoders.encodings import ENCODINGS
from relex.errors import RelexError
from relex.reference import classifier as plain

NESTED = document("慢性胃炎和胃炎不同。", "慢性胃炎", "胃炎", "同义词", "nested")
MIXED = (*TRAIN[:5], ABSENT_ONE, NESTED, document("麻", "麻", "麻", name="short"), DEV[0])
VARIANTS = [
    {"encoding": name, "mark": mark, "absent": absent, "pooling": pooling}
    for name in ENCODINGS
    for mark in ("span", "all")
    for absent in ("prefix", "drop")
    for pooling in ("cls", "marker")
    if name in ("entity1", "entity2", "typed") or (pooling == "cls" and mark == "span" and absent == "prefix")
]


@torch.no_grad()
def logits(head, documents):
    head.eval()
    return head.logits(head.collate(documents))


@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "-".join(o.values()))
def test_agrees_with_a_plain_loop(make_head, options):
    head = make_head(**options)
    expected = torch.stack([plain.logits(head.eval(), d) for d in MIXED])
    torch.testing.assert_close(logits(head, MIXED), expected, atol=1e-5, rtol=0)


def test_loss_is_equation_1(make_head):
    head = make_head(hard_classes=("病因", "同义词"), hard_weight=2.5).eval()
    labels = [CLASSES.index(d.relations[0].type) for d in TRAIN[:6]]
    weights = [2.5 if name in ("病因", "同义词") else 1.0 for name in CLASSES]
    expected = plain.loss(logits(head, TRAIN[:6]).tolist(), labels, weights)
    assert head(head.collate(TRAIN[:6])).item() == pytest.approx(expected, rel=1e-5)


def test_collate(make_head):
    pets = Document("p", "猫追猫，狗看猫。", (Span(0, 1, "cat"), Span(4, 5, "dog")), (Relation(0, 1, "看"),))
    head = make_head(infer_schema([pets]), encoding="typed", mark="all")
    batch = head.collate([pets, Document("q", "狗。", (Span(ABSENT, ABSENT, "cat", "猫"), Span(0, 1, "dog")))])
    assert batch["labels"].tolist() == [0, -1]
    mask, ids = batch["attention_mask"], batch["input_ids"]
    assert mask.sum(1).tolist() == [head.length(pets), mask[1].sum()]
    assert (ids[~mask] == head.encoder.pad_id).all() and (ids[mask] != head.encoder.pad_id).all()
    for name, opening in (("head_weights", "[E1:cat]"), ("tail_weights", "[E2:dog]")):
        assert ((batch[name] > 0) == (ids == head.encoder.marker_id(opening))).all()
        torch.testing.assert_close(batch[name].sum(1), torch.ones(2))
    assert batch["head_weights"].max(1).values.tolist() == pytest.approx([1 / 3, 1])


def test_cls_speaks_for_a_dropped_mention(make_head):
    batch = make_head(absent="drop").collate([ABSENT_ONE])
    assert batch["head_weights"][0].nonzero().flatten().tolist() == [0]
    assert batch["tail_weights"][0].nonzero().flatten().tolist() != [0]


E = Span(0, 1, "entity")


@pytest.mark.parametrize(
    ("entities", "relations"),
    [
        ((), ()),
        ((E,), (Relation(0, 0, "病因"),)),
        ((E, E, E), (Relation(0, 1, "病因"),)),
        ((E, E), (Relation(1, 0, "病因"),)),
        ((E, E), (Relation(0, 1, "病因"), Relation(0, 1, "同义词"))),
    ],
)
def test_documents_that_do_not_fit_are_refused(make_head, entities, relations):
    with pytest.raises(RelexError, match="document 'x' does not fit relation classification: it has"):
        make_head().prepare([TRAIN[0], Document("x", "麻", entities, relations)])


# Odd and long texts

LONG = "这里写的都是闲话，与问题无关。" * 700


def long_document(head_at, tail_at):
    text = LONG[:10_000]
    spans = [(at, at + 2) for at in (head_at, tail_at)]
    return Document("long", text, tuple(Span(*s, "entity") for s in spans), (Relation(0, 1, CLASSES[0]),))


@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "-".join(o.values()))
@pytest.mark.parametrize("places", [(9_998, 0), (3_000, 7_000)], ids=str)
def test_ten_thousand_characters(make_head, options, places):
    head, one = make_head(**options), long_document(*places)
    batch = head.collate([one, TRAIN[0]])
    encoder, ids = head.encoder, batch["input_ids"][0].tolist()
    assert batch["input_ids"].shape == (2, encoder.max_length)
    assert (ids[0], ids[-1]) == (encoder.cls_id, encoder.sep_id)
    assert head.truncated([one, TRAIN[0]]) == 1
    if encoder.model.config.markers:
        assert set(encoder.model.config.markers.values()) <= set(ids)
    assert torch.isfinite(logits(head, [one])).all()


@pytest.mark.parametrize("mark", ["span", "all"])
@pytest.mark.parametrize("text", ["甲和乙，" * 400, "甲和" * 400 + "乙"], ids=["mixed", "apart"])
def test_more_markers_than_positions(make_head, mark, text):
    one = document(text, "甲", "乙")
    head = make_head(mark=mark)
    batch = head.collate([one])
    ids = batch["input_ids"][0].tolist()
    assert len(ids) == head.encoder.max_length and ids[-1] == head.encoder.sep_id
    for name in ("head_weights", "tail_weights"):
        weights = batch[name][0]
        assert weights.sum().item() == pytest.approx(1, abs=1e-4) and weights[0] == 0


def test_a_mention_longer_than_all_positions(make_head):
    head = make_head()
    one = document("甲" * 2_000, "甲" * 1_999, "甲")
    markers = set(head.encoder.model.config.markers.values())
    assert markers <= set(head.collate([one])["input_ids"][0].tolist())


ODD = "😀👨\u200d\x00\x07\u202e\ufeff\ud83d\udc00[]/E1 \n\u0301"
everything = st.characters(exclude_categories=()) | st.sampled_from(ODD)


@given(st.text(everything, min_size=1, max_size=30), st.data(), st.sampled_from(VARIANTS))
@settings(max_examples=60)
def test_odd_texts(make_head, text, data, options):
    spans = []
    for _ in range(2):
        start = data.draw(st.integers(ABSENT, len(text) - 1))
        end = ABSENT if start == ABSENT else data.draw(st.integers(start + 1, len(text)))
        spans.append(Span(start, end, "entity", data.draw(st.text(everything, max_size=5)) if start == ABSENT else ""))
    head = make_head(**options)
    one = Document("odd", text, tuple(spans), (Relation(0, 1, CLASSES[0]),))
    batch = head.collate([one, samples.TEST[0]])
    assert torch.isfinite(logits(head, [one])).all()
    assert head.truncated([one]) == 0
    if options["pooling"] == "marker":
        torch.testing.assert_close(batch["head_weights"].sum(1), torch.ones(2))
        torch.testing.assert_close(batch["tail_weights"].sum(1), torch.ones(2))
