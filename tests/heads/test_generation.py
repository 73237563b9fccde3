"""A graph as a sequence: equal to plain loops, a grammar that leaves nothing unfinished, and gold in whatever order."""

from itertools import count

import pytest
import torch
import torch.nn.functional as F
from cases import DIRECTED as SCHEMA
from cases import DOCUMENTS, LONG, decoded, logits
from extractors import facts, long_document, narrow, predicted, told
from hypothesis import given, settings
from hypothesis import strategies as st

from relex import encoders
from relex.documents import Document, Relation, Span
from relex.heads import Generation, GenerationOptions
from relex.heads.generation.grammar import ENTITY, HEAD, RELATION, TAIL, Vocabulary, allowed, kept, roles
from relex.reference import generation as plain

NESTED = Document(
    "nested", "甲乙丙丁，戊", (Span(5, 6, "病"), Span(0, 4, "病"), Span(1, 2, "病")),
    (Relation(2, 0, "引起"), Relation(1, 0, "引起"), Relation(1, 0, "治疗"), Relation(0, 1, "引起")),
)  # fmt: skip
V = Vocabulary(2, 2, 2)
"""Two relations, stop 2, end 3, entities of one word or two and of two types: 4 + (first · 2 + longer) · 2 + type."""


def make(seed=0, noise=0.3, **options):
    """A head on a tiny random encoder, no parameter of its own left where it starts from one number."""
    encoder = encoders.load("random:tiny", 1, seed=seed, texts=[d.text for d in DOCUMENTS])
    torch.manual_seed(seed)
    small = {"decoder_layers": 2, "heads": 4, "width": 32, "max_width": 4, "max_steps": 40}
    head = Generation(encoder, SCHEMA, GenerationOptions(**small | options))
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if not name.startswith("encoder."):
                parameter[parameter == -4.0] = 0.0
                parameter += torch.randn(parameter.shape) * noise
    return head.eval()


def item(vocabulary, i):
    """An id as the plain version writes it."""
    names = {vocabulary.stop: plain.STOP, vocabulary.end: plain.END}
    return vocabulary.place(i) if i >= vocabulary.first else names.get(i, i)


# Equal to the plain version


@pytest.mark.parametrize("options", [{}, {"heads": 1, "decoder_layers": 1}, {"max_width": 2, "width": 20}], ids=str)
def test_logits_are_those_of_the_plain_version(options):
    head = make(**options)
    for document, (rows,) in zip(DOCUMENTS, logits(head, DOCUMENTS), strict=True):
        text = plain.Text(head, document.text)
        (sequence,) = head.collate([document])["sequences"].tolist()
        said = [item(head.vocabulary, i) for i in sequence]
        for i, row in enumerate(rows):
            expected = plain.logits(text, said[:i])
            found = {item(head.vocabulary, j): score for j, score in enumerate(row.tolist()) if score > -torch.inf}
            assert found == pytest.approx(expected, abs=1e-5, rel=1e-5)


def test_documents_are_those_of_the_plain_version():
    found = 0
    for seed in range(2):
        head = make(seed, max_steps=14)
        for document, back in zip(DOCUMENTS, predicted(head, DOCUMENTS), strict=True):
            expected, margin = plain.facts(head, document.text)
            if margin > 1e-4:  # nearer, rounding decides
                assert facts([back]) == [expected]
                found += len(expected[0]) + len(expected[1])
    assert found > 30


def test_loss_is_that_of_the_plain_version():
    head = make()
    with torch.no_grad():
        loss = head.loss(head.collate(DOCUMENTS)).item()
    assert loss == pytest.approx(plain.loss(head, DOCUMENTS), rel=1e-5)


# One step after the other


