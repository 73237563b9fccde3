"""What tables and verdicts say of records of attention, on records made by hand."""

import pytest

from relex.experiments import attention_tables
from relex.figures import interval_plot


def line(queries, targets, difference, half=0.01, shuffled=0.2, documents=40):
    return {
        "queries": queries, "targets": targets, "mass": shuffled + difference, "shuffled": shuffled,
        "difference": difference, "low": difference - half, "high": difference + half, "spread": 0.5,
        "documents": documents,
    }  # fmt: skip


def record(seed, corpus="zh", row="ISER", **moments):
    """A record of attention; `moments` map names (`_` for a blank) to lines."""
    attention = {name.replace("_", " "): lines for name, lines in moments.items()}
    return {"config": {"corpus": corpus, "row": row, "seed": seed}, "attention": attention}


def both(entities, triggers, crossed=0.0):
    return [
        line("relation", "entities", entities), line("entity", "entities", crossed),
        line("entity", "triggers", triggers), line("relation", "triggers", crossed),
    ]  # fmt: skip


RECORDS = [
    record(seed, trained=both(0.1 + 0.01 * seed, -0.05), fresh_fusion=both(0.1, 0.0), before_training=both(0.0, 0.0))
    for seed in range(2)
]


def test_lines_are_over_seeds():
    table = attention_tables.lines(RECORDS)
    assert len(table) == 12
    found = table.loc[("zh", "ISER", "relation", "entities", "trained")]
    assert found["mass"] == pytest.approx(0.305) and found["sd"] == pytest.approx(0.01 / 2**0.5)
    assert (found["low"], found["high"]) == (pytest.approx(0.09), pytest.approx(0.12))
    assert found["seeds"] == 2 and found["verdict"] == "more"
    verdicts = table["verdict"].xs("entity", level="queries").xs("triggers", level="targets").droplevel([0, 1])
    assert dict(verdicts) == {"trained": "less", "fresh fusion": "as shuffled", "before training": "as shuffled"}


def test_rows_and_corpora_do_not_mix():
    other = [
        record(0, "en", trained=[line("relation", "entities", 0.3)]),
        record(0, row="ours", trained=both(0.5, 0.5)),
    ]
    table = attention_tables.lines([*RECORDS, *other])
    assert table.loc[("zh", "ours", "relation", "entities", "trained"), "seeds"] == 1
    assert table.loc[("en", "ISER", "relation", "entities", "trained"), "difference"] == pytest.approx(0.3)
    shown = {key: attention_tables.shown(table, *key) for key in (("zh", "ISER"), ("zh", "ours"), ("en", "ISER"))}
    assert [len(some) for some in shown.values()] == [4, 4, 1]
    cells = shown["zh", "ISER"].loc["relation queries → entities"]
    assert cells["trained − shuffled"] == "+10.50 (+9.00 … +12.00)" and cells["verdict"] == "more"
    assert cells["before training − shuffled"] == "+0.00 (−1.00 … +1.00)"
    assert shown["zh", "ours"].loc["entity queries → trigger words", "mass"] == "70.0"


def test_lines_without_records_or_documents():
    nothing = record(0, trained=[{"queries": "entity", "targets": "triggers", "documents": 0}])
    for records in ([], [nothing], [{"config": {"corpus": "zh", "row": "SpERT"}}]):
        assert attention_tables.lines(records).empty


def test_intervals_can_be_drawn():
    found = attention_tables.intervals(attention_tables.lines(RECORDS), "zh", "ISER")
    assert list(found.index)[:3] == [
        f"relation queries → entities, {m}" for m in ("trained", "fresh fusion", "before training")
    ]
    assert len(found) == 6
    interval_plot(found)


def test_verdict():
    relation, entity = attention_tables.verdict(attention_tables.lines(RECORDS), "zh", "ISER").splitlines()
    assert "The paper's reading **holds**" in relation and "30.5 % of" in relation
    assert "a fresh fusion on the trained encoder +10.00 (not told apart)" in relation
    assert "the untrained model +0.00 (less than after training)" in relation
    assert "seen depends on it in part;" in relation and "seen depends on it;" in entity
    assert "Entity queries are at +0.00: less;" in relation
    assert "**points the wrong way**" in entity and "less;" not in entity
    assert "Relation queries are at +0.00: **more**;" in entity
    assert "the untrained model +0.00 (more than after training)" in entity


@pytest.mark.parametrize(("difference", "word"), [(0.015, "hardly holds"), (0.005, "does not show"), (0.04, "holds")])
def test_words_of_a_reading(difference, word):
    table = attention_tables.lines([record(0, trained=[line("relation", "entities", difference)])])
    said = attention_tables.verdict(table, "zh", "ISER")
    assert f"The paper's reading **{word}**" in said
    assert "nothing in this corpus tells what trigger words are" in said
    assert "Training" not in said
