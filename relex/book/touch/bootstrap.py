"""Two rows of published records to touch: what resampled documents, and one seed more, do to their difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from relex.book.touch import markup
from relex.evaluation.statistics import resampled_micro_f1_difference
from relex.reports import compare, words
from relex.reports.families import Published
from relex.reports.results import where

QUESTIONS = {
    "cbrrel_comparison": ("CBRRel", "CasRel"),
    "cbrrel_gate": ("CasRel, gated", "CasRel"),
}
"""Experiment → the rows A and B whose difference A − B is shown."""

CORPUS, SPLIT, SCORE = "casmed", "novel", compare.STRING

BINS = 40
WIDTH, HEIGHT, LEFT = 400, 130, 14
"""Units of the histogram; below it stand the seeds."""

WIDEST = 560
"""Pixels of the drawing on a desk."""

STEPS = (0.5, 1, 2, 5, 10, 20)
"""Points between the numbers on the axis."""

CAPTION = (
    "How many seeds would you ask for before you say that the two systems differ? Bars: the difference on 2,000 draws "
    "of the test documents with replacement. Dots: the difference of each pair of runs with the same seed. Line: the "
    "mean and its 95 % interval, to which the seeds add their doubt. All of it is computed from published records when "
    "this page is built; the sentence is that of this one comparison, without Holm's correction for others."
)


@dataclass(frozen=True)
class Shown:
    """A difference over the first seeds: `draws` one a resample, `seeds` each with its own difference; fractions."""

    line: pd.Series
    draws: np.ndarray
    seeds: dict[int, float]


def shown(records: Sequence[dict], pair: tuple[str, str], count: int) -> Shown:
    """A − B of the rows of `pair` over the lowest `count` seeds that both have, with the verdict of these runs."""
    runs = {row: {r["config"]["seed"]: r for r in records if r["config"]["row"] == row} for row in pair}
    seeds = shared(records, pair)[:count]
    a, b = ([runs[row][seed] for seed in seeds] for row in pair)
    others = [r for r in records if r["config"]["row"] not in pair]
    line = compare.differences([*others, *a, *b], [pair], SCORE).iloc[0]
    gold, *of_a = SCORE.numbers(a)
    draws = resampled_micro_f1_difference(gold, *of_a, *SCORE.numbers(b)[1:])
    return Shown(line, draws, dict(zip(seeds, SCORE.of_runs(a) - SCORE.of_runs(b), strict=True)))


def shared(records: Sequence[dict], pair: tuple[str, str]) -> list[int]:
    """The seeds that both rows have."""
    return sorted(
        set.intersection(*({r["config"]["seed"] for r in records if r["config"]["row"] == row} for row in pair))
    )


def page(published: Published) -> str:
    """The picture, in Markdown."""
    found = {name: where(published(name), corpus=CORPUS, split=SPLIT) for name in QUESTIONS}
    most = {name: len(shared(found[name], pair)) for name, pair in QUESTIONS.items()}
    options = {name: f"{a} − {b}" for name, (a, b) in QUESTIONS.items()}
    highest, first = max(most.values()), next(iter(QUESTIONS))
    controls = markup.choice("bootstrap", "rows", "Difference", options)
    controls += markup.slider("bootstrap", "seeds", "Seeds", 1, highest, 1)
    drawn, said = [], []
    for name, pair in QUESTIONS.items():
        every = [shown(found[name], pair, count) for count in range(1, most[name] + 1)]
        axis = _Axis.of(every)
        for count, one in enumerate(every, 1):
            condition = f"rows={name} seeds={count}"
            if count == most[name]:  # the slider goes on for a row that has more
                condition = "|".join(f"rows={name} seeds={c}" for c in range(count, highest + 1))
            still = name == first and count == most[name]
            drawn.append(markup.when(condition, _drawn(one, axis, pair), still, "div"))
            missing = "" if most[name] == highest else f" Both rows have {most[name]} seeds."
            told = markup.bold(words.told(*pair, one.line))
            many = "1 seed" if count == 1 else f"{count} seeds"
            tail = missing if count == most[name] else ""
            said.append(markup.when(condition, f"With {many}: {told}.{tail}", still))
    return markup.figure("bootstrap", controls, "".join(drawn) + markup.told("".join(said)), CAPTION)


@dataclass(frozen=True)
class _Axis:
    """From fractions to units of the drawing."""

    low: float
    high: float
    top: int

    @classmethod
    def of(cls, every: Sequence[Shown]) -> "_Axis":
        """The same for any number of seeds, so that nothing but the data moves; 0 is on it."""
        values = [v for one in every for v in (*one.draws, one.line["low"], one.line["high"], *one.seeds.values(), 0)]
        room = 0.04 * (max(values) - min(values))
        low, high = min(values) - room, max(values) + room
        top = max(np.histogram(one.draws, BINS, (low, high))[0].max() for one in every)
        return cls(low, high, int(top))

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - 2 * LEFT) * (value - self.low) / (self.high - self.low)


def _drawn(one: Shown, axis: _Axis, pair: tuple[str, str]) -> str:
    counts, edges = np.histogram(one.draws, BINS, (axis.low, axis.high))
    bars = "".join(
        f"M{axis.x(a):.1f} {HEIGHT}v{-(HEIGHT - 10) * count / axis.top:.1f}H{axis.x(b) - 1:.1f}V{HEIGHT}z"
        for count, a, b in zip(counts, edges, edges[1:], strict=False)
        if count
    )
    low, mean, high = (axis.x(one.line[key]) for key in ("low", "difference", "high"))
    zero, y = axis.x(0), HEIGHT + 38
    parts = [
        f'<path class="touch-bars" d="{bars}"/>',
        f'<path class="touch-axis" d="M{LEFT} {HEIGHT}H{WIDTH - LEFT}"/>',
        f'<path class="touch-zero" d="M{zero:.1f} 6V{HEIGHT + 50}"/>',
        f'<path class="touch-interval" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 6}v12M{high:.1f} {y - 6}v12"/>',
        f'<circle class="touch-mean" cx="{mean:.1f}" cy="{y}" r="6"/>',
        markup.text(WIDTH / 2, HEIGHT + 88, f"{pair[0]} − {pair[1]}, points of F1", "touch-small", "middle"),
    ]
    for value in one.seeds.values():
        parts.append(f'<circle class="touch-dot" cx="{axis.x(value):.1f}" cy="{HEIGHT + 18}" r="5"/>')
    step = next(s for s in STEPS if 100 * (axis.high - axis.low) / s <= 8)
    for number in range(int(np.ceil(100 * axis.low / step)), int(np.floor(100 * axis.high / step)) + 1):
        tick = number * step / 100
        label = words.points(tick, 0 if step >= 1 else 1) if number else "0"
        parts.append(markup.text(axis.x(tick), HEIGHT + 68, label, "touch-small", "middle"))
    label = (
        f"Histogram of {len(one.draws)} resampled differences from {words.points(one.draws.min())} to "
        f"{words.points(one.draws.max())} points; mean {words.points(one.line['difference'])}, 95 % interval "
        f"{words.interval(one.line, ' to ')}"
    )
    return markup.svg(WIDTH, HEIGHT + 96, "".join(parts), label, WIDEST)
