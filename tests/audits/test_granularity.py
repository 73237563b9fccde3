"""Counts behind percentages, against brute force and against tables drawn at random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.audits import granularity


def printed(right, found, gold, cut=False):
    shown = (100 * right / found, 100 * right / gold, 200 * right / (found + gold))
    return tuple(float(np.floor(x * 100 + 1e-9) / 100) if cut else round(x, 2) for x in shown)


def test_all_counts_are_found_and_no_others():
    total, row = 37, (81.25, 70.27, 75.36)
    brute = [(k, n) for k in range(total + 1) for n in range(max(k, 1), 200) if printed(k, n, total) == row]
    assert granularity.counts(row, total) == brute == [(26, 32)]
    assert granularity.counts((81.25, 70.27, 75.46), total) == []


@given(st.integers(1, 900), st.integers(0, 300), st.integers(0, 900), st.booleans())
def test_a_true_row_fits_its_total(right, wrong, missed, cut):
    row = printed(right, right + wrong, right + missed, cut)
    assert (right, right + wrong) in granularity.counts(row, right + missed, cut)
    assert granularity.fits(row, right + missed) and granularity.recall_fits(row[1], right + missed)


def test_a_row_of_another_total_seldom_fits_and_chance_bounds_how_often():
    rng = np.random.default_rng(0)
    hits, expected = [], []
    for _ in range(4000):
        gold = int(rng.integers(500, 1500))
        right = int(rng.integers(gold // 2, gold))
        row = printed(right, right + int(rng.integers(0, 300)), gold)
        hits.append(bool(granularity.counts(row, 382)))
        expected.append(granularity.chance(row, 382))
    assert 0 < np.mean(hits) <= 1.3 * np.mean(expected) < 0.02


def test_recall_chance_is_the_share_of_printed_values():
    total = 126
    values = {round(100 * k / total, 2) for k in range(total + 1)}
    assert granularity.recall_chance(total) == pytest.approx(len(values) / 10_001)
    assert sum(granularity.recall_fits(v, total) for v in values) == total + 1


def test_the_total_that_most_rows_fit():
    rows = [printed(k, found, 190) for k, found in ((166, 171), (165, 170), (164, 167), (150, 160))]
    assert granularity.best_total([*rows, (90.0, 80.05, 84.0)], range(100, 300)) == (190, rows)
    assert granularity.luck(4, [granularity.chance(row, 190) for row in rows], 200) < 1e-6
    assert granularity.luck(0, [0.5], 1) == 1


def test_the_first_total_of_several_recalls():
    assert granularity.first_total([50.0, 33.33], 10) == 6
    assert granularity.first_total([50.0, 33.33, 14.28], 100) == 42, "14.28 is 6 of 42 when digits are cut off"
    assert granularity.first_total([12.34, 56.78], 20) is None


def test_one_other_cell_that_would_fit():
    p, r, f1 = printed(518, 544, 527)
    assert granularity.repairs((p, 97.72, f1), 527) == [("r", r)]
    assert ("f1", f1) in granularity.repairs((p, r, f1 + 0.5), 527)
    assert ("p", p) in granularity.repairs((p + 0.3, r, f1), 527)
