"""Length-bucketed batches under a token budget."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np


class LengthBucketed:
    """Batches of documents of nearly equal length, each of at most `budget` tokens after padding.

    Documents are sorted by length, equal lengths in random order, and cut into batches; the batches come in random
    order. A document longer than the budget is a batch of its own. With `shuffle=False` (prediction) the order is
    fixed, longest first, so that memory runs out at once or never. `largest` caps the documents of one batch.
    """

    def __init__(
        self, lengths: Sequence[int], budget: int, seed: int = 0, shuffle: bool = True, largest: int | None = None
    ):
        self.lengths = np.asarray(lengths)
        self.budget, self.seed, self.shuffle = budget, seed, shuffle
        self.largest = largest or len(self.lengths)
        self.epoch = 0
        self.cuts = self._cuts()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose batches `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.cuts)

    def __iter__(self) -> Iterator[list[int]]:
        if not self.shuffle:
            order = np.argsort(-self.lengths, kind="stable")
            yield from (order[a:b].tolist() for a, b in self.cuts)
            return
        rng = np.random.default_rng((self.seed, self.epoch))
        order = np.lexsort((rng.random(len(self.lengths)), -self.lengths))
        for i in rng.permutation(len(self.cuts)):
            a, b = self.cuts[i]
            yield order[a:b].tolist()

    def _cuts(self) -> list[tuple[int, int]]:
        # Sorted lengths are the same in every epoch, so the cuts are too: only who stands between them changes.
        lengths, cuts, start = np.sort(self.lengths)[::-1], [], 0
        while start < len(lengths):
            size = max(1, min(int(self.budget // max(1, lengths[start])), self.largest))
            cuts.append((start, min(start + size, len(lengths))))
            start += size
        return cuts


def padding_share(batches: Iterable[Sequence[int]], lengths: Sequence[int]) -> float:
    """Share of padding, 0 to 1, among all token positions of `batches` when each is padded to its longest document."""
    lengths = np.asarray(lengths)
    real = total = 0
    for batch in batches:
        own = lengths[np.asarray(batch)]
        real, total = real + int(own.sum()), total + int(own.max()) * len(own)
    return 1 - real / total if total else 0.0


def micro_batches(batch: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Split one gradient step's documents into groups of similar length, each at most `budget` tokens after padding.

    This is what keeps the padding of class-balanced batches low: the step stays balanced, the groups need not be.
    """
    groups: list[list[int]] = []
    for i in sorted(batch, key=lambda i: -lengths[i]):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
