"""Losses of tables with sparse targets: equal to dense ones, values and gradients, in chunks and in any batch."""

import pytest
import torch

from relex.bench.span import allocations
from relex.heads.table import chunks
from relex.heads.table.chunks import by_rows, row_chunks
from relex.heads.table.losses import LOSSES
from relex.heads.table.scorers import MLP, Scorer
from relex.reference import table as literal

LENGTHS = (5, 1, 3, 0)
"""Tokens of each window, between [CLS] and [SEP]; one has none."""
TABLES = 3
EACH = pytest.mark.parametrize("name", sorted(LOSSES))
TRIANGLE = pytest.mark.parametrize("triangle", [False, True], ids=["square", "triangle"])


class Given(Scorer):
    """Logits W×L×L×T×C that were given."""

    def __init__(self, logits):
        super().__init__(*logits.shape[3:])
        self.logits = torch.nn.Parameter(logits)

    def prepare(self, states, mask):
        return ()

    def forward(self, context, rows, tables=slice(None), columns=slice(None)):
        return self.logits[:, rows, columns, tables]


def given(name, scale=3.0, seed=0):
    """A scorer, the mask of its windows, and gold cells K×5 in all but the empty window; two of them share a cell."""
    torch.manual_seed(seed)
    tags = 4 if name == "softmax" else 1
    n = max(LENGTHS) + 2
    place = torch.arange(n)
    mask = (place > 0) & (place <= torch.tensor(LENGTHS)[:, None])
    gold = [(0, 0, 1, 1, 1), (0, 2, 1, 1, 3), (0, 1, 1, 5, 2), (0, 1, 2, 5, 1), (0, 0, 5, 5, 3), (1, 2, 1, 1, 1),
            (2, 0, 1, 3, 2), (2, 1, 1, 3, 2), (2, 2, 1, 3, 1)]  # fmt: skip
    return Given(torch.randn(len(LENGTHS), n, n, TABLES, tags) * scale), mask, torch.tensor(gold)


def dense(name, scorer, gold, triangle, **options):
    """The literal loss of each window; 0 of an empty one."""
    found = []
    for w, n in enumerate(LENGTHS):
        own = [(t, i - 1, j - 1, tag) for window, t, i, j, tag in gold.tolist() if window == w]
        logits = scorer.logits[w, 1 : n + 1, 1 : n + 1]
        found.append(getattr(literal, name)(logits, own, triangle, **options) if n else torch.zeros(()))
    return torch.stack([torch.as_tensor(x) for x in found])


def with_gradient(loss, scorer):
    """Losses, and their gradient with a weight of its own for each window."""
    (gradient,) = torch.autograd.grad((loss * torch.arange(1, len(loss) + 1)).sum(), scorer.logits)
    return loss.detach(), gradient


@EACH
@TRIANGLE
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_sparse_losses_are_dense_ones(name, triangle, rows):
    scorer, mask, gold = given(name)
    found = with_gradient(LOSSES[name](scorer, (), mask, gold, triangle, rows), scorer)
    torch.testing.assert_close(found, with_gradient(dense(name, scorer, gold, triangle), scorer), atol=1e-5, rtol=1e-5)
    assert found[0][:3].gt(0).all() and found[0][3] == 0


@TRIANGLE
def test_cells_that_hold_something_can_count_more(triangle):
    scorer, mask, gold = given("softmax")
    found = LOSSES["softmax"](scorer, (), mask, gold, triangle, positive=2.0)
    torch.testing.assert_close(found, dense("softmax", scorer, gold, triangle, positive=2.0))
    assert (found > LOSSES["softmax"](scorer, (), mask, gold, triangle))[:3].all()


@EACH
def test_without_gold(name):
    scorer, mask, gold = given(name)
    found = with_gradient(LOSSES[name](scorer, (), mask, gold[:0], False), scorer)
    torch.testing.assert_close(found, with_gradient(dense(name, scorer, gold[:0], False), scorer), atol=1e-5, rtol=1e-5)


@EACH
@pytest.mark.parametrize("scale", [60.0, 3000.0])
def test_sure_logits_stay_finite(name, scale):
    """Sums of exponentials neither overflow, nor vanish where gold logits outweigh all others."""
    scorer, mask, gold = given(name, scale)
    losses, gradient = with_gradient(LOSSES[name](scorer, (), mask, gold, False, 2), scorer)
    assert losses.isfinite().all() and gradient.isfinite().all()
    with torch.no_grad():
        scorer.logits.fill_(-scale)
        if name == "softmax":
            scorer.logits[..., 0] = scale
        for w, t, i, j, tag in gold.tolist():
            scorer.logits[w, i, j, t] = -scale
            scorer.logits[w, i, j, t, tag if name == "softmax" else 0] = scale
    losses, gradient = with_gradient(LOSSES[name](scorer, (), mask, gold, False, 2), scorer)
    assert losses.abs().max() < 1e-6 and gradient.abs().max() < 1e-6


@EACH
def test_chunks_that_are_computed_again_change_nothing(name, monkeypatch):
    scorer, mask, gold = given(name)
    expected = with_gradient(LOSSES[name](scorer, (), mask, gold, True, 2), scorer)
    calls, forward = [], scorer.forward
    monkeypatch.setattr(scorer, "forward", lambda *args: calls.append(args[1]) or forward(*args))
    for held, times in ((10**9, 1), (0, 2)):
        monkeypatch.setattr(chunks, "HELD", held)
        calls.clear()
        torch.testing.assert_close(with_gradient(LOSSES[name](scorer, (), mask, gold, True, 2), scorer), expected)
        assert len(calls) == times * 4


@EACH
def test_memory_is_that_of_a_chunk(name, monkeypatch):
    """96² cells of 256 hidden units are 9 MiB; a row of them is 0.1, as are the parts of rows and of columns."""
    monkeypatch.setattr(chunks, "AT_ONCE", 2**15)
    scorer, (_, _, gold) = MLP(8, TABLES, 4 if name == "softmax" else 1, 256), given(name)
    states, mask = torch.randn(1, 96, 8), torch.ones(1, 96, dtype=torch.bool)

    def step():
        with torch.inference_mode(False):  # in which allocations are counted
            LOSSES[name](scorer, scorer.prepare(states, mask), mask, gold[:5], False).sum().backward()

    monkeypatch.setattr(chunks, "HELD", 10**9)
    assert allocations(step)[1] > 9
    monkeypatch.setattr(chunks, "HELD", 0)
    assert allocations(step)[1] < 2


def test_chunks_cover_all_rows_and_hold_a_bounded_number():
    for windows, tokens, floats in ((1, 512, 400), (30, 128, 1200), (1, 3, 1), (64, 512, 10**4)):
        found = row_chunks(windows, tokens, floats)
        assert [i for chunk in found for i in range(tokens)[chunk]] == list(range(tokens))
        rows = max(c.stop - c.start for c in found)
        assert rows == 1 or rows * windows * tokens * floats <= chunks.AT_ONCE
    assert by_rows(lambda chunk: chunk.stop, 1, 5, 1, 2) == [2, 4, 5]
