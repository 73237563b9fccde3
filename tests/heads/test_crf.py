"""The CRF: equal to enumeration and to pytorch-crf, exact with scores of any size, deaf to its batch."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torchcrf import CRF as Reference

from relex.bench import crf as bench
from relex.errors import RelexError
from relex.heads.pairs import crf as module
from relex.heads.pairs.crf import CRF, log_partition
from relex.heads.pairs.tags import Tags

TWO = Tags(["药", "病"])


def make(tags, allowed=None, seed=0, std=1.0):
    """A CRF with random scores."""
    generator = torch.Generator().manual_seed(seed)
    crf = CRF(tags, allowed)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter, std=std, generator=generator)
    return crf


def batch(lengths, tags, seed=0, std=1.0, longest=None):
    """Emissions W×N×T, mask W×N; what stands behind the tokens is no number at all."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths) if longest is None else longest
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    emissions = std * torch.randn(len(lengths), longest, tags, generator=generator)
    return emissions.masked_fill(~mask[..., None], math.nan), mask


def gold(mask, tags, seed=0):
    """Well-formed tag ids W×N for `tags`, random ones for a number of them; 99 where there is no token."""
    generator = np.random.default_rng(seed)
    rows = torch.full(mask.shape, 99)
    for i, n in enumerate(mask.sum(1).tolist()):
        if isinstance(tags, int):
            rows[i, :n] = torch.from_numpy(generator.integers(tags, size=n))
            continue
        cuts = sorted({0, n, *generator.integers(n + 1, size=4).tolist()})
        spans = [(a, b - 1, int(generator.integers(len(tags.types)))) for a, b in itertools.pairwise(cuts)]
        rows[i, :n] = torch.from_numpy(tags.encode(n, [s for s in spans if generator.random() < 0.7]))
    return rows


@torch.no_grad()
def score(crf, allowed, emissions, path):
    """Score of one path of tags over emissions N×T (Eq. 10), −∞ where it is forbidden, one term after another."""
    border = crf.tags
    if not path:
        return 0.0
    if allowed is not None and not all(allowed[a, b] for a, b in itertools.pairwise([border, *path, border])):
        return -math.inf
    total = float(crf.start[path[0]] + crf.end[path[-1]])
    total += sum(float(crf.transitions[a, b]) for a, b in itertools.pairwise(path))
    return total + sum(float(emissions[i, tag]) for i, tag in enumerate(path))


def reference(crf, allowed=None):
    """pytorch-crf with the same scores, and a large negative one for what is forbidden."""
    other = Reference(crf.tags, batch_first=True)
    forbidden = torch.zeros(crf.tags + 1, crf.tags + 1, dtype=torch.bool) if allowed is None else ~allowed
    with torch.no_grad():
        other.start_transitions.copy_(crf.start.masked_fill(forbidden[-1, :-1], -1e4))
        other.end_transitions.copy_(crf.end.masked_fill(forbidden[:-1, -1], -1e4))
        other.transitions.copy_(crf.transitions.masked_fill(forbidden[:-1, :-1], -1e4))
    return other


@pytest.fixture
def slow(monkeypatch):
    """Count calls of the version for scores of any size."""
    calls = []
    monkeypatch.setattr(module, "log_partition", lambda *scores: calls.append(1) or log_partition(*scores))
    return calls


SMALL = [(3, None), (5, Tags(["药"]).allowed()), (9, TWO.allowed())]


@pytest.mark.parametrize("std", [1.0, 100.0], ids=["small", "large"])
@pytest.mark.parametrize("tags, allowed", SMALL)
def test_enumeration(tags, allowed, std):
    crf = make(tags, allowed, std=std)
    lengths = [3, 1, 0, 2]
    emissions, mask = batch(lengths, tags, std=std)
    best = crf.decode(emissions, mask)
    for w, n in enumerate(lengths):
        paths = [list(p) for p in itertools.product(range(tags), repeat=n)]
        scores = [score(crf, allowed, emissions[w], p) for p in paths]
        total = np.logaddexp.reduce(scores)
        ids = torch.zeros(len(paths), mask.shape[1], dtype=torch.long)
        ids[:, :n] = torch.tensor(paths, dtype=torch.long)
        same, count = emissions[w].expand(len(paths), -1, -1), mask[w].expand(len(paths), -1)
        losses = crf.loss(same, ids, count).detach()
        possible = torch.tensor(scores) > -math.inf
        expected = total - torch.tensor(scores, dtype=torch.float64)[possible]
        assert torch.allclose(losses[possible].double(), expected, rtol=1e-5, atol=1e-5 * std)
        assert (losses[~possible] > 1e20).all()
        assert (-losses.double()).exp().sum() == pytest.approx(1, abs=1e-5)
        assert best[w, :n].tolist() == paths[int(np.argmax(scores))]
        assert (best[w, n:] == -1).all()


