"""The ledger of claims: every transcribed claim is there, records decide, and all pages say the same of it."""

import json
import re

import made
import pytest

from relex import corpora
from relex.audits.audit import checks
from relex.audits.findings import Finding
from relex.experiments import study
from relex.figures.style import use_style
from relex.files import project_root
from relex.reports import (
    attention,
    cascade,
    claims,
    compare,
    families,
    ledger,
    ledger_page,
    pooled,
    printed,
    rules,
    span,
    verdict,
    words,
)

BAR = made.counted("dictionary", 0.1, corpus="conll04")
SCORES = {"stands": (0.7, 0.71, 0.72), "falls": (0.3, 0.31, 0.32), "cannot be told": (0.5, 0.51, 0.52)}


def published(*records):
    """A function that gives records of their experiment alone."""
    return lambda name: [record for record in records if record["experiment"] == name]


def grid(ours, theirs=(0.5, 0.51, 0.52), corpus="conll04", **changes):
    """Records of ISER and SpERT with these scores, and their bar."""
    known = {"corpus": corpus, "stand_in": corpus != "conll04"} | changes
    runs = [*made.seeds("ISER", ours, **known), *made.seeds("SpERT", theirs, **known)]
    bar = made.counted("dictionary", 0.1, corpus=corpus, stand_in=known["stand_in"])
    return [run | {"experiment": "iser_comparison"} for run in (bar, *runs)]


def entry(name, *records):
    paper = name.partition("-")[0]
    return next(one for one in ledger.ledger(published(*records), [paper]) if one.id == name)


@pytest.mark.parametrize("paper", ledger.PAPERS)
def test_every_transcribed_claim_has_an_entry(paper):
    entries = ledger.claimed()[paper]
    assert {one["of"] for one in entries} - {"text"} == set(printed.reported(paper)["claims"])
    assert len({one["id"] for one in entries}) == len(entries) == len({one["claim"] for one in entries})
    assert all(one["id"].startswith(f"{paper}-") and one["place"] and one["rule"] for one in entries)


@pytest.mark.parametrize("paper", ledger.PAPERS)
def test_every_claim_can_be_decided_or_says_why_not(paper):
    content = families.asked(paper)
    asked = {claim["claim"] for group in content["groups"] for claim in group["claims"]} | set(claims.RESTS)
    for one in ledger.claimed()[paper]:
        assert ("untested" in one) != ("needs" in one or "refuted_by" in one), one["id"]
        assert set(one.get("needs", ())) <= asked, one["id"]


def test_without_records_nothing_stands_or_falls():
    entries = ledger.ledger(published())
    assert {e.verdict.word for e in entries} == {verdict.UNTESTED, verdict.REFUTED}
    assert all(e.verdict.reason for e in entries) and len(entries) >= 24


@pytest.mark.parametrize("word", SCORES)
def test_records_decide(word):
    found = entry("iser-spert", *grid(SCORES[word]))
    assert (found.verdict.word, found.verdict.reach) == (word, "") and found.by_corpus["conll04"] == found.verdict
    line = found.evidence[0]
    assert line.comparison == "ISER − SpERT, F1 of relations" and line.printed == 3.22 and line.seeds == 3
    assert line.low <= line.measured <= line.high and not line.rising


def test_a_changed_record_changes_the_verdict():
    records = grid(SCORES["stands"])
    assert entry("iser-spert", *records).verdict.word == verdict.STANDS
    worse = grid(SCORES["falls"])
    changed = [w if r["config"]["row"] == "ISER" else r for r, w in zip(records, worse, strict=True)]
    assert entry("iser-spert", *changed).verdict.word == verdict.FALLS


@pytest.mark.parametrize(
    ("changes", "ours", "word", "reason"),
    [
        ({"history": made.RISING}, (0.7, 0.71, 0.72), "cannot be told", "still rising"),
        ({}, (0.7,), "cannot be told", "one seed"),
        ({}, (0.05, 0.05, 0.05), "not learned", "not above dictionary"),
        ({}, (0.9, 0.7, 0.8), "cannot be told", "scatter"),
        ({"corpus": "interactions", "documents": 200}, (0.7, 0.71, 0.72), "cannot be told", "300 are needed"),
    ],
)
def test_what_breaks_a_rule_neither_stands_nor_falls(changes, ours, word, reason):
    found = entry("iser-spert", *grid(ours, **changes)).verdict
    assert found.word == word and reason in found.reason and not found.full


