"""The matrix: runs of several grids once each, what keeps a row from being evidence, and one sentence a corpus."""

import made
import pytest

from relex.bench import systems as bench
from relex.reports import matrix

APART = (-0.005, 0, 0.005)


def published(*records):
    """A function that gives records of their experiment alone."""
    return lambda name: [record for record in records if record["experiment"] == name]


def of(experiment, row, scores, **changes):
    return [r | {"experiment": experiment} for r in made.seeds(row, scores, **({"split": "novel"} | changes))]


@pytest.fixture
def runs():
    bar = made.counted("dictionary", 0.4, split="novel") | {"experiment": "systems"}
    casrel = of("cbrrel_comparison", "CasRel", [0.8 + d for d in APART])
    again = [r | {"experiment": "systems"} for r in casrel]
    older = of("systems", "CasRel", [0.6, 0.61], lr=3e-4)
    older = [r | {"run": f"older {i}"} for i, r in enumerate(older)]
    ours = of("systems", "TPLinker", [0.7 + d for d in APART])
    poor = of("systems", "OneRel", [0.3, 0.31], history=made.RISING)
    return [bar, *casrel, *again, *older, *ours, *poor]


def test_a_run_of_two_grids_counts_once_and_an_older_setting_not_at_all(runs):
    found = matrix.records("casmed", published(*runs))
    assert len([r for r in found if r["config"]["row"] == "CasRel"]) == 3
    assert {r["config"]["lr"] for r in found if r["config"]["row"] == "CasRel"} == {1e-4}


def test_a_row_has_the_budget_that_the_grid_of_all_systems_gives_it_though_another_grid_has_more_runs():
    elsewhere = of("iser_comparison", "SpERT", [0.6, 0.61, 0.62], corpus="conll04", split="shipped", epochs=10)
    here = of("systems", "SpERT", [0.7], corpus="conll04", split="shipped", epochs=20)
    assert {r["config"]["epochs"] for r in matrix.records("conll04", published(*elsewhere, *here))} == {20}
    assert len(matrix.records("conll04", published(*elsewhere))) == 3


def test_cells_have_intervals_and_say_what_keeps_them_from_being_evidence(runs):
    first, second, third = matrix.cells("casmed", matrix.records("casmed", published(*runs)))
    assert (first.row, second.row, third.row) == ("CasRel", "TPLinker", "OneRel")
    assert round(first.score, 3) == 0.8 and 0.75 < first.low < 0.8 < first.high < 0.85 and not first.note
    assert third.note == "not learned (dictionary 40.0)" and third.text.endswith(
        "; 2 seeds; not learned (dictionary 40.0)"
    )
    alone = matrix.records("casmed", published(*of("systems", "OneRel", [0.6], history=made.RISING)))
    assert matrix.cells("casmed", alone)[0].text.endswith("; 1 seed; rising")


def test_a_sentence_says_against_whom_the_highest_row_has_which_verdict(runs):
    found = matrix.records("casmed", published(*runs))
    said = matrix.which("casmed", found, matrix.cells("casmed", found))
    assert "CasRel is highest, with 80.0: above TPLinker." in said and "OneRel" not in said
    assert matrix.which("casmed", [], []).endswith("no recorded row has learned.")


def test_every_system_has_a_cost_and_a_line(runs):
    known, conditions = matrix.costs()
    assert known.keys() >= bench.configs().keys() and all(cost > 0.5 for cost in known.values())
    assert "documents" in conditions
    shown = matrix.table({"casmed": matrix.cells("casmed", matrix.records("casmed", published(*runs)))})
    assert list(shown.index)[:3] == ["CasRel", "TPLinker", "OneRel"] and set(shown.index) == known.keys()
    assert shown.loc["GPLinker"].iloc[0] == "–"


def test_page_without_records_is_a_table_of_costs():
    text = matrix.page(published())
    assert "| TPLinker |" in text and "highest" not in text
