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


def extractions(rng, seeds, documents, recall, spurious=0.5, triples=None):
    """Numbers of gold (N), predicted and correct triples (S×N) of a system that finds a triple with chance `recall`."""
    gold = rng.poisson(2.5, documents) if triples is None else triples
    correct = rng.binomial(gold, recall, (seeds, documents))
    return gold, correct + rng.poisson(spurious, (seeds, documents)), correct


def plain_f1(gold, predicted, correct):
    return np.mean([2 * c.sum() / (gold.sum() + p.sum()) for p, c in zip(predicted, correct, strict=True)])


def test_micro_f1_under_document_weights_equals_scikit_learn():
    rng = np.random.default_rng(11)
    gold, predicted, correct = extractions(rng, 2, 40, 0.6)
    drawn = rng.integers(40, size=40)
    weights = np.bincount(drawn, minlength=40)[None] / 40
    found = statistics._micro_f1(weights, gold.astype(float), predicted.astype(float), correct.astype(float))
    for p, c, ours in zip(predicted[:, drawn], correct[:, drawn], found[0], strict=True):
        tp, fn, fp = c.sum(), (gold[drawn] - c).sum(), (p - c).sum()
        truth, shown = [1] * (tp + fn) + [0] * fp, [1] * tp + [0] * fn + [1] * fp
        assert ours == pytest.approx(f1_score(truth, shown))


def test_micro_f1_interval_of_one_seed_equals_the_bootstrap_of_scipy():
    gold, predicted, correct = extractions(np.random.default_rng(12), 1, 150, 0.7)
    ours = statistics.micro_f1_interval(gold, predicted[0], correct[0])

    def f1(index):
        return 2 * correct[0, index].sum() / (gold[index].sum() + predicted[0, index].sum())

    theirs = stats.bootstrap((np.arange(150),), f1, method="percentile", n_resamples=4000, vectorized=False, rng=1)
    low, high = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.006)
    assert ours.mean == pytest.approx(plain_f1(gold, predicted, correct))


def test_micro_f1_interval_covers_the_truth_over_seeds_and_documents():
    recall, hits, seeds_forgotten = 0.7, 0, 0
    truth = 2 * recall * 2.5 / (2.5 + recall * 2.5 + 0.5)
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        gold = rng.poisson(2.5, 600)
        systems = [extractions(rng, 1, 600, r, triples=gold)[1:] for r in recall + rng.normal(0, 0.04, 4)]
        predicted, correct = (np.concatenate(x) for x in zip(*systems, strict=True))
        hits += covers(statistics.micro_f1_interval(gold, predicted, correct, resamples=300), truth)
        means = statistics.micro_f1_interval(gold, predicted.mean(axis=0), correct.mean(axis=0), resamples=300)
        seeds_forgotten += covers(means, truth)
    assert hits >= 88
    assert seeds_forgotten < hits - 10


def test_paired_micro_f1_difference_by_brute_force():
    rng = np.random.default_rng(13)
    gold, predicted_a, correct_a = extractions(rng, 1, 9, 0.8)
    _, predicted_b, correct_b = extractions(rng, 1, 9, 0.5, triples=gold)
    found = statistics.paired_micro_f1_difference(gold, predicted_a, correct_a, predicted_b, correct_b)
    observed = plain_f1(gold, predicted_a, correct_a) - plain_f1(gold, predicted_b, correct_b)
    assert found.mean == pytest.approx(observed)
    extreme = []
    for swap in itertools.product([False, True], repeat=9):
        shown = [np.where(swap, x, y) for x, y in ((predicted_b, predicted_a), (predicted_a, predicted_b))]
        hits = [np.where(swap, x, y) for x, y in ((correct_b, correct_a), (correct_a, correct_b))]
        difference = plain_f1(gold, shown[0], hits[0]) - plain_f1(gold, shown[1], hits[1])
        extreme.append(abs(difference) >= abs(observed) - 1e-9)
    assert found.p == pytest.approx(np.mean(extreme), abs=0.02)
    assert 0 < found.p < 1
    assert found.low < found.mean < found.high


def test_paired_micro_f1_difference_sees_what_is_there_and_nothing_else():
    rng = np.random.default_rng(14)
    gold, predicted, correct = extractions(rng, 3, 300, 0.7)
    same = statistics.paired_micro_f1_difference(gold, predicted, correct, predicted[::-1], correct[::-1], 500)
    assert same.mean == pytest.approx(0) and same.p > 0.99 and same.low < 0 < same.high
    _, worse, worse_correct = extractions(rng, 2, 300, 0.5, triples=gold)
    found = statistics.paired_micro_f1_difference(gold, predicted, correct, worse, worse_correct, 1000)
    assert found.low > 0.05 and found.p < 0.01
    # As many predictions, other hits: what `predicted` alone would not tell.
    fewer = np.maximum(correct - 1, 0)
    found = statistics.paired_micro_f1_difference(gold, predicted, correct, predicted, fewer, 1000)
    assert found.low > 0.1 and found.p < 0.01


def test_aligned_runs_are_drawn_together():
    """Three runs of very different scores, of which B's are worse by two documents each: by so much, in every draw."""
    gold, predicted = np.ones(20, int), np.ones((3, 20), int)
    correct_b = (np.arange(20) < np.array([[2], [10], [16]])).astype(int)
    correct_a = (np.arange(20) < np.array([[4], [12], [18]])).astype(int)
    apart = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_b)
    aligned = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_b, aligned=True)
    assert apart.mean == aligned.mean == pytest.approx(0.1) and apart.p == aligned.p
    assert apart.low < -0.2 and apart.high > 0.4
    assert 0 <= aligned.low < 0.1 < aligned.high < 0.25, "documents alone"
    same = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_a, aligned=True)
    assert (same.low, same.high) == (0, 0)
    with pytest.raises(RelexError, match="3 runs cannot be aligned with 2"):
        statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted[:2], correct_a[:2], aligned=True)


def test_micro_f1_of_nothing_is_zero():
    nothing = np.zeros(5)
    assert statistics.micro_f1_interval(nothing, nothing, nothing, resamples=50) == (0, 0, 0)
    assert statistics.paired_micro_f1_difference(nothing, nothing, nothing, nothing, nothing, 50) == (0, 0, 0, 1)


def test_micro_f1_is_fast_enough_for_a_table():
    rng = np.random.default_rng(15)
    gold, predicted_a, correct_a = extractions(rng, 5, 1000, 0.8)
    _, predicted_b, correct_b = extractions(rng, 5, 1000, 0.8, triples=gold)
    start = time.process_time()
    statistics.paired_micro_f1_difference(gold, predicted_a, correct_a, predicted_b, correct_b)
    assert time.process_time() - start < 4


def test_micro_f1_errors_say_what_is_wrong():
    with pytest.raises(RelexError, match="give N gold ones"):
        statistics.micro_f1_interval([1, 2], [1, 2, 3], [1, 1, 1])
    with pytest.raises(RelexError, match="give N gold ones"):
        statistics.paired_micro_f1_difference([1, 2], [1, 2], [1, 1], [1, 2], [[1, 1], [1, 1]])
    with pytest.raises(RelexError, match="more correct triples"):
        statistics.micro_f1_interval([1, 2], [1, 2], [2, 1])
