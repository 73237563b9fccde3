"""Schemes of tables: read as by trying every triple, what they lose is what they count, and what each cannot hold."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relex.heads.table.choice import table_names
from relex.heads.table.scheme import REASONS
from relex.heads.table.schemes import SCHEMES
from relex.reference import schemes as literal

PAIRS, TYPES, TOKENS = ((0, 0), (0, 1)), 2, 5
"""Two classes, whose subjects are of type 0 and whose objects of either."""
EACH = pytest.mark.parametrize("name", SCHEMES)
OF_TRIPLES = pytest.mark.parametrize("name", [name for name in SCHEMES if name != "chain"])

place = st.integers(0, TOKENS - 1)
span = st.tuples(place, place).map(lambda s: (min(s), max(s)))
triple = st.tuples(span, st.integers(0, len(PAIRS) - 1), span).map(lambda t: (*t[0], t[1], *t[2]))
triples = st.sets(triple, max_size=5)


def make(name):
    return SCHEMES[name](PAIRS, TYPES)


def entities_of(found):
    return {e for a, b, c, d, e in found for e in ((a, b, PAIRS[c][0]), (d, e, PAIRS[c][1]))}


def tried(name, cells, entities=()):
    """What the literal version reads from cells: triples."""
    held, classes = {cell[:3]: cell[3] for cell in cells}, len(PAIRS)
    says = {
        "handshake": lambda: literal.handshake(classes),
        "handshake_typed": lambda: literal.handshake_typed(PAIRS, TYPES),
        "links": lambda: literal.links(classes, 1),
        "pointers": lambda: literal.links(classes, 2),
        "horns": lambda: literal.horns(0),
        "horns_shifted": lambda: literal.horns(1),
        "horns_multi": lambda: literal.horns_multi(classes),
        "regions": lambda: literal.regions,
        "last_tokens": lambda: literal.last_tokens(PAIRS, entities),
        "word_pairs": lambda: literal.word_pairs(PAIRS, entities),
    }[name]()
    return literal.decode(says, held, TOKENS, classes)


@st.composite
def filled(draw, scheme):
    """Any cells that a scheme's tables can hold, dense enough that they say something."""
    last = TOKENS - 1 + scheme.reach
    places = [(i, j) for i in range(last + 1) for j in range(last + 1) if i <= j or not scheme.triangle]
    tags = st.integers(0, max(1, scheme.tags - 1))
    found = set()
    for table in range(scheme.tables):
        drawn = draw(st.lists(tags, min_size=len(places), max_size=len(places)))
        found |= {(table, *at, tag) for at, tag in zip(places, drawn, strict=True) if tag}
    return found


@OF_TRIPLES
@settings(max_examples=25)
@given(data=st.data())
def test_any_cells_are_read_as_by_trying_every_triple(name, data):
    scheme = make(name)
    cells = data.draw(filled(scheme))
    entities = data.draw(st.sets(st.tuples(place, place, st.integers(0, 1)).filter(lambda e: e[0] <= e[1]), max_size=6))
    entities = scheme.kept(entities) if scheme.tagged else set()
    found, typed = scheme.decode(cells, entities)
    assert found == tried(name, cells, entities)
    spans = {(i, j, t) for t, i, j, _ in cells if t < TYPES} if name == "handshake_typed" else entities
    assert typed == spans
    if not scheme.tagged:  # what was read can be written, and is read again
        assert scheme.decode(scheme.encode(found, typed), typed) == (found, typed)
        assert scheme.read_back(found, typed) == ({}, set())


@settings(max_examples=60)
@given(data=st.data())
def test_chains_are_read_as_by_trying_every_entity(data):
    scheme = make("chain")
    cells = data.draw(filled(scheme))
    found = scheme.decode(cells)
    assert found == (set(), literal.chain({cell[:3]: cell[3] for cell in cells}, TOKENS, TYPES))
    assert scheme.decode(scheme.encode((), found[1])) == found


