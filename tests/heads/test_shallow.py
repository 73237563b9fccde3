"""The baselines without a transformer: shared convolutions and routing equal to plain ones."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from cases import DOCUMENTS, SCHEMA, logits
from extractors import gradients, predicted

from relex import encoders
from relex.heads import Shallow, ShallowOptions
from relex.heads.options import choices
from relex.heads.pairs import baseline_layers

ROWS = {
    "Bi-LSTM": {"tasks": "ner"},
    "RDCNN": {"reader": "rdcnn", "tasks": "ner"},
    "Joint-Bi-LSTM": {},
    "CNN": {"reader": "none", "tasks": "rc"},
    "RCN": {"pairs": "capsule", "tasks": "rc"},
}
EACH_ROW = pytest.mark.parametrize("row", ROWS)
WITH_PAIRS = pytest.mark.parametrize("row", [name for name, row in ROWS.items() if row.get("tasks") != "ner"])


def make(row="Joint-Bi-LSTM", seed=0, dropout=0.1, **options):
    encoder = encoders.load("random:tiny", seed=seed, texts=[d.text for d in DOCUMENTS])
    torch.manual_seed(seed)
    options = {"width": 16, "hidden": 4, "dropout": dropout} | ROWS[row] | options
    head = Shallow(encoder, SCHEMA, ShallowOptions(**options)).eval()
    if head.options.tasks != "rc":
        torch.nn.init.zeros_(head.emit.bias)  # else it finds no entities before it has learned any
    return head


# The same whatever the batch


@EACH_ROW
@torch.no_grad()
def test_padding_does_not_leak(row):
    head = make(row)
    batch = head.collate(DOCUMENTS)
    before = logits(head, DOCUMENTS), head.loss(batch)
    ids = batch["input_ids"]
    for special in (head.encoder.pad_id, head.encoder.cls_id, head.encoder.sep_id):
        assert (ids == special).any()
        head.encoder.word_embeddings.weight[special] += torch.randn(32) * 9
    torch.testing.assert_close(before, (logits(head, DOCUMENTS), head.loss(batch)), atol=1e-6, rtol=0)


@WITH_PAIRS
def test_pairs_and_their_order_make_a_difference(row):
    head = make(row)
    found = logits(head, DOCUMENTS)[1][1]
    assert all((a - b).abs().max() > 1e-4 for a, b in itertools.combinations(found, 2))


# Equal to plain versions


def plain_convolution(layer, states, entities, pair):
    """The text N×D of one pair through the convolution of [state; position; position], token by token."""
    (_, first, last, _), (_, second, end, _) = (entities[i].tolist() for i in pair)
    n, reach, seen = len(states), baseline_layers.REACH, range(len(states))
    if layer.between:
        rows, weights, seen = states, [own.weight for own in layer.text], range(first, end + 1)
    else:

        def position(begin, finish):
            apart = [i - begin if i < begin else max(0, i - finish) for i in range(n)]
            return layer.position.weight[[max(-reach, min(reach, a)) + reach for a in apart]]

        rows = torch.cat([states, position(first, last), position(second, end)], 1)
        parts = zip(layer.text, layer.earlier, layer.later, strict=True)
        weights = [torch.cat([part.weight for part in three], 1) for three in parts]
    found = []
    for own, weight in zip(layer.text, weights, strict=True):
        size = weight.shape[2]
        padded = F.pad(rows.T, ((size - 1) // 2, size // 2))
        values = [(weight * padded[:, i : i + size]).sum((1, 2)) + own.bias for i in seen]
        found.append(torch.stack(values).amax(0))
    return torch.cat(found).tanh()


ENTITIES = torch.tensor([[0, 0, 1, 0], [0, 2, 2, 1], [0, 5, 8, 1], [1, 1, 1, 0], [1, 3, 4, 0]])
PAIRS = torch.tensor([[0, 1], [0, 2], [1, 2], [3, 4]])


def two_texts(width=6):
    torch.manual_seed(0)
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    return torch.randn(2, 9, width), mask


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("at_once", [1, 2**24])
def test_shared_convolution_is_the_plain_one(between, at_once, monkeypatch):
    monkeypatch.setattr(baseline_layers, "AT_ONCE", at_once)
    monkeypatch.setattr(baseline_layers, "REACH", 3)
    states, mask = two_texts()
    layer = baseline_layers.PairConvolution(6, 5, between)
    found = layer(states, mask, ENTITIES, PAIRS)
    expected = [
        plain_convolution(layer, states[w][mask[w]], ENTITIES, pair)
        for w, pair in zip([0, 0, 0, 1], PAIRS, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-6, rtol=0)
    for name, parameter in layer.named_parameters():
        one, other = (torch.autograd.grad((x**2).sum(), parameter, retain_graph=True)[0]
                      for x in (found, torch.stack(expected)))  # fmt: skip
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4, msg=name)


def test_routing_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    votes = torch.randn(3, 5, 4, 6)
    for of_pair, found in zip(votes, baseline_layers.routed(votes), strict=True):
        agreed = torch.zeros(5, 4)
        for _ in range(3):
            shares = agreed.softmax(1)
            sums = [sum(shares[i, j] * of_pair[i, j] for i in range(5)) for j in range(4)]
            capsules = [s * (s.norm() ** 2 / (1 + s.norm() ** 2)) / s.norm() for s in sums]
            for i, j in itertools.product(range(5), range(4)):
                agreed[i, j] += of_pair[i, j] @ capsules[j]
        torch.testing.assert_close(found, torch.stack(capsules), atol=1e-6, rtol=0)


def test_capsules_that_agree_are_long():
    torch.manual_seed(0)
    votes = torch.randn(1, 40, 3, 8)
    votes[:, :, 1] = votes[:, :1, 1]
    agreeing = baseline_layers.length(baseline_layers.routed(votes)).flatten()
    assert agreeing.argmax() == 1 and (agreeing > 0).all() and (agreeing < 1).all()


def test_pieces_of_a_text():
    states, mask = two_texts()
    layer = baseline_layers.PairCapsules(6, 3, 5, 0.0)
    found = torch.stack(layer.pieces(states.transpose(1, 2), mask, ENTITIES, PAIRS), 1)
    for row, window, (a, b) in zip(found, [0, 0, 0, 1], PAIRS.tolist(), strict=True):
        (_, first, last, _), (_, second, end, _) = ENTITIES[a].tolist(), ENTITIES[b].tolist()
        text = states[window][mask[window]]
        pieces = text[:first], text[first : last + 1], text[last + 1 : second], text[second : end + 1], text[end + 1 :]
        expected = torch.stack([p.amax(0) if len(p) else torch.zeros(6) for p in pieces])
        torch.testing.assert_close(row, expected)
    assert not found[2, 4].any() and not found[0, 0].any()  # no tokens after the last, before the first


@WITH_PAIRS
def test_batches_of_pairs_change_nothing(row, monkeypatch):
    head = make(row, dropout=0.0).train()
    expected = gradients(head, DOCUMENTS)
    sizes, read = [], baseline_layers.by_batches

    def watched(call, pairs, held, again=False):
        return read(lambda part: (sizes.append(len(part)), call(part))[1], pairs, held, again)

    monkeypatch.setattr(baseline_layers, "AT_ONCE", 1)
    monkeypatch.setattr(baseline_layers, "by_batches", watched)
    for name, gradient in gradients(head, DOCUMENTS).items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-3, msg=name)
    assert set(sizes) == {1} and len(sizes) == 8 * (2 if row == "RCN" else 1)  # computed again, or not


def test_dilated_convolutions_see_so_far():
    torch.manual_seed(0)
    layer, mask = baseline_layers.DilatedConvolutions(4, 8).eval(), torch.ones(1, 80, dtype=torch.bool)
    for block in layer.blocks:  # so that no rectifier closes the way
        for own in block:
            torch.nn.init.constant_(own.weight, 0.1)
            torch.nn.init.constant_(own.bias, 1.0)
    torch.nn.init.constant_(layer.enter.weight, 0.1)
    states = torch.rand(1, 80, 4, dtype=torch.float64)
    other = states.clone()
    other[0, 40] += 1
    layer = layer.double()
    changed = (layer(states, mask) != layer(other, mask)).any(-1)[0].nonzero().flatten()
    assert (changed.min(), changed.max()) == (10, 70)


# Switches


def test_sizes_that_are_not_given():
    assert make().encoder.layers == 0
    assert make(hidden=0).pair.size == 600 and make("RCN", hidden=0).pair.votes.shape[0] == 80


@pytest.mark.parametrize("pairs", ["cnn", "capsule"])
def test_all_readers_go_with_all_pairs(pairs):
    for reader in choices(ShallowOptions)["reader"]:
        head = make(reader=reader, pairs=pairs, tasks="joint")
        assert torch.isfinite(head.loss(head.collate(DOCUMENTS))) and len(predicted(head, DOCUMENTS)) == len(DOCUMENTS)
