"""Lines of differences: what is compared, whose seeds, which bar, which family."""

import subprocess
import sys
from pathlib import Path

import made
import numpy as np
import pytest

from relex import reports
from relex.errors import RelexError
from relex.reports import compare, results

BAR = made.counted("dictionary")
A, B = made.seeds("A", (0.80, 0.81, 0.82)), made.seeds("B", (0.60, 0.61, 0.62))
PAIR = [("A", "B")]


def test_verdicts_follow_the_rules_and_the_sign():
    twin = made.seeds("twin", (0.60, 0.61, 0.62))
    pairs = [("A", "B"), ("B", "A"), ("twin", "B"), ("A", "missing")]
    table = compare.differences([BAR, *A, *B, *twin], pairs, compare.RE, {("B", "A"): 0.02})
    assert table["verdict"].tolist() == ["higher", "lower", "within the noise"]
    assert table["difference"].tolist() == pytest.approx([0.2, -0.2, 0]) and table["seeds"].tolist() == [3, 3, 3]
    assert table["printed"].tolist()[1] == 0.02 and np.isnan(table["printed"].iloc[0])
    assert (table["low"] < table["difference"]).all() and (table["difference"] < table["high"]).all()
    assert (table["holm"] >= table["p"]).all() and (table["reason"] == "").all()
    assert [bar.name for bar in table["bar"]] == ["dictionary"] * 3
    assert compare.differences([], pairs, compare.RE).empty


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        (made.seeds("B", (0.2, 0.2, 0.2)), "not learned", "not above dictionary"),
        (made.seeds("B", (0.6,)), "no verdict", "one seed"),
        (made.seeds("B", (0.6, 0.61, 0.62), history=made.RISING), "no verdict", "still rising: B"),
        (made.seeds("B", (0.6, 0.61, 0.62), epochs=9), "no verdict", "unequal budgets"),
        (made.seeds("B", (0.5, 0.6, 0.7)), "no verdict", "scatter"),
    ],
)
def test_a_line_that_breaks_a_rule_is_not_tested(changed, verdict, reason):
    table = compare.differences([BAR, *A, *changed], PAIR, compare.RE)
    assert table["verdict"].item() == verdict and reason in table["reason"].item()
    assert np.isnan(table["holm"].item()) and np.isnan(table["p"].item())


def test_refused_lines_are_not_in_the_family():
    close = made.seeds("C", (0.78, 0.79, 0.80))
    records = [BAR, *A, *B, *close, *made.seeds("bad", (0.1, 0.1, 0.1))]
    alone = compare.differences(records, [("A", "C")], compare.RE)
    beside = compare.differences(records, [("A", "C"), ("A", "bad")], compare.RE)
    assert alone.loc["A − C", "holm"] == alone.loc["A − C", "p"] == beside.loc["A − C", "holm"]
    several = compare.differences(records, [("A", "C"), ("A", "B"), ("C", "B")], compare.RE)
    assert several.loc["A − B", "holm"] == pytest.approx(3 * several.loc["A − B", "p"])


def test_holm_decides_and_not_the_interval():
    """A difference whose own interval excludes zero, among many without one."""
    rows = {f"row {i}": made.seeds(f"row {i}", (0.790, 0.800, 0.810)) for i in range(30)}
    a = made.seeds("A", (0.82, 0.83, 0.84))
    records = [BAR, *a, *(r for runs in rows.values() for r in runs)]
    one = compare.differences(records, [("A", "row 0")], compare.RE)
    assert one["verdict"].item() == "higher" and 0.001 < one["p"].item() < 0.05
    pairs = [("A", "row 0")] + [(f"row {i}", f"row {i + 1}") for i in range(29)]
    many = compare.differences(records, pairs, compare.RE)
    assert many["low"].iloc[0] > 0 and many["verdict"].iloc[0] == "within the noise"


def test_tables_of_one_family_are_corrected_together():
    one = compare.differences([BAR, *A, *B], PAIR, compare.RE)
    refused = compare.differences([BAR, *A[:1], *B], PAIR, compare.RE)
    table = compare.together({"relations": one, "again": one, "refused": refused, "nothing": one.iloc[:0]})
    assert list(table.index) == ["relations", "again", "refused"]
    assert table["holm"].iloc[0] == pytest.approx(2 * one["holm"].iloc[0]) and np.isnan(table["holm"].iloc[2])
    assert list(compare.together([one, refused]).index) == ["A − B", "A − B"]
    assert compare.together([]).empty and compare.together({}).empty


