"""Triples as a set: equal to plain loops, matched as by trying every permutation, and without any order."""

import itertools

import cases
import pytest
import torch
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS, decoded, logits
from extractors import frozen, long_document, narrow, predicted
from hypothesis import given, settings
from hypothesis import strategies as st

from relex import encoders
from relex.documents import Document, Relation, Span
from relex.errors import RelexError
from relex.heads import SetOptions, Sets
from relex.heads.sets.matching import costs, matched
from relex.reference import sets as plain

NESTED = Document(
    "nested", "甲乙丙丁，戊", (Span(0, 4, "病"), Span(1, 2, "病"), Span(5, 6, "病")),
    (Relation(0, 2, "引起"), Relation(1, 2, "引起"), Relation(1, 1, "引起"), Relation(0, 1, "引起")),
)  # fmt: skip


def make(seed=0, **options):
    return cases.make(cases.Case("sets", {"queries": 6}), seed, schema=SCHEMA, **options)


def drawn(generator, windows, queries, classes, length, scale=1.0):
    """Random logits of classes W×m×(R+1) and of pointers W×m×4×L."""
    shapes = (windows, queries, classes + 1), (windows, queries, 4, length)
    return [torch.randn(shape, generator=generator) * scale for shape in shapes]


def some_triples(generator, sizes, classes, length):
    """K×6 random triples, so many in each window."""
    window = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    bounds = [classes, length, length, length, length]
    return torch.stack([window, *(torch.randint(n, (len(window),), generator=generator) for n in bounds)], 1)


# Equal to the plain version


@pytest.mark.parametrize("options", [{}, {"queries": 1}, {"decoder_layers": 1, "heads": 1}], ids=str)
def test_logits_are_those_of_the_plain_version(options):
    head = make(**options)
    for document, found in zip(DOCUMENTS, logits(head, DOCUMENTS), strict=True):
        torch.testing.assert_close(found, plain.logits(head, document.text), atol=1e-5, rtol=1e-5)


def test_triples_are_those_of_the_plain_version():
    found = 0
    for seed in range(5):
        head = make(seed, max_width=3)
        expected, margins = zip(*(plain.triples(head, d.text) for d in DOCUMENTS), strict=True)
        if min(margins) > 1e-4:  # nearer, rounding decides
            assert [set(d.triples()) for d in predicted(head, DOCUMENTS)] == list(expected)
            found += sum(map(len, expected))
    assert found > 30


def test_loss_is_that_of_the_plain_version():
    head = make(none_weight=0.4)
    with torch.no_grad():
        loss = head.loss(head.collate(DOCUMENTS)).item()
    assert loss == pytest.approx(plain.loss(head, DOCUMENTS), rel=1e-5)


# The match


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_the_match_is_the_best_of_all_permutations(seed, sizes):
    generator = torch.Generator().manual_seed(seed)
    classes, pointers = drawn(generator, len(sizes), 6, 3, 5, scale=3.0)
    triples = some_triples(generator, [*sizes, 1], 3, 5)[:-1]
    cost = costs(classes.softmax(-1), pointers.softmax(-1), triples)
    found = matched(cost, triples[:, 0]) if len(triples) else torch.zeros(0)
    for window, size in enumerate(sizes):
        own = triples[:, 0] == window
        assert len(set(found[own].tolist())) == size
        every = itertools.permutations(range(6), size)
        cheapest = min(sum(row[q].item() for row, q in zip(cost[own], way, strict=True)) for way in every)
        assert cost[own].gather(1, found[own, None].long()).sum().item() == pytest.approx(cheapest, abs=1e-5)
        for triple, row in zip(triples[own].tolist(), cost[own], strict=True):
            for query in range(6):
                expected = plain.cost(classes[window, query], pointers[window, query], triple[1:])
                assert row[query].item() == pytest.approx(expected, abs=1e-5)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_gold_changes_nothing(seed):
    head, generator = make(), torch.Generator().manual_seed(seed)
    classes, pointers = (x.requires_grad_() for x in drawn(generator, 2, 6, len(head.classes), 8))
    triples, sizes = some_triples(generator, [5, 3], len(head.classes), 8), torch.tensor([5, 3])
    order = torch.cat([torch.randperm(5, generator=generator), 5 + torch.randperm(3, generator=generator)])
    found = []
    for gold in (triples, triples[order]):
        loss = head.set_loss(classes, pointers, gold, sizes)
        found.append([loss, *torch.autograd.grad(loss, (classes, pointers))])
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_the_order_of_queries_changes_nothing():
    head, other, order = make(), make(), torch.tensor([4, 2, 0, 5, 1, 3])
    other.queries.data = head.queries[order].clone()
    batch = head.collate(DOCUMENTS)
    for one, permuted in zip(head.logits(batch), other.logits(batch), strict=True):
        torch.testing.assert_close(one[:, order], permuted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(head.loss(batch), other.loss(batch), atol=1e-5, rtol=1e-5)
    assert predicted(head, DOCUMENTS) == predicted(other, DOCUMENTS)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), none_weight=st.sampled_from([0.25, 1.0]))