@torch.no_grad()
def test_steps_that_keep_their_states_give_the_logits_of_all_steps_at_once():
    head = make()
    batch = head.collate([*DOCUMENTS, LONG, NESTED])
    expected, follow = head.logits(batch), head.following(head.read_texts(batch))
    for i in range(expected.shape[1]):
        real = batch["sequences"][:, i] >= 0
        torch.testing.assert_close(follow(batch["sequences"][:, :i])[real], expected[real, i], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_step_does_not_see_those_after_it():
    head = make()
    batch = head.collate([NESTED])
    before = head.logits(batch)
    for i in range(1, batch["sequences"].shape[1]):
        changed = batch["sequences"].clone()
        changed[0, i:] = head.vocabulary.end
        after = head.logits(batch | {"sequences": changed})
        torch.testing.assert_close(after[0, : i + 1], before[0, : i + 1], atol=1e-6, rtol=1e-6)


def test_gold_is_likeliest_once_it_is_learned():
    head = make(noise=0.05)
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    batch = head.collate([*DOCUMENTS, NESTED])
    for _ in range(80):
        optimizer.zero_grad()
        head.loss(batch).backward()
        optimizer.step()
    assert facts(predicted(head, [*DOCUMENTS, NESTED])) == facts([*DOCUMENTS, NESTED])


# The grammar


def test_roles():
    said = torch.tensor([[4, 6, 2, 4, 6, 0, 6], [2, 3, 3, 3, 3, 3, 3], [4, 5, 6, 7, 8, 9, 2]])
    assert roles(said, V.stop)[0].tolist() == [ENTITY] * 3 + [HEAD, TAIL, RELATION, HEAD, TAIL]
    assert roles(said, V.stop)[1, :2].tolist() == [ENTITY, HEAD]
    assert roles(said, V.stop)[2].tolist() == [ENTITY] * 7 + [HEAD]
    assert roles(said[:, :0], V.stop).tolist() == [[ENTITY]] * 3


def generate(generator, words, vocabulary, max_steps, scale=1.0):
    """Sequences of windows of so many words, of random logits, by the loop of the head itself."""
    head = make(max_steps=max_steps, max_width=vocabulary.width)
    head.vocabulary = vocabulary
    places = torch.arange(max(1, *words))
    rows = torch.stack([torch.where(places < n, places, -1) for n in words])[..., None].expand(-1, -1, 2)
    size = vocabulary.first + len(places) * vocabulary.width * vocabulary.types
    said, _ = head.decode(rows, lambda said: torch.randn(len(said), size, generator=generator) * scale)
    return said.tolist()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), words=st.lists(st.integers(0, 5), min_size=2, max_size=4),
    relations=st.integers(0, 3), max_steps=st.integers(1, 60),
)  # fmt: skip
def test_random_logits_end_and_leave_nothing_unfinished(seed, words, relations, max_steps):
    v = Vocabulary(relations, 2, 2)
    for n, ids in zip(words, generate(torch.Generator().manual_seed(seed), words, v, max_steps), strict=True):
        assert len(ids) <= max_steps + 1 and ids[-1] == v.end
        entities, triples = v.told(ids)
        triples = list(triples)
        assert set(ids[ids.index(v.end) :]) == {v.end}
        assert all(0 <= a <= b < min(n, a + 2) for a, b, _ in map(v.place, entities))
        assert len({v.place(e)[:2] for e in entities}) == len(entities), "no place is taken twice"
        assert {e for h, t, _ in triples for e in (h, t)} <= set(entities)
        assert all(h != t and 0 <= r < relations for h, t, r in triples)
        parts = ids[ids.index(v.stop) + 1 : ids.index(v.end)]
        every = list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))
        assert every[: len(triples)] == triples and every[len(triples) :] in (
            [],
            [t for t in triples if t == every[-1]],
        )
        assert len(entities) <= kept(len(entities), max_steps)[0]
        assert len(triples) <= kept(len(entities), max_steps)[1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), relations=st.integers(0, 3), max_steps=st.integers(1, 30))
def test_what_may_follow_is_what_the_plain_version_allows(seed, relations, max_steps):
    v, words = Vocabulary(relations, 2, 2), [3, 1, 0]
    said = torch.tensor(generate(torch.Generator().manual_seed(seed), words, v, max_steps, 3.0))
    exists = torch.arange(3)[:, None] + torch.arange(2) < torch.tensor(words)[:, None, None]
    for steps in range(said.shape[1] + 1):
        found = allowed(v, said[:, :steps], exists, max_steps)
        for n, ids, row in zip(words, said[:, :steps].tolist(), found, strict=True):
            entities = [(a, b, c) for a in range(n) for b in range(a, min(a + 2, n)) for c in range(2)]
            expected = plain.allowed([item(v, i) for i in ids], entities, relations, max_steps)
            assert {item(v, i) for i in torch.nonzero(row)[:, 0].tolist()} == expected != set()


