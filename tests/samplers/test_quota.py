"""Balanced and priority batches: quotas exact, epochs as long as the smallest class allows."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from relex.samplers import ClassQuota, balanced, hardest_classes, priority

PAPER = np.repeat(np.arange(10), 700)
"""UMRC's training labels: ten classes of 700."""


def per_batch(sampler, labels):
    return [Counter(int(labels[i]) for i in batch) for batch in sampler]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.dictionaries(st.integers(0, 4), st.integers(0, 3)))
def test_quotas_are_exact(labels, quotas):
    expected = {c: k for c, k in quotas.items() if k and c in labels}
    if not expected:
        with pytest.raises(ValueError, match="no class"):
            ClassQuota(labels, [1] * len(labels), quotas)
        return
    lengths = [1 + i % 11 for i in range(len(labels))]
    sampler = ClassQuota(labels, lengths, quotas)
    assert per_batch(sampler, labels) == [expected] * len(sampler)
    assert len(sampler) == max(1, min(labels.count(c) // k for c, k in expected.items()))
    used = Counter(i for batch in sampler for i in batch)
    if all(labels.count(c) >= k for c, k in expected.items()):
        assert set(used.values()) == {1}


def test_the_papers_epochs():
    lengths = np.random.default_rng(0).integers(20, 300, len(PAPER))
    even, hard = balanced(PAPER, lengths), priority(PAPER, lengths, [4, 8])
    assert (len(even), len(hard)) == (350, 175)
    assert per_batch(even, PAPER) == [dict.fromkeys(range(10), 2)] * 350
    assert per_batch(hard, PAPER) == [{c: 4 if c in (4, 8) else 1 for c in range(10)}] * 175
    # an epoch of balanced batches is all of the data; one of priority batches all of the hard classes
    assert sorted(i for batch in even for i in batch) == list(range(7000))
    assert sum(PAPER[i] in (4, 8) for batch in hard for i in batch) == 1400


def test_seed_and_epoch_fix_the_batches():
    labels, lengths = [0, 1] * 30, list(range(60))

    def batches(seed, epoch):
        sampler = balanced(labels, lengths, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3) and batches(1, 2) != batches(2, 2)


def test_a_class_smaller_than_its_quota_repeats():
    assert list(balanced([0, 1, 1, 1], [1, 1, 1, 1], per_class=3))[0].count(0) == 3


matrices = st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=4, max_size=4)


@given(matrices, st.integers(1, 4))
def test_hardest_classes_have_the_lowest_f1(matrix, number):
    gold = [i for i in range(4) for j in range(4) for _ in range(matrix[i][j])]
    predicted = [j for i in range(4) for j in range(4) for _ in range(matrix[i][j])]
    f1 = f1_score(gold, predicted, labels=range(4), average=None, zero_division=0) if gold else np.zeros(4)
    chosen = hardest_classes(matrix, number)
    assert len(set(chosen)) == number
    assert [f1[c] for c in chosen] == pytest.approx(sorted(f1)[:number])
