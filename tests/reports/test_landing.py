"""The findings of the first page: a few lines, each with its evidence a click away, and as the ledger says."""

import functools
import re

from relex.files import project_root
from relex.reports import landing, ledger_page, results, words
from relex.reports.ledger import ledger
from relex.reports.verdict import FALLS, NOT_LEARNED, Verdict
from relex.runs.records import published

READ = functools.cache(published)


def test_a_few_lines_each_with_a_link_to_a_page_that_is_there():
    lines = landing.findings(ledger(READ), READ).splitlines()
    assert 5 <= len(lines) <= 7
    for line in lines:
        (page,) = re.findall(r"{doc}`[^`<]+<([\w/-]+)>`$", line)
        name = page.removeprefix("executed/")
        assert any((project_root() / "book" / f"{page}.md", project_root() / "notebooks" / f"{name}.ipynb")[i].is_file()
                   for i in (0, 1)), page  # fmt: skip
        assert re.search(r"\d", line) or "not learned" in line.lower() or "untested" in line.lower()


def headline(entries, name):
    claim = next(e.claim for e in entries if e.id == name)
    return next(line for line in landing.findings(entries, READ).splitlines() if claim in line)


def test_a_verdict_that_changes_changes_its_line_and_what_has_not_learned_compares_nothing():
    def as_if(verdict):
        changed = [e._replace(verdict=verdict) if e.id == "focused-joint-lstm" else e for e in entries]
        return headline(changed, "focused-joint-lstm")

    entries = ledger(READ)
    assert "** Falls. On casmed Focused is " in as_if(Verdict(FALLS))
    unlearned = as_if(Verdict(NOT_LEARNED, reason="it is not above the bar; one seed"))
    assert "** Not learned: it is not above the bar. {doc}" in unlearned
    assert headline(entries, "focused-joint-lstm") == as_if(
        next(e.verdict for e in entries if e.id == "focused-joint-lstm")
    )


def test_every_comparison_of_a_headline_stands_under_its_verdict_with_its_interval():
    entries = ledger(READ)
    claim = next(e for e in entries if e.id == "cbrrel-baselines")
    lines = [line for line in claim.evidence if line.corpus == "casmed"]
    assert len(lines) == 7
    for verdict, order in (*words.ORDER.items(), ("no verdict", landing.UNDECIDED)):
        turned = claim._replace(evidence=[lines[0]._replace(verdict=verdict), *lines[1:]])
        told = headline([turned], "cbrrel-baselines")
        assert re.search(rf"{order} [^;]*CasRel {re.escape(ledger_page.measured(lines[0]))}", told), verdict
        assert all(
            f" {line.comparison.split(' ')[2].rstrip(',')} {ledger_page.measured(line)}" in told for line in lines
        )


def test_scores_are_named_where_a_headline_has_several():
    told = headline(ledger(READ), "focused-joint-lstm")
    assert "Joint-Bi-LSTM in F1 of entities " in told and "Joint-Bi-LSTM in F1 of relations " in told


def test_without_records_only_the_printed_figures_speak():
    def none(experiment):
        return []

    lines = landing.findings(ledger(none), none).splitlines()
    assert "467" in lines[0] or "comparisons" in lines[0]
    assert not any("measured" in line or "n-grams" in line for line in lines)


def test_the_picture_has_printed_measured_and_counted_scores_of_all_four():
    table = landing.picture(READ)
    assert list(table["source"]) == ["printed", "measured", "counts alone"] * 4
    measured = table[table["source"] == "measured"]
    assert (measured["low"] < measured["score"]).all() and (measured["score"] < measured["high"]).all()
    assert round(table.loc["CBRRel: as printed", "score"], 4) == 0.7726
    assert set(landing.picture(lambda experiment: [])["source"]) == {"printed"}


def test_the_point_of_umrc_is_the_highest_row_on_the_test_part_and_the_caption_says_so():
    case = landing.CASES["UMRC"]
    records = results.where(READ(case.experiment), **case.where)
    scores = {row: results.values(records, row, "macro_f1") for row in results.rows_in_order(results.trained(records))}
    row, highest = max(((row, sum(v) / len(v)) for row, v in scores.items() if v), key=lambda one: one[1])
    (line,) = [name for name in landing.picture(READ).index if name.startswith(f"UMRC: {words.titled(row)}, ")]
    assert abs(landing.picture(READ).loc[line, "score"] - highest) < 1e-6
    assert [name for name, one in landing.CASES.items() if not one.row] == ["UMRC"]
    caption = (project_root() / "book" / "index.md").read_text(encoding="utf-8").partition(":name: fig-headline")[2]
    assert "Of UMRC's encodings the point is the highest row on the test part" in caption.partition("```")[0]


def test_an_interval_is_that_of_the_score_itself():
    for name, case in landing.CASES.items():
        records = results.where(READ(case.experiment), **case.where)
        runs = results.of_row(results.where(records, split=results.main_split(records)), case.row or "entity2")
        found = case.score.interval(runs)
        assert abs(found.mean - case.score.of_runs(runs).mean()) < 1e-9, name


def test_the_picture_is_of_the_primary_split_where_there_are_several():
    def both(experiment):
        records = READ(experiment)
        moved = [r | {"run": f"{r['run']} again", "config": r["config"] | {"split": "novel"}} for r in records]
        return [*records, *moved] if experiment == "focused_main" else records

    assert "Focused attention: Focused, casmed, novel" in landing.picture(both).index
    assert "Focused attention: Focused, casmed, distinct" in landing.picture(READ).index
