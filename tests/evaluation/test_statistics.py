import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from relex.errors import RelexError
from relex.evaluation import statistics


def covers(interval, value):
    return interval.low <= value <= interval.high


def test_interval_of_a_score_covers_the_truth_over_seeds_and_documents():
    hits = documents_only = 0
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        chance = rng.uniform(0.3, 0.8, 600) + rng.normal(0, 0.05, (5, 1))
        values = rng.random((5, 600)) < chance
        hits += covers(statistics.bootstrap_interval(values, resamples=300, seed=repeat), 0.55)
        means = statistics.bootstrap_interval(values.mean(axis=0), resamples=300, seed=repeat)
        documents_only += covers(means, 0.55)
    assert hits >= 89  # 95 % and better is meant; 100 repetitions and 300 resamples leave some play
    assert documents_only <= hits - 15  # forgetting the seeds is what must not happen


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
    """Documents all alike: what remains is the variance of the mean of S seeds, s² / S."""
    means = np.array([0.70, 0.74, 0.75, 0.80])
    gold, predicted = np.full(50, 100), np.full((4, 50), 100)
    correct = np.repeat(100 * means[:, None], 50, axis=1).round()
    found = statistics.paired_micro_f1_difference(gold, predicted, correct, predicted[:1], correct[:1])
    half = stats.t(3).ppf(0.975) * means.std(ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((found.mean - half, found.mean + half))
    alone = statistics.bootstrap_interval(correct / 100, resamples=20_000)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * means.std(ddof=1) / 2, rel=0.15)


def test_an_interval_excludes_zero_where_p_is_below_five_percent():
    for repeat in range(30):
        rng = np.random.default_rng(repeat)
        gold, predicted, correct = extractions(rng, 3, 80, 0.6)
        _, other, other_correct = extractions(rng, 3, 80, 0.5, triples=gold)
        found = statistics.paired_micro_f1_difference(gold, predicted, correct, other, other_correct, 200)
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_one_seed_each_covers_documents_alone():
    rng = np.random.default_rng(2)
    gold, predicted, correct = extractions(rng, 1, 400, 0.7)
    _, other, other_correct = extractions(rng, 1, 400, 0.6, triples=gold)

    def difference(index):
        scores = [2 * c[0, index].sum() / (gold[index].sum() + p[0, index].sum())
                  for p, c in ((predicted, correct), (other, other_correct))]  # fmt: skip
        return scores[0] - scores[1]

    how = {"vectorized": False, "n_resamples": 2000, "rng": 3, "method": "percentile"}
    theirs = stats.bootstrap((np.arange(400),), difference, **how)
    ours = statistics.paired_micro_f1_difference(gold, predicted, correct, other, other_correct)
    assert (ours.low, ours.high) == pytest.approx(theirs.confidence_interval, abs=0.008)


def test_a_clear_difference_of_classes_is_seen_and_none_is_not():
    rng = np.random.default_rng(4)
    a, b = rng.random((3, 400)) < 0.9, rng.random((2, 400)) < 0.7
    gold = np.arange(400) % 5
    shown_a, shown_b = np.where(a, gold, (gold + 1) % 5), np.where(b, gold, (gold + 2) % 5)
    found = statistics.paired_f1_difference(gold, shown_a, shown_b, 5)
    assert found.low > 0.1 and found.p < 0.05
    assert found.mean == pytest.approx(
        np.mean([f1_score(gold, p, average="macro") for p in shown_a])
        - np.mean([f1_score(gold, p, average="macro") for p in shown_b])
    )
    same = statistics.paired_f1_difference(gold, shown_a, shown_a[::-1], 5)
    assert same.mean == pytest.approx(0) and same.p > 0.99 and same.low < 0 < same.high
    np.testing.assert_allclose(
        statistics.macro_f1(gold, shown_a, 5), [f1_score(gold, p, average="macro") for p in shown_a]
    )


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
    rng = np.random.default_rng(9)
    gold, predicted, correct = extractions(rng, 2, 100, 0.7)
    _, *other = extractions(rng, 2, 100, 0.6, triples=gold)
    draw = lambda seed: statistics.paired_micro_f1_difference(gold, predicted, correct, *other, 200, seed=seed)  # noqa: E731
    assert draw(1) == draw(1) != draw(2)