def test_two_seeds_are_indicative_and_generated_text_says_so():
    assert entry("iser-spert", *grid((0.7, 0.71), (0.5, 0.51))).verdict.text == "indicative: stands"
    generated = grid(SCORES["stands"], corpus="interactions")
    found = entry("iser-spert", *generated)
    assert found.verdict.text == "On our generated corpus: stands" and not found.verdict.full
    both = entry("iser-spert", *generated, *grid(SCORES["falls"]))
    assert both.verdict.text == "falls" and both.by_corpus["interactions"].text == "On our generated corpus: stands"


def test_no_entry_of_the_published_records_breaks_a_rule():
    from relex.runs.records import published as real

    for one in ledger.ledger(real):
        lines = [line for line in one.evidence if line.measured is not None]
        if one.verdict.word in (verdict.STANDS, verdict.FALLS):
            decided = [line for line in lines if verdict.outcome(line.verdict)]
            assert decided and all(line.seeds >= rules.INDICATIVE and not line.rising for line in decided), one.id
            assert one.verdict.reach or all(line.seeds >= rules.ENOUGH for line in decided), one.id
            assert one.verdict.reach.startswith(rules.GENERATED) == all(line.stand_in for line in decided), one.id
        if one.refuted_by:
            assert one.verdict.word == verdict.REFUTED and one.verdict.reason


REFUTED = {
    "umrc-markers": "QA, macro-F1 87.06 beside Basic2, macro-F1 88.09", "umrc-micro": "micro-P 86.00 and micro-R 86.00",
    "cbrrel-baselines": "Above its 76.74 stand TPLinker 79.45",
    "cbrrel-text-casmed": "80.67 − 73.02 = +7.65, printed is +6.66",
    "cbrrel-text-duie": "has 79.96, the table 76.74", "cbrrel-seo": "71.51 − 66.43 = +5.08, printed is +6.09",
}  # fmt: skip


def test_refuted_claims_come_with_their_sum():
    found = {e.id: e.verdict.reason for e in ledger.ledger(published()) if e.verdict.word == verdict.REFUTED}
    assert found.keys() == REFUTED.keys() and all(text in found[name] for name, text in REFUTED.items())


def test_every_check_that_refutes_is_one_of_the_audit():
    for paper, claims_of in ledger.claimed().items():
        named = [check["id"] for check in checks()[paper]["checks"] if "id" in check]
        asked = [name for one in claims_of for name in one.get("refuted_by", ())]
        assert sorted(named) == sorted(set(asked)) and len(set(named)) == len(named)


def test_figures_that_agree_and_weak_findings_refute_nothing(monkeypatch):
    claim = {"refuted_by": ["one", "two"]}
    weak, strong = made_finding("one", "weak"), made_finding("two", "strong")
    assert ledger.refutations(claim, []) == ledger.refutations(claim, [weak]) == []
    assert ledger.refutations(claim, [weak, strong]) == ["two does not fit"]
    monkeypatch.setattr(ledger, "audit", lambda paper: ([], 0))
    assert verdict.REFUTED not in {one.verdict.word for one in ledger.ledger(published())}


def made_finding(name, strength):
    return Finding("ISER", "Table 3", "a cell", "same", strength, f"{name} does not fit.", "", name)


def test_a_printed_difference_outside_of_an_interval_is_said_where_a_verdict_is_allowed():
    near = entry("iser-spert", *grid(SCORES["cannot be told"]))
    assert [line.off for line in near.evidence[:1]] == [not near.evidence[0].low <= 3.22 <= near.evidence[0].high]
    refused = entry("iser-spert", *grid((0.9,), (0.5,)))
    assert not any(line.off for line in refused.evidence)


# One source of verdicts: what two pages say of one claim cannot differ.


