"""Scores of what heads find: probabilities that it rests on, with the gold standard's as those of logits by hand."""

import itertools

import pytest
import torch
from cases import CASES, DIRECTED, DOCUMENTS, Case, decoded, make
from extractors import predicted

from relex.documents import Document, Relation, Span
from relex.found import assembled
from relex.heads.layers import inside, most_probable, scored

EXTRACTORS = pytest.mark.parametrize("case", [case for case in CASES if case.decodes], ids=str)


def check(documents):
    """Every score is a probability, and a relation is no surer than its entities."""
    for document in documents:
        assert all(span.score is not None and 0 <= span.score <= 1 for span in document.entities)
        for relation in document.relations:
            ends = document.entities[relation.head], document.entities[relation.tail]
            assert 0 <= relation.score <= min(end.score for end in ends)


@EXTRACTORS
def test_scores_of_noise_and_of_what_is_sure(case):
    head, generator = make(case), torch.Generator().manual_seed(7)
    found = decoded(head, DOCUMENTS, lambda *shape: 2 * torch.randn(*shape, generator=generator))
    check(found)
    values = {x.score for d in found for x in (*d.entities, *d.relations)}
    assert len(values) > 3 or not any(d.relations for d in found), "they differ"
    assert all(x.score > 0.999 for d in decoded(head, DOCUMENTS) for x in (*d.entities, *d.relations))


def test_a_classifier_gives_the_softmax():
    head = make(Case("classifier"))
    documents = Case("classifier").documents[:3]
    found = predicted(head, documents)
    with torch.no_grad():
        probabilities = [head.logits(head.collate([d])).softmax(-1) for d in documents]
    for document, row in zip(found, probabilities, strict=True):
        assert document.relations[0].score == pytest.approx(row.max().item(), abs=2e-6)
        assert all(span.score is None for span in document.entities)


@torch.no_grad()
def test_a_cascade_gives_the_lowest_of_four_tags():
    head, checked = make(Case("cascade"), schema=DIRECTED), 0
    for document in predicted(head, DOCUMENTS):
        batch = head.collate([document])
        states, fused = head.states(batch)
        subjects = head.tag_subjects(states)[0, 1:].sigmoid()
        offsets = head.encoder.tokenize([document.text])[0].offsets
        starts, ends = ({int(row[i]): n for n, row in enumerate(offsets)} for i in (0, 1))
        for relation, (one, name, other) in zip(document.relations, document.triples(), strict=True):
            a, b, c, d = starts[one.start], ends[one.end], starts[other.start], ends[other.end]
            objects = head.object_logits(states, head.tag_objects(fused), torch.tensor([[0, a, b]]), fused)[0, 1:]
            k = head.classes.index((name, one.type, other.type))
            four = subjects[a, 0], subjects[b, 1], objects[c, k, 0].sigmoid(), objects[d, k, 1].sigmoid()
            assert relation.score == pytest.approx(min(four).item(), abs=2e-6)
            checked += 1
    assert checked > 5


@torch.no_grad()
def test_a_span_model_gives_the_softmax_of_spans_and_the_sigmoid_of_pairs():
    head, checked = make(Case("span", {"fusion": False, "local_context": "cls"}), schema=DIRECTED), 0
    for document in predicted(head, DOCUMENTS):
        batch = head.collate([document])
        text, spans = head.states(batch), head.candidates(batch["words"])
        offsets = head.encoder.tokenize([document.text])[0].offsets
        starts, ends = ({int(row[i]): n for n, row in enumerate(offsets)} for i in (0, 1))
        place = {(starts[s.start], ends[s.end]): s for s in document.entities}
        rows = {tuple(row[1:3].tolist()): i for i, row in enumerate(spans)}
        sure, _ = most_probable(head.span_logits(text, spans))
        for key, span in place.items():
            assert span.score == pytest.approx(sure[rows[key]].item(), abs=2e-6)
        for relation, (one, name, other) in zip(document.relations, document.triples(), strict=True):
            pair = torch.tensor([[rows[starts[s.start], ends[s.end]] for s in (one, other)]])
            own = head.pair_logits(text, spans, pair)[0, head.relations.index(name)].sigmoid().item()
            assert relation.score == pytest.approx(min(own, one.score, other.score), abs=2e-6)
            checked += 1
    assert checked > 5


@pytest.mark.parametrize("std", [1.0, 60.0], ids=["small", "large"])
def test_tags_of_a_crf_by_enumeration(std):
    head = make(Case("focused", {"tasks": "ner"}))
    crf, size = head.crf, len(head.tags.names)
    emissions = std * torch.randn(2, 3, size, generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[True, True, True], [True, True, False]])
    best = crf.decode(emissions, mask)
    found = crf.probabilities(emissions, best, mask)
    for w, n in enumerate(mask.sum(1).tolist()):
        paths = list(itertools.product(range(size), repeat=n))
        tags = torch.tensor([[*path, *[0] * (3 - n)] for path in paths])
        likely = -crf.loss(emissions[w].expand(len(paths), -1, -1), tags, mask[w].expand(len(paths), -1)).double()
        for i in range(n):
            own = likely[tags[:, i] == best[w, i]].exp().sum()
            assert found[w, i].item() == pytest.approx(own.item(), abs=1e-5)
    assert found[1, 2] == 0 and inside(torch.ones(1, 5)).shape == (1, 4)


def test_a_document_has_each_once_with_the_highest_score():
    one, other, alone = Span(0, 1, "病"), Span(2, 3, "药"), Span(4, 5, "病")
    document = Document("x", "一二三四五")
    made = assembled(document, {one: 0.2, alone: None}, {(other, "治疗", one): 0.7, (other, "引起", one): 0.4})
    assert [span.score for span in made.entities] == [0.2, 0.7, None]
    assert {(r.type, r.score) for r in made.relations} == {("治疗", 0.7), ("引起", 0.4)}
    assert Document.from_json(made.to_json()).to_json() == made.to_json()
    unscored = assembled(document, [one, alone], [(other, "治疗", one), (other, "引起", one)])
    assert unscored == made and hash(unscored) == hash(made) and "score" not in str(unscored.to_json())
    assert Relation(0, 1, "治疗", 0.5) == Relation(0, 1, "治疗")


def test_rows_come_with_their_scores_in_one_copy():
    assert scored(torch.tensor([[3, 4], [5, 6]]), torch.tensor([0.25, 1.0])) == [([3, 4], 0.25), ([5, 6], 1.0)]
    assert scored(torch.zeros(0, 2, dtype=torch.long), torch.zeros(0)) == []