def test_loss_of_random_logits_is_that_of_the_plain_version(seed, none_weight):
    head, generator = make(none_weight=none_weight), torch.Generator().manual_seed(seed)
    sizes = [3, 0, 1]
    classes, pointers = drawn(generator, 3, 6, len(head.classes), 7, scale=2.0)
    triples = some_triples(generator, sizes, len(head.classes), 7)
    loss = head.set_loss(classes, pointers, triples, torch.tensor(sizes)).item()
    expected = 0.0
    for window in range(3):
        own = [tuple(t[1:]) for t in triples.tolist() if t[0] == window]
        expected += plain.set_loss(classes[window], pointers[window], own, none_weight)[0]
    assert loss == pytest.approx(expected, rel=1e-5)


def test_loss_is_zero_where_the_logits_are_perfect_and_nowhere_else():
    head = make()
    documents = [*DOCUMENTS, NESTED]
    batch = head.collate(documents)
    classes, pointers = head.gold_logits(batch)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))

    def loss(classes, pointers):
        return head.set_loss(classes, pointers, batch["triples"], batch["sizes"]).item()

    assert loss(classes, pointers) < 1e-6 > loss(classes[:, order], pointers[:, order])
    for i in range(4):
        wrong = pointers.clone()
        wrong[:, :, i] = wrong[:, :, i].roll(1, -1)
        assert loss(classes, wrong) > 1
    assert loss(classes.roll(1, -1), pointers) > 1


# Back to triples


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), width=st.integers(1, 9), length=st.integers(1, 9))
def test_decoding_is_trying_every_span(seed, width, length):
    head, generator = make(max_width=width), torch.Generator().manual_seed(seed)
    classes, pointers = drawn(generator, 2, 6, len(head.classes), 9, scale=2.0)
    mask = torch.arange(10) <= torch.tensor([9, length])[:, None]  # one more, for [CLS]
    masked = pointers.masked_fill(~mask[:, None, None, 1:], -torch.inf)
    found = {tuple(triple) for triple in head.decode(classes, masked, mask)[0].tolist()}
    expected = set()
    for window, n in enumerate((9, length)):
        said, _ = plain.places(classes[window], pointers[window, ..., :n], width)
        expected |= {(window, a, b, c, d, e) for c, a, b, d, e in said}
    assert found == expected


def test_the_best_pair_is_not_the_best_start_with_its_best_end():
    head = make()
    classes, pointers = torch.zeros(1, 1, len(head.classes) + 1), torch.zeros(1, 1, 4, 8)
    classes[..., 2] = 5.0
    pointers[0, 0, 0, 5], pointers[0, 0, 0, 2] = 1.0, 0.9
    pointers[0, 0, 1, 3] = 4.0  # before the best start
    found, _ = head.decode(classes, pointers, torch.ones(1, 9, dtype=torch.bool))
    assert found[0, :4].tolist() == [0, 2, 3, 2]


# What no query can say


def test_gold_beyond_the_queries_is_counted():
    for queries in (1, 3, 4):
        head = make(queries=queries)
        assert head.alignment([NESTED, *DOCUMENTS[:1]])["beyond"] == 4 - queries
        batch = head.collate([NESTED, DOCUMENTS[0]])
        assert batch["sizes"].tolist() == [queries, 1] and len(batch["triples"]) == queries + 1
        assert torch.isfinite(head.loss(batch))
        assert len(set(decoded(head, [NESTED])[0].triples()) & set(NESTED.triples())) == queries


def test_entities_that_are_too_wide_are_counted():
    for width, lost in ((1, 2), (3, 2), (4, 0)):
        head = make(max_width=width)
        assert head.alignment([NESTED]) == dict.fromkeys(head.alignment([]), 0) | {"too_wide": lost}
        assert set(decoded(head, [NESTED])[0].triples()) == {
            t for t in NESTED.triples() if all(s.end - s.start <= width for s in (t[0], t[2]))
        }


def test_a_triple_that_one_of_its_windows_says_is_not_lost():
    document = long_document(17)  # in two windows of 20 from 0 and 15
    assert narrow(make(queries=1), 22).alignment([document])["beyond"] == 0
    assert narrow(make(queries=1), 22).alignment([long_document(10, 17)])["beyond"] == 0, "the second window says it"
    assert narrow(make(queries=1), 22).alignment([long_document(3, 17)])["beyond"] == 0
    assert narrow(make(queries=1), 22).alignment([long_document(3, 10)])["beyond"] == 1


# Training


def test_what_backward_computes_again_is_the_same():
    gradients = []
    for training in (False, True):
        head = frozen(make(dropout=0.0)).train(training)
        head.loss(head.collate(DOCUMENTS)).backward()
        gradients.append({name: p.grad for name, p in head.named_parameters()})
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-5)


def test_a_training_that_has_diverged_is_one_sentence():
    head = make()
    head.classify.bias.data[0] = float("nan")
    with pytest.raises(RelexError, match="not finite: training has diverged; lower lr or head_lr"):
        head.loss(head.collate(DOCUMENTS))


def test_untrained_queries_say_nothing():
    encoder = encoders.load("random:tiny", texts=[d.text for d in DOCUMENTS])
    found = predicted(Sets(encoder, SCHEMA, SetOptions()).eval(), DOCUMENTS)
    assert not any(d.relations for d in found)
