import itertools
import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from relex.errors import RelexError
from relex.evaluation import statistics

TRUE_DIFFERENCE = 0.03


def systems(rng, seeds, documents, seed_noise=0.03):
    """Correctness of two systems, seeds × documents each, whose true accuracies differ by TRUE_DIFFERENCE."""
    ease = rng.uniform(0.3, 0.8, documents)
    a = ease + TRUE_DIFFERENCE + rng.normal(0, seed_noise, (seeds, 1))
    b = ease + rng.normal(0, seed_noise, (seeds, 1))
    return rng.random((seeds, documents)) < a, rng.random((seeds, documents)) < b


def covers(interval, value):
    return interval.low <= value <= interval.high


def test_interval_covers_the_truth_over_seeds_and_documents():
    hits = documents_only = 0
    for repeat in range(100):
        a, b = systems(np.random.default_rng(repeat), seeds=5, documents=1500)
        hits += covers(statistics.paired_difference(a, b, resamples=300, seed=repeat), TRUE_DIFFERENCE)
        means = a.mean(axis=0) - b.mean(axis=0)
        documents_only += covers(statistics.bootstrap_interval(means, resamples=300, seed=repeat), TRUE_DIFFERENCE)
    assert hits >= 89  # 95 % and better is meant; 100 repetitions and 300 resamples leave some play
    assert documents_only <= 80  # forgetting the seeds is what must not happen


def test_interval_of_one_seed_covers_documents():
    hits = 0
    for repeat in range(200):
        values = np.random.default_rng(repeat).random(200) < 0.8
        hits += covers(statistics.bootstrap_interval(values, resamples=300, seed=repeat), 0.8)
    assert 0.89 <= hits / 200 <= 0.99


def test_one_seed_equals_the_bootstrap_of_scipy():
    values = np.random.default_rng(1).random(300) < 0.7
    ours = statistics.bootstrap_interval(values)
    theirs = stats.bootstrap((values.astype(float),), np.mean, method="percentile", rng=2).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)
    assert ours.mean == values.mean()


def test_spread_of_seeds_alone_is_the_standard_error_of_their_mean():
    # Documents all alike: what remains is the variance of the mean of S seeds, s² / S.
    means = np.array([0.70, 0.74, 0.75, 0.80])
    values = np.repeat(means[:, None], 50, axis=1)
    (drawn,) = statistics._resample(lambda weights: [weights @ values.T], [4], 50, 20_000, 0)
    assert drawn.std() == pytest.approx(means.std(ddof=1) / 2, rel=0.03)


def test_equal_systems_do_not_differ():
    a, _ = systems(np.random.default_rng(3), seeds=3, documents=200)
    same = statistics.paired_difference(a, a[::-1], resamples=500)
    assert same.mean == pytest.approx(0)
    assert same.p > 0.99
    assert same.low < 0 < same.high
    gold = np.arange(200) % 4
    predicted = np.where(a, gold, (gold + 1) % 4)
    same = statistics.paired_f1_difference(gold, predicted, predicted, 4, resamples=500)
    assert same.mean == 0
    assert same.p > 0.99


def test_a_clear_difference_is_seen():
    rng = np.random.default_rng(4)
    a, b = rng.random((3, 400)) < 0.9, rng.random((2, 400)) < 0.7
    found = statistics.paired_difference(a, b, resamples=1000)
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.low > 0.1
    assert found.p < 0.01
    gold = np.arange(400) % 5
    shown_a, shown_b = np.where(a, gold, (gold + 1) % 5), np.where(b, gold, (gold + 2) % 5)
    found = statistics.paired_f1_difference(gold, shown_a, shown_b, 5, resamples=1000)
    assert found.low > 0.1
    assert found.p < 0.01


