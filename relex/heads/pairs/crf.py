"""A linear-chain conditional random field over tags (Xue et al., Section III-C2).

The end of a window is one more tag, U = T + 1 in all: behind its last token every window has this tag, and no token
has it. So windows of any length, also without tokens, run together through M = N + 1 steps without a mask, and a
window's scores are the same whatever stands beside it.
"""

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

FORBIDDEN = -1e30
"""Score of a forbidden step: no sum of others makes up for it, and it is finite, for NaN would spoil gradients."""
RANGE = 700.0
"""exp(−RANGE) is still a normal number of float64."""


class CRF(nn.Module):
    """Scores of `tags` T tags at the start and the end of a window, T each, and from tag to tag, T×T (from×to).

    `allowed` (T+1)×(T+1) bool, rows from, columns to, says what may follow what: row T is the start of a window,
    column T its end (as `Tags.allowed`); without it everything may. What is not allowed never wins, has no
    probability and gets no gradient. Some sequence of each length must be allowed. All scores begin at 0.

    Masks W×N (bool) are true for the tokens of W windows, which stand first. Emissions W×N×T may have any precision:
    losses are computed in float64, best tags in float32, also under autocast.
    """

    def __init__(self, tags: int, allowed: Tensor | None = None):
        super().__init__()
        self.tags = tags
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        allowed = torch.ones(tags + 1, tags + 1, dtype=torch.bool) if allowed is None else allowed.cpu()
        ended = torch.arange(tags + 1) == tags
        self.register_buffer("never_first", ~(allowed[-1] | ended), persistent=False)
        self.register_buffer("never_after", torch.cat([~allowed[:-1], ~ended[None]]), persistent=False)
        self.limit = RANGE / (2 * _steps_between(allowed[:tags, :tags]) + 1) - math.log(tags + 1)

    def loss(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-likelihood of `tags` W×N for each window, W, in float32 (Focused Eq. 12); 0 without tokens."""
        first, moves, steps = self._scores(emissions, mask, torch.float64)
        ends, size = self.tags, self.tags + 1
        path = F.pad(tags.masked_fill(~mask, ends), (0, 1), value=ends).T  # M×W
        moved = moves.flatten().index_select(0, (path[:-1] * size + path[1:]).flatten()).view(-1, len(mask))
        score = first.index_select(0, path[0]) + moved.sum(0) + steps.gather(2, path[..., None]).sum((0, 2))
        return (self._total(first, moves, steps) - score).to(_at_least_float32(emissions))

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Best tags W×N of each window, −1 where the mask is false (Viterbi); of equal ones the lowest from the end."""
        first, moves, steps = self._scores(emissions, mask, _at_least_float32(emissions))
        best = steps.transpose(1, 2).contiguous()  # M×U×W, to become the scores of the best paths to each tag
        best[0] += first[:, None]
        # to×from×W, so that sums and maxima run along what lies together in memory
        into = moves.T[..., None].expand(*moves.shape, len(mask)).contiguous()
        room, rows = torch.empty_like(into), best.unbind(0)
        for before, here in pairwise(rows):
            torch.add(into, before, out=room)
            here += room.amax(1)
        return torch.from_numpy(_traced(best, moves)).to(mask.device).masked_fill(~mask, -1)

    def probabilities(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """W×N: how probable each of `tags` W×N is at its token, whatever the others are; 0 where the mask is false.

        It is the gradient of the logarithm of the sum over all paths by the score of that tag.
        """
        first, moves, steps = self._scores(emissions, mask, torch.float64)
        with torch.inference_mode(False), torch.enable_grad():
            first, moves, steps = (
                first.detach().clone(),
                moves.detach().clone(),
                steps.detach().clone().requires_grad_(),
            )
            shares = torch.autograd.grad(self._total(first, moves, steps).sum(), steps)[0]  # M×W×U
        chosen = shares[:-1].gather(2, tags.T.clamp(min=0)[..., None])[..., 0].T
        return chosen.masked_fill(~mask, 0).to(_at_least_float32(emissions))

    def _total(self, first: Tensor, moves: Tensor, steps: Tensor) -> Tensor:
        """Logarithm of the sum over all paths W; after one look at the numbers: plain exponentials are fast, but have a
        range."""
        fits = bool(_spread(steps) + _spread(moves.flatten()) + _spread(first) <= self.limit)
        return _LogPartition.apply(first, moves, steps) if fits else log_partition(first, moves, steps)

    def _scores(self, emissions: Tensor, mask: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of a window's first tag U, from tag to tag U×U and of tags at each step M×W×U (Focused Eq. 10)."""
        first = F.pad(self.start.to(dtype), (0, 1)).masked_fill(self.never_first, FORBIDDEN)
        moves = F.pad(torch.cat([self.transitions, self.end[:, None]], 1).to(dtype), (0, 0, 0, 1))
        moves = moves.masked_fill(self.never_after, FORBIDDEN)
        behind = F.pad(~mask, (0, 1), value=True)[..., None]  # W×M×1, where only the end may be, and nowhere else
        ended = torch.arange(self.tags + 1, device=mask.device) == self.tags
        steps = F.pad(emissions.to(dtype), (0, 1, 0, 1)).masked_fill(behind != ended, FORBIDDEN)
        return first, moves, steps.transpose(0, 1)


def log_partition(first: Tensor, moves: Tensor, steps: Tensor) -> Tensor:
    """Logarithm of the sum over all paths W, the denominator (Focused Eq. 11); arguments as `CRF._scores` gives them.

    It holds for scores of any size, and is what `_LogPartition` computes several times as fast.
    """
    score = first + steps[0]
    for step in steps[1:]:
        score = torch.logsumexp(score[:, :, None] + moves, 1) + step
    return score[:, -1]


def _traced(best: Tensor, moves: Tensor) -> np.ndarray:
    """Best tags W×N from the scores of the best paths to each tag M×U×W, which are copied to the host, once.

    Where a best path came from is found on the way back, for one tag of each window, not on the way there for all.
    NumPy starts operations on so few numbers in a fraction of the time that torch takes.
    """
    best, moves = best.cpu().numpy(), moves.cpu().numpy()
    path = np.empty((best.shape[2], len(best) - 1), dtype=np.int64)
    tag = np.full(len(path), len(moves) - 1)
    for i in reversed(range(path.shape[1])):
        path[:, i] = tag = (best[i] + moves[:, tag]).argmax(0)
    return path


class _LogPartition(torch.autograd.Function):
    """`log_partition` in plain exponentials, a product of matrices for each token, with its gradient in closed form.

    The sums over what comes before a token and over what comes after it do not need each other: both directions take
    each step together, and the gradient, which is the probabilities of tags and of pairs of tags, needs no other pass.
    """

    @staticmethod
    def forward(ctx, first: Tensor, moves: Tensor, steps: Tensor) -> Tensor:
        tops = steps.amax(-1, keepdim=True)
        weights, table = (steps - tops).exp(), (moves - moves.max()).exp()
        arriving, leaving, sums = _both_ways((first - first.max()).exp(), table, weights)
        after = leaving[:, 1].flip(0)
        both = arriving[:, 0] * after
        total = both.sum(-1, keepdim=True)
        # every path ends in the last tag, so that the sum of the last step is that of all paths
        scale = first.max() + (len(steps) - 1) * moves.max()
        ctx.save_for_backward(both / total, leaving[:-1, 0], after[1:] / total[1:], table)
        return scale + (sums[:, 0].log() + tops).sum((0, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probabilities, before, after, table = ctx.saved_tensors
        steps = probabilities * gradient[:, None]
        pairs = before.flatten(0, 1).T @ (after * gradient[:, None]).flatten(0, 1)
        return steps[0].sum(0), table * pairs, steps


def _both_ways(first: Tensor, table: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over paths to each tag, M×2×W×U, forwards and (from the last step) backwards: without the weight of the
    tag itself, with it, then scaled to sum to 1; and what they summed to before, M×2×W×1.

    Each step begins from scaled sums, so that whatever the length no number leaves the range.
    """
    weights = torch.stack([weights, weights.flip(0)], 1)
    tables = torch.stack([table, table.T])
    arriving, leaving = torch.empty_like(weights), torch.empty_like(weights)
    sums = weights.new_empty(*weights.shape[:-1], 1)
    arriving[0, 0], arriving[0, 1] = first, 1
    last = None
    for here, there, total, weight in zip(*(x.unbind(0) for x in (arriving, leaving, sums, weights)), strict=True):
        if last is not None:
            torch.bmm(last, tables, out=here)
        torch.mul(here, weight, out=there)
        torch.sum(there, -1, keepdim=True, out=total)
        last = there.div_(total)
    return arriving, leaving, sums


def _steps_between(allowed: Tensor) -> float:
    """In how many steps exactly every tag follows on every tag; infinite when not within as many as there are tags.

    The sums over paths to two tags differ by no more than the scores of so many steps can.
    """
    single = allowed.float()
    reached = single
    for steps in range(1, len(allowed) + 1):
        if reached.all():
            return steps
        reached = ((reached @ single) > 0).float()
    return math.inf


def _spread(scores: Tensor) -> Tensor:
    """The largest difference between the scores of one row, what is forbidden aside."""
    below = scores.amax(-1, keepdim=True) - scores
    return below.masked_fill(scores <= FORBIDDEN / 2, 0).amax()


def _at_least_float32(emissions: Tensor) -> torch.dtype:
    return torch.promote_types(emissions.dtype, torch.float32)
