"""What the ISER paper's tables say of themselves."""

import pandas as pd
import pytest

from relex.reports import span_printed


@pytest.fixture
def two_tables(monkeypatch):
    """One corpus, whose tables are made up: ISER is second, and its recall is another in the ablation."""

    def row(p, r, f1):
        return {"re.strict.p": p, "re.strict.r": r, "re.strict.f1": f1, "ner.strict.f1": f1}

    shown = {
        "comparison": {"ISER": row(50.0, 50.0, 50.0), "other": row(60.0, 60.0, 60.0)},
        "ablation": {"full": row(50.0, 52.0, 50.0), "less": row(40.0, 40.0, 40.0)},
    }
    monkeypatch.setattr(span_printed, "TABLES", {"conll04": ("Table 4", "Table 6")})
    monkeypatch.setattr(span_printed, "printed", lambda corpus, experiment: shown[experiment])


def test_who_is_first(two_tables):
    assert span_printed.ranks().splitlines() == [
        "- Table 4, CoNLL04, entities: ISER (50.00) is below other (60.00).",
        "- Table 4, CoNLL04, relations: ISER (50.00) is below other (60.00).",
    ]


def test_a_row_that_is_another_in_the_second_table(two_tables):
    assert span_printed.disagreements() == (
        "- CoNLL04, relations, R: 50.00 in Table 4 and 52.00 in Table 6, with the same P 50.00 and F1 50.00; "
        "of R 50.00 gives 50.00 and 52.00 gives 50.98."
    )
    assert span_printed.misses().index.tolist() == [("Table 6", "full", "relations")]


def test_what_the_paper_prints():
    assert "Table 3, CH-DDI, relations: ISER (78.43) is below SPN4RE (82.06)" in span_printed.ranks()
    assert "98.17 gives 96.67 and 97.72 gives 96.45" in span_printed.disagreements()
    assert ("Table 6", "sea->cls", "entities") in span_printed.misses().query("outside").index
    table = span_printed.totals()
    assert table.loc[("CH-DDI", "relations"), ["printed total", "best total"]].tolist() == [386, 382]
    assert table.loc[("CoNLL04", "relations"), ["printed total", "best total"]].tolist() == [343, 343]


def test_totals_in_words():
    line = {
        "recalls": 18.0,
        "printed total": 386.0,
        "fit it": 1.0,
        "by chance": 0.7,
        "best total": 382.0,
        "fit that": 14.0,
    }
    fits = line | {"fit it": 14.0, "best total": 386.0}
    told = span_printed.totals_told(pd.DataFrame({("X", "relations"): line, ("X", "entities"): fits}).T).splitlines()
    assert told[0].endswith("only 1 of 18 recalls are possible with the printed total, 386; 14 are with **382**.")
    assert told[1] == "- X, entities: the printed total, 386, fits best."
    assert told[2:] == [
        "- The CH-DDI relations of train in Table 2 add up to 1,276; Table 1 prints 1,276.",
        "- The CH-DDI relations of test in Table 2 add up to 386; Table 1 prints 386.",
    ]


def test_points_as_triples():
    table = span_printed.steps()
    assert table.loc["lc->lc_att", "CoNLL04"].tolist() == ["1.18", "4.0"] and "full" not in table.index
    assert table.loc["-interactive_fusion", "CH-DDI"].tolist() == ["1.27", "4.9"]


def test_which_part_was_tested_on():
    sizes = pd.DataFrame(
        {"dev": [231, 893, 343], "test": [288, 1079, 422]}, index=["sentences", "entities", "relations"]
    ).T
    told = span_printed.which_part(sizes)
    assert "exactly these counts is **dev**" in told and told.endswith("288 sentences and 422 relations.")
    assert "No part of the shipped files" in span_printed.which_part(sizes.loc[["test"]])
    assert "not on this machine" in span_printed.which_part(None)
