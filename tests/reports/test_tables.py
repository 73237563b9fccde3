"""Tables of the book: what stands beside what."""

import made
import numpy as np
import pytest

from relex.errors import RelexError
from relex.reports import cascade, overlap, printed, results, tables
from relex.reports.printed import reported

CLASSES = ["病因", "药物治疗", "同义词"]


def record(row, seed, predicted, gold="001122" * 20, unseen="010101" * 20):
    matrix = np.zeros((3, 3), int)
    for g, p in zip(gold, predicted, strict=True):
        matrix[int(g), int(p)] += 1
    return {
        "run": f"{row} {seed}",
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


def test_provenance_names_a_stand_in():
    text = tables.provenance(RECORDS)
    assert "(**a generated stand-in**)" in text
    for split, said in (("shipped", ""), ("distinct", ", split distinct")):
        one = RECORDS[0] | {"config": RECORDS[0]["config"] | {"split": split}}
        assert results.origin(one) == f"encyclopedia (**a generated stand-in**{said})"
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
    assert results.where(both, split="report", seed=0) == both[:1] and results.where(both, split="distinct") == []


def test_costs_survive_runs_too_short_to_time():
    table = tables.costs(RECORDS)
    assert table.loc["poor", "padding"] == "10.0%" and table.loc["poor", "time in the model"] == "50%"


def test_costs_are_the_least_of_the_seeds():
    slow = RECORDS[1] | {"time": {"train_s": 40.0, "model_s": 10.0, "predict_s": 60.0}}
    fast = RECORDS[2] | {"time": {"train_s": 20.0, "model_s": 15.0, "predict_s": 30.0}}
    for runs in ([slow, fast], [fast, slow]):
        line = tables.costs(runs).loc["good"]
        assert line[["seconds of training", "tokens a second", "texts predicted a second"]].tolist() == ["20", "4", "4"]
        assert line["time in the model"] == "75%"


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
    table = cascade.entity_table({"a": {"entities.病.p": 70.0}}, EXTRACTED[:2], EXTRACTED[2:], "p")
    assert table.loc[("病", "a"), "printed"] == "70.00" and table.loc[("病", "a"), "recorded"] == "75.0 ± 0.0"
    assert table.loc[("病", "b"), "this execution"] == "75.0"
    assert "entities.病.f1" not in EXTRACTED[0]["metrics"], "the records themselves stay as they are"


def test_nested_printed_tables_stand_beside_the_records():
    shown = printed.rows("cbrrel", "overlap_casmed")
    content = reported("cbrrel")["tables"]["overlap_casmed"]["rows"]
    assert shown.keys() == content.keys()
    assert shown["CBRRel"]["overlap.seo.r"] == shown["CBRRel"]["overlap.triple.seo.r"] == content["CBRRel"]["seo"][1]
    gold = [r | {"counts": r["counts"] | {"overlap.seo.tp": 1}} for r in EXTRACTED[:2]]
    table = overlap.table({"a": shown["CasRel"]}, gold, [])
    assert table.loc["a", ("seo", "recorded")].startswith("37.5 ±")
    assert table.loc["a", ("epo", "printed")] == f"{content['CasRel']['epo'][2]:.2f}"
    assert ("normal", "recorded") not in table, "a class without gold triples has no score"
    types = printed.rows("cbrrel", "entities_casmed")["CBRRel"]
    assert types[f"entities.{printed.TYPES['Do']}.f1"] == 89.89


def test_printed_tables_are_complete():
    for name in ("encoding_ablation", "encoder_comparison", "class_enhancement"):
        content = reported("umrc")["tables"][name]
        shown = printed.rows("umrc", name)
        assert set(shown) == set(content["rows"])
        for row, cells in shown.items():
            assert list(cells.values()) == content["rows"][row]
            assert "recall_weighted_micro_f1" in cells
    assert printed.rows("cbrrel", "ablation_duie")["-fgm"]["triples.string.f1"] == 76.04


def test_a_frame_has_a_line_for_each_run():
    lines = results.frame([*EXTRACTED, *RECORDS])
    assert lines["row"].tolist()[:3] == ["a", "a", "b"] and lines["trained"].all()
    assert lines["relations.病因.r"].iloc[0] == 0.6 and np.isnan(lines["relations.病因.r"].iloc[-1])
    assert tables.cells(RECORDS, "accuracy", ["poor", "nobody"]) == ["75.0", "–"]
    assert tables.cells(RECORDS, "missing", ["poor"]) == ["–"] == tables.cells([], "accuracy", ["poor"])


def test_what_has_to_be_said_of_records():
    real = RECORDS[0] | {"corpus": {"name": "casmed", "stand_in": False}}
    two = [real, real | {"config": real["config"] | {"seed": 1}}]
    assert tables.caution([]) == "" == tables.caution(two)
    assert "one seed" in tables.caution(two[:1])
    small = tables.caution([RECORDS[0] | {"config": RECORDS[0]["config"] | {"profile": "quick"}}])
    assert "no evidence" in small and "stand-in" in small and "one seed" not in small
    assert "stand-in" in tables.title("interactions") and tables.title("jsonl:mine") == "jsonl:mine"


def test_types_with_their_error_over_seeds():
    found = tables.type_differences(EXTRACTED, "a", "b", {"病": 0.01})
    assert found.loc["病", "gold"] == 5 and found.loc["病", "difference"] == 0 and found.loc["病", "printed"] == 0.01
    assert np.isnan(found.loc["病", "error"]), "one seed tells no error"


def test_a_short_execution_stands_in_the_tables_only_where_nothing_is_recorded():
    quick = [record("good", 0, GOOD)]
    quick[0]["config"]["profile"] = "quick"
    assert results.shown(quick, RECORDS) == [] and results.shown(quick, []) == quick
    assert results.shown(RECORDS, quick) == RECORDS


def test_an_execution_says_of_each_row_whether_it_is_above_the_bar():
    counted = record("TF-IDF", 0, POOR)
    counted["config"] |= {"head": "tfidf"}
    del counted["config"]["epochs"]
    for r in (executed := [counted, *RECORDS]):
        r["corpus"] = r["corpus"] | {"fingerprint": "f"}
    table = tables.execution(executed)
    assert list(table.index) == ["TF-IDF", "poor", "good", "twin"]
    assert list(table["above the bar"]) == ["–", "no", "yes", "no"]
    assert table.loc["good", "seeds"] == 2 and table.loc["good", "score"] == "macro-F1"
    assert "generated stand-in" in table.loc["good", "corpus"]


def test_an_execution_counts_a_run_once_and_keeps_tests_of_two_sizes_apart():
    one, other = made.record("A", 0.8), made.record("A", 0.5, documents=100, run="other")
    table = tables.execution([made.counted("dictionary"), one, one | {"experiment": "again"}, other])
    assert table.loc["A", "seeds"].tolist() == [1, 1] and table.loc["A", "percent"].tolist() == ["80.0", "50.0"]