@OF_TRIPLES
@settings(max_examples=60)
@given(gold=triples)
def test_what_is_lost_is_counted_by_trying(name, gold):
    scheme, entities = make(name), entities_of(gold)
    cells, kept = scheme.encode(gold, entities), scheme.kept(entities)
    back = tried(name, cells, kept)
    lost, spurious = scheme.read_back(gold, entities)
    assert lost.keys() == gold - back and spurious == back - gold and set(lost.values()) <= set(REASONS)
    places = [cell[:3] for cell in cells]
    assert len(set(places)) == len(places)
    for table, row, column, tag in cells:
        assert 0 <= table < scheme.tables and 0 < tag < max(2, scheme.tags)
        assert 0 <= min(row, column) and max(row, column) < TOKENS + scheme.reach
        assert row <= column or not scheme.triangle


@settings(max_examples=100)
@given(gold=triples)
def test_handshakes_with_a_tag_for_everything_lose_nothing(gold):
    for name in ("handshake_typed", "links", "pointers"):
        lost, _ = make(name).read_back(gold, entities_of(gold))
        assert not lost


@settings(max_examples=100)
@given(gold=triples)
def test_a_lost_triple_has_its_reason(gold):
    """Counted here from the triples alone."""
    lost, _ = make("horns").read_back(gold, ())
    single = {t for t in gold if t[0] == t[1] or t[3] == t[4]}
    assert {t for t, reason in lost.items() if reason == "one_token"} == single
    for name in ("handshake", "regions", "horns", "horns_shifted"):
        lost, _ = make(name).read_back(gold, ())
        written = {t: set(make(name).cells_of(t)) for t in gold if name != "horns" or t not in single}
        tags = {}
        for *at, tag in [cell for cells in written.values() for cell in cells]:
            tags.setdefault(tuple(at), set()).add(tag)
        for t in [t for t, reason in lost.items() if reason == "overwritten"]:
            assert any(len(tags[cell[:3]]) > 1 for cell in written[t])
    for name in ("last_tokens", "word_pairs"):
        entities = entities_of(gold)
        kept = make(name).kept(entities)
        assert all(a[1] < b[0] or b[1] < a[0] for a, b in product(kept, kept) if a != b)
        lost, spurious = make(name).read_back(gold, entities)
        outside = {t for t in gold if not entities_of([t]) <= kept}
        assert {t for t, reason in lost.items() if reason in ("overlapping", "mistyped")} == outside and not spurious


@settings(max_examples=100)
@given(
    lengths=st.lists(st.integers(2, 3), min_size=2, max_size=4),
    chosen=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 3)), max_size=6),
    apart=st.booleans(),
)
def test_horns_and_handshake_agree_where_nothing_overlaps(lengths, chosen, apart):
    """Entities of several tokens that share none, and no class that holds both ways between two of them.

    Shifted ends are the beginning of the next entity, unless one token stands between them.
    """
    ends = [sum(lengths[: i + 1]) + apart * i for i in range(len(lengths))]
    spans = [(end - n, end - 1) for n, end in zip(lengths, ends, strict=True)]
    pairs = [(a, c, b) for a, c, b in sorted(chosen) if max(a, b) < len(spans)]
    gold = {(*spans[a], c, *spans[b]) for a, c, b in pairs if a <= b or (b, c, a) not in chosen}
    for name in ("handshake", "handshake_typed", "links", "pointers", "horns", "horns_shifted", "horns_multi"):
        scheme, entities = make(name), entities_of(gold)
        if apart or name != "horns_shifted":
            assert scheme.decode(scheme.encode(gold, entities), entities)[0] == gold, name


# What each cannot hold

