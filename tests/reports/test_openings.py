"""What notebooks' pages begin with, on records made by hand and on none."""

from pathlib import Path

import made
import nbformat
import pytest

from relex.book import opening as heads
from relex.book.lessons import lesson_names
from relex.book.toc import notebook_names
from relex.experiments import EXPERIMENTS
from relex.reports import families, ledger, openings, verdict

ROOT = Path(__file__).parents[2]
HOW_TO = {"own_text", "own_english", *lesson_names(ROOT)}
"""Notebooks that show how something is done and ask no question of the papers."""


def published_of(*records):
    return lambda name: [r for r in records if r["experiment"] == name]


def opening(page, *records):
    published = published_of(*records)
    papers = [EXPERIMENTS[page].paper] if page in EXPERIMENTS else []
    return heads.text(page, ledger.ledger(published, papers), published)


def runs(experiment, row, scores, **changes):
    return [r | {"experiment": experiment} for r in made.seeds(row, scores, split="novel", **changes)]


def bar(experiment):
    return made.counted("dictionary", 0.1, split="novel") | {"experiment": experiment}


def test_every_notebook_has_an_opening_of_claims_that_there_are():
    assert set(openings.pages()) == set(notebook_names(ROOT)) - HOW_TO
    ids = {one["id"] for own in ledger.claimed().values() for one in own}
    for page, content in openings.pages().items():
        assert set(content.get("claims", ())) <= ids, page
        lines = content.get("lines", {})
        own = families.asked(EXPERIMENTS[page].paper)["groups"] if lines else []
        assert lines.keys() <= {claim["claim"] for group in own for claim in group["claims"]}, page
        assert ("question" in content) == (page not in EXPERIMENTS), "a question stands in one place"


@pytest.mark.parametrize("page", openings.pages())
def test_without_records_nothing_is_said_to_stand(page):
    text = opening(page)
    assert text.startswith("**Question.** ") and "?\n\n**Answer.**" in text
    assert verdict.STANDS not in text and verdict.FALLS not in text
    reasons = openings.NOTHING, verdict.UNTESTED, verdict.REFUTED
    assert page == "iser_printed" or any(reason in text.lower() for reason in reasons)


@pytest.mark.parametrize(
    ("scores", "changes", "said"),
    [
        ((0.8, 0.81, 0.8), {}, "**stands** on casmed: +"),
        ((0.3, 0.31, 0.3), {}, "**falls** on casmed: −"),
        ((0.8, 0.81), {}, "indicative: stands on casmed"),
        ((0.8,), {}, "cannot be told on casmed: +20.0"),
        ((0.05, 0.06, 0.05), {}, "not learned on casmed"),
        ((0.8, 0.81, 0.8), {"history": made.RISING}, "no verdict (still rising: CasRel, gated)"),
    ],
)
def test_a_changed_record_changes_the_answer(scores, changes, said):
    records = [bar("cbrrel_gate"), *runs("cbrrel_gate", "CasRel", (0.6, 0.61, 0.6))]
    text = opening("cbrrel_gate", *records, *runs("cbrrel_gate", "CasRel, gated", scores, **changes))
    assert said in text
    assert ("**stands**" in text) == said.startswith("**stands**"), "bold is for full verdicts"


@pytest.mark.parametrize("score", [0.3, 0.6, 0.9, 0.05])
def test_a_page_and_the_ledger_say_the_same(score):
    records = [bar("cbrrel_comparison"), *runs("cbrrel_comparison", "CasRel", [0.6] * 3)]
    published = published_of(*records, *runs("cbrrel_comparison", "CBRRel", [score] * 3))
    entries = {entry.id: entry for entry in ledger.ledger(published, ["cbrrel"])}
    text = heads.text("cbrrel_comparison", [*entries.values()], published)
    said = verdict.told(entries["cbrrel-casrel"].verdict._replace(reason=""))
    assert f": {said}. On casmed: " in text


def test_counting_is_of_the_best_row():
    gold = "001122" * 20
    records = [
        made.classified(row, predicted, head="tfidf") | {"experiment": "baselines"}
        for row, predicted in (("TF-IDF pair", gold), ("majority", "0" * 120))
    ]
    assert "TF-IDF pair has 100.0% macro-F1" in opening("corpora", *records)


def test_look_up_is_told_split_by_split_and_dictionaries_are_none():
    records = [
        made.counted(row, score, head=head, split=split) | {"experiment": "cbrrel_comparison"}
        for row, score, head, split in (
            ("look-up", 0.2, "lookup", "novel"), ("masked look-up", 0.4, "masked_lookup", "novel"),
            ("dictionary", 0.9, "dictionary", "novel"), ("look-up", 0.5, "lookup", "shipped"),
        )
    ]  # fmt: skip
    assert "40.0% on split `novel` (masked look-up), 50.0% on split `shipped` (look-up)" in opening(
        "triple_corpora", *records
    )


@pytest.mark.parametrize("name", openings.pages())
def test_the_opening_stands_under_the_title(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    title, prose = notebook.cells[0].source.split("\n\n")[:2]
    assert notebook.cells[0].cell_type == "markdown" and title.startswith("# ")
    heads.put_in(notebook, name)
    begun = notebook.cells[0].source
    assert begun.startswith(f"{title}\n\n```{{include}} {name}_opening.md\n```\n\n{prose}")
