"""The pipeline: equal to plain loops and to the classifier, its markers, and what it leaves out and counts."""

import copy
from functools import partial

import cases
import pytest
import torch
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS, Case, decoded
from extractors import Batches, facts, frozen, narrow, predicted, told
from hypothesis import given, settings
from hypothesis import strategies as st

from relex import encoders
from relex.documents import Document, Relation, Schema, Span
from relex.encoders.encodings import Markers, entity_marked
from relex.heads import Classifier, ClassifierOptions, Pipeline, PipelineOptions
from relex.heads.pipeline import model
from relex.heads.pipeline.marking import inserted
from relex.heads.span.spans import pairs_within
from relex.reference import pure, spert
from relex.training import Trainer, TrainingOptions

make = partial(cases.make, schema=SCHEMA)
WIDE = {"max_width": 6}
BETWEEN, BEHIND = Case("pipeline", WIDE), Case("pipeline", WIDE | {"approx": True})
BOTH = pytest.mark.parametrize("case", [BETWEEN, BEHIND, Case("pipeline", WIDE | {"encoding": "entity1"})], ids=str)
PAIRS = [d for d in DOCUMENTS if len(d.entities) > 1] + [
    told("nested", "复方止痛片含止痛片和退热贴", "复方止痛片/药 止痛片/药 退热贴/药", [(0, 1, "合用"), (2, 0, "合用")]),
    Document("touching", "头疼咳嗽胸痛", (Span(0, 2, "病"), Span(2, 4, "药"), Span(0, 4, "病"), Span(4, 6, "药"))),
]


@torch.no_grad()
def of_pairs(head, documents):
    """Logits of all pairs of gold entities of each document, read in one batch."""
    batch = head.collate(documents)
    logits = head.pair_logits(batch, batch["entities"], batch["pairs"])
    window = batch["entities"][batch["pairs"][:, 0], 0]
    return [logits[window == i] for i in range(len(documents))]


# Equal to the plain version, and to the classifier


@BOTH
@torch.no_grad()
def test_logits_are_those_of_the_plain_version(case):
    head = make(case)
    for document, found in zip(PAIRS, of_pairs(head, PAIRS), strict=True):
        order = pairs_within(torch.zeros(len(document.entities))).tolist()
        ends = [[document.entities[i] for i in pair] for pair in order]
        expected = torch.stack([pure.pair_logits(head, document.text, *pair) for pair in ends])
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    batch = head.collate(PAIRS)
    logits = head.span_logits(head.encoder(batch["input_ids"], batch["attention_mask"]), batch["spans"])
    for i, document in enumerate(PAIRS):
        own = batch["spans"][:, 0] == i
        places = [(first, last, width + 1) for _, first, last, width in batch["spans"][own].tolist()]
        assert sorted(places) == sorted(spert.candidates(head, document.text))
        torch.testing.assert_close(logits[own], pure.span_logits(head, document.text, places), atol=1e-5, rtol=1e-5)


@BOTH
@torch.no_grad()
def test_loss_is_that_of_the_plain_version(case):
    head = make(case)
    several = [*PAIRS, DOCUMENTS[3]]
    assert head.loss(head.collate(several)).item() == pytest.approx(pure.loss(head, several), rel=1e-5)


def classifier_of(head, encoder):
    """A classifier with the weights of the part that reads pairs, which has no layer norm and no class for none."""
    options = ClassifierOptions(encoding=head.options.encoding)
    classifier = Classifier(encoder, head.schema, options).eval()
    classifier.encoder.load_state_dict(head.pair_encoder.state_dict())
    with torch.no_grad():
        classifier.classify.weight.copy_(head.classify_pair.weight[1:])
        classifier.classify.bias.copy_(head.classify_pair.bias[1:])
    head.norm = torch.nn.Identity()
    return classifier


@pytest.mark.parametrize("positions", [512, 16, 13])
@pytest.mark.parametrize("encoding", ["typed", "entity2"])
def test_with_gold_entities_it_is_the_classifier(encoding, positions):
    """The classifier is the oracle of the part that reads pairs; of texts that markers make too long, as well."""
    plain = encoders.load("random:tiny", seed=1, texts=[d.text for d in DOCUMENTS])
    head = make(Case("pipeline", WIDE | {"encoding": encoding}))
    classifier = narrow(classifier_of(head, plain), positions)
    several = [d for d in PAIRS if len(d.text) <= positions - 2] or PAIRS[:1]
    narrow(head, positions).pair_encoder.model.config.max_position_embeddings = positions
    asked = []
    for document in several:
        for a, b in pairs_within(torch.zeros(len(document.entities))).tolist():
            ends = document.entities[a], document.entities[b]
            asked.append(Document(document.id, document.text, ends, (Relation(0, 1, "治疗"),)))
    with torch.no_grad():
        expected = classifier.logits(classifier.collate(asked))
    assert len(several) > 1 and (classifier.truncated(asked) > 0) == (positions < 20)
    torch.testing.assert_close(torch.cat(of_pairs(head, several))[:, 1:], expected, atol=1e-5, rtol=1e-5)