@pytest.mark.parametrize("word", SCORES)
def test_notebook_chapter_and_ledger_agree(word):
    records = grid(SCORES[word])
    found = {"conll04": span.differences(records, [("ISER", "SpERT")], {})}
    notebook = span.claims({"ISER is above SpERT": [("ISER", "SpERT")]}, found, ["re"])
    one = entry("iser-spert", *records)
    chapter, page = ledger_page.came_out("iser", [one]), ledger_page.page([one])
    for text in (notebook, chapter, page):
        assert verdict.told(one.verdict._replace(reason="")) in text
        assert not any(f"**{other}**" in text for other in SCORES if other != word)
    cell = claims.claims_table("iser", "conll04", families.records_of("iser", "conll04", published(*records)))
    answers = {"stands": "yes", "falls": "**no, the opposite**", "cannot be told": words.UNDECIDED}
    assert cell.loc["ISER is above SpERT", "verdict"] == answers[word]


def test_table_page_and_json_show_the_same(capsys):
    use_style()
    entries = ledger.ledger(published(*grid(SCORES["falls"])))
    rows, page = ledger_page.rows(entries), ledger_page.page(entries)
    told = json.loads(json.dumps([one.as_json() for one in entries]))
    assert all(len(row) == len(ledger_page.COLUMNS) for row in rows)
    assert [row[2] for row in rows if row[0]] == [one.verdict.text for one in entries]
    assert [one["verdict"] for one in told] == [one.verdict.word for one in entries]
    assert page.count("````{dropdown}") == len(entries) and page.count("\n| --- | --- | --- |") == len(ledger.PAPERS)
    assert all(f"| {one.claim} | {verdict.told(one.verdict._replace(reason=''))} |" in page for one in entries)
    numbers = [int(n) for n in re.findall(r"(\d+) \*", ledger_page.counted(entries))]
    assert sum(numbers) == len(entries)
    labels = [text.get_text() for text in ledger_page.drawn(entries).axes[0].texts]
    assert sum(int(label) for label in labels if label != "–") == len(entries)


def test_corpora_of_claims_are_known():
    for paper in ledger.PAPERS:
        known = {*corpora.names(stand_in=True), *corpora.names(stand_in=False)}
        assert set(families.asked(paper)["corpora"]) <= known


def test_bold_is_for_full_verdicts_of_claims():
    assert verdict.told(verdict.Verdict(verdict.STANDS)) == "**stands**"
    for found in (verdict.Verdict(verdict.STANDS, "indicative: "), verdict.Verdict(verdict.OPEN, "", "why")):
        assert "**" not in verdict.told(found)
    assert compare.outcome("indicative: higher") == "higher"


CLOSE = ("full", "sea->cls")
"""Rows of ISER's ablation whose difference has a verdict alone, and none among all claims."""


def ablation(corpus="conll04"):
    """Records of the ablation: one close pair, and removals that change nothing."""
    others = ["-interactive_fusion", "no residual", "lc->lc_att", "lc->lc_bert", "lc->cls", "lc->gc", "lc->gc_bert"]
    runs = [*made.seeds("full", (0.6, 0.61, 0.62), corpus=corpus), *made.seeds("sea->cls", (0.575, 0.583, 0.591))]
    for row in others:
        runs += made.seeds(row, (0.6, 0.61, 0.62))
    for run in (*runs, BAR):
        run["config"]["corpus"] = run["corpus"]["name"] = corpus
    return [run | {"experiment": "iser_ablation"} for run in (made.counted("dictionary", 0.1, corpus=corpus), *runs)]


@pytest.fixture
def as_published(monkeypatch):
    """Records that count as the published ones."""

    def give(*records):
        families._published_family.cache_clear()
        monkeypatch.setattr(families.run_records, "published", published(*records))

    yield give
    families._published_family.cache_clear()


def test_one_comparison_has_one_verdict_whatever_its_table(as_published):
    """Once K = 2 was *higher* on its own page and could not be told in the chapter: two families, two corrections."""
    records = ablation()
    alone = compare.differences(records, [CLOSE], compare.RE)
    assert alone["verdict"].tolist() == ["higher"], "the case is one in which the family matters"
    as_published(*records)
    of_claims = families.family("iser", "conll04", families.records_of("iser", "conll04", published(*records)))
    assert of_claims.loc["SEA is above [CLS]", "verdict"] == "within the noise"
    page = span.differences(records, [CLOSE], {})["re"]
    assert page["verdict"].tolist() == ["within the noise"]
    assert page["holm"].tolist() == [of_claims.loc["SEA is above [CLS]", "holm"]]
    study_page = study.Study([], records).differences([CLOSE], compare.RE)
    assert study_page["verdict"].tolist() == ["within the noise"]


