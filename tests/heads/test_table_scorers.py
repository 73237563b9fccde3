"""Scorers of tables: equal to literal versions in chunks and in batches, what they coincide with, what they learn."""

import itertools

import pytest
import torch
from torch import nn

from relex.bench.span import allocations
from relex.heads.table import chunks, scorers
from relex.heads.table.grid import DISTANCES, Grid, distance_class
from relex.heads.table.losses import bce, softmax
from relex.heads.table.scorers import MLP, RARE, Additive, EfficientPointer, Hadamard, Pointer, Scorer, Tucker
from relex.reference import table as literal

WIDTH, TABLES = 8, 5
LENGTHS = (6, 1, 9, 0)
"""Tokens of each window, before [SEP]."""
NAMES = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0))
KINDS = {
    "mlp": (MLP, {}),
    "mlp-relu": (MLP, {"hidden": 3 * WIDTH, "activation": "relu"}),
    "pointer": (Pointer, {"spans": 2, "size": 4}),
    "efficient_pointer": (EfficientPointer, {"spans": 2, "size": 4}),
    "efficient_pointer-groups": (EfficientPointer, {"size": 4, "groups": (1, 3, 1)}),
    "tucker": (Tucker, {"entity": 4, "relation": 8}),
    "tucker-fusion": (Tucker, {"entity": 4, "relation": 8, "fusion": True}),
    "tucker-names": (Tucker, {"entity": 4, "relation": 8, "fusion": True, "names": NAMES}),
    "hadamard": (Hadamard, {}),
    "hadamard-rounds": (Hadamard, {"rounds": 3}),
    "additive": (Additive, {}),
    "additive-phases": (Additive, {"phases": 2}),
    "grid": (Grid, {"channels": 5, "pairing": 3, "sizes": 4}),
}
EACH = pytest.mark.parametrize("name", KINDS)
TAGS = pytest.mark.parametrize("tags", [1, 3])


def make(name, tags=1, seed=0):
    """A scorer without anything at its first value, such as zero."""
    torch.manual_seed(seed)
    kind, options = KINDS[name]
    scorer = kind(WIDTH, TABLES, tags, **options).eval()
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter += torch.randn(parameter.shape) * 0.2
    return scorer


def texts(lengths=LENGTHS, seed=1, width=WIDTH):
    """States W×L×D, which are large where there is padding, and the mask of tokens of the text."""
    torch.manual_seed(seed)
    place = torch.arange(max(lengths) + 1)
    states = torch.randn(len(lengths), len(place), width)
    states[place >= torch.tensor(lengths)[:, None] + 1] *= 30
    return states, place < torch.tensor(lengths)[:, None]


def prepared(scorer, states, mask):
    """The context, and states of names where the scorer asks for them."""
    names = (torch.randn(3, states.shape[-1], generator=torch.Generator().manual_seed(5)),) if "name" in dict(
        scorer.named_buffers()) else ()  # fmt: skip
    return scorer.prepare(states, mask, *names), names


def inner(logits, n):
    return logits[:n, :n]


@EACH
@TAGS
@torch.no_grad()
def test_scorers_are_their_literal_versions(name, tags):
    scorer, (states, mask) = make(name, tags), texts()
    context, names = prepared(scorer, states, mask)
    found = scorer(context, slice(0, states.shape[1]))
    assert found.shape == (*states.shape[:2], states.shape[1], TABLES, tags) and found.dtype == torch.float32
    assert found.isfinite().all()
    for logits, own, n in zip(found, states, LENGTHS, strict=True):
        if n:
            expected = getattr(literal, name.split("-")[0])(scorer, own[: n + 1], *names)
            expected = expected if name == "grid" else inner(expected, n)
            torch.testing.assert_close(inner(logits, n), expected, atol=1e-5, rtol=1e-5)