def test_a_triple_that_is_said_again_is_the_last_one():
    head = make()
    words = torch.arange(2)[None, :, None].expand(1, -1, 2)
    v = head.vocabulary
    one, other = v.entity(0, 0, 0), v.entity(1, 1, 1)
    said = [one, other, v.stop, *(one, other, 0), *(one, other, 1), *(one, other, 0), *(other, one, 2), v.end]
    size = v.first + 2 * v.width * v.types
    found, _ = head.decode(words, lambda ids: F.one_hot(torch.tensor([said[ids.shape[1]]]), size).float())
    (ids,) = found.tolist()
    assert ids == [*said[:12], v.end]
    assert v.told(ids) == ([one, other], {(one, other, 0): 3, (one, other, 1): 6})


def test_whatever_a_model_says_its_sequences_end():
    head = make(max_steps=9)
    words = torch.arange(4)[None, :, None].expand(1, -1, 2)
    size = head.vocabulary.first + 4 * 4 * 2
    for value in (float("nan"), float("inf"), -float("inf")):
        (ids,) = head.decode(words, lambda said, value=value: torch.full((1, size), value))[0].tolist()
        assert ids[-1] == head.vocabulary.end and head.vocabulary.told(ids)


# Gold


def test_a_sequence_has_entities_then_triples_in_the_order_of_the_text():
    head = make()
    v = head.vocabulary
    (sequence,) = head.collate([NESTED])["sequences"].tolist()
    whole, inner, last = (0, 3, 0), (1, 1, 0), (5, 5, 0)
    assert [item(v, i) for i in sequence] == [
        whole, inner, last, plain.STOP, whole, last, 0, whole, last, 1, inner, last, 1, last, whole, 1, plain.END,
    ]  # fmt: skip
    assert head.alignment([NESTED]) == dict.fromkeys(head.alignment([]), 0)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_gold_in_any_order_is_the_same_document(data):
    head = make()
    document = data.draw(st.sampled_from([*DOCUMENTS, NESTED]))
    order = data.draw(st.permutations(range(len(document.entities))))
    number = {old: new for new, old in enumerate(order)}
    relations = data.draw(st.permutations(document.relations))
    shuffled = Document(
        document.id, document.text, tuple(document.entities[i] for i in order),
        tuple(Relation(number[r.head], number[r.tail], r.type) for r in relations),
    )  # fmt: skip
    assert torch.equal(*(head.collate([d])["sequences"] for d in (document, shuffled)))

    batch, v = head.collate([document]), head.vocabulary
    entities, triples = v.told(batch["sequences"][0].tolist())
    triples = data.draw(st.permutations(list(triples)))
    ids = [*data.draw(st.permutations(entities)), v.stop, *(i for t in triples for i in t), v.end]
    size, step = v.first + batch["words"].shape[1] * v.width * v.types, count()
    said, sure = head.decode(batch["words"], lambda said: F.one_hot(torch.tensor([ids[next(step)]]), size).float())
    assert said.tolist() == [ids]
    assert facts(head._documents([document], said, sure)) == facts([document])


def test_two_relations_of_a_pair_come_back():
    document = told("both", "激素治哮喘又引起哮喘", "激素/药 哮喘/病", [(0, 1, "治疗"), (0, 1, "引起")])
    assert facts(decoded(make(), [document])) == facts([document])


@pytest.mark.parametrize(
    ("max_steps", "lost"), [(40, 0), (16, 0), (15, 1), (13, 1), (12, 2), (6, 4), (4, 4), (3, 5), (1, 7)]
)
def test_what_steps_have_no_room_for_is_counted(max_steps, lost):
    head = make(max_steps=max_steps)  # three entities, a stop, four triples
    assert head.alignment([NESTED]) == dict.fromkeys(head.alignment([]), 0) | {"beyond": lost}
    (back,) = decoded(head, [NESTED])
    assert len(back.entities) + len(back.relations) == 7 - lost
    assert set(back.triples()) <= set(NESTED.triples()) and set(back.entities) <= set(NESTED.entities)


def test_what_one_window_has_room_for_is_not_lost():
    document = long_document(3, 17)  # in windows of 20 from 0, 15, 30, 36
    assert narrow(make(max_steps=8), 22).alignment([document])["beyond"] == 0
    assert make(max_steps=8).alignment([document])["beyond"] == 1


def test_untrained_it_says_nothing():
    encoder = encoders.load("random:tiny", texts=[d.text for d in DOCUMENTS])
    found = predicted(Generation(encoder, SCHEMA, GenerationOptions()).eval(), DOCUMENTS)
    assert sum(len(d.entities) for d in found) < 3 and not any(d.relations for d in found)
