"""Teachers and a student: equal to plain loops, SpERT without them, and nothing that is told gets into prediction."""

import pytest
import torch
from cases import DOCUMENTS, SCHEMA, SPERT, Case, make
from extractors import Batches, facts, long_document, narrow, predicted

from relex.documents import Document, Relation
from relex.heads import SpanModel
from relex.heads.span.distilled import contrast
from relex.reference import ster
from relex.training import Trainer, TrainingOptions

WITHOUT = Case("distilled", SPERT | {"weight": 0.0})
BOTH = Case("distilled", SPERT)
FEW = {"negative_spans": 7, "negative_pairs": 2}


def gradients(head, seed=3):
    """Loss and the student's gradients of a training step that draws."""
    head.train()
    torch.manual_seed(seed)
    loss = head.loss(head.collate(DOCUMENTS))
    loss.backward()
    return loss.item(), {n: p.grad for n, p in head.named_parameters() if not n.startswith("teachers.")}


def assert_same(one, other):
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def student(head):
    return {name: value for name, value in head.state_dict().items() if not name.startswith("teachers.")}


def test_without_weight_it_is_spert_bit_for_bit():
    spert, head = make(Case("span", SPERT), **FEW), make(WITHOUT, **FEW)
    assert_same(spert.state_dict(), head.state_dict())
    (loss, expected), (same, found) = gradients(spert), gradients(head)
    assert loss == same
    assert_same(expected, found)


def test_beside_teachers_that_do_not_draw_it_the_student_is_spert_bit_for_bit():
    """Teachers take no part in the student's dice and none in its gradients; only clipping would join them."""
    training = TrainingOptions(epochs=3, lr=1e-3, head_lr=1e-2, clip=0.0, precision="fp32")
    heads = make(Case("span", SPERT), **FEW), make(BOTH, **FEW)
    heads[1].load_state_dict(heads[0].state_dict(), strict=False)
    object.__setattr__(heads[1].options, "weight", 0.0)
    for head in heads:
        Trainer(head, training, 0).fit(DOCUMENTS, Batches([range(len(DOCUMENTS))]))
    assert_same(student(heads[0]), student(heads[1]))
    assert facts(predicted(heads[0].eval(), DOCUMENTS)) == facts(predicted(heads[1].eval(), DOCUMENTS))


def places(batch, spans, pairs, i):
    """Spans of a window as (first, last, words), and its pairs as two of these each."""
    gold = [(f, t, w + 1) for _, f, t, w, _ in batch["entities"].tolist()]
    window = batch["entities"][:, 0].tolist()
    own = [(first, last, width + 1) for w, first, last, width in spans.tolist() if w == i]
    return own, [(gold[h], gold[t]) for h, t in pairs.tolist() if window[h] == i]


@torch.no_grad()
def test_loss_is_that_of_the_plain_version():
    head = make(BOTH, weight=50.0)
    batch = head.collate(DOCUMENTS)
    torch.manual_seed(1)
    loss = head.loss(batch).item()
    torch.manual_seed(1)
    spans, kinds = head.spans_to_learn(batch)
    pairs, targets = head.pairs_to_learn(batch)
    rows = {"": [], "entities": [], "relations": []}
    for i, document in enumerate(DOCUMENTS):
        ids = batch["input_ids"][i][batch["attention_mask"][i]].tolist()
        for name, found in rows.items():
            reader = head.teachers[name] if name else head
            read = ster.told(head, name, document) if name else ids
            found.append(ster.features(reader, read, len(ids) - 2, *places(batch, spans, pairs, i)))
    expected, sizes = 0.0, torch.bincount(spans[:, 0]).tolist()
    by_window = spans[:, 0].argsort(stable=True)
    of_pairs = batch["entities"][pairs[:, 0], 0].argsort(stable=True)
    for name, found in rows.items():
        reader = head.teachers[name] if name else head
        logits = reader.classify_span(torch.stack([row for s, _ in found for row in s]))
        expected += torch.nn.functional.cross_entropy(logits, kinds[by_window]).item()
        logits = reader.classify_pair(torch.stack([row for _, p in found for row in p]))
        expected += torch.nn.functional.binary_cross_entropy_with_logits(logits, targets[of_pairs]).item()
        if name:
            for k in (0, 1):
                expected += 50.0 * ster.contrast([r[k] for r in rows[""]], [r[k] for r in found])
    assert len(set(sizes)) > 1 and loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sizes", [(3, 3, 3), (4, 1, 0, 2), (5,), (0, 0), (1, 0)], ids=str)
def test_contrast_is_the_released_sum(sizes):
    torch.manual_seed(0)
    window = torch.tensor([i for i, size in enumerate(sizes) for _ in range(size)], dtype=torch.long)
    mixed = torch.randperm(len(window))
    one, other = torch.randn(2, len(window), 6)
    expected = ster.contrast(one.split(sizes), other.split(sizes))
    assert contrast(one, other, window, len(sizes)).item() == pytest.approx(expected, abs=1e-6)
    if len(set(sizes)) == len(sizes) == 1 or sizes == (1, 0):  # ranks do not matter there
        assert contrast(one[mixed], other[mixed], window[mixed], len(sizes)).item() == pytest.approx(expected, abs=1e-6)


