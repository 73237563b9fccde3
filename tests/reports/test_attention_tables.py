"""What tables and verdicts say of records of attention, on records made by hand."""

import made
import pytest

from relex.reports import attention as attention_tables
from relex.reports import plot


def line(queries, targets, difference, half=0.01, shuffled=0.2, documents=40):
    return {
        "queries": queries, "targets": targets, "mass": shuffled + difference, "shuffled": shuffled,
        "difference": difference, "low": difference - half, "high": difference + half, "spread": 0.5,
        "documents": documents,
    }  # fmt: skip


def record(seed, corpus="zh", row="ISER", **moments):
    """A record of attention; `moments` map names (`_` for a blank) to lines."""
    attention = {name.replace("_", " "): lines for name, lines in moments.items()}
    return made.record(row, 0.8, seed, corpus=corpus) | {"attention": attention}


BARS = [made.counted("dictionary", corpus=corpus) for corpus in ("zh", "en")]


def both(entities, triggers, crossed=0.0):
    return [
        line("relation", "entities", entities), line("entity", "entities", crossed),
        line("entity", "triggers", triggers), line("relation", "triggers", crossed),
    ]  # fmt: skip


RECORDS = [
    record(seed, trained=both(0.1 + 0.01 * seed, -0.05), fresh_fusion=both(0.1, 0.0), before_training=both(0.0, 0.0))
    for seed in range(3)
]


def test_lines_are_over_seeds():
    table = attention_tables.lines([*BARS, *RECORDS])
    assert len(table) == 12
    found = table.loc[("zh", "ISER", "relation", "entities", "trained")]
    assert found["mass"] == pytest.approx(0.31) and found["sd"] == pytest.approx(0.01)
    assert (found["low"], found["high"]) == (pytest.approx(0.09), pytest.approx(0.13))
    assert found["seeds"] == 3 and found["verdict"] == "more"
    verdicts = table["verdict"].xs("entity", level="queries").xs("triggers", level="targets").droplevel([0, 1])
    assert dict(verdicts) == {"trained": "less", "fresh fusion": "as shuffled", "before training": "as shuffled"}


def test_rows_and_corpora_do_not_mix():
    other = [
        record(0, "en", trained=[line("relation", "entities", 0.3)]),
        record(0, row="ours", trained=both(0.5, 0.5)),
    ]
    table = attention_tables.lines([*BARS, *RECORDS, *other])
    assert table.loc[("zh", "ours", "relation", "entities", "trained"), "seeds"] == 1
    assert table.loc[("en", "ISER", "relation", "entities", "trained"), "difference"] == pytest.approx(0.3)
    shown = {key: attention_tables.shown(table, *key) for key in (("zh", "ISER"), ("zh", "ours"), ("en", "ISER"))}
    assert [len(some) for some in shown.values()] == [4, 4, 1]
    cells = shown["zh", "ISER"].loc["relation queries → entities"]
    assert cells["trained − shuffled"] == "+11.00 (+9.00 … +13.00)" and cells["verdict"] == "more"
    assert cells["before training − shuffled"] == "0.00"
    assert shown["zh", "ours"].loc["entity queries → trigger words", "mass"] == "70.0"


def test_lines_without_records_or_documents():
    nothing = record(0, trained=[{"queries": "entity", "targets": "triggers", "documents": 0}])
    for records in ([], [nothing], [made.record("SpERT")]):
        assert attention_tables.lines(records).empty


def test_intervals_can_be_drawn():
    found = attention_tables.intervals(attention_tables.lines([*BARS, *RECORDS]), "zh", "ISER")
    assert list(found.index)[:3] == [
        f"relation queries → entities, {m}" for m in ("trained", "fresh fusion", "before training")
    ]
    assert len(found) == 6
    assert len(plot.differences(found).axes) == 1


def test_verdict():
    relation, entity = attention_tables.verdict(attention_tables.lines([*BARS, *RECORDS]), "zh", "ISER").splitlines()
    assert "The paper's reading **holds**" in relation and "31.0 % of" in relation
    assert "a fresh fusion on the trained encoder +10.00 (indistinguishable)" in relation
    assert "the untrained model 0.00 (less than after training)" in relation
    assert "seen depends on it in part;" in relation and "seen depends on it;" in entity
    assert "Entity queries are at 0.00: less;" in relation
    assert "**points the wrong way**" in entity and "less;" not in entity
    assert "Relation queries are at 0.00: more;" in entity
    assert "the untrained model 0.00 (more than after training)" in entity


def test_which_model_draws():
    run = RECORDS[0] | {"metrics": {"ner.strict.f1": 0.8, "re.strict.f1": 0.5}}
    told = attention_tables.drawn_from(run, [run])
    assert told == (
        "The model is `ISER` of a recorded run, profile cpu, seed 0; its strict F1 on the test part: "
        "NER 80.0% and RE 50.0%."
    )
    here = attention_tables.drawn_from(run, RECORDS[1:])
    assert "of this execution" in here and here.endswith("the statistic below is theirs.")
    assert "theirs" not in attention_tables.drawn_from(run, [])


@pytest.mark.parametrize(("difference", "word"), [(0.015, "hardly holds"), (0.005, "does not show"), (0.04, "holds")])
def test_words_of_a_reading(difference, word):
    runs = [record(seed, trained=[line("relation", "entities", difference)]) for seed in range(3)]
    table = attention_tables.lines([*BARS, *runs])
    said = attention_tables.verdict(table, "zh", "ISER")
    assert f"The paper's reading **{word}**" in said
    assert "this corpus does not mark its trigger words" in said
    assert "Training" not in said


@pytest.mark.parametrize(
    ("runs", "bars", "said"),
    [
        (RECORDS[:1], BARS, "no verdict (one seed)"), (RECORDS, [], "no verdict (no bar recorded)"),
        (RECORDS, [made.counted("dictionary", 0.9, corpus="zh")], "not learned (ISER (80.0) is not above"),
        (RECORDS[:2], BARS, "indicative: more"),
    ],
)  # fmt: skip
def test_the_rules_hold_for_attention(runs, bars, said):
    table = attention_tables.lines([*bars, *runs])
    assert attention_tables.shown(table, "zh", "ISER").loc["relation queries → entities", "verdict"].startswith(said)
    text = attention_tables.verdict(table, "zh", "ISER")
    assert "**" not in text and ("there is no verdict" in text) == ("indicative" not in said)
    assert "indicative" not in said or text.startswith("- indicative: Relation queries")
