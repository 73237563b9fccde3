"""Tables of the book: what stands beside what."""

import numpy as np
import pytest

from relex.errors import RelexError
from relex.experiments import tables, triple_tables
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


def test_answers_are_read_by_row():
    gold, predicted, unseen = tables.answered(RECORDS, "poor")
    assert predicted.shape == (1, len(gold)) and unseen.sum() * 2 == len(gold)
    right = [int((predicted[0] == gold)[kept].sum()) for kept in (unseen, ~unseen)]
    assert sum(right) == np.trace(RECORDS[0]["counts"]["confusion"])


def test_confusions_name_the_hardest_class_and_what_it_is_taken_for():
    text = tables.confusions([[9, 1, 0], [0, 10, 0], [6, 1, 3]], CLASSES, 1)
    assert "**同义词**" in text and "of 10 documents 3 are right" in text and "病因 (6) and 药物治疗 (1)" in text


def test_provenance_names_a_stand_in():
    text = tables.provenance(RECORDS)
    assert "(**a generated stand-in**)" in text
    for split, said in (("shipped", ""), ("distinct", ", split distinct")):
        one = RECORDS[0] | {"config": RECORDS[0]["config"] | {"split": split}}
        assert tables.origin(one) == f"encyclopedia (**a generated stand-in**{said})"
    assert "stand-in" in text and "50 training documents for 1 epoch," in text and "2 seeds" in text
    assert tables.provenance([]) == "No records."


def test_provenance_names_split_and_unit_and_allows_for_what_has_no_encoder():
    real = {"name": "casmed", "stand_in": False, "sizes": {"train": 50}}
    one = RECORDS[0] | {"corpus": real, "config": RECORDS[0]["config"] | {"split": "report", "unit": "segment"}}
    counted = one | {"config": {k: v for k, v in one["config"].items() if k != "epochs"} | {"encoder": "", "layers": 0}}
    assert "corpus casmed (split report, unit segment), " in tables.provenance([one, counted])
    assert "random:tiny" in tables.provenance([counted, one]) and "``" not in tables.provenance([counted, one])
    assert "50 training documents, 120 test documents; no encoder;" in tables.provenance([counted])


def test_a_row_of_two_splits_is_not_averaged():
    real = {"name": "casmed", "stand_in": False, "sizes": {"train": 50}}
    both = [RECORDS[0] | {"corpus": real, "config": RECORDS[0]["config"] | {"split": s}} for s in ("report", "shipped")]
    with pytest.raises(RelexError, match=r"row 'poor' has records of casmed \(split report\) and casmed \(split ship"):
        tables.comparison({"accuracy": "accuracy"}, {}, both, [])
    assert tables.where(both, split="report", seed=0) == both[:1] and tables.where(both, split="distinct") == []


def test_costs_survive_runs_too_short_to_time():
    table = tables.costs(RECORDS)
    assert table.loc["poor", "padding"] == "10.0%" and table.loc["poor", "in the model"] == "50%"


def test_costs_are_the_least_of_the_seeds():
    slow = RECORDS[1] | {"time": {"train_s": 40.0, "model_s": 10.0, "predict_s": 60.0}}
    fast = RECORDS[2] | {"time": {"train_s": 20.0, "model_s": 15.0, "predict_s": 30.0}}
    for runs in ([slow, fast], [fast, slow]):
        line = tables.costs(runs).loc["good"]
        assert line[["training (s), least", "tokens/s", "documents/s, prediction"]].tolist() == ["20", "4", "4"]
        assert line["in the model"] == "75%"


def test_costs_leave_out_what_is_not_trained():
    counted = RECORDS[0] | {"config": RECORDS[0]["config"] | {"row": "lookup"}, "counts": {"n": 120}}
    assert list(tables.costs([counted, *RECORDS]).index) == ["poor", "good", "twin"]


def extracted(row, seed, correct):
    """40 documents of two gold triples each, by offset one fewer than by string; every second one is unseen."""
    counts = {"tp": 3, "fp": 1, "fn": 2}
    of = " ".join
    return record(row, seed, GOOD) | {
        "metrics": {"overlap.seo.f1": 0.25 * (seed + 1), "overlap.normal.f1": 0.5},
        "counts": {"n": 40, "entities": {"病": counts}, "relations": {"病因": counts},
                   "relations.string": {"病因": counts | {"fn": 0, "tp": 3 + 3 * seed}}},
        "answers": {"gold": of("1" * 40), "predicted": of("1" * 40), "correct": of("0" * 40), "unseen": "01" * 20,
                    "gold_string": of("2" * 40), "predicted_string": of("2" * 40), "correct_string": of(correct)},
    }  # fmt: skip


EXTRACTED = [extracted("a", 0, "2" * 40), extracted("a", 1, "21" * 20), extracted("b", 0, "20" * 20)]


def test_f1_by_entity_type():
    table = triple_tables.entity_table({"a": {"entities.病.p": 70.0}}, EXTRACTED[:2], EXTRACTED[2:], "p")
    assert table.loc["a", ("病", "printed")] == "70.00" and table.loc["a", ("病", "recorded")] == "75.0 ± 0.0"
    assert table.loc["b", ("病", "this execution")] == "75.0"
    assert "entities.病.f1" not in EXTRACTED[0]["metrics"], "the records themselves stay as they are"


def test_nested_printed_tables_stand_beside_the_records():
    printed = triple_tables.nested_printed("cbrrel", "overlap_casmed", "overlap")
    content = reported("cbrrel")["tables"]["overlap_casmed"]["rows"]
    assert printed.keys() == content.keys()
    assert printed["CBRRel"]["overlap.seo.r"] == content["CBRRel"]["seo"][1]
    table = triple_tables.overlap_table({"a": printed["CasRel"]}, EXTRACTED[:2], [])
    assert table.loc["a", ("seo", "recorded")].startswith("37.5 ±")
    assert table.loc["a", ("epo", "printed")] == f"{content['CasRel']['epo'][2]:.2f}"


def test_printed_tables_are_complete():
    for name in ("encoding_ablation", "encoder_comparison", "class_enhancement"):
        content = reported("umrc")["tables"][name]
        printed = tables.printed("umrc", name, {"micro_f1": "recall_weighted_micro_f1"})
        assert set(printed) == set(content["rows"])
        for row, cells in printed.items():
            assert list(cells.values()) == content["rows"][row]
            assert "recall_weighted_micro_f1" in cells