def test_records_that_are_not_published_keep_the_verdict_of_their_table(as_published):
    as_published(*ablation("interactions"))
    page = span.differences(ablation(), [CLOSE], {})["re"]
    assert page["verdict"].tolist() == ["higher"]


def test_pages_of_the_published_records_agree_with_the_ledger():
    """Every comparison of a claim, made as its notebook makes it, has the verdict of the ledger."""
    from relex.runs.records import published as real

    seen = 0
    for paper in ledger.PAPERS:
        for corpus in families.asked(paper)["corpora"]:
            records = families.records_of(paper, corpus, real)
            found = families.family(paper, corpus, records)
            for group in families.asked(paper)["groups"]:
                score, chosen = compare.SCORES[group["score"]], records[group["experiment"]]
                for claim in (c for c in group["claims"] if c["claim"] in found.index):
                    pair = (claim["above"], claim["below"])
                    if pair not in pooled.POOLED:
                        page = families.settled(compare.differences(chosen, [pair], score), chosen, score)
                        assert page["verdict"].iloc[0] == found.loc[claim["claim"], "verdict"]
                        seen += 1
    assert seen > 40


def test_what_tables_remember_is_told_as_on_the_page_of_the_comparison():
    """Once the chapter had the dictionary ahead of both networks where the page had noise."""
    known = {"corpus": "casmed", "split": "report", "unseen": "01" * 200}
    runs = [
        made.counted("dictionary", 0.6, **known), made.counted("look-up", 0.5, head="lookup", **known),
        *made.seeds("CasRel", (0.59, 0.6, 0.62), **known), *made.seeds("CBRRel", (0.7, 0.71, 0.72), **known),
    ]  # fmt: skip
    for run in runs:
        run["metrics"] = {"triples.string.f1": 0.8}
        run["counts"]["unseen.n"] = 200
    said = cascade.memory(runs)
    for row in ("CasRel", "CBRRel"):
        line = cascade.against_memory(runs, row).loc[f"{row} − dictionary, report, all"]
        assert words.told(row, "the dictionary", line) in said
    assert "above 8 of the 8 F1 of Table 4" in said and "above 16 of the 18 F1 of Table 5" in said
    assert "No record" in cascade.memory([])


def test_a_reading_that_hardly_holds_does_not_stand(as_published):
    """Once a table said *yes* of attention where the page of it said *hardly holds*."""

    def rests(mass):
        look = {"queries": "relation", "targets": "entities", "documents": 9, "shuffled": 0.5, "spread": 0.5}
        look |= {"mass": mass, "difference": mass - 0.5, "low": mass - 0.505, "high": mass - 0.495}
        runs = made.seeds("ISER", (0.7, 0.71, 0.72), corpus="conll04")
        return [run | {"experiment": "iser_attention", "attention": {"trained": [look]}} for run in runs]

    for mass, cell, reading in ((0.52, "hardly", "hardly holds"), (0.7, "yes", "holds")):
        records = [*grid(SCORES["stands"])[:1], *rests(mass)]
        table = claims.attention_table(records)
        assert table.loc["relation queries rest on entities: ISER", "verdict"] == cell
        assert f"**{reading}**" in attention.verdict(attention.lines(records), "conll04", "ISER")
        found = entry("iser-attention", *records)
        assert found.verdict.word == "cannot be told", "of the other half this corpus cannot tell"
        assert (found.evidence[0].verdict == "no verdict") == (cell == "hardly")


def test_chapters_type_no_verdict_that_records_give():
    """What contradicted the tables stood in prose; it is included now, and these sentences are gone."""
    book = project_root() / "book"
    chapters = {"relation-classification": "umrc", "cascade-tagging": "cbrrel", "span-models": "iser",
                "focused-attention": "focused"}  # fmt: skip
    for name, paper in chapters.items():
        text = (book / f"{name}.md").read_text(encoding="utf-8")
        assert f"executed/{paper}_verdicts.md" in text and "What came out" in text
        assert not re.search(r"ahead of both|above every F1|has a verdict in this edition|printed gains are not", text)
    notebooks = [path.read_text(encoding="utf-8") for path in (project_root() / "notebooks").glob("*.ipynb")]
    assert not any("left where nothing can be looked up" in text for text in notebooks)
