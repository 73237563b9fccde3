"""Stages of training with a sampler each."""

from collections.abc import Iterator, Sequence


class Curriculum:
    """One sampler after the other: `stages` are (sampler, number of epochs); the last one stays for all further epochs.

    The authors' code trains two epochs with balanced batches, then two with priority batches (UMRC Section 5.4).
    """

    def __init__(self, stages: Sequence[tuple]):
        self.stages = list(stages)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, and with it the stage."""
        for i, (sampler, epochs) in enumerate(self.stages, 1):
            self.current = sampler
            if epoch < epochs or i == len(self.stages):
                break
            epoch -= epochs
        self.current.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.current)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.current)