def test_a_teacher_that_says_the_same_draws_nothing():
    """Teachers start as copies; told nothing more, their features are the student's, and nothing pulls."""
    head, bare = make(BOTH, noise=0.0), [Document(d.id, d.text) for d in DOCUMENTS]
    batch = head.collate(bare)
    spans = head.candidates(batch["words"])
    own = head.span_features(head.states(batch), spans)
    for name, teacher in head.teachers.items():
        assert torch.equal(batch[f"{name}_ids"], batch["input_ids"])
        told = teacher.span_features(head._text_told(name, batch), spans)
        torch.testing.assert_close(told, own, atol=1e-6, rtol=0)
        for i in range(len(bare)):
            alone = spans[:, 0] == i
            pull = contrast(own[alone], told[alone], spans[alone, 0] * 0, 1)
            assert pull.item() == pytest.approx(0, abs=1e-6)


def test_what_teachers_are_told():
    head = make(BOTH)
    two = DOCUMENTS[1]
    batch = head.collate([DOCUMENTS[0], two])
    ids, mask = batch["input_ids"][1], batch["attention_mask"][1]
    text, words = ids[mask][:-1].tolist(), [two.mention(i) for i in range(3)]
    pieces = [i for word in words for i in head.encoder.tokenize([word])[0].ids]
    kept = {name: batch[f"{name}_ids"][1][batch[f"{name}_mask"][1]].tolist() for name in head.teachers}
    assert kept["entities"] == [*text, *pieces, head.encoder.sep_id]
    encoder = head.teachers["relations"].encoder
    marks = [encoder.marker_id(f"[relation:{r.type}]") for r in two.relations]
    assert kept["relations"] == [*text, *marks, head.encoder.sep_id]
    rows = head.encoder.word_embeddings.num_embeddings  # the student has no row more than SpERT
    assert min(marks) >= rows == head.teachers["entities"].encoder.word_embeddings.num_embeddings
    assert encoder.word_embeddings.num_embeddings == rows + len(SCHEMA.relation_names)


def test_told_changes_the_states_of_teachers_only():
    head = make(BOTH)
    batch, bare = (head.collate(d) for d in (DOCUMENTS, [Document(d.id, d.text) for d in DOCUMENTS]))
    assert torch.equal(head.states(batch).fused, head.states(bare).fused)
    for name in head.teachers:
        one, other = head._text_told(name, batch), head._text_told(name, bare)
        assert one.fused.shape == other.fused.shape and torch.equal(one.mask, other.mask)
        assert (one.fused - other.fused).abs().amax() > 1e-3


def test_what_is_told_never_reaches_predict():
    head = make(BOTH)
    bare = [Document(d.id, d.text) for d in DOCUMENTS]
    whole = facts(predicted(head, DOCUMENTS))
    assert facts(predicted(head, bare)) == whole and any(e for e, _ in whole)
    batch = head.collate(DOCUMENTS)
    for name in head.teachers:
        del batch[f"{name}_ids"], batch[f"{name}_mask"]
        for parameter in head.teachers[name].parameters():
            torch.nn.init.constant_(parameter, torch.nan)
    with torch.no_grad():
        assert facts(head.predict(batch, DOCUMENTS)) == whole
    plain = make(Case("span", SPERT))
    plain.load_state_dict(student(head))
    assert facts(predicted(plain, DOCUMENTS)) == whole and type(plain) is SpanModel


def test_nobody_learns_from_another_one_but_the_student():
    """What draws the student near pulls at no teacher, and what a teacher learns changes no student."""

    def of(weight):
        head = make(BOTH)
        object.__setattr__(head.options, "weight", weight)
        gradients(head)
        return {n: p.grad for n, p in head.named_parameters()}

    none, much = of(0.0), of(1e3)
    for name, gradient in none.items():
        same = torch.equal(gradient, much[name])
        assert same == (name.startswith("teachers.") or "classify_" in name), name


def test_no_room_is_counted():
    head = narrow(make(BOTH), 22)
    long = long_document(17)
    batch = head.collate([long, DOCUMENTS[0]])
    assert head.alignment([long, DOCUMENTS[0]])["untold"] == 4  # two windows hold the pair, two teachers
    assert head.alignment([DOCUMENTS[0]])["untold"] == 0
    assert batch["entities_ids"].shape[1] == batch["input_ids"].shape[1] == 22
    assert torch.isfinite(head.loss(batch))


def test_a_teacher_alone():
    for name in ("entities", "relations"):
        head = make(Case("distilled", SPERT | {"teachers": name}))
        assert [*head.teachers] == [name] and f"{name}_ids" in head.collate(DOCUMENTS)
    relation = Document("r", DOCUMENTS[0].text, DOCUMENTS[0].entities, (Relation(1, 0, "引起"),))
    told = head.collate([relation])["relations_ids"]
    assert not torch.equal(told, head.collate([DOCUMENTS[0]])["relations_ids"])
