"""The cascade: equal to plain loops, exact both ways, and its own switches."""

import itertools
from collections import Counter

import pytest
import torch
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS, MORE, decoded, logits
from drawn import documents
from extractors import narrow, predicted, told
from hypothesis import example, given, settings

from relex import encoders
from relex.documents import ABSENT, Document, Relation, Span
from relex.heads import Cascade, CascadeOptions
from relex.heads.options import choices
from relex.reference import cascade as plain

SWITCHES = [
    {"bilstm": bilstm, "attention": attention, "feature_fusion": fusion}
    for bilstm in (True, False)
    for attention in (True, False)
    for fusion in choices(CascadeOptions)["feature_fusion"]
]
SWITCHES += [SWITCHES[0] | {"gate": True}, SWITCHES[-1] | {"gate": True}]
EACH_SWITCH = pytest.mark.parametrize("options", SWITCHES, ids=lambda o: "-".join(map(str, o.values())))


DOCUMENTS = (
    *DOCUMENTS[:4], *MORE,
    told("nested", "复方止痛片含止痛片。", "止痛片/药 复方止痛片/药", [(0, 1, "合用"), (0, 0, "合用")]),
    told("short", "咳", "咳/病", [(0, 0, "引起")]),
)  # fmt: skip


def make(seed=0, bias=-0.3, noise=True, layers=1, **options):
    """A cascade on a tiny random encoder; with `noise` no parameter of its own is left where it starts from zero."""
    encoder = encoders.load("random:tiny", layers, seed=seed, texts=[d.text for d in DOCUMENTS])
    torch.manual_seed(seed)
    head = Cascade(encoder, SCHEMA, CascadeOptions(**{"heads": 4, "distance": 5, "channels": 2} | options))
    if noise:
        for name, parameter in head.named_parameters():
            if name.startswith(("fusion.", "attention.", "bilstm.", "gate.")):
                torch.nn.init.normal_(parameter, mean=float(name == "attention.norm.weight"), std=0.3)
        for tagger in (head.tag_subjects, head.tag_objects):
            torch.nn.init.normal_(tagger.weight, std=0.4)
            torch.nn.init.normal_(tagger.bias, mean=bias, std=0.1)
    return head.eval()


@pytest.fixture(scope="module")
def head():
    return make(bilstm=False, attention=False, feature_fusion="none")


def triples(documents):
    return [set(d.triples()) for d in documents]


# Equal to the plain version


@EACH_SWITCH
def test_logits_are_those_of_the_plain_version(options):
    head = make(**options)
    for document, (subject_logits, object_logits) in zip(DOCUMENTS, logits(head, DOCUMENTS), strict=True):
        expected = plain.subject_logits(head, document.text)
        torch.testing.assert_close(subject_logits, expected, atol=1e-5, rtol=0)
        places = (head.collate([document])["subjects"][:, 1:] + 1).tolist()  # the plain version counts [CLS]
        assert len(places) == len(object_logits)
        for place, found in zip(places, object_logits, strict=True):
            torch.testing.assert_close(found, plain.object_logits(head, document.text, *place), atol=1e-5, rtol=0)


@EACH_SWITCH
def test_triples_are_those_of_the_plain_version(options):
    for seed in range(30):
        head = make(seed, threshold=0.45, **options)
        expected, margins = zip(*(plain.triples(head, d.text) for d in DOCUMENTS), strict=True)
        if min(margins) > 1e-5 and sum(map(len, expected)) > 20:  # nearer to the threshold, rounding decides
            break
    assert sum(map(len, expected)) > 20
    assert triples(predicted(head, DOCUMENTS)) == list(expected)


@EACH_SWITCH
def test_loss_is_that_of_the_plain_version(options):
    head = make(**options)
    assert head.loss(head.collate(DOCUMENTS)).item() == pytest.approx(plain.loss(head, DOCUMENTS), rel=1e-5)