def test_more_pairs_than_a_row_holds():
    head, text = make(BEHIND), "甲乙丙丁戊己庚"
    crowd = Document("crowd", text, tuple(Span(i, i + 1, "药") for i in range(7)))  # 42 pairs
    document = DOCUMENTS[1]
    (alone,), (one, found, other) = of_pairs(head, [crowd]), of_pairs(head, [document, crowd, document])
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    for row, (a, b) in zip(alone, pairs_within(torch.zeros(7)).tolist(), strict=True):
        expected = pure.pair_logits(head, text, crowd.entities[a], crowd.entities[b])
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("approx", [False, True])
def test_typed_markers_of_one_type_are_untyped(approx):
    schema = Schema(("病",), tuple(type(r)(r.name, (("病", "病"),)) for r in SCHEMA.relation_types))
    one = [Document(d.id, d.text, tuple(Span(e.start, e.end, "病") for e in d.entities)) for d in PAIRS]
    heads = []
    for encoding in ("typed", "entity1"):
        encoder = encoders.load("random:tiny", seed=1, texts=[d.text for d in PAIRS])
        torch.manual_seed(0)
        heads.append(Pipeline(encoder, schema, PipelineOptions(encoding=encoding, approx=approx)).eval())
    for a, b in zip(of_pairs(heads[0], one), of_pairs(heads[1], one), strict=True):
        assert torch.equal(a, b) and len(a)
    typed, untyped = (of_pairs(make(Case("pipeline", WIDE | {"encoding": e, "approx": approx})), PAIRS[:1])[0]
                      for e in ("typed", "entity1"))  # fmt: skip
    assert (typed - untyped).abs().max() > 1e-3  # of two types they are not


# Markers


@given(st.integers(1, 9), st.data())
@settings(max_examples=150)
def test_markers_stand_where_encodings_put_them(count, data):
    """Nested, touching, overlapping and equal spans alike."""
    text = "".join(chr(ord("a") + i) for i in range(count))
    spans = []
    for _ in range(2):
        start = data.draw(st.integers(0, count - 1))
        spans.append((start, data.draw(st.integers(start + 1, count))))
    marks = Markers("<", ">", "(", ")")
    expected = "".join(piece.text for piece in entity_marked(text, spans[:1], spans[1:], marks))
    ids = torch.tensor([[0, *map(ord, text), 1, 2, 2]])  # [CLS], [SEP], padding
    mask = torch.arange(count + 4) < count + 2
    (head, head_end), (tail, tail_end) = spans
    pairs = torch.tensor([[0, head + 1, head_end, tail + 1, tail_end]])
    numbers = torch.tensor([[ord(mark) for mark in marks]])
    found, real, opening = inserted(ids, mask[None], pairs, numbers, 99)
    assert "".join(map(chr, found[0, 1 : count + 5])) == expected
    assert real[0].sum() == count + 6 and found[0, 0] == 0 and found[0, count + 5 :].tolist() == [1, 2, 2]
    assert [chr(found[0, i]) for i in opening[0]] == ["<", "("]


def test_a_text_too_long_for_its_markers_keeps_what_is_near_them():
    ids = torch.tensor([[100, *range(10), 101], [100, *range(20, 26), 101, 7, 7, 7, 7]])
    mask = torch.tensor([[1] * 12, [1] * 8 + [0] * 4])
    pairs = torch.tensor([[0, 1, 1, 10, 10], [0, 4, 6, 9, 10], [1, 1, 2, 6, 6]])
    marks = torch.tensor([[-1, -2, -3, -4]] * 3)
    found, real, opening = inserted(ids, mask, pairs, marks, 12)
    assert found.tolist() == [
        [100, -1, 0, -2, 1, 2, 7, 8, -3, 9, -4, 101],
        [100, 2, -1, 3, 5, -2, 6, 7, -3, 8, -4, 101],
        [100, -1, 20, 21, -2, 22, 23, 24, -3, 25, -4, 101],
    ]
    assert real.all() and opening.tolist() == [[1, 8], [2, 8], [1, 8]]


# Two models in one


def test_the_sum_trains_both_parts_as_if_apart():
    training = TrainingOptions(epochs=3, lr=1e-3, head_lr=1e-2, clip=0.0, precision="fp32")
    whole, entities, pairs = (frozen(make(BETWEEN, noise=0.1)) for _ in range(3))
    entities.pair_logits = lambda batch, e, pairs: torch.zeros(len(pairs), len(SCHEMA.relation_names) + 1)
    pairs.span_logits = lambda states, spans: states.sum() * 0 + torch.zeros(len(spans), len(SCHEMA.entity_types) + 1)
    for head in (whole, entities, pairs):
        Trainer(head, training, 0).fit(DOCUMENTS, Batches([range(len(DOCUMENTS))]))
    of_pairs = ("pair_encoder.", "norm.", "classify_pair.")
    fresh = make(BETWEEN, noise=0.1).state_dict()
    for name, value in whole.state_dict().items():
        apart = pairs if name.startswith(of_pairs) else entities
        assert torch.equal(value, apart.state_dict()[name]), name
    assert not torch.equal(fresh["pair_encoder.model.encoder.layer.0.output.dense.weight"],
                           whole.state_dict()["pair_encoder.model.encoder.layer.0.output.dense.weight"])  # fmt: skip


