"""Each rule of a verdict, on records made by hand."""

import made
import numpy as np
import pytest

from relex.reports import rules
from relex.reports.rules import Bar, Row

BAR = Bar("dictionary", 0.3)


def row(name, scores, **changes):
    return Row(name, made.seeds(name, scores, **changes), np.array(scores))


STEADY = (0.80, 0.81, 0.82)


def refusal(*rows, bar=BAR, documents=400):
    return rules.refusal(rows, bar, documents)


def test_what_keeps_every_rule_is_not_refused():
    assert refusal(row("A", STEADY), row("B", STEADY)) == ("", "")
    assert rules.reach([row("A", STEADY), row("B", STEADY)]) == ""


def test_a_row_has_to_be_above_the_bar():
    low = row("B", (0.29, 0.30, 0.31))
    assert refusal(row("A", STEADY), low) == ("not learned", "B (30.0) is not above dictionary (30.0)")
    assert refusal(low, row("C", (0.1, 0.1, 0.1)))[1] == "B (30.0) and C (10.0) are not above dictionary (30.0)"
    assert refusal(row("A", STEADY), low, bar=None) == ("no verdict", "no bar recorded")
    shallow = row("Bi-LSTM", (0.1, 0.1, 0.1), head="shallow")
    assert refusal(row("A", STEADY), shallow)[0] == "not learned", "it is trained, so it has to learn as well"


def test_what_only_counts_need_not_pass_the_bar_and_stands_for_all_seeds():
    table = Row("look-up", [made.counted("look-up", 0.2)], np.array([0.2]))
    assert refusal(row("A", STEADY), table) == ("", "") and rules.seeds([row("A", STEADY), table]) == 3
    assert refusal(table, table._replace(runs=[made.counted("other")]), bar=None) == ("", "")


def test_a_control_has_not_learned_either_and_the_line_says_that_it_is_one():
    control = row("none", (0.01, 0.0, 0.01), mask="none")
    reason = "none (0.7) is not above dictionary (30.0); none is a control without mask, made to fail"
    assert refusal(row("A", STEADY), control) == ("not learned", reason)
    assert refusal(row("A", (0.1, 0.1, 0.1)), control)[0] == "not learned"
    assert refusal(row("A", STEADY), row("none", STEADY, mask="none")) == ("", "")
    assert rules.caveat([row("A", STEADY), row("B", STEADY)], BAR) == ""


def test_seeds():
    assert refusal(row("A", (0.8,)), row("B", STEADY)) == ("no verdict", "one seed")
    two = [row("A", (0.8, 0.81)), row("B", (0.7, 0.71))]
    assert rules.refusal(two, BAR, 400) == ("", "") and rules.reach(two) == "indicative: "
    wide = (0.75, 0.80, 0.85)
    reason = "the seeds of B scatter by 5.0 points, so 5 are needed, not 3"
    assert refusal(row("A", STEADY), row("B", wide)) == ("no verdict", reason)
    assert refusal(row("A", STEADY), row("B", (0.77, 0.80, 0.83)))[1].startswith("the seeds of B scatter by 3.0")
    five = (0.75, 0.80, 0.85, 0.78, 0.82)
    assert refusal(row("A", five), row("B", five)) == ("", "")
    partners = [row("A", wide), row("B", (0.70, 0.75, 0.80))]
    assert rules.refusal(partners, BAR, 400, partners=True) == ("", ""), "what partners share is no scatter"


@pytest.mark.parametrize(
    ("history", "rises"),
    [
        ((0.5, 0.8, 0.7), False), ((0.5, 0.7, 0.8), True), ((0.5, 0.8, 0.805), False), ((0.5, 0.8, 0.806), True),
        ((0.5, 0.8, 0.6, 0.7), False), ((0.8,), True), ((), True),
    ],
)  # fmt: skip
def test_a_run_is_rising_if_its_last_epoch_was_the_best_by_half_a_point(history, rises):
    assert rules.rising(made.record("A", history=history)) is rises


def test_a_row_most_of_whose_runs_are_rising_has_no_verdict():
    rising = row("B", STEADY, history=made.RISING)
    assert refusal(row("A", STEADY), rising) == ("no verdict", "still rising: B")
    one = Row("B", [made.record("B", seed=0, history=made.RISING), *made.seeds("B", STEADY)[1:]], np.array(STEADY))
    assert refusal(row("A", STEADY), one) == ("", ""), "one of three"


@pytest.mark.parametrize(
    ("ours", "theirs", "equal"),
    [
        ({}, {}, True), ({"epochs": 20}, {"epochs": 40}, False), ({"patience": 3}, {"patience": 4}, False),
        ({"patience": 0}, {"patience": 0}, True), ({"patience": 0}, {"patience": 0, "batch_tokens": 300}, False),
        ({"patience": 0}, {"patience": 0, "train_limit": 100}, False), ({}, {"batch_tokens": 300}, True),
        ({"patience": 0}, {"patience": 0, "sampler": "balanced"}, False),
        ({"patience": 0}, {"patience": 0, "fgm": 3e-5}, True),
    ],
)  # fmt: skip
def test_rows_of_a_line_trained_to_the_same_rule(ours, theirs, equal):
    found = refusal(row("A", STEADY, **ours), row("B", STEADY, **theirs))
    assert found == (("", "") if equal else ("no verdict", "unequal budgets"))


