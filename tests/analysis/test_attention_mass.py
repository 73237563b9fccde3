"""Where attention rests: by hand, against drawn shuffles, and on a head."""

import numpy as np
import pytest

from relex.analysis.attention_mass import Attended, covered, mass, rests, shuffled, spread, table


def attended(rng, queries=5, tokens=7, targets=3):
    shares = rng.random((queries, tokens)) ** 3
    chosen = np.zeros(tokens, dtype=bool)
    chosen[rng.choice(tokens, targets, replace=False)] = True
    return Attended(shares / shares.sum(1, keepdims=True), chosen)


def test_mass_by_hand():
    shares = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    one = Attended(shares, np.array([False, True, True]))
    assert mass(one) == 0.75 and shuffled(one) == pytest.approx(2 / 3)


def test_shuffled_is_the_mean_over_shuffles():
    rng = np.random.default_rng(0)
    one = attended(rng)
    drawn = [mass(Attended(rng.permuted(one.shares, axis=1), one.targets)) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(shuffled(one), abs=4 * np.std(drawn) / 4000**0.5)
    turned = [mass(Attended(one.shares, np.roll(one.targets, k))) for k in range(len(one.targets))]
    assert np.mean(turned) == pytest.approx(shuffled(one))


def test_spread_of_even_and_of_pointed_attention():
    nothing = np.zeros(4, dtype=bool)
    assert spread(Attended(np.full((2, 4), 0.25), nothing)) == pytest.approx(1)
    assert spread(Attended(np.eye(4), nothing)) == pytest.approx(0.25)


def test_rests_leaves_out_what_cannot_be_told():
    rng = np.random.default_rng(1)
    documents = [attended(rng) for _ in range(30)]
    blank = [Attended(documents[0].shares, np.full(7, value)) for value in (True, False)]
    empty = Attended(np.zeros((0, 0)), np.zeros(0, dtype=bool))
    found = rests([*documents, *blank, empty])
    assert found == rests(documents) and found["documents"] == 30
    assert found["difference"] == pytest.approx(found["mass"] - found["shuffled"])
    assert found["low"] < found["difference"] < found["high"]
    assert rests(blank) == {"documents": 0}


def test_rests_sees_attention_on_targets_and_none_in_even_attention():
    rng = np.random.default_rng(2)
    drawn = [attended(rng, 6, 6) for _ in range(20)]
    on = rests([Attended(np.tile(d.targets / d.targets.sum(), (6, 1)), d.targets) for d in drawn])
    even = rests([Attended(np.full((6, 6), 1 / 6), d.targets) for d in drawn])
    assert on["mass"] == pytest.approx(1) and on["low"] > 0.4
    assert even["difference"] == pytest.approx(0) and even["spread"] == pytest.approx(1)


def test_table_has_a_line_for_each_pair_of_kinds():
    rng = np.random.default_rng(3)
    one, other = attended(rng), attended(rng)
    lines = table(
        {"entity": [one.shares, other.shares], "relation": [other.shares, one.shares]},
        {"entities": [one.targets, other.targets], "triggers": [np.zeros(7, dtype=bool)] * 2},
    )
    assert [(line["queries"], line["targets"]) for line in lines] == [
        (q, t) for q in ("entity", "relation") for t in ("entities", "triggers")
    ]
    assert lines[0]["mass"] == pytest.approx((mass(one) + mass(other)) / 2, abs=1e-6)
    assert lines[1] == {"queries": "entity", "targets": "triggers", "documents": 0}


def test_covered_tokens():
    offsets = np.array([(0, 2), (2, 5), (6, 9)])
    assert covered(offsets, [(1, 2), (8, 20)]).tolist() == [True, False, True]
    assert covered(offsets, []).tolist() == [False] * 3
