"""Simulated size and power of the rules of a verdict, as they are used.

Two made-up systems answer the same documents, each as hard for one as for the other; every run has a luck of its own
(its seed), and errors of its own on every document. The published records have seeds with a standard deviation of 0.5
to 3 points. *Size* is the rate of verdicts between systems that are equal, nominally 5 %. With 600 repetitions each
it was 0.5 to 4.2 % for three seeds, 0.3 to 5.3 % for five, and 1 to 6.7 % for two, which give an indicative verdict.
Percentiles of a bootstrap that draws seeds as well, which this replaced, had up to 7 % with three seeds and up to 14
% with two, on 1,000 documents; and 10 % with three where documents make no noise.
"""

from functools import cache

import numpy as np
import pytest

from relex.evaluation import statistics
from relex.reports import rules

REPEATS = 200
SLOPE = 5.0
"""Change of the log-odds of a hit that is about one of F1, so that 0.01 is one point."""


def extracted(rng, seeds, ease, gold, seed_sd, effect, collapsed):
    """Numbers of predicted and correct triples of `seeds` runs, S×N; a share `collapsed` of the runs finds nothing."""
    luck = rng.normal(0, seed_sd, (seeds, 1)) + effect
    chance = 1 / (1 + np.exp(-(ease + rng.normal(0, 1, (seeds, len(gold))) + SLOPE * luck)))
    alive = rng.random((seeds, 1)) >= collapsed
    correct = rng.binomial(gold, chance * alive)
    return correct + rng.poisson(0.5, correct.shape) * alive, correct


@cache
def rates(seeds, documents, seed_sd=0.01, effect=0.0, collapsed=0.0):
    """Shares of repetitions in which the rules allow a verdict, and in which it is *higher* or *lower*."""
    allowed = sided = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        ease, gold = rng.normal(0.9, 1, documents), 1 + rng.poisson(2.5, documents)
        a = extracted(rng, seeds, ease, gold, seed_sd, effect, collapsed)
        b = extracted(rng, seeds, ease, gold, seed_sd, 0, collapsed)
        rows = [
            rules.Row(
                name, [{"config": {"epochs": 9, "seed": s}} for s in range(seeds)], statistics.micro_f1(gold, *system)
            )
            for name, system in (("A", a), ("B", b))
        ]
        if not rules.too_few_seeds(rows):
            allowed += 1
            sided += statistics.paired_micro_f1_difference(gold, *a, *b, resamples=100, seed=repeat).p < rules.ALPHA
    return allowed / REPEATS, sided / REPEATS


@pytest.mark.parametrize("seed_sd", [0.01, 0.05])
@pytest.mark.parametrize("documents", [100, 300, 1000])
@pytest.mark.parametrize("seeds", [3, 5])
def test_false_verdicts_are_rare(seeds, documents, seed_sd):
    assert rates(seeds, documents, seed_sd)[1] <= 0.08, "5 %, and what 200 repetitions leave of play"


@pytest.mark.parametrize("documents", [100, 1000])
@pytest.mark.parametrize("seeds", [3, 5])
def test_runs_that_collapse_make_no_verdicts(seeds, documents):
    """Every fifth run finds nothing: the seeds scatter, so three give a verdict only where none or all collapsed."""
    allowed, sided = rates(seeds, documents, collapsed=0.2)
    assert sided <= 0.08 and (allowed == 1 if seeds == 5 else allowed < 0.5)


def test_power_grows_with_documents_and_seeds():
    power = {(s, n): rates(s, n, effect=0.04)[1] for s in (3, 5) for n in (100, 300, 1000)}
    for seeds in (3, 5):
        assert power[seeds, 100] < power[seeds, 300] < power[seeds, 1000]
    for documents in (100, 300, 1000):
        assert power[3, documents] < power[5, documents] or power[3, documents] > 0.97
    assert power[5, 1000] > 0.7
    assert rates(5, 300, effect=0.08)[1] > rates(5, 300, effect=0.04)[1]


def test_seeds_are_what_percentiles_of_a_bootstrap_get_wrong():
    """Where documents make no noise, three seeds each: the intervals do not cross zero one time in ten by chance."""
    false, separate, gold = 0, 0, np.full(50, 1000)
    for repeat in range(600):
        a, b = np.random.default_rng(repeat).normal(700, 20, (2, 3, 1)).round()
        counts = [np.broadcast_to(x, (3, 50)) for x in (gold, a, gold, b)]
        false += statistics.paired_micro_f1_difference(gold, *counts, resamples=20).p < rules.ALPHA
        separate += a.min() > b.max() or b.min() > a.max()
    assert 0.07 < separate / 600 < 0.13, "what an interval within the extremes of the seeds calls a difference"
    assert false / 600 <= 0.065


def test_holm_keeps_the_rate_of_a_whole_table():
    """Six equal systems against a seventh: the rate of tables with any false verdict."""
    tables = 0
    for repeat in range(100):
        rng = np.random.default_rng(1000 + repeat)
        ease, gold = rng.normal(0.9, 1, 300), 1 + rng.poisson(2.5, 300)
        first, *others = (extracted(rng, 3, ease, gold, 0.02, 0, 0) for _ in range(7))
        p = [statistics.paired_micro_f1_difference(gold, *first, *one, resamples=100).p for one in others]
        tables += (statistics.holm(p) < rules.ALPHA).any()
    assert tables <= 9
