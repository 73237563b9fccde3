"""Tables of the cascade chapter: by split, by class of overlap, thresholds and gradients, on records made by hand."""

import made
import numpy as np
import pandas as pd
import pytest

from relex.audits import triples
from relex.corpora.readers import casmed
from relex.documents import Document, Relation, Span
from relex.errors import RelexError
from relex.figures import plots
from relex.figures.style import use_style
from relex.reports import cascade as tables
from relex.reports import results


def record(row, split="report", correct="1 1 1 1", unseen="0101", seed=0, **more):
    """A record of four documents with two gold and two predicted triples each."""
    hits = sum(map(int, correct.split()))
    answers = {name: "2 2 2 2" for name in ("gold", "gold_string", "predicted", "predicted_string")}
    return {
        "config": {
            "row": row, "split": split, "seed": seed, "corpus": "casmed", "profile": "cpu", "fgm": 0.0, "unit": "",
            "align": "", "test_limit": 0,
        },
        "corpus": {"name": "casmed", "stand_in": False, "fingerprint": "x"},
        "metrics": {"triples.string.f1": hits / 8, "unseen.triples.string.f1": hits / 8},
        "counts": {"n": 4, "unseen.n": unseen.count("1"), "entities": {"Bp": {"tp": hits, "fp": 1, "fn": 1}}},
        "answers": answers | {"correct": correct, "correct_string": correct, "unseen": unseen},
        **more,
    }  # fmt: skip


def test_splits_have_their_own_lines():
    records = [made.counted("dictionary", 0.1, split=split) for split in ("report", "distinct")]
    for split, unseen in (("report", "01" * 200), ("distinct", "1" * 400)):
        for row, score in (("A", 0.9), ("B", 0.5)):
            records += made.seeds(row, (score, score, score), split=split, unseen=unseen)
    found = tables.split_differences(records, "A", "B", 0.06)
    assert list(found.index) == ["report, all", "report, unseen", "distinct, all unseen"]
    assert found["difference"].tolist() == pytest.approx([0.4] * 3, abs=0.01)
    assert (found["holm"] >= found["p"]).all() and (found["printed"] == 0.06).all()
    assert (found["verdict"] == "higher").all() and [bar.name for bar in found["bar"]] == ["dictionary"] * 3
    assert tables.split_differences(records, "A", "missing").empty
    nothing_unseen = [r | {"answers": r["answers"] | {"unseen": "0" * 400}} for r in records]
    assert list(tables.split_differences(nothing_unseen, "A", "B").index) == ["report, all", "distinct, all"]


def test_scores_by_split():
    records = [
        record(row, split, correct, unseen)
        for split, unseen in (("report", "0101"), ("distinct", "1111"))
        for row, correct in (("A", "2 2 2 2"), ("B", "0 2 0 2"))
    ]
    table = tables.by_split({"A": {"triples.string.f1": 71.07}}, records, [])
    assert table.loc["A"].tolist() == ["71.07", "100.0", "100.0", "100.0"]
    assert ("recorded", "distinct", "all unseen") in table and results.main_split(records) == "distinct"
    assert (
        results.main_split([*records, record("A", "novel")]) == "novel" and results.main_split(records[:1]) == "report"
    )
    with pytest.raises(RelexError, match="no records"):
        results.main_split([])


def test_differences_by_overlap_are_one_family(monkeypatch):
    masks = {"normal": np.arange(400) < 200, "seo": np.arange(400) >= 200, "epo": np.zeros(400, bool)}
    monkeypatch.setattr(tables, "overlap_masks", lambda one: masks)
    records = [made.counted("dictionary"), *made.seeds("A", (0.9,) * 3), *made.seeds("B", (0.5,) * 3)]
    found = tables.overlap_differences(records, "A", "B", {"seo": 0.02})
    assert list(found.index) == ["normal", "seo"] and (found["verdict"] == "higher").all()
    assert np.isnan(found["printed"].iloc[0]) and found["printed"].iloc[1] == 0.02
    monkeypatch.setattr(tables, "overlap_masks", lambda one: None)
    assert tables.overlap_differences(records, "A", "B", {}).empty


def test_gradients_curves_and_sweeps_are_drawn():
    use_style()
    points = [{"epsilon": e, "cosine": 1 - e / 2, "norm_ratio": 1.0, "perturbation_ratio": e, "loss_change": e}
              for e in (0.0, 1e-3, 1.0)]  # fmt: skip
    curve = [{"threshold": t, "p": t, "r": 1 - t} for t in (0.1, 0.5, 0.9)]
    runs = [record("A", seed=s, gradients={"start": points, "end": points}, curve=curve) for s in (0, 1)]
    found = tables.gradients(runs)
    assert found["distance"].tolist() == pytest.approx([0, 5e-4, 0.5] * 2) and (found["runs"] == 2).all()
    assert found["angle"].iloc[2] == pytest.approx(60) and tables.gradients([record("A")]).empty
    assert plots.gradient_distance(found, 3e-5).axes[0].get_xscale() == "log"
    curves = tables.curves(runs, ["A"])
    assert curves["A"].loc[0.5, "r"] == 0.5
    assert len(plots.precision_recall(curves).axes[0].lines) > 4
    swept = tables.sweep(runs).rename(columns={"epsilon": "ε"})
    assert [t.get_text() for t in plots.sweep(swept, "ε").axes[0].get_xticklabels()] == ["0"]


def test_ladder_tells_what_a_row_was_given():
    found = tables.ladder([record("CasRel"), record("schema only")], {"CasRel": {"triples.string.f1": 71.0}})
    assert found["source"].to_dict() == {
        "CasRel (printed)": "printed", "schema only": "given the gold entities", "CasRel": "trained"
    }  # fmt: skip
    five = pd.DataFrame({"score": 0.5, "source": list("abcde")})
    with pytest.raises(RelexError, match="4 sources at most"):
        plots.ladder(five)


def test_overlap_and_conflicts_are_counted():
    spans = (Span(0, 2, "x"), Span(2, 4, "y"), Span(4, 6, "y"))
    shared = Document("1", "右冠狭窄钙化", spans, (Relation(0, 1, "r"), Relation(0, 2, "r")))
    single = Document("2", shared.text, spans, (Relation(0, 1, "r"),))
    counted = triples.overlap_counts([shared, single])
    assert counted.loc["sentences"].tolist() == [1, 1, 0] and counted.loc["triples"].tolist() == [1, 2, 0]
    assert triples.conflicting_texts([shared, single]) == 1 and triples.conflicting_texts([shared] * 2) == 0
    assert casmed.relation_code("身体部位_症状体征") == "BpSy"