@pytest.mark.parametrize("allowed", [None, TWO.allowed()], ids=["all", "BIEOS"])
def test_equal_to_pytorch_crf(allowed):
    crf = make(len(TWO), allowed)
    other = reference(crf, allowed)
    emissions, mask = batch([17, 1, 9, 30], len(TWO))
    tags = gold(mask, len(TWO) if allowed is None else TWO).masked_fill(~mask, 0)
    emissions, weights = emissions.nan_to_num(), torch.tensor([1.0, 0.5, -2.0, 3.0])
    gradients = []
    for loss in (crf.loss, lambda *x: -other(*x, reduction="none")):
        rows = emissions.clone().requires_grad_()
        losses = loss(rows, tags, mask)
        (losses * weights).sum().backward()
        gradients.append((losses.detach(), rows.grad))
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    for ours, theirs in (("start", "start_transitions"), ("end", "end_transitions"), ("transitions", "transitions")):
        assert torch.allclose(getattr(crf, ours).grad, getattr(other, theirs).grad, rtol=1e-5, atol=1e-5)
    best = crf.decode(emissions, mask)
    assert [row[m].tolist() for row, m in zip(best, mask, strict=True)] == other.decode(emissions, mask)


def test_both_ways_to_sum_agree_and_the_fast_one_is_used(slow):
    crf = make(len(TWO), TWO.allowed())
    emissions, mask = batch([40, 3, 0, 12], len(TWO), std=8.0)
    tags, found = gold(mask, TWO), []
    for limit in (crf.limit, -math.inf):
        crf.limit = limit
        rows = emissions.clone().requires_grad_()
        losses = crf.loss(rows, tags, mask)
        gradients = torch.autograd.grad((losses * torch.arange(1, 5)).sum(), [rows, *crf.parameters()])
        found.append([losses, *gradients])
        assert len(slow) == (limit == -math.inf)
    for fast, exact in zip(*found, strict=True):
        assert torch.allclose(fast, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("std", [10.0, 300.0, 1e5])
def test_scores_of_any_size(std, slow):
    crf = make(len(TWO), TWO.allowed())
    emissions, mask = batch([25, 6], len(TWO), std=std)
    tags = crf.decode(emissions, mask)
    losses = crf.loss(emissions.requires_grad_(), tags, mask)
    losses.sum().backward()
    assert len(slow) == (std > 100)
    assert (losses >= -1e-6).all() and (losses < 50 * math.log(len(TWO))).all()
    assert emissions.grad.isfinite().all() and all(p.grad.isfinite().all() for p in crf.parameters())


@pytest.mark.parametrize("spread", [97.0, 400.0, 5000.0])
def test_nothing_is_lost_to_zero(spread, slow):
    """Each token speaks for one tag, often for one that may not be there: what is least likely may be all there is."""
    crf, generator = CRF(len(TWO), TWO.allowed()), torch.Generator().manual_seed(0)
    told = torch.randint(len(TWO), (300, 12, 1), generator=generator)
    emissions = torch.zeros(300, 12, len(TWO), dtype=torch.float64).scatter_(2, told, spread)
    mask, tags, found = torch.ones(300, 12, dtype=torch.bool), torch.zeros(300, 12, dtype=torch.long), []
    for limit in (crf.limit, -math.inf, math.inf):
        crf.limit = limit
        rows = emissions.clone().requires_grad_()
        losses = crf.loss(rows, tags, mask)
        found.append([losses, *torch.autograd.grad(losses.sum(), [rows, *crf.parameters()])])
    ours, exact, fast = found
    assert len(slow) == 1 + (spread > 97)
    assert all(torch.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(ours, exact, strict=True))
    assert torch.allclose(fast[0], exact[0]) == (spread == 97)  # plain exponentials would not do for the others


@pytest.mark.parametrize("allowed", [None, Tags(["药"]).allowed()], ids=["all", "BIEOS"])
def test_gradients_in_float64(allowed):
    crf = make(5, allowed).double()
    emissions, mask = batch([4, 0, 2], 5)
    tags = gold(mask, 5 if allowed is None else Tags(["药"]))
    emissions = emissions.double().nan_to_num().requires_grad_()
    names, parameters = zip(*crf.named_parameters(), strict=True)

    def loss(rows, *scores):
        given = dict(zip(names, scores, strict=True))
        return torch.func.functional_call(Loss(crf), {f"crf.{k}": v for k, v in given.items()}, (rows, tags, mask))

    assert loss(emissions, *parameters).dtype == torch.float64
    assert gradcheck(loss, (emissions, *parameters))


class Loss(torch.nn.Module):
    """A module whose call is the loss of a CRF."""

    def __init__(self, crf):
        super().__init__()
        self.crf = crf

    def forward(self, *inputs):
        return self.crf.loss(*inputs)


def test_windows_without_tokens():
    crf = make(len(TWO), TWO.allowed())
    for emissions, mask in (batch([0, 0], len(TWO)), batch([0, 0], len(TWO), longest=3)):
        emissions = emissions.requires_grad_()
        losses = crf.loss(emissions, gold(mask, TWO), mask)
        assert losses.tolist() == [0, 0]
        losses.sum().backward()
        assert (emissions.grad == 0).all() and all((p.grad == 0).all() for p in crf.parameters())
        assert (crf.decode(emissions, mask) == -1).all() and crf.decode(emissions, mask).shape == mask.shape


@pytest.mark.parametrize("std", [1.0, 1e4])
def test_what_is_forbidden_is_never_decoded_and_gets_no_gradient(std):
    allowed = TWO.allowed()
    crf = make(len(TWO), allowed, std=5.0)
    with torch.no_grad():  # scores that would win
        for scores, never in ((crf.transitions, ~allowed[:-1, :-1]), (crf.start, ~allowed[-1, :-1]),
                              (crf.end, ~allowed[:-1, -1])):  # fmt: skip
            scores[never] = 1e6
    emissions, mask = batch([60, 1, 33, 2], len(TWO), std=std)
    for path, n in zip(crf.decode(emissions, mask).tolist(), mask.sum(1).tolist(), strict=True):
        border = len(TWO)
        assert all(allowed[a, b] for a, b in itertools.pairwise([border, *path[:n], border]))
    crf.loss(emissions, gold(mask, TWO), mask).sum().backward()
    for gradient, may in ((crf.transitions.grad, allowed[:-1, :-1]), (crf.start.grad, allowed[-1, :-1]),
                          (crf.end.grad, allowed[:-1, -1])):  # fmt: skip
        assert (gradient[~may] == 0).all() and gradient.isfinite().all() and gradient[may].any()


def test_ties_go_to_the_lowest_tag_from_the_end():
    emissions, mask = torch.zeros(2, 4, 3), torch.tensor([[True] * 4, [True] * 2 + [False] * 2])
    assert CRF(3).decode(emissions, mask).tolist() == [[0, 0, 0, 0], [0, 0, -1, -1]]
    crf = CRF(len(TWO), TWO.allowed())
    assert crf.decode(torch.zeros(1, 6, len(TWO)), torch.ones(1, 6, dtype=torch.bool)).tolist() == [[0] * 6]
    emissions = torch.zeros(1, 2, 3)
    emissions[0, 0, 1:] = emissions[0, 1, [0, 2]] = 1  # 1 and 2, then 0 and 2
    mask = mask[1:, :2]
    assert CRF(3).decode(emissions, mask).tolist() == reference(CRF(3)).decode(emissions, mask) == [[1, 0]]


def test_autocast_gives_the_numbers_of_float32():
    crf = make(len(TWO), TWO.allowed())
    emissions, mask = batch([20, 5], len(TWO))
    tags, emissions = gold(mask, TWO), emissions.bfloat16()
    expected, best = crf.loss(emissions.float(), tags, mask), crf.decode(emissions.float(), mask)
    rows = emissions.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        losses = crf.loss(rows, tags, mask)
        assert torch.equal(crf.decode(rows, mask), best)
        losses.sum().backward()
    assert losses.dtype == torch.float32 and torch.equal(losses, expected)
    assert rows.grad.dtype == torch.bfloat16 and crf.transitions.grad.dtype == torch.float32


def test_parameters_and_their_names():
    crf = CRF(len(TWO), TWO.allowed())
    shapes = {name: tuple(p.shape) for name, p in crf.named_parameters()}
    assert shapes == {"start": (9,), "end": (9,), "transitions": (9, 9)}
    assert set(crf.state_dict()) == set(shapes) and not any(p.any() for p in crf.parameters())
    tags, mask = torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool)
    # a window of one token is O or one of the two S
    assert crf.loss(torch.zeros(1, 1, 9), tags, mask).item() == pytest.approx(math.log(3))


def test_benchmark_compares_equal_values():
    values = bench.measure(documents=2, repeats=1)
    assert values["windows, tokens, tags"] == "2, 128, 21" and values["same best tags"] == "256 of 256"
    for what, limit in (("losses", 1e-5), ("gradients", 1e-3)):
        assert float(values[f"largest difference of {what}, as a share of the largest"]) < limit
    for name in ("loss: times as fast as pytorch-crf", "decode: times as fast as pytorch-crf"):
        assert values[name] > 0


def test_benchmark_of_what_is_not_there(monkeypatch):
    for wrong in ({"layers": 2}, {"encoder": "random:tiny"}):
        with pytest.raises(RelexError, match="leave out encoder and layers"):
            bench.measure(**wrong)
    monkeypatch.setitem(sys.modules, "torchcrf", None)
    with pytest.raises(RelexError, match="pytorch-crf.*install the test extra"):
        bench.measure(documents=1, repeats=1)