@EACH
@TAGS
@torch.no_grad()
def test_chunks_are_parts_of_the_whole(name, tags, monkeypatch):
    scorer, (states, mask) = make(name, tags), texts()
    n, both = states.shape[1], (mask[:, :, None] & mask[:, None])[..., None, None]
    whole = scorer(prepared(scorer, states, mask)[0], slice(None)) * both
    monkeypatch.setattr(chunks, "AT_ONCE", 1)  # also of what is prepared
    context, _ = prepared(scorer, states, mask)
    for i, t in itertools.product(range(n), range(TABLES)):
        one = scorer(context, slice(i, i + 1), slice(t, t + 1)) * both[:, i : i + 1]
        torch.testing.assert_close(one, whole[:, i : i + 1, :, t : t + 1], atol=1e-5, rtol=1e-5)
    some = scorer(context, slice(2, 5), slice(1, 4), slice(3, None)) * both[:, 2:5, 3:]
    torch.testing.assert_close(some, whole[:, 2:5, 3:, 1:4], atol=1e-5, rtol=1e-5)


@EACH
def test_gradients_of_chunks_that_are_computed_again(name, monkeypatch):
    """All parameters train, and with the same gradients whether what led to logits was kept or not."""
    found = []
    for held in (10**9, 0):
        monkeypatch.setattr(chunks, "HELD", held)
        monkeypatch.setattr(chunks, "AT_ONCE", 500)
        scorer, (states, mask) = make(name), texts()
        gold = torch.tensor([(0, 1, 2, 3, 1), (2, 0, 1, 4, 1), (2, 4, 5, 5, 1)])
        bce(scorer, prepared(scorer, states, mask)[0], mask, gold, False).sum().backward()
        found.append({key: p.grad for key, p in scorer.named_parameters()})
    assert all(g is not None and g.isfinite().all() and g.any() for key, g in found[0].items() if not useless(key))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def useless(key):
    """A key's bias adds the same to all logits of a softmax."""
    return key.endswith("key.bias")


@EACH
@TAGS
@torch.no_grad()
def test_an_untrained_scorer_finds_next_to_nothing(name, tags):
    torch.manual_seed(0)
    kind, options = KINDS[name]
    scorer, (states, mask) = kind(64, TABLES, tags, **options).eval(), texts((20,), width=64)
    logits = inner(scorer(prepared(scorer, states, mask)[0], slice(None))[0], 20)
    found = logits.argmax(-1) > 0 if tags > 1 else logits[..., 0] > 0
    assert found.float().mean() < 0.02
    biases = [p.flatten() for p in scorer.parameters() if (p == RARE).any()]
    assert [sum(b == RARE) for b in biases] == [TABLES * max(1, tags - 1)] * (2 if name == "additive-phases" else 1)


def test_rounds_hold_few_rows_and_maxima(monkeypatch):
    """All cells of 8 units and 40 outputs take 25 MiB to train, chunks of one row, with maxima for each, 34."""
    monkeypatch.setattr(chunks, "AT_ONCE", 1)
    monkeypatch.setattr(chunks, "HELD", 0)
    scorer, states, mask = Hadamard(8, 40, rounds=2), torch.randn(1, 256, 8), torch.ones(1, 256, dtype=torch.bool)

    def step():
        with torch.inference_mode(False):  # in which allocations are counted
            sum(x.sum() for x in scorer.prepare(states, mask)).backward()

    assert allocations(step)[1] < 10


# What coincides with what


@torch.no_grad()
def test_tucker_with_a_relation_a_direction_is_a_biaffine_a_relation():
    scorer, (states, mask) = make("tucker").double(), texts()
    scorer.vectors.copy_(torch.eye(8)[:TABLES])
    found = scorer.prepare(states.double(), mask)
    found = found[0] @ found[1][:, None].mT + scorer.bias[:, None, None]  # in float64, as logits are not
    row, column = scorer.of_row(states.double()), scorer.of_column(states.double())
    expected = torch.einsum("wia,tab,wjb->wtij", row, scorer.core.transpose(0, 1)[:TABLES], column)
    torch.testing.assert_close(found, expected + scorer.bias[:, None, None], atol=1e-12, rtol=1e-12)


