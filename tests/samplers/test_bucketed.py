"""Length buckets: each document once, the budget kept, the same order for the same seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex.samplers import LengthBucketed, micro_batches, padding_share

lengths = st.lists(st.integers(1, 60), max_size=60)


@given(lengths, st.integers(1, 200), st.integers(0, 3), st.booleans(), st.none() | st.integers(1, 5))
def test_every_document_once_within_the_budget(lengths, budget, epoch, shuffle, largest):
    sampler = LengthBucketed(lengths, budget, shuffle=shuffle, largest=largest)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert len(sampler) == len(batches)
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget
        assert largest is None or len(batch) <= largest


def test_seed_and_epoch_fix_the_batches():
    lengths = [5 + i % 7 for i in range(80)]

    def batches(seed, epoch):
        sampler = LengthBucketed(lengths, 40, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3) and batches(1, 2) != batches(2, 2)
    # not only the order of batches changes: also who shares one
    assert {frozenset(b) for b in batches(1, 2)} != {frozenset(b) for b in batches(1, 3)}


def test_without_shuffling_the_longest_come_first_in_every_epoch():
    sampler = LengthBucketed([3, 9, 9, 1], 18, shuffle=False)
    assert list(sampler) == [[1, 2], [0, 3]]
    sampler.set_epoch(5)
    assert list(sampler) == [[1, 2], [0, 3]]


batches_of_ten = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=6)


@given(batches_of_ten, st.lists(st.integers(1, 30), min_size=10))
def test_padding_share_equals_a_plain_loop(batches, lengths):
    real = filled = 0
    for batch in batches:
        for i in batch:
            real += lengths[i]
            filled += max(lengths[j] for j in batch) - lengths[i]
    assert padding_share(batches, lengths) == pytest.approx(filled / (real + filled) if batches else 0)


@given(st.lists(st.integers(0, 19), unique=True), st.lists(st.integers(1, 50), min_size=20), st.integers(1, 100))
def test_micro_batches_partition_a_step(batch, lengths, budget):
    groups = micro_batches(batch, lengths, budget)
    assert sorted(i for group in groups for i in group) == sorted(batch)
    for group in groups:
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= budget
    longest = [max(lengths[i] for i in group) for group in groups]
    assert longest == sorted(longest, reverse=True)
