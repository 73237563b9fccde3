"""Batches with a fixed number of documents of each class: the balanced and the priority batches of UMRC."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np


class ClassQuota:
    """Every batch holds `quotas[c]` documents of class `c`; an epoch ends when the first class runs out.

    So the paper (UMRC Section 5.3) and the authors' code. Within each class documents are drawn at random, then all
    classes are sorted by length and dealt out in step, so a batch joins documents of similar length; the batches come
    in random order. Classes without documents are left out.
    """

    def __init__(self, labels: Sequence[int], lengths: Sequence[int], quotas: Mapping[int, int], seed: int = 0):
        self.labels, self.lengths = np.asarray(labels), np.asarray(lengths)
        self.quotas = {c: k for c, k in quotas.items() if k > 0 and (self.labels == c).any()}
        if not self.quotas:
            raise ValueError("no class has both a quota and documents")
        self.members = {c: np.flatnonzero(self.labels == c) for c in self.quotas}
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose batches `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, min(len(self.members[c]) // k for c, k in self.quotas.items()))

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch, 1))
        dealt = []
        for c, quota in self.quotas.items():
            # resize repeats the documents of a class that is smaller than one batch's quota
            chosen = np.resize(rng.permutation(self.members[c]), len(self) * quota)
            chosen = chosen[np.argsort(self.lengths[chosen], kind="stable")]
            dealt.append(chosen.reshape(len(self), quota))
        batches = np.concatenate(dealt, axis=1)
        for i in rng.permutation(len(batches)):
            yield batches[i].tolist()


def balanced(labels: Sequence[int], lengths: Sequence[int], per_class: int = 2, seed: int = 0) -> ClassQuota:
    """`per_class` documents of every class in each batch (2 of 10 classes: the paper's batch of 20)."""
    return ClassQuota(labels, lengths, {int(c): per_class for c in np.unique(labels)}, seed)


def priority(
    labels: Sequence[int],
    lengths: Sequence[int],
    hard: Sequence[int],
    hard_quota: int = 4,
    quota: int = 1,
    seed: int = 0,
) -> ClassQuota:
    """`hard_quota` documents of each hard class, `quota` of every other (4, 4 and 8 × 1: the paper's batch of 16)."""
    quotas = {int(c): hard_quota if c in hard else quota for c in np.unique(labels)}
    return ClassQuota(labels, lengths, quotas, seed)


def hardest_classes(confusion: Sequence[Sequence[int]], number: int = 2) -> list[int]:
    """Ids of the `number` classes with the lowest F1 in a confusion matrix (R×R, rows gold), lowest first."""
    matrix = np.asarray(confusion, dtype=float)
    hits, either = np.diag(matrix), matrix.sum(0) + matrix.sum(1)
    f1 = np.divide(2 * hits, either, out=np.zeros_like(hits), where=either > 0)
    return np.argsort(f1, kind="stable")[:number].tolist()