ONE_TOKEN = (0, 0, 0, 2, 3)
BOTH_WAYS = ((0, 1, 0, 3, 4), (3, 4, 0, 0, 1))
NESTED = ((0, 1, 0, 4, 4), (0, 2, 0, 4, 4))
CASES = (
    ("horns", [ONE_TOKEN], {ONE_TOKEN: "one_token"}),
    ("horns", [(0, 1, 0, 2, 2)], {(0, 1, 0, 2, 2): "one_token"}),
    ("horns", [(0, 1, 0, 2, 3)], {}),
    ("horns_shifted", [ONE_TOKEN, (1, 1, 1, 3, 3)], {}),
    # an entity ends where the next one begins, and its end is that beginning
    ("horns_shifted", [(0, 1, 0, 0, 1), (0, 1, 0, 2, 3)], {(0, 1, 0, 2, 3): "overwritten"}),
    ("horns_multi", [ONE_TOKEN, (1, 1, 1, 3, 3)], {}),
    ("handshake", BOTH_WAYS, {BOTH_WAYS[1]: "overwritten"}),
    ("handshake_typed", BOTH_WAYS, {}),
    ("pointers", BOTH_WAYS, {}),
    ("links", BOTH_WAYS, {}),
    ("last_tokens", NESTED, {NESTED[0]: "overlapping"}),
    ("word_pairs", [(0, 1, 0, 3, 3), (0, 1, 1, 3, 3)], {(0, 1, 1, 3, 3): "mistyped"}),
    ("word_pairs", [(0, 1, 0, 3, 3), (0, 1, 0, 4, 4)], {}),
    # an object within another one that begins with it: the nearer end is taken for both
    ("horns_multi", [(0, 0, 0, 2, 3), (0, 0, 0, 2, 4)], {(0, 0, 0, 2, 4): "ambiguous"}),
    ("regions", [(0, 0, 0, 2, 3), (0, 0, 0, 2, 4)], {(0, 0, 0, 2, 4): "ambiguous"}),
    # the same pair twice: first tokens of one entity of one token and of a longer one
    ("regions", [(0, 0, 0, 2, 2), (0, 1, 0, 2, 2)], {(0, 1, 0, 2, 2): "overwritten"}),
)


@pytest.mark.parametrize(("name", "gold", "lost"), CASES, ids=str)
def test_what_each_scheme_cannot_hold(name, gold, lost):
    assert make(name).read_back(gold, entities_of(gold))[0] == lost


def test_two_classes_of_a_pair_of_words_exclude_each_other():
    scheme = SCHEMES["word_pairs"](((0, 0), (0, 0)), 1)
    both = [(0, 1, 0, 3, 3), (0, 1, 1, 3, 3)]
    assert scheme.read_back(both, {(0, 1, 0), (3, 3, 0)}) == ({both[1]: "overwritten"}, set())


def test_handshakes_may_say_more_than_they_were_told():
    """Both begin where others do that are linked, and end where yet others do that are linked."""
    gold = {(0, 0, 0, 3, 3), (0, 1, 0, 3, 4), (0, 0, 0, 2, 4)}
    for name in ("handshake", "handshake_typed", "links", "pointers"):
        assert make(name).read_back(gold, entities_of(gold)) == ({}, {(0, 0, 0, 3, 4), (0, 1, 0, 2, 4)})


def test_an_entity_of_two_types_has_one_in_a_chain_and_in_tags():
    both = {(1, 2, 0), (1, 2, 1), (4, 4, 1)}
    assert make("chain").decode(make("chain").encode((), both)) == (set(), {(1, 2, 0), (4, 4, 1)})
    assert make("last_tokens").kept(both) == {(1, 2, 0), (4, 4, 1)}
    typed = make("handshake_typed")
    assert typed.decode(typed.encode((), both))[1] == both


def test_nested_entities_are_chains_too():
    nested = {(0, 3, 0), (1, 2, 1), (2, 2, 0), (0, 1, 1)}
    assert make("chain").decode(make("chain").encode((), nested))[1] == nested


@EACH
def test_tables_are_those_of_the_printed_systems(name):
    scheme, r, e = make(name), len(PAIRS), TYPES
    expected = {
        "handshake": (1 + 2 * r, 3), "handshake_typed": (e + 4 * r, 1), "links": (1 + 2 * r, 1),
        "pointers": (2 + 2 * r, 1), "horns": (r, 4), "horns_shifted": (r, 4), "horns_multi": (3 * r, 1),
        "regions": (r, 8), "last_tokens": (r, 1), "word_pairs": (1, r + 1), "chain": (1, 2 + e),
    }[name]  # fmt: skip
    assert (scheme.tables, scheme.tags) == expected and scheme.exclusive == (scheme.tags > 1)
    assert sum(scheme.alike) == scheme.tables


def test_names_of_tables():
    """Types, then classes, and for each kind of link a part of its own."""
    names = table_names(make("handshake_typed"))
    assert names == ((0, 0), (1, 0), *((TYPES + c, kind) for kind in (1, 2, 3, 4) for c in (0, 1)))