def test_indicative_and_generated_verdicts_say_so():
    two = compare.differences([BAR, *A[:2], *B[:2]], PAIR, compare.RE)["verdict"].item()
    assert two == "indicative: higher" and compare.outcome(two) == "higher" and not compare.is_full(two)
    generated = [made.counted("dictionary", stand_in=True)]
    generated += made.seeds("A", (0.8, 0.81, 0.82), stand_in=True) + made.seeds("B", (0.6, 0.61, 0.62), stand_in=True)
    verdict = compare.differences(generated, PAIR, compare.RE)["verdict"].item()
    assert verdict == "On our generated corpus: higher" and not compare.is_full(verdict)
    assert compare.is_full("higher") and not compare.outcome("no verdict") and not compare.is_full("not learned")


def test_trained_rows_are_compared_over_the_seeds_that_both_have():
    a, b = compare.paired(A, B[:2])
    assert [r["config"]["seed"] for r in a] == [0, 1] == [r["config"]["seed"] for r in b]
    other = [made.record("B", seed=7)]
    assert [len(x) for x in compare.paired(A, other)] == [3, 1], "nothing in common: all there is"
    assert [len(x) for x in compare.paired(A, [BAR])] == [3, 1], "what counts stands for all seeds"
    table = compare.differences([*A, BAR], [("A", "dictionary")], compare.RE)
    assert table["difference"].item() == pytest.approx(0.51) and table["seeds"].item() == 3


def test_the_bar_is_of_the_documents_compared():
    unseen = "01" * 200
    low = made.counted("look-up", 0.9, head="lookup", unseen=unseen)
    high = made.seeds("A", (0.8, 0.8, 0.8), unseen=unseen)
    right = np.array(low["answers"]["correct_strict"].split())
    low["answers"]["correct_strict"] = " ".join(np.where(np.arange(400) % 2 == 1, "0", right))
    all_texts = compare.differences([low, *high], [("A", "look-up")], compare.RE)
    assert all_texts["bar"].item().score == pytest.approx(0.45, abs=0.01)
    some = compare.differences([low, *high], [("A", "look-up")], compare.RE, documents="unseen")
    assert some["bar"].item().score == 0 and some["difference"].item() == pytest.approx(0.8, abs=0.01)
    mask = np.arange(400) < 100
    assert compare.differences([low, *high], [("A", "look-up")], compare.RE, documents=mask)["bar"].item().score > 0.4
    with pytest.raises(RelexError, match="does not mark which test documents are unseen_pair"):
        compare.differences([low, *high], [("A", "look-up")], compare.RE, documents="unseen_pair")


def test_a_subset_without_documents_has_no_line_and_one_document_no_verdict():
    def table(unseen):
        rows = [made.counted("dictionary", 0.0), *made.seeds("A", (0.8,) * 3), *made.seeds("B", (0.0,) * 3)]
        for run in rows:
            run["answers"]["unseen"] = unseen
            if run["config"]["row"] == "B":
                run["answers"]["correct_strict"] = "1 " + run["answers"]["correct_strict"][2:]
        return compare.differences(rows, PAIR, compare.RE, documents="unseen")

    assert table("0" * 400).empty
    one = table("1" + "0" * 399)
    assert one["difference"].item() == 0.5 and one["verdict"].item() == "within the noise", "one document, equal seeds"


def test_runs_of_other_test_documents_are_refused():
    with pytest.raises(RelexError, match="runs of A and B were tested on different documents"):
        compare.differences([*A, *made.seeds("B", (0.6, 0.6), documents=300)], PAIR, compare.RE)


def test_each_score_has_its_bars():
    ends = [made.counted(name, 0.3, head=name) for name in compare.END_TO_END]
    given = [made.counted(name, 0.5, head=name) for name in compare.ON_GOLD]
    assert compare.bar([*ends, *given], A[0], compare.RE).score == pytest.approx(0.3)
    assert compare.bar([*ends, *given], A[0], compare.NER).name in compare.END_TO_END
    found = compare.bar([*ends, *given], A[0], compare.GIVEN)
    assert found.name in compare.ON_GOLD and found.score == pytest.approx(0.5)
    assert compare.bar([*ends, *given], A[0], compare.KEPT) is None
    far = made.counted("dictionary", train_limit=100)
    assert compare.bar([far], A[0], compare.RE) is None, "it knows fewer training documents"


