"""Tables of the book: what stands beside what, and what the verdicts follow from."""

import numpy as np
import pandas as pd
import pytest

from relex.experiments import tables
from relex.experiments.experiment import reported

CLASSES = ["病因", "药物治疗", "同义词"]


def record(row, seed, predicted, gold="001122" * 20, unseen="010101" * 20):
    matrix = np.zeros((3, 3), int)
    for g, p in zip(gold, predicted, strict=True):
        matrix[int(g), int(p)] += 1
    return {
        "config": {"row": row, "seed": seed, "profile": "cpu", "encoder": "random:tiny", "layers": 2, "epochs": 1,
                   "train_limit": 0},
        "corpus": {"name": "encyclopedia", "stand_in": True, "sizes": {"train": 50}},
        "metrics": {"accuracy": float(np.trace(matrix) / matrix.sum())},
        "counts": {"classes": CLASSES, "n": len(gold), "confusion": matrix.tolist(), "train_documents": 50,
                   "parameters": 1000, "trained_tokens": 90, "padded_positions": 100},
        "history": [{}],
        "answers": {"gold": gold, "predicted": predicted, "unseen": unseen},
        "time": {"train_s": 2.0, "model_s": 1.0, "predict_s": 0.0},
        "machine": {"device": "cpu, 1 thread", "cpu": "one"},
    }  # fmt: skip


GOOD, POOR = "001122" * 20, "001120" * 10 + "001221" * 10
RECORDS = [record("poor", 0, POOR), record("good", 0, GOOD), record("good", 1, POOR), record("twin", 0, POOR)]


def test_comparison_puts_printed_recorded_and_present_side_by_side():
    table = tables.comparison({"accuracy": "accuracy"}, {"good": {"accuracy": 90.5}}, RECORDS, RECORDS[:1])
    assert list(table.index) == ["good", "poor", "twin"]
    assert table.loc["good", ("accuracy", "printed")] == "90.50"
    accuracies = [100 * r["metrics"]["accuracy"] for r in RECORDS[1:3]]
    expected = f"{np.mean(accuracies):.1f} ± {np.std(accuracies, ddof=1):.1f}"
    assert table.loc["good", ("accuracy", "recorded")] == expected
    assert table.loc["good", ("accuracy", "this execution")] == "–"
    assert table.loc["good", ("seeds", "recorded")] == "2"


def test_verdicts_follow_the_intervals():
    pairs = [("good", "poor"), ("poor", "good"), ("twin", "poor"), ("good", "missing")]
    table = tables.differences([RECORDS[0], RECORDS[1], RECORDS[3]], pairs, {("poor", "good"): 0.02})
    assert list(table["verdict"]) == ["higher", "lower", "within the noise"]
    assert table["difference"].iloc[0] == pytest.approx(-table["difference"].iloc[1]) and table["p"].iloc[2] == 1
    assert (table["holm"] >= table["p"]).all()
    text = tables.summary(table)
    assert "1 *higher*, 1 *lower*, 1 *within the noise*" in text and "opposite for **poor − good**" in text
    assert list(tables.in_points(table)["printed"]) == ["–", "+2.00", "–"]
    assert tables.summary(pd.DataFrame()) == "There is nothing to compare."


def test_unseen_only_leaves_the_rest_out():
    gold, predicted, unseen = tables.answered(RECORDS, "poor")
    assert predicted.shape == (1, len(gold)) and unseen.sum() * 2 == len(gold)
    right = [int((predicted[0] == gold)[kept].sum()) for kept in (unseen, ~unseen)]
    assert sum(right) == np.trace(RECORDS[0]["counts"]["confusion"])


def test_confusions_name_the_hardest_class_and_what_it_is_taken_for():
    text = tables.confusions([[9, 1, 0], [0, 10, 0], [6, 1, 3]], CLASSES, 1)
    assert "**同义词**" in text and "of 10 documents 3 are right" in text and "病因 (6) and 药物治疗 (1)" in text


def test_provenance_names_a_stand_in():
    text = tables.provenance(RECORDS)
    assert "stand-in" in text and "50 training documents for 1 epoch," in text and "2 seeds" in text
    assert tables.provenance([]) == "No records."


def test_costs_survive_runs_too_short_to_time():
    table = tables.costs(RECORDS)
    assert table.loc["poor", "padding"] == "10.0%" and table.loc["poor", "in the model"] == "50%"


def test_printed_tables_are_complete():
    for name in ("encoding_ablation", "encoder_comparison", "class_enhancement"):
        content = reported("umrc")["tables"][name]
        printed = tables.printed("umrc", name, {"micro_f1": "recall_weighted_micro_f1"})
        assert set(printed) == set(content["rows"])
        for row, cells in printed.items():
            assert list(cells.values()) == content["rows"][row]
            assert "recall_weighted_micro_f1" in cells
