from hypothesis import given
from hypothesis import strategies as st

from relex.documents import ABSENT
from relex.evaluation import relaxed

PLACES = st.one_of(
    st.tuples(st.integers(0, 5), st.integers(1, 3)).map(lambda pair: (pair[0], sum(pair))),
    st.just(("手", ABSENT)),
)
ENTITIES = st.builds(lambda place, kind: (*place, kind), PLACES, st.sampled_from(("part", "finding")))
TRIPLES = st.builds(lambda head, name, tail: (*head, name, *tail), ENTITIES, st.sampled_from("rs"), ENTITIES)


def part(start, end):
    return start, end, "part"


def test_entities_by_hand():
    one = {part(2, 6)}
    for other, expected in (
        (part(2, 6), 1),
        (part(5, 9), 1),  # the last character
        (part(3, 4), 1),
        (part(0, 9), 1),
        (part(6, 9), 0),  # beside it
        (part(0, 2), 0),
        ((2, 6, "finding"), 0),
        (("手", ABSENT, "part"), 0),
    ):
        assert relaxed.matching_entities(one, {other}) == relaxed.matching_entities({other}, one) == expected
    assert relaxed.matching_entities(one, set()) == relaxed.matching_entities(set(), set()) == 0
    absent = {("手", ABSENT, "part")}
    assert relaxed.matching_entities(absent, absent) == 0


def test_one_prediction_over_two_entities_is_one_match():
    assert relaxed.matching_entities({part(0, 2), part(4, 6)}, {part(0, 6)}) == 1
    assert relaxed.matching_entities({part(0, 6)}, {part(0, 2), part(4, 6)}) == 1


def test_an_exact_match_gives_way_when_more_can_be_made_without_it():
    gold, predicted = {part(0, 5), part(4, 9)}, {part(0, 5), part(2, 3)}
    assert relaxed.matching_entities(gold, predicted) == 2  # 2–3 takes 0–5, and 0–5 takes 4–9


def test_triples_by_hand():
    gold = {(0, 2, "part", "shows", 2, 4, "finding")}
    for other, expected in (
        ((0, 2, "part", "shows", 2, 4, "finding"), 1),
        ((1, 3, "part", "shows", 3, 6, "finding"), 1),
        ((0, 2, "part", "treats", 2, 4, "finding"), 0),
        ((0, 2, "finding", "shows", 2, 4, "finding"), 0),
        ((0, 2, "part", "shows", 4, 6, "finding"), 0),
        ((2, 4, "finding", "shows", 0, 2, "part"), 0),  # the other direction
        (("手", ABSENT, "part", "shows", 2, 4, "finding"), 0),
    ):
        assert relaxed.matching_triples(gold, {other}) == expected


def most(gold, predicted, fit):
    """The largest one-to-one matching, by trying all of them."""
    if not gold:
        return 0
    first, rest = gold[0], gold[1:]
    tried = [most(rest, predicted[:j] + predicted[j + 1 :], fit) + 1 for j, p in enumerate(predicted) if fit(first, p)]
    return max([most(rest, predicted, fit), *tried])


def ends_fit(one, other):
    shared = set(range(one[0], one[1])) & set(range(other[0], other[1])) if ABSENT not in (one[1], other[1]) else set()
    return bool(shared) and one[2] == other[2]


def triples_fit(one, other):
    return ends_fit(one[:3], other[:3]) and one[3] == other[3] and ends_fit(one[4:], other[4:])


@given(st.sets(ENTITIES, max_size=5), st.sets(ENTITIES, max_size=5))
def test_entities_equal_trying_all_matchings(gold, predicted):
    found = relaxed.matching_entities(gold, predicted)
    assert found == most(list(gold), list(predicted), ends_fit) == relaxed.matching_entities(predicted, gold)
    assert sum(ABSENT not in key for key in gold & predicted) <= found <= min(len(gold), len(predicted))


@given(st.sets(TRIPLES, max_size=4), st.sets(TRIPLES, max_size=4))
def test_triples_equal_trying_all_matchings(gold, predicted):
    found = relaxed.matching_triples(gold, predicted)
    assert found == most(list(gold), list(predicted), triples_fit) == relaxed.matching_triples(predicted, gold)
