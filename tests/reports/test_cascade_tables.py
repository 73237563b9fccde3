"""Tables and findings of the cascade chapter: by split, thresholds, gradients, types, on records made by hand."""

import made
import pandas as pd
import pytest

from relex.errors import RelexError
from relex.figures import plots
from relex.figures.style import use_style
from relex.reports import cascade as tables
from relex.reports import compare, results
from relex.reports import tables as general


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
    said = tables.split_findings("A", "B", found)
    assert said.startswith("- report, all: A is **40.0 points above** B") and said.endswith("3 *higher*.")
    assert tables.split_findings("A", "B", found.iloc[:0]) == "There is nothing to compare."
    memory = tables.against_memory(records, "A")
    assert memory.index[0] == "A − dictionary, report, all" and len(memory) == 3
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


def test_splits_that_repeat_texts_come_before_those_that_do_not():
    records = [record("A", "novel", unseen="1111"), record("A", "report"), record("A", "distinct", unseen="1111")]
    assert tables.repeating_split(records) == "report" and tables.repeating_split(records[:1]) == "novel"


def test_settings_are_told_split_by_split():
    records = [*made.seeds("A", (0.9, 0.8), split="novel", layers=4), *made.seeds("B", (0.9,), split="novel", layers=2)]
    found = tables.settings([*records, made.counted("dictionary", split="report")])
    assert found.loc["casmed (split novel)"].to_dict() == {
        "layers": "2, 4", "epochs": "20", "seeds": "2", "device": "cpu"
    }  # fmt: skip
    assert len(found) == 1


def test_what_is_looked_up_is_beside_the_printed_rows():
    steps = tables.ladder(
        [record("look-up"), record("dictionary", correct="2 2 2 2")], {"X": {"triples.string.f1": 40.0}}
    )
    said = tables.looked_up(steps, "report")
    assert (
        "table reaches 50.0% and the dictionary 100.0%" in said
        and "Of the 1 printed rows" in said
        and "above 1." in said
    )


def test_removals_are_told_by_what_they_cost():
    rows = {"full": 0.9, "-cnn": 0.5, "-fgm": 0.9}
    records = [
        made.counted("dictionary"),
        *(run for row, score in rows.items() for run in made.seeds(row, (score,) * 3)),
    ]
    found = compare.differences(records, [("full", "-cnn"), ("full", "-fgm")], compare.STRING)
    assert tables.removals(found).startswith("Of 2 removals: taking it out costs F1: -cnn; within the noise: -fgm.")
    assert tables.removals(found.iloc[:0]) == "There is nothing to compare."


def test_a_control_tells_what_a_step_adds_to_its_pass():
    rows = {"full": 0.9, "pass": 0.9, "-fgm": 0.5}
    records = [
        made.counted("dictionary"),
        *(run for row, score in rows.items() for run in made.seeds(row, (score,) * 3)),
    ]
    found = compare.differences(records, [("full", "pass"), ("pass", "-fgm")], compare.STRING)
    step, again = tables.control_findings(found, "pass").splitlines()
    assert "cannot be distinguished" in step and "*pass* is **40.0 points above** *-fgm*" in again
    assert "profiles cpu and full only" in tables.control_findings(found.iloc[1:], "pass")


def test_the_printed_row_without_fgm_cannot_be_right():
    lines = tables.printed_notes().splitlines()
    assert "F1 75.65, outside of its P 78.38 and R 81.16" in lines[0] and "1.61 points" in lines[0]
    assert "casmed" in lines[1] and "the same row (F1 71.07 and 71.07)" in lines[1]
    assert "duie" in lines[2] and "different rows (F1 73.04 and 73.68)" in lines[2]


def test_the_largest_type_is_named_with_its_code():
    runs = [
        record(row, counts={"n": 4, "entities": {"x": {"tp": 5, "fp": x, "fn": 0}, "y": {"tp": 2, "fp": 0, "fn": 1}}})
        for row, x in (("A", 0), ("B", 5))
    ]
    found = general.type_differences(runs, "A", "B", {"x": -0.02, "y": 0.03})
    codes = {"x": "Xx", "y": "Yy"}
    said = tables.largest_types(found, codes)
    assert said.startswith("The largest difference is that of x (Xx), +33.3 points; the paper prints the largest for y")
    assert said.endswith("for 0 of 2 types."), "all of them are rare, so none is left out"
    said = tables.largest_types(found, codes, least=5)
    assert said.endswith("for 0 of 1 types. y has 3 gold items here and is left out.")
    shown = tables.types_in_points(found)
    assert shown.loc["x", "difference"] == "+33.3" and shown["gold"].tolist() == [5, 3] and "± over seeds" not in shown


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
    assert tables.best_thresholds(curves).startswith("- A: F1 50.0% at 0.5, at most 50.0% (threshold 0.5)")
    at_printed = tables.printed_epsilon({"S": found}, 1e-3)
    assert (
        at_printed.index.tolist() == [("S", "before training"), ("S", "after training")] and "epsilon" not in at_printed
    )
    said = tables.gradient_findings({"S": found}, 1e-3).splitlines()[0]
    assert "**the second pass turns the step**" in said and "with more than one degree is 0.001" in said
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