@torch.no_grad()
def test_hadamard_without_activation_is_a_diagonal_biaffine():
    scorer, (states, mask) = make("hadamard", 2), texts((7, 7))
    scorer.activate = nn.Identity()
    row, column = scorer.prepare(states, mask)
    forms = torch.stack([torch.diag(w) for w in scorer.last.weight])
    expected = torch.einsum("wia,oab,wjb->wijo", row, forms, column) + scorer.last.bias
    torch.testing.assert_close(scorer((row, column), slice(None)).flatten(3), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_pointer_without_positions_is_a_biaffine_of_low_rank():
    torch.manual_seed(0)
    scorer, (states, mask) = Pointer(WIDTH, TABLES, size=4), texts()
    of_query, of_key = scorer.project.weight.view(2, TABLES, 4, WIDTH)
    by_query, by_key = scorer.project.bias.view(2, TABLES, 4)
    forms = of_query.mT @ of_key / 2  # T×D×D, rank 4
    assert (torch.linalg.matrix_rank(forms) == 4).all()
    expected = torch.einsum("wia,tab,wjb->wijt", states, forms, states)
    expected = expected + torch.einsum("wia,tda,td->wit", states, of_query / 2, by_key)[:, :, None]
    expected = expected + torch.einsum("wja,tda,td->wjt", states, of_key / 2, by_query)[:, None]
    expected = expected + (by_query * by_key).sum(1) / 2 + scorer.bias
    found = scorer(scorer.prepare(states, mask), slice(None))[..., 0]
    ours = mask[:, :, None] & mask[:, None]
    torch.testing.assert_close(found[ours], expected[ours], atol=1e-4, rtol=1e-4)


def double_differences(scorer, seed=1):
    """s(i, j) − s(i, j′) − s(i′, j) + s(i′, j′) of rows and columns that follow each other, (N − 1)×(N − 1)×O."""
    states, mask = texts((7,), seed)
    logits = inner(scorer.double()(scorer.prepare(states.double(), mask), slice(None))[0], 7).flatten(2)
    return logits.diff(dim=0).diff(dim=1)


@TAGS
@torch.no_grad()
def test_row_and_column_never_meet_in_the_additive_scorer(tags):
    for name in ("additive", "additive-phases"):
        assert double_differences(make(name, tags)).abs().max() < 1e-5
    assert double_differences(make("mlp", tags)).abs().max() > 0.01


@torch.no_grad()
def test_tables_of_an_efficient_pointer_have_one_pairing():
    torch.manual_seed(0)
    shared = double_differences(EfficientPointer(WIDTH, TABLES, size=4))
    torch.testing.assert_close(shared, shared[..., :1].expand_as(shared), atol=1e-5, rtol=1e-5)
    groups = double_differences(EfficientPointer(WIDTH, TABLES, size=4, groups=(2, 3)))
    torch.testing.assert_close(groups[..., 0], groups[..., 1], atol=1e-5, rtol=1e-5)
    full = double_differences(Pointer(WIDTH, TABLES, size=4))
    for found in (groups[..., 1] - groups[..., 2], *full.diff().unbind(-1)):
        assert found.abs().max() > 0.01


@torch.no_grad()
def test_spans_know_distances_and_do_not_end_before_they_begin():
    for name in ("pointer", "efficient_pointer"):
        scorer, mask = make(name), torch.ones(1, 7, dtype=torch.bool)
        logits = scorer(scorer.prepare(texts((5,))[0][:, 3:4].expand(1, 7, -1), mask), slice(None))[0, ..., 0]
        for t in range(TABLES):  # of the same state everywhere
            for apart in range(-6, 7):
                of_distance = logits[..., t].diagonal(apart)
                torch.testing.assert_close(of_distance, of_distance[:1].expand_as(of_distance), atol=1e-5, rtol=1e-4)
            assert (logits[..., t].tril(-1).lt(-1000).sum() == 21) == (t < 2)
            assert (logits[0, :, t].max() - logits[0, :, t].min() > 1e-3) == (t < 2)


@torch.no_grad()
def test_names_that_mean_the_same_have_the_same_table():
    scorer, (states, mask) = make("tucker-names"), texts()
    names = torch.randn(3, WIDTH)
    names[1] = names[0]
    logits = scorer(scorer.prepare(states, mask, names), slice(None))
    torch.testing.assert_close(logits[..., 0, :] - scorer.bias[0], logits[..., 1, :] - scorer.bias[1])
    assert not torch.allclose(logits[..., 0, :] - scorer.bias[0], logits[..., 2, :] - scorer.bias[2], atol=1e-3)
    moved = scorer(scorer.prepare(states, mask, names + 3.0), slice(None))
    torch.testing.assert_close(moved, logits, atol=1e-4, rtol=1e-4)  # what all have in common says nothing


def test_distances():
    apart = torch.tensor([0, 1, 2, 3, 4, 7, 8, 255, 256, 511, -1, -2, -3, -256, -511])
    assert distance_class(apart).tolist() == [0, 1, 2, 2, 3, 3, 4, 8, 9, 9, 10, 11, 11, 18, 18]
    assert distance_class(torch.arange(-511, 512)).unique().tolist() == list(range(DISTANCES))


# What can be learned


@pytest.mark.parametrize(("name", "can"), [
    ("mlp", True), ("tucker", True), ("pointer", True), ("grid", True), ("hadamard", True),
    ("additive", False), ("efficient_pointer", False),
])  # fmt: skip
def test_two_relations_crossed_over_four_entities(name, can):
    """a and b are subjects, c and d objects: the one relation holds for (a, c) and (b, d), the other for the rest.

    Subjects and objects tell nothing alone, only together (an XOR of both). States are free parameters: what a scorer
    cannot learn from these it cannot learn from any encoder's.
    """
    torch.manual_seed(0)
    kind, options = KINDS[name]
    scorer = kind(16, 2, **options | ({"spans": 0} if "spans" in options else {}))
    states, mask = nn.Parameter(torch.randn(1, 5, 16)), texts((4,))[1]
    gold = torch.tensor([(0, 0, 0, 2, 1), (0, 0, 1, 3, 1), (0, 1, 0, 3, 1), (0, 1, 1, 2, 1)])
    truth = torch.zeros(2, 2, 2, dtype=torch.bool)
    truth[[0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]] = True  # (subject, object, table)
    optimizer = torch.optim.Adam([states, *scorer.parameters()], 0.03)
    for _ in range(200):
        optimizer.zero_grad()
        bce(scorer, scorer.prepare(states, mask), mask, gold, False).sum().backward()
        optimizer.step()
    with torch.no_grad():
        logits = scorer(scorer.prepare(states, mask), slice(0, 2), slice(None), slice(2, 4))[0, ..., 0]
    assert ((logits > 0) == truth).all() == can
    if can:
        assert logits.abs().min() > 1.0


def test_the_first_phase_has_a_loss_of_its_own():
    scorer, (states, mask) = make("additive-phases", 3), texts()
    context = scorer.prepare(states, mask)
    alone = scorer.first.prepare(states, mask)
    torch.testing.assert_close(context[2:], alone)
    gold = torch.tensor([(0, 1, 2, 3, 1)])
    softmax(scorer.first, context[2:], mask, gold, False).sum().backward()
    assert scorer.first.last.weight.grad.any() and scorer.last.weight.grad is None


def test_probabilities_are_edges():
    """A relation that is certain between two words moves the state of each by the other's, and no third word's."""
    scorer, (states, mask) = make("additive-phases", 3), texts((5,))
    edges = torch.zeros(1, 6, 6, TABLES * 2)

    def moved():
        return (scorer.graph(states, mask, lambda rows: edges[:, rows], 10) - states)[0].abs().sum(1) > 0

    assert not moved().any()
    edges[0, 2, 4, 3] = 1.0
    assert moved().nonzero()[:, 0].tolist() == [2, 4]
    edges[0, 5, 3] = edges[0, 3, 5] = 1.0  # [SEP] is no word
    assert moved().nonzero()[:, 0].tolist() == [2, 4]


def test_kinds_cover_all_scorers():
    there = {c for c in vars(scorers).values() if isinstance(c, type) and issubclass(c, Scorer) and c is not Scorer}
    assert {kind for kind, _ in KINDS.values()} == there | {Grid}
