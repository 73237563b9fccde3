"""Where attention rests: its mass on chosen tokens, against the same attention shuffled over its text.

ISER's Figures 7 and 8 show two sentences and read from them that relation queries look at entities and entity queries
at the words that tell a relation. Here the same is measured on all documents of a part.

The mass of one document is the mean, over its queries, of the attention that falls on its target tokens. Shuffled, each
query's shares go to the tokens in random order; the mean over all orders is the share of tokens that are targets, for
whatever attention, so it needs no drawing. The mean over all places to which the targets can be turned round in the
text, their own distances kept, is that share too.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from relex.evaluation.statistics import bootstrap_interval

MOMENTS = ("before training", "fresh fusion", "trained")
"""Before training; the trained encoder below the fusion as it was before training; after training."""

RESAMPLES = 2_000


class Attended(NamedTuple):
    """Attention of one document: `shares` Q×N, rows sum to 1; `targets` N (bool)."""

    shares: np.ndarray
    targets: np.ndarray


def mass(attended: Attended) -> float:
    """Mean over queries of the attention on targets, 0 to 1."""
    return float(attended.shares[:, attended.targets].sum(1).mean())


def shuffled(attended: Attended) -> float:
    """What `mass` is on average when the shares of each query are shuffled over the tokens."""
    return float(attended.targets.mean())


def spread(attended: Attended) -> float:
    """Mean over queries of the share of tokens that the attention is as wide as: exp(entropy) / N.

    1 for attention that is even over the whole text, 1/N when each query looks at one token.
    """
    shares = np.maximum(attended.shares, 1e-30)
    return float(np.exp(-(shares * np.log(shares)).sum(1)).mean() / shares.shape[1])


def rests(documents: Sequence[Attended]) -> dict[str, float]:
    """Means over the documents that have targets and other tokens: `mass`, `shuffled`, `difference` of the two with its
    bootstrap interval over documents `low` … `high` (95 %), `spread`, and `documents`, how many there are.

    Without such documents only `documents`, 0.
    """
    chosen = [d for d in documents if 0 < d.targets.sum() < len(d.targets)]
    if not chosen:
        return {"documents": 0}
    found, chance = np.array([mass(d) for d in chosen]), np.array([shuffled(d) for d in chosen])
    difference = bootstrap_interval(found - chance, RESAMPLES)
    return {
        "mass": found.mean(), "shuffled": chance.mean(), "difference": difference.mean, "low": difference.low,
        "high": difference.high, "spread": np.mean([spread(d) for d in chosen]), "documents": len(chosen),
    }  # fmt: skip


def table(
    shares: Mapping[str, Sequence[np.ndarray]], targets: Mapping[str, Sequence[np.ndarray]]
) -> list[dict[str, float | str]]:
    """One line of `rests` for each kind of queries and of targets, under `queries` and `targets`, to six decimals.

    `shares`: kind of queries → attention of each document; `targets`: kind of targets → target tokens of each document.
    """
    lines = []
    for queries, matrices in shares.items():
        for name, tokens in targets.items():
            line = rests([Attended(m, t) for m, t in zip(matrices, tokens, strict=True)])
            rounded = {k: round(float(v), 6) for k, v in line.items() if k != "documents"}
            lines.append({"queries": queries, "targets": name} | rounded | {"documents": line["documents"]})
    return lines


def covered(offsets: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Which of N tokens (`offsets` N×2, characters) share a character with one of `spans` (start, end); N, bool."""
    found = np.zeros(len(offsets), dtype=bool)
    for start, end in spans:
        found |= (offsets[:, 0] < end) & (offsets[:, 1] > start)
    return found