def test_object_logits_are_linear_in_the_subject(head):
    x, tagged = torch.randn(1, 6, 32), torch.randn(1, 6, 8)
    with torch.no_grad():
        found = head.object_logits(x, tagged, torch.tensor([[0, 0, 0], [0, 3, 3], [0, 0, 3]]))
        torch.testing.assert_close(found[2], (found[0] + found[1]) / 2)
        whole = head.tag_objects(x + x[0, 4])
        direct = head.object_logits(x, head.tag_objects(x), torch.tensor([[0, 3, 3]]))
    torch.testing.assert_close(direct.flatten(-2), whole, atol=1e-5, rtol=0)


def test_a_subject_moves_all_tokens_alike_but_for_the_gate():
    """What addition cannot say: A causes B and B causes C, in one text and one class."""
    for gate in (False, True):
        head = make(gate=gate)
        _, objects = logits(head, MORE[1:])[0]
        difference = objects[0] - objects[1]
        assert difference.abs().max() > 0.01
        assert ((difference - difference[:1]).abs().max() > 0.01) == gate
        assert head.alignment(DOCUMENTS)["unordered"] == 2


def test_the_gate_starts_as_the_printed_equation():
    found = [logits(make(noise=False, gate=gate), DOCUMENTS) for gate in (False, True)]
    for (subjects, objects), (gated_subjects, gated_objects) in zip(*found, strict=True):
        assert torch.equal(subjects, gated_subjects) and torch.equal(objects, gated_objects)


# There and back

CHARACTERS = "甲乙丙丁a1，😀 "


def interferes(spans):
    """Whether a span is shadowed: another one ends within it, so that its own end is not the next one."""
    spans = {(s.start, s.end) for s in spans}
    return any(start < other_end < end for start, end in spans for _, other_end in spans)


def representable(document):
    """Whether starts and ends alone tell all subjects, and for each of them all objects of a class."""
    found = set(document.triples())
    groups = [[head for head, _, _ in found]]
    for head, name, tail in found:
        groups.append([t for h, n, t in found if (h.start, h.end, n, h.type, t.type) ==
                       (head.start, head.end, name, head.type, tail.type)])  # fmt: skip
    return not any(map(interferes, groups))


def unordered(document):
    """Triples in classes in which two subjects both have a start, or an end, of an object that the other one lacks."""
    triples_ = {
        ((name, head.type, tail.type), (head.start, head.end), (tail.start, tail.end))
        for head, name, tail in document.triples()
    }
    crossed = set()
    for one, other in itertools.product(triples_, repeat=2):
        for side in (0, 1):
            places = {(c, s): {o[side] for c_, s_, o in triples_ if (c_, s_) == (c, s)} for c, s, _ in triples_}
            if one[0] == other[0] and places[one[:2]] - places[other[:2]] and places[other[:2]] - places[one[:2]]:
                crossed.add(one[0])
    return sum(class_ in crossed for class_, _, _ in triples_)


def crossing(*places):
    """A document whose first entity takes the others as objects, all of the same class."""
    entities = tuple(Span(start, end, "病") for start, end in places)
    return Document("x", "甲乙丙丁甲乙丙丁", entities, tuple(Relation(0, i, "引起") for i in range(len(places))))


@given(documents(SCHEMA, CHARACTERS))
@example(crossing((0, 8), (2, 8), (4, 8)))
@example(crossing((0, 1), (2, 6), (2, 4)))
@example(crossing((0, 1), (2, 5), (4, 7)))
@settings(max_examples=120)
def test_gold_triples_come_back(head, document):
    gold, (found,) = set(document.triples()), triples(decoded(head, [document]))
    assert (found == gold) == representable(document)
    counts = head.alignment([document])
    assert counts.pop("unordered") == unordered(document)
    assert len(gold - found) == counts.pop("ambiguous") and not any(counts.values())


