"""F1 of printed P and R: true rows never miss, rounded or cut; corrupted ones do; means over runs miss one way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.audits import identity


@st.composite
def counts(draw):
    """(right, found, gold) of a made-up run."""
    right = draw(st.integers(1, 3000))
    return right, draw(st.integers(right, 6000)), draw(st.integers(right, 6000))


def scores(right, found, gold):
    return 100 * right / found, 100 * right / gold, 200 * right / (found + gold)


def cut(value):
    return np.floor(value * 100 + 1e-9) / 100


@given(counts())
def test_a_true_row_fits_rounded_and_cut(run):
    exact = scores(*run)
    assert identity.miss(*(round(x, 2) for x in exact)) is None
    assert identity.agrees(*map(cut, exact), cut=True) and identity.miss(*map(cut, exact)) is None


@given(counts(), st.floats(0.05, 5), st.sampled_from((-1, 1)))
def test_a_corrupted_f1_misses_with_the_sign_of_its_error(run, by, sign):
    p, r, f1 = (round(x, 2) for x in scores(*run))
    found = identity.miss(p, r, round(f1 + sign * by, 2))
    assert found is not None and found.above == (sign > 0)
    assert found.gap == pytest.approx(sign * by, abs=0.02)


@given(st.lists(counts(), min_size=2, max_size=6))
def test_means_over_runs_are_never_above(runs):
    found = identity.miss(*(round(float(x), 2) for x in np.mean([scores(*run) for run in runs], axis=0)))
    assert found is None or not found.above


def test_the_spread_is_that_of_runs_with_such_a_gap():
    p, r = 80 + np.array([4.0, -4.0]), 76 - np.array([4.0, -4.0])
    gap = identity.f1(80, 76) - np.mean([identity.f1(*one) for one in zip(p, r, strict=True)])
    assert identity.spread(80, 76, gap) == pytest.approx(np.std(p - r), rel=0.02)


def test_outside_of_p_and_r():
    assert identity.miss(60, 50, 49).outside and not identity.miss(60, 50, 52).outside


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=1, max_size=8))
def test_a_macro_f1_is_at_most_that_of_the_macro_scores(classes):
    p, r = np.mean(classes, axis=0)
    assert not identity.macro_too_high(p, r, float(np.mean([identity.f1(*one) for one in classes])))
    assert identity.macro_too_high(p, r, identity.f1(p, r) + 0.05)
