"""Epochs of a fixed number of steps go through the passes of a sampler without a gap."""

import pytest

from relex.samplers import FixedSteps, LengthBucketed, balanced

LENGTHS = list(range(1, 25))


def passes(sampler, number):
    batches = []
    for i in range(number):
        sampler.set_epoch(i)
        batches += list(sampler)
    return batches


@pytest.mark.parametrize("steps", [1, 3, 7, 8, 9, 30])
@pytest.mark.parametrize("make", [lambda: LengthBucketed(LENGTHS, 40), lambda: balanced([0, 1, 2] * 8, LENGTHS)])
def test_epochs_are_cut_from_the_passes(make, steps):
    fixed = FixedSteps(make(), steps)
    expected = passes(make(), 40)
    got = []
    for epoch in range(5):
        fixed.set_epoch(epoch)
        assert len(fixed) == steps == len(list(fixed))
        got += list(fixed)
    assert got == expected[: 5 * steps]


def test_an_epoch_does_not_depend_on_those_before():
    fixed = FixedSteps(LengthBucketed(LENGTHS, 40), 7)
    fixed.set_epoch(3)
    alone = list(fixed)
    for epoch in range(4):
        fixed.set_epoch(epoch)
        last = list(fixed)
    assert alone == last