@pytest.mark.parametrize(("steps", "equal"), [((500, 500), True), ((500, 503), True), ((500, 520), False)])
def test_steps_decide_where_records_tell_them(steps, equal):
    rows = [row(name, STEADY, patience=0, epochs=e) for name, e in (("A", 20), ("B", 30))]
    for one, number in zip(rows, steps, strict=True):
        for run in one.runs:
            run["counts"]["steps"] = number
    assert rules.unequal_budgets(rows) == ("" if equal else "unequal budgets")


def test_equal_steps_on_other_training_documents_are_no_equal_budget():
    """One row would be measured by the bar of the other."""
    few, all_ = row("A", STEADY, patience=0, train_limit=100), row("B", STEADY, patience=0)
    for run in (*few.runs, *all_.runs):
        run["counts"]["steps"] = 500
    assert refusal(few, all_) == ("no verdict", "unequal budgets")
    assert refusal(row("A", STEADY, train_limit=100), row("B", STEADY))[1] == "unequal budgets", "patient as well"


def test_epochs_of_a_fixed_number_of_steps_are_no_passes():
    fixed = row("B", STEADY, patience=0, epoch_steps=320)
    for run in fixed.runs:
        run["counts"]["steps"] = 6400
    assert refusal(row("A", STEADY, patience=0), fixed)[1] == "unequal budgets", "A does not tell its steps"
    assert refusal(row("A", STEADY), row("B", STEADY, epoch_steps=320))[1] == "unequal budgets"
    assert refusal(row("A", STEADY, epoch_steps=320), row("B", STEADY, epoch_steps=320)) == ("", "")


def test_runs_of_a_row_differ_in_their_seed_alone():
    mixed = row("B", STEADY)
    mixed.runs[2]["config"] |= {"layers": 4, "warmup": 0.1}
    assert refusal(row("A", STEADY), mixed) == ("no verdict", "runs of B differ in layers, warmup")
    labels = row("B", STEADY)
    labels.runs[2]["config"] |= {"profile": "full", "hard_classes": ["x"], "epoch_steps": 0}
    assert refusal(row("A", STEADY), labels) == ("", "")
    thrice = Row("B", [made.record("B", s, run=str(s)) for s in STEADY], np.array(STEADY))
    assert refusal(row("A", STEADY), thrice) == ("no verdict", "one seed"), "three records of seed 0 are no three seeds"


def test_a_generated_corpus_needs_300_documents_and_is_named():
    rows = [row("A", STEADY, stand_in=True), row("B", STEADY, stand_in=True)]
    reason = "299 test documents of a generated corpus; 300 are needed"
    assert rules.refusal(rows, BAR, 299) == ("no verdict", reason)
    assert rules.refusal(rows, BAR, 300) == ("", "") and rules.reach(rows) == "On our generated corpus: "
    assert rules.reach([row("A", (0.8, 0.81), stand_in=True)]) == "On our generated corpus, indicative: "
    assert refusal(row("A", STEADY), row("B", STEADY), documents=20) == ("", ""), "real texts are as many as there are"


def test_all_reasons_are_given():
    verdict, reason = refusal(row("A", (0.2,), history=made.RISING), row("B", (0.8,), epochs=5))
    assert verdict == "not learned"
    assert reason == "A (20.0) is not above dictionary (30.0); one seed; still rising: A; unequal budgets"
    same = row("A", STEADY)
    assert refusal(same, same._replace(name="B")) == ("no verdict", "both rows are the same runs")


def test_a_bar_has_the_same_corpus_training_and_test_documents():
    one = made.record("A")
    assert rules.setting(one) == rules.setting(made.counted("look-up"))
    assert rules.setting(one) == rules.setting(made.counted("look-up", train_limit=900)), "a limit above all is none"
    for changes in ({"split": "novel"}, {"train_limit": 100}, {"documents": 300}, {"corpus": "duie"}):
        assert rules.setting(one) != rules.setting(made.counted("look-up", **changes))


def test_learning_rates_are_told_of_trained_rows():
    runs = [*made.seeds("A", STEADY), made.record("B", lr=3e-4), made.record("B", seed=1, lr=1e-4)]
    runs.append(made.counted("look-up"))
    table = rules.learning_rates(runs)
    assert table.loc["A"].tolist() == ["0.0001", "0.001"] and table.loc["B", "lr"] == "0.0003 or 0.0001"
    assert list(table.index) == ["A", "B"]