def test_what_nesting_costs(head):
    assert head.alignment([crossing((0, 4), (0, 4), (5, 6))])["ambiguous"] == 0
    assert head.alignment([crossing((0, 1), (2, 6), (2, 4)), crossing((0, 1), (2, 6), (4, 6))])["ambiguous"] == 1
    both_ways = (Relation(0, 1, "引起"), Relation(1, 0, "引起"))
    inner = Document("x", "甲乙丙丁", (Span(0, 4, "病"), Span(1, 2, "病")), both_ways)
    assert head.alignment([inner])["ambiguous"] == 1


def test_entities_that_do_not_fit_their_relation_are_tagged_as_it(head):
    text = "止痛片治头疼"
    odd, right = (
        told("x", text, entities, [(0, 1, "治疗")]) for entities in ("止痛片/病 头疼/药", "止痛片/药 头疼/病")
    )
    assert decoded(head, [odd]) == decoded(head, [right])


# Texts longer than the encoder's positions


def test_ambiguous_counts_a_triple_once_however_many_windows_hold_it():
    head = narrow(make(bilstm=False, attention=False, feature_fusion="none"), 22)
    entities = (Span(15, 16, "病"), Span(16, 19, "病"), Span(16, 17, "病"))
    both = Document("both", "止痛片治发烧，" * 8, entities, (Relation(0, 1, "引起"), Relation(0, 2, "引起")))
    assert len(head.collate([both])["subjects"]) == 2
    assert head.alignment([both])["ambiguous"] == 1
    # the second window begins after the subject that lies in the way in the first
    entities = (Span(16, 19, "病"), Span(0, 18, "病"))
    one = Document("one", "止痛片治发烧，" * 8, entities, (Relation(0, 0, "引起"), Relation(1, 1, "引起")))
    found, gold = triples(decoded(head, [one]))[0], set(one.triples())
    assert gold <= found and head.alignment([one])["ambiguous"] == 0


# Training


def test_sample_trains_on_one_subject_of_each_text():
    head = make(subjects="sample")
    subjects = head.collate(DOCUMENTS)["subjects"]
    drawn = []
    for seed in range(40):
        torch.manual_seed(seed)
        chosen = head._chosen(subjects, len(DOCUMENTS))
        assert sorted(subjects[chosen, 0].tolist()) == sorted(set(subjects[:, 0].tolist()))
        drawn += [tuple(s) for s in subjects[chosen].tolist()]
    assert set(drawn) == {tuple(s) for s in subjects.tolist()}
    assert max(Counter(drawn).values()) == 40  # the only subject of a text is drawn each time
    assert make(subjects="all")._chosen(subjects, len(DOCUMENTS)).all()


def test_loss_of_sampled_subjects_leaves_the_others_out():
    head = make(subjects="sample")
    one_each = [d for d in DOCUMENTS if len(head.collate([d])["subjects"]) == 1]
    assert head.loss(head.collate(one_each)).item() == pytest.approx(plain.loss(head, one_each), rel=1e-5)
    assert head.loss(head.collate(DOCUMENTS)).item() < plain.loss(head, DOCUMENTS)


# Switches, files, errors


@pytest.mark.parametrize("size", [0, 16, 64])
def test_width_of_the_lstm(size):
    head = make(lstm_size=size)
    assert head.tag_subjects.in_features == (size or 32)
    assert torch.isfinite(head.loss(head.collate(DOCUMENTS)))


@pytest.mark.parametrize("place", [(2, 2), (3, 1), (0, 99), (-5, 2), (ABSENT, ABSENT)], ids=str)
def test_spans_that_are_none(head, place):
    broken = Document("broken", "止痛片治头疼", (Span(*place, "药"), Span(4, 6, "病")), (Relation(0, 1, "治疗"),))
    assert head.alignment([broken])["without_tokens"] == 1
    assert len(head.collate([broken])["subjects"]) == 0
