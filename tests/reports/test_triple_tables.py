"""Counts of corpora of triples beside the printed ones, on counts made by hand."""

import pandas as pd
import pytest

from relex.audits import triples as audit
from relex.corpora.readers import casmed
from relex.documents import Document, Relation, Span
from relex.reports import triples


def test_overlap_and_conflicts_are_counted():
    spans = (Span(0, 2, "x"), Span(2, 4, "y"), Span(4, 6, "y"))
    shared = Document("1", "右冠狭窄钙化", spans, (Relation(0, 1, "r"), Relation(0, 2, "r")))
    single = Document("2", shared.text, spans, (Relation(0, 1, "r"),))
    counted = audit.overlap_counts([shared, single])
    assert counted.loc["sentences"].tolist() == [1, 1, 0] and counted.loc["triples"].tolist() == [1, 2, 0]
    assert audit.conflicting_texts([shared, single]) == 1 and audit.conflicting_texts([shared] * 2) == 0
    assert casmed.relation_code("身体部位_症状体征") == "BpSy"


def test_facts_and_shortcuts_of_splits():
    facts = triples.facts({("casmed", "report"): {"train": 8, "test in train": 0.5, "test in train or dev": 0.75}})
    assert facts["train"].dtype == int
    assert triples.formatted(facts).iloc[0].tolist() == [8, "50.0%", "75.0%"]
    scores = triples.shortcuts({
        ("casmed", "report"): {"lookup": {"all": 0.8, "unseen": 0.0}},
        ("angiography", "novel"): {"lookup": {"all": 0.0}},
    })  # fmt: skip
    assert triples.percent(scores)["lookup", "unseen"].tolist() == ["0.0%", "–"]
    assert triples.furthest(scores) == (
        "The look-up table gets furthest on `casmed`, split `report`: 80.0%. The best F1 that the paper prints for its "
        "corpus of such reports is 77.26 (CBRRel), below that; its split is not known."
    )
    assert triples.furthest(scores.iloc[1:]).endswith("split `novel`: 0.0%.")


def test_relations_stand_beside_the_printed_ones():
    named = {code: name for name, code in casmed.CODES.items()}
    counted = pd.Series({f"{named['Bp']}_{named['Sy']}": 5379, f"{named['Mc']}_{named['Bp']}": 1})
    table = triples.relations({"casmed": counted})
    assert table.loc["BpSy", ["printed", "casmed"]].tolist() == [5379, 5379] and len(table) == 8
    said = triples.relation_findings(table, 500, 4596)
    assert said.startswith("1 of 8 relations have the printed number") and "500 reports in 4,596 segments" in said
    assert triples.relation_findings(table.drop(columns="casmed"), 0, 0) == ""


@pytest.mark.parametrize(
    ("epo", "said"), [(0, "leave one relation at most"), (2, "a string that stands for two types")]
)
def test_printed_classes_of_overlap_are_added_up(epo, said):
    counted = pd.DataFrame({"normal": 1, "seo": 2, "epo": epo}, index=["sentences", "triples"])
    table = triples.overlap({"casmed": counted})
    assert table.loc[("casmed", "printed"), "epo"] == 88 and table.loc[("casmed", "triples"), "epo"] == epo
    duie, printed, found = triples.overlap_findings(table).splitlines()
    assert "211,529" in duie and "more than twice as many" in duie
    assert "12,092" in printed and "each triple in one class" in printed
    assert f"**{epo} triples with EPO**" in found and said in found and found.endswith("prints 88.")


def test_alignment_is_told_in_shares():
    table = pd.DataFrame({"string triples": [8], "ambiguous": [2], "other than nearest": [0.5]}, index=["first"])
    assert triples.alignment(table).loc["first", ["ambiguous", "other than nearest"]].tolist() == ["2 (25.0%)", "50.0%"]
