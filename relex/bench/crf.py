"""How fast the conditional random field is, against pytorch-crf with the same parameters in the same run.

pytorch-crf takes a step in Python for each token as well, but sums exponentials over every pair of tags, lets autograd
remember each of a dozen operations, and follows the best tags back with one `.item()` for each token of each window.
Both sides get the same emissions and tags, and what they give is compared.
"""

import numpy as np
import torch
from torch import Tensor

from relex.bench.timing import REPEATS, check_numbers, interleaved
from relex.errors import RelexError
from relex.heads.pairs.crf import CRF
from relex.heads.pairs.tags import Tags
from relex.training.trainer import make_accelerator

TOKENS = 128
TYPES = 5
"""Entity types, so 21 tags."""
CALLS = 10
"""Calls of ours for one of theirs: each then takes so long that other work of the machine falls on both alike."""
NEVER = -1e4
"""Score of a forbidden transition on the other side, which knows of none."""


def theirs(crf: CRF, tags: Tags):
    """pytorch-crf with the parameters of `crf`. Raises a `RelexError` where it is not installed."""
    try:
        import torchcrf
    except ImportError as error:
        raise RelexError(
            "pytorch-crf, which this benchmark compares with, is not installed; install the test extra: "
            "pip install 'relex[test]'"
        ) from error
    other, forbidden = torchcrf.CRF(crf.tags, batch_first=True), ~tags.allowed()
    with torch.no_grad():
        other.start_transitions.copy_(crf.start.masked_fill(forbidden[-1, :-1], NEVER))
        other.end_transitions.copy_(crf.end.masked_fill(forbidden[:-1, -1], NEVER))
        other.transitions.copy_(crf.transitions.masked_fill(forbidden[:-1, :-1], NEVER))
    return other


def examples(tags: Tags, windows: int, tokens: int = TOKENS) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions W×N×T that need gradients, gold tags W×N and a mask W×N that is true; random, the same every time."""
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(windows):
        ends = np.cumsum(generator.integers(1, 7, tokens))
        spans = zip(ends, ends + generator.integers(-1, 3, tokens), generator.integers(0, len(tags.types), tokens),
                    strict=True)  # fmt: skip
        kept, free = [], 0
        for first, last, kind in spans:
            if free <= first <= last < tokens:
                kept.append((first, last, kind))
                free = last + 1
        rows.append(tags.encode(tokens, kept))
    emissions = torch.from_numpy(generator.normal(size=(windows, tokens, len(tags)))).float().requires_grad_()
    return emissions, torch.from_numpy(np.array(rows)), torch.ones(windows, tokens, dtype=torch.bool)


def measure(
    documents: int = 32, layers: int | None = None, encoder: str | None = None, repeats: int = REPEATS
) -> dict[str, float | str]:
    """Measure loss (forward and backward) and decoding of `documents` windows together; quantity → value.

    Both sides are warmed up, then run in turns `repeats` times; times and ratios are medians. Raises a `RelexError`
    for numbers below one, for an encoder, which is not part of this, and where pytorch-crf is not installed.
    """
    check_numbers(documents, repeats)
    if layers is not None or encoder is not None:
        raise RelexError("the CRF is measured by itself, without an encoder; leave out encoder and layers")
    accelerator, tags = make_accelerator("fp32"), Tags([f"type {i}" for i in range(TYPES)])
    ours, device = CRF(len(tags), tags.allowed()), accelerator.device
    generator = torch.Generator().manual_seed(0)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    other = theirs(ours, tags).to(device)
    ours.to(device)
    emissions, gold, mask = (x.detach().to(device).requires_grad_(x.requires_grad) for x in examples(tags, documents))

    def backward(losses: Tensor) -> tuple[Tensor, Tensor]:
        emissions.grad = None
        losses.mean().backward()
        return losses.detach(), emissions.grad

    sides = {
        "loss": (CALLS, lambda: backward(ours.loss(emissions, gold, mask))),
        "their loss": (1, lambda: backward(-other(emissions, gold, mask, reduction="none"))),
        "decode": (CALLS, lambda: ours.decode(emissions, mask).tolist()),
        "their decode": (1, lambda: torch.no_grad()(other.decode)(emissions, mask)),
    }
    found = {name: task() for name, (_, task) in sides.items()}
    tasks = {name: lambda n=n, task=task: [task() for _ in range(n)] for name, (n, task) in sides.items()}
    seconds = {name: np.divide(s, sides[name][0]) for name, s in interleaved(tasks, repeats, accelerator).items()}
    middle = {name: float(np.median(s)) for name, s in seconds.items()}
    same = (np.array(found["decode"]) == np.array(found["their decode"])).sum()
    return {
        "device": f"{device}, {torch.get_num_threads()} threads",
        "windows, tokens, tags": f"{documents}, {TOKENS}, {len(tags)}",
        "largest difference of losses, as a share of the largest": _difference(found, 0),
        "largest difference of gradients, as a share of the largest": _difference(found, 1),
        "same best tags": f"{same:,} of {mask.numel():,}",
        "loss, forward and backward: ms": 1e3 * middle["loss"],
        "pytorch-crf, loss, forward and backward: ms": 1e3 * middle["their loss"],
        "loss: times as fast as pytorch-crf": float(np.median(seconds["their loss"] / seconds["loss"])),
        "decode: ms": 1e3 * middle["decode"],
        "pytorch-crf, decode: ms": 1e3 * middle["their decode"],
        "decode: times as fast as pytorch-crf": float(np.median(seconds["their decode"] / seconds["decode"])),
    }


def _difference(found: dict, part: int) -> str:
    """The largest difference of losses (0) or gradients (1) as a share of the largest of the other side."""
    ours, other = found["loss"][part], found["their loss"][part]
    return f"{float((ours - other).abs().max() / other.abs().max()):.1e}"
