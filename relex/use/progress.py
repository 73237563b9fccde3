"""How far a training is, on standard error: a bar, and the development score after each pass."""

import sys

from tqdm import tqdm


class Progress:
    """A bar of percents; `share` and `score` are what a training calls."""

    def __enter__(self) -> "Progress":
        self.epoch, self.best, self.bar = 0, -1.0, tqdm(total=100, unit="%", file=sys.stderr, disable=None)
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def share(self, done: float) -> None:
        """`done` of 1 is done."""
        self.bar.update(int(100 * done) - self.bar.n)

    def score(self, score: float) -> None:
        """The development score, 0 to 1, after a pass."""
        self.epoch += 1
        self.best = max(self.best, score)
        line = f"pass {self.epoch}: development {100 * score:.1f}" + (", best so far" * (score == self.best))
        tqdm.write(line, file=sys.stderr)