def test_blocks_change_no_interval(monkeypatch):
    rng = np.random.default_rng(10)
    values = rng.random((1, 40)) < 0.5
    gold, predicted, correct = extractions(rng, 2, 40, 0.7)
    _, *other = extractions(rng, 2, 40, 0.5, triples=gold)
    wholes = statistics.bootstrap_interval(values, resamples=501)
    whole = statistics.paired_micro_f1_difference(gold, predicted, correct, *other, 501)
    monkeypatch.setattr(statistics, "BLOCK", 400)
    assert statistics.bootstrap_interval(values, resamples=501) == pytest.approx(wholes, abs=0.03)
    assert statistics.paired_micro_f1_difference(gold, predicted, correct, *other, 501)[:3] == pytest.approx(
        whole[:3], abs=0.03
    )


def test_holm_by_hand():
    # Smallest × 4, next × 3, then × 2, then × 1; never smaller than the one before.
    np.testing.assert_allclose(statistics.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(statistics.holm([0.9, 0.6]), [1, 1])
    assert statistics.holm([]).size == 0


def test_errors_say_what_is_wrong():
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
    """Three runs of very different scores, of which B's are worse by two documents each: by so much, in each."""
    gold, predicted = np.ones(20, int), np.ones((3, 20), int)
    correct_b = (np.arange(20) < np.array([[2], [10], [16]])).astype(int)
    correct_a = (np.arange(20) < np.array([[4], [12], [18]])).astype(int)
    apart = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_b)
    aligned = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_b, aligned=True)
    assert apart.mean == aligned.mean == pytest.approx(0.1)
    assert aligned.p < 0.1 < apart.p
    assert apart.low < -0.2 and apart.high > 0.4
    assert -0.05 < aligned.low < 0.1 < aligned.high < 0.25, "documents alone"
    same = statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted, correct_a, aligned=True)
    assert (same.low, same.high) == (0, 0)
    with pytest.raises(RelexError, match="3 runs cannot be aligned with 2"):
        statistics.paired_micro_f1_difference(gold, predicted, correct_a, predicted[:2], correct_a[:2], aligned=True)


def test_micro_f1_of_nothing_is_zero():
    nothing = np.zeros(5)
    assert statistics.micro_f1(nothing, nothing, nothing) == [0]
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
        statistics.micro_f1([1, 2], [1, 2, 3], [1, 1, 1])
    with pytest.raises(RelexError, match="give N gold ones"):
        statistics.paired_micro_f1_difference([1, 2], [1, 2], [1, 1], [1, 2], [[1, 1], [1, 1]])
    with pytest.raises(RelexError, match="more correct triples"):
        statistics.micro_f1([1, 2], [1, 2], [2, 1])


def test_intervals_of_f1_by_document_and_type():
    """Micro-F1 as scipy's bootstrap has it; macro-F1 as the mean of what single types have."""
    rng = np.random.default_rng(5)
    gold = rng.integers(0, 3, (300, 4))
    correct = rng.binomial(gold, 0.6)
    predicted = correct + rng.integers(0, 2, gold.shape)

    def micro(index):
        return 2 * correct[index].sum() / (gold[index] + predicted[index]).sum()

    def macro(index):
        return (2 * correct[index].sum(axis=0) / (gold[index] + predicted[index]).sum(axis=0)).mean()

    ours = statistics.f1_intervals(gold, predicted, correct, 4000)
    how = {"vectorized": False, "n_resamples": 2000, "rng": 3, "method": "percentile"}
    for interval, score in zip(ours, (micro, macro), strict=True):
        theirs = stats.bootstrap((np.arange(300),), score, **how).confidence_interval
        assert interval.mean == pytest.approx(score(np.arange(300)))
        assert (interval.low, interval.high) == pytest.approx(theirs, abs=0.008)
    assert statistics.f1_intervals(gold, predicted, correct, 4000) == ours


def test_a_rare_type_that_is_always_right_does_not_lower_macro_f1():
    gold = np.zeros((50, 2), int)
    gold[:, 0] = gold[0, 1] = 1
    assert statistics.f1_intervals(gold, gold, gold) == ((1, 1, 1), (1, 1, 1))
    nothing = np.zeros((3, 1))
    assert statistics.f1_intervals(nothing, nothing, nothing) == ((0, 0, 0), (0, 0, 0))
    with pytest.raises(RelexError, match="more correct triples than gold"):
        statistics.f1_intervals(gold, gold, gold + 1)
