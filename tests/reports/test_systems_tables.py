"""Ranks of compared systems as differences: which pairs, in which score, and how they are told."""

import made

from relex.reports import systems

ROWS = {"CBRRel": 0.8, "CasRel": 0.7, "TPLinker": 0.9, "GPLinker": 0.8}


def records(corpus="casmed", **changes):
    bar = made.counted("dictionary", corpus=corpus)
    apart = (-0.005, 0, 0.005)
    runs = [r for row, s in ROWS.items() for r in made.seeds(row, [s + d for d in apart], corpus=corpus, **changes)]
    return [bar, *runs, *made.seeds("W2NER", (0.1, 0.1, 0.1), corpus=corpus, scheme="chain")]


def test_pairs_are_the_papers_system_and_its_baseline_against_every_row_that_knows_relations():
    assert systems.pairs(records(), "casmed") == [
        ("CBRRel", "CasRel"), ("CBRRel", "TPLinker"), ("CBRRel", "GPLinker"), ("TPLinker", "CasRel"),
        ("GPLinker", "CasRel"),
    ]  # fmt: skip


def test_a_rank_is_a_difference_with_the_printed_one_beside_it():
    found = systems.differences(records(), "casmed")
    assert dict(zip(found.index, found["verdict"], strict=True)) == {
        "CBRRel − CasRel": "higher", "CBRRel − TPLinker": "lower", "CBRRel − GPLinker": "within the noise",
        "TPLinker − CasRel": "higher", "GPLinker − CasRel": "higher",
    }  # fmt: skip
    assert round(found["printed"]["CBRRel − TPLinker"], 4) == 0.0473  # Table 4: 77.26 and 72.53
    assert systems.ranks(found, "casmed").splitlines() == [
        "- CBRRel, *higher*: CasRel.", "- CBRRel, *lower*: TPLinker.", "- CBRRel, *within the noise*: GPLinker.",
    ]  # fmt: skip


def test_columns_are_those_of_the_papers_tables():
    (of_triples,) = systems.columns("casmed")
    assert list(of_triples) == [*(f"triples.string.{s}" for s in ("p", "r", "f1")), "entities.strict.f1"]
    assert [next(iter(one)) for one in systems.columns("interactions")] == ["ner.strict.p", "re.strict.p"]
