"""Totals of classes: true tables share a mixture, one corrupted total breaks it."""

import numpy as np
import pytest

from relex.audits import mixture

SIZES = np.array([90, 300, 210])


def table(rng, systems=5):
    """Printed class recalls S×3 and total recalls S of made-up systems on the same gold items."""
    right = rng.binomial(SIZES, rng.uniform(0.4, 0.9, (systems, 3)))
    return np.round(100 * right / SIZES, 2), np.round(100 * right.sum(axis=1) / SIZES.sum(), 2)


@pytest.mark.parametrize("seed", range(20))
def test_true_systems_share_one_mixture_and_a_corrupted_total_does_not(seed):
    parts, totals = table(np.random.default_rng(seed))
    weights, worst = mixture.shared_weights(totals, parts)
    assert worst <= 0.01 and weights.sum() == pytest.approx(1) and (weights >= 0).all()
    assert max(mixture.beyond(t, p) for t, p in zip(totals, parts, strict=True)) == 0
    totals[2] += 4 if totals[2] < 70 else -4
    assert mixture.shared_weights(totals, parts)[1] > 0.01


@pytest.mark.parametrize("seed", range(5))
def test_means_over_runs_share_it_too(seed):
    rng = np.random.default_rng(seed)
    right = rng.binomial(SIZES, rng.uniform(0.4, 0.9, (5, 1, 3)), (5, 4, 3)).mean(axis=1)
    parts, totals = np.round(100 * right / SIZES, 2), np.round(100 * right.sum(axis=1) / SIZES.sum(), 2)
    assert mixture.shared_weights(totals, parts)[1] <= 0.01


@pytest.mark.parametrize("seed", range(20))
def test_the_precision_of_a_true_system_is_in_its_range(seed):
    rng = np.random.default_rng(seed)
    right = rng.binomial(SIZES, rng.uniform(0.4, 0.9, 3))
    found = right + rng.integers(1, 120, 3)
    recalls, precisions = np.round(100 * right / SIZES, 2), np.round(100 * right / found, 2)
    total = round(100 * right.sum() / SIZES.sum(), 2)
    low, high = mixture.precision_range(total, recalls, precisions)
    assert low - 0.1 <= 100 * right.sum() / found.sum() <= high + 0.1
    assert min(precisions) - 0.1 <= low <= high <= max(precisions) + 0.1


def test_no_mixture_has_a_recall_outside_of_the_classes():
    assert mixture.precision_range(50, [60, 70], [80, 80]) is None
    assert mixture.precision_range(65, [60, 70], [80, 80]) == pytest.approx((80, 80), abs=0.02)


def test_how_far_outside():
    assert mixture.beyond(50, [60, 70]) == pytest.approx(9.99) and mixture.beyond(71, [60, 70]) == pytest.approx(0.99)
    assert mixture.beyond(70.01, [60, 70]) == pytest.approx(0), "rounding"


def test_a_total_of_known_sizes():
    assert mixture.weighted([50, 100], [3, 1]) == 62.5
