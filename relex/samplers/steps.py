"""Epochs of a fixed number of steps, so that samplers of different lengths train for the same number of them."""

from collections.abc import Iterator


class FixedSteps:
    """Epochs of `steps` batches each: passes over `sampler` follow one another, and an epoch may end within a pass.

    Two rows of a table whose samplers or texts give passes of different lengths get equal budgets this way. Which batch
    comes at which step depends on the step alone, so a run that is resumed goes on with the same ones.
    """

    def __init__(self, sampler, steps: int):
        self.sampler, self.steps, self.epoch = sampler, steps, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose batches `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        skipped, given, number = self.epoch * self.steps, 0, 0
        while given < self.steps:
            self.sampler.set_epoch(number)
            if skipped >= len(self.sampler):
                skipped -= len(self.sampler)
            else:
                batches = list(self.sampler)[skipped : skipped + self.steps - given]
                yield from batches
                given, skipped = given + len(batches), 0
            number += 1
