"""A curriculum gives each stage's batches in its epochs."""

from relex.samplers import Curriculum, LengthBucketed, balanced, priority

LABELS, LENGTHS = [0, 1, 2] * 8, list(range(1, 25))


def batches(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_stages_follow_each_other():
    first, second = balanced(LABELS, LENGTHS), priority(LABELS, LENGTHS, [1])
    both = Curriculum([(first, 2), (second, 2)])
    assert (len(both), len(list(both))) == (4, 4)
    for epoch in range(4):
        got = batches(both, epoch)
        alone, own = (balanced(LABELS, LENGTHS), epoch) if epoch < 2 else (priority(LABELS, LENGTHS, [1]), epoch - 2)
        assert got == batches(alone, own)
        assert len(both) == len(alone)
    assert batches(both, 0) == batches(balanced(LABELS, LENGTHS), 0)  # and back


def test_the_last_stage_stays_and_goes_on_to_new_epochs():
    both = Curriculum([(balanced(LABELS, LENGTHS), 1), (LengthBucketed(LENGTHS, 30), 2)])
    seen = [batches(both, epoch) for epoch in range(1, 6)]
    assert seen == [batches(LengthBucketed(LENGTHS, 30), epoch) for epoch in range(5)]
    assert len({str(s) for s in seen}) == 5