def test_permutation_p_equals_full_enumeration_and_scipy():
    a = np.array([1, 1, 1, 0, 1, 1, 0, 1, 1, 1], dtype=float)
    b = np.array([0, 1, 0, 1, 0, 1, 0, 0, 0, 1], dtype=float)
    d = a - b
    flips = np.array(list(itertools.product([1, -1], repeat=len(d)))) @ d
    p = statistics.permutation_p(d)
    assert p == pytest.approx((np.abs(flips) >= abs(d.sum())).mean())
    paired = stats.permutation_test((a, b), lambda x, y: (x - y).mean(), permutation_type="samples")
    assert p == pytest.approx(paired.pvalue)
    assert statistics.paired_difference(a, b, resamples=2000).p == pytest.approx(p)


def test_swap_p_of_f1_agrees_with_scipy():
    rng = np.random.default_rng(5)
    gold = rng.integers(3, size=60)
    a = np.where(rng.random(60) < 0.8, gold, rng.integers(3, size=60))
    b = np.where(rng.random(60) < 0.6, gold, rng.integers(3, size=60))

    def statistic(x, y):
        return f1_score(gold, x, average="macro") - f1_score(gold, y, average="macro")

    found = statistics.paired_f1_difference(gold, a, b, 3, resamples=4000)
    theirs = stats.permutation_test((a, b), statistic, permutation_type="samples", n_resamples=600, rng=6)
    assert found.mean == pytest.approx(statistic(a, b))
    assert found.p == pytest.approx(theirs.pvalue, abs=0.06)
    assert 0 < found.p < 0.5


def test_f1_under_document_weights_equals_scikit_learn():
    rng = np.random.default_rng(7)
    gold, predicted = rng.integers(4, size=50), rng.integers(4, size=(2, 50))
    drawn = rng.integers(50, size=50)
    weights = np.bincount(drawn, minlength=50)[None] / 50
    one_hot = np.eye(4)
    found = statistics._macro_f1(weights, one_hot[gold], one_hot[predicted])
    expected = [f1_score(gold[drawn], p[drawn], average="macro", labels=range(4)) for p in predicted]
    np.testing.assert_allclose(found, [expected])


def test_f1_difference_is_fast_enough_for_a_table():
    rng = np.random.default_rng(8)
    gold = rng.integers(10, size=1000)
    a, b = (np.where(rng.random((5, 1000)) < 0.8, gold, rng.integers(10, size=(5, 1000))) for _ in "ab")
    start = time.process_time()
    statistics.paired_f1_difference(gold, a, b, 10, resamples=2000)
    assert time.process_time() - start < 2


def test_same_seed_same_numbers():
    a, b = systems(np.random.default_rng(9), seeds=2, documents=100)
    first = statistics.paired_difference(a, b, resamples=200, seed=1)
    assert first == statistics.paired_difference(a, b, resamples=200, seed=1)
    assert first != statistics.paired_difference(a, b, resamples=200, seed=2)


def test_blocks_change_no_interval(monkeypatch):
    values = np.random.default_rng(10).random((1, 40)) < 0.5
    whole = statistics.bootstrap_interval(values, resamples=501)
    monkeypatch.setattr(statistics, "BLOCK", 400)
    assert len(statistics._resample(lambda w: [w @ values.T], [1], 40, 501, 0)[0]) == 501
    assert statistics.bootstrap_interval(values, resamples=501) == pytest.approx(whole, abs=0.03)


def test_holm_by_hand():
    # Smallest × 4, next × 3, then × 2, then × 1; never smaller than the one before.
    np.testing.assert_allclose(statistics.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(statistics.holm([0.9, 0.6]), [1, 1])
    assert statistics.holm([]).size == 0


def test_errors_say_what_is_wrong():
    with pytest.raises(RelexError, match="10 documents and system B 9"):
        statistics.paired_difference(np.ones((2, 10)), np.ones((2, 9)))
    with pytest.raises(RelexError, match="seeds × documents"):
        statistics.bootstrap_interval(np.ones((2, 2, 2)))
    with pytest.raises(RelexError, match="gold labels of shape"):
        statistics.paired_f1_difference([0, 1], [0, 1, 1], [0, 0, 1], 2)
    with pytest.raises(RelexError, match="outside 0…1"):
        statistics.paired_f1_difference([0, 1], [0, 2], [0, 1], 2)