@BOTH
def test_chunks_change_nothing(case, monkeypatch):
    def once():
        head = frozen(make(case, most_entities=4)).train()
        loss = head.loss(head.collate(DOCUMENTS))
        loss.backward()
        gradients = {n: p.grad for n, p in head.named_parameters()}
        return loss, gradients, facts(predicted(head.eval(), DOCUMENTS))

    (loss, gradients, found), passes = once(), []
    for name, value in (("AT_ONCE", {"cuda": 0, "cpu": 80}), ("HELD", {"cuda": 0, "cpu": 0})):
        monkeypatch.setattr(model, name, value)
    monkeypatch.setattr(model, "CHUNK", 1)
    monkeypatch.setattr(model, "checkpoint", lambda f, *a, **k: (passes.append(1), again(f, *a, **k))[1])
    again = torch.utils.checkpoint.checkpoint
    (same, others, the_same) = once()
    assert len(passes) > 3 and found == the_same and loss.item() == pytest.approx(same.item(), rel=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, atol=1e-4, rtol=1e-3)


# What it leaves out and counts


def test_a_pair_has_one_relation():
    two = told("two", "激素治哮喘又引起哮喘", "激素/药 哮喘/病", [(0, 1, "引起"), (0, 1, "治疗")])
    head = make(BETWEEN)
    assert {k: v for k, v in head.alignment([two, DOCUMENTS[0]]).items() if v} == {"two_relations": 1}
    assert [r.type for r in decoded(head, [two])[0].relations] == ["引起"]


def test_the_surest_entities_are_paired():
    head, document = make(BETWEEN, most_entities=2), DOCUMENTS[1]
    assert {k: v for k, v in head.alignment([document, DOCUMENTS[0]]).items() if v} == {"crowded": 3}
    batch = head.collate([DOCUMENTS[0], document])
    gold, asked = batch["entities"], []
    sure = {tuple(row[:3]): number for row, number in zip(gold.tolist(), (1.0, 2.0, 5.0, 3.0, 4.0), strict=True)}

    def span_logits(spans):
        rows = torch.zeros(len(spans), 3)
        for row, span in zip(rows, spans.tolist(), strict=True):
            row[1] = sure.get(tuple(span[:3]), -9.0)
        return rows

    def pair_logits(entities, pairs):
        asked.extend(pairs.tolist())
        return torch.tensor([[0.0, 1.0, 0.0, 0.0]]).repeat(len(pairs), 1)

    entities, relations, *_ = head.decode(batch["spans"], span_logits, pair_logits)
    order = [gold[:, :3].tolist().index(row) for row in entities[:, :3].tolist()]
    assert sorted(order) == list(range(5)), "the others are entities all the same"
    named = {(order[a], order[b]) for a, b in asked}
    assert named == {(0, 1), (1, 0), (2, 4), (4, 2)} and len(asked) == len(relations) == 4


@BOTH
def test_relations_between_gold_entities(case):
    head = make(case)
    found = predicted(head, PAIRS, gold_entities=True)
    assert [set(d.entities) for d in found] == [set(d.entities) for d in PAIRS]
    for document, own, logits in zip(PAIRS, found, of_pairs(head, PAIRS), strict=True):
        expected = set()
        for (a, b), row in zip(pairs_within(torch.zeros(len(document.entities))).tolist(), logits, strict=True):
            if row.argmax() > 0:
                expected.add((document.entities[a], SCHEMA.relation_names[row.argmax() - 1], document.entities[b]))
        assert set(own.triples()) == expected
    assert any(d.relations for d in found) and facts(found) != facts(predicted(head, PAIRS))


def test_the_encoder_that_is_given_gets_no_markers():
    encoder = encoders.load("random:tiny", seed=1, texts=[d.text for d in DOCUMENTS])
    before = copy.deepcopy(encoder.state_dict())
    head = Pipeline(encoder, SCHEMA, PipelineOptions())
    assert all(torch.equal(before[k], v) for k, v in head.encoder.state_dict().items())
    rows = encoder.word_embeddings.num_embeddings
    assert head.pair_encoder.word_embeddings.num_embeddings == rows + 4 * len(SCHEMA.entity_types)
    assert head.marks.shape == (2, 4) and head.marks.unique().tolist() == [*range(rows, rows + 8)]