def test_a_score_is_of_what_does_the_task_from_what_it_is_given():
    records = [
        made.record("Focused"), made.record("Bi-LSTM", task="ner"), made.record("CNN", task="rc"), BAR,
        made.counted("schema only", head="schema_only"),
    ]  # fmt: skip
    rows = {
        name: results.rows_in_order(r for r in records if compare.SCORES[name].applies(r))
        for name in ("ner", "re", "given", "kept")
    }
    assert rows == {
        "ner": ["Focused", "Bi-LSTM", "dictionary"], "re": ["Focused", "dictionary"],
        "given": ["Focused", "CNN", "schema only"], "kept": ["Focused", "CNN"],
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in compare.SCORES if name != "classification"])
def test_numbers_are_of_the_score_alone(name):
    score, other = compare.SCORES[name], made.record("B", 0.8)
    other["answers"][f"correct{score.answers}"] = " ".join(["1"] * 400)
    table = compare.differences([made.record("A", 1.0), other], PAIR, score)
    assert table["difference"].item() == pytest.approx(0.5)


def test_classification_is_compared_in_macro_f1():
    good, poor = "001122" * 20, "001120" * 10 + "001221" * 10
    runs = [made.classified("good", good, s) for s in range(3)] + [made.classified("poor", poor, s) for s in range(3)]
    bar = made.counted("TF-IDF", head="tfidf", documents=120)
    bar |= {k: made.classified("TF-IDF", "0" * 120)[k] for k in ("answers", "counts")}
    table = compare.differences([bar, *runs], [("good", "poor")], compare.CLASSES)
    assert table["verdict"].item() == "higher" and table["bar"].item().score == pytest.approx(1 / 6)
    unseen = compare.differences([bar, *runs], [("good", "poor")], compare.CLASSES, documents="unseen")
    assert unseen["difference"].item() != table["difference"].item()


GRID = {(mask, k): f"K{k}-{mask}" for mask in ("eq13", "eq14") for k in (2, 4)}
BY_MASK = compare.Pool("mask", {"eq13": "Eq. 13", "eq14": "Eq. 14"}, "k")
BY_K = compare.Pool("k", {2: "K = 2", 4: "K = 4"}, "mask")


def grid():
    return [
        made.record(row, {"eq13": 0.6, "eq14": 0.8}[mask] + 0.01 * seed, seed, mask=mask, k=k)
        for (mask, k), row in GRID.items()
        for seed in (0, 1)
    ]


def test_runs_of_a_grid_are_pooled_with_their_partners():
    rows = BY_MASK.rows(grid())
    assert list(rows) == ["Eq. 13", "Eq. 14"]
    partners = [[(r["config"]["k"], r["config"]["seed"]) for r in runs] for runs in rows.values()]
    assert partners[0] == partners[1] == [(2, 0), (2, 1), (4, 0), (4, 1)]
    mask = compare.differences([BAR, *grid()], [("Eq. 14", "Eq. 13")], compare.RE, pool_by=BY_MASK)
    assert mask["difference"].item() == pytest.approx(0.2)
    assert mask["seeds"].item() == 2, "a seed is one, however many cells it has"
    assert mask["verdict"].item() == "indicative: higher"
    k = compare.differences([BAR, *grid()], [("K = 4", "K = 2")], compare.RE, pool_by=BY_K)
    assert k["low"].item() == k["high"].item() == 0, "what the masks do is no noise in what K does"
    assert k["verdict"].item() == "indicative: within the noise"
    one = [r for r in grid() if r["config"]["seed"] == 0]
    refused = compare.differences([BAR, *one], [("Eq. 14", "Eq. 13")], compare.RE, pool_by=BY_MASK)
    assert refused["verdict"].item() == "no verdict" and refused["reason"].item() == "one seed"
    alone = [r for r in grid() if (r["config"]["row"], r["config"]["seed"]) != ("K4-eq13", 1)]
    assert len(BY_MASK.rows(alone)["Eq. 14"]) == 3, "a run without its partner is left out"
    assert BY_MASK.rows(alone[:3]) == {} and compare.differences(alone[:3], PAIR, compare.RE, pool_by=BY_K).empty


def test_reports_need_no_torch():
    names = [path.stem for path in Path(reports.__file__).parent.glob("[a-z]*.py")]
    assert {"compare", "claims", "tables"} <= set(names)
    code = f"import sys, {', '.join(f'relex.reports.{n}' for n in names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
